// SUM and AVG of numbers of any exponents, exact: one wide integer, rounded once at the end.
#pragma once

#include "numbers.h"

namespace bighead {

// A sum of doubles of any exponents: a two's complement integer of up to 37 limbs, wide enough for
// 2^64 addends of the greatest double on the exponent of the least.
struct WideSum {
  static constexpr int kLimbs = 37;
  uint64_t limb[kLimbs];
  int limbs = kLimbs;

  void zero(int width) {
    limbs = width;
    std::fill_n(limb, width, 0);
  }
  // Adds (or with `negative` takes) a magnitude of up to 128 bits at `shift` bits above the exponent.
  void add(u128 magnitude, int shift, bool negative) {
    int i = shift >> 6;
    const int within = shift & 63;
    const auto low = static_cast<uint64_t>(magnitude), high = static_cast<uint64_t>(magnitude >> 64);
    const uint64_t piece[3] = {low << within,
                               within == 0 ? high : (high << within) | (low >> (64 - within)),
                               within == 0 ? 0 : high >> (64 - within)};
    uint64_t carry = 0;
    if (!negative) {
      for (int p = 0; p < 3 && i < limbs; ++p, ++i) limb[i] = add_carry(limb[i], piece[p], carry);
      for (; carry != 0 && i < limbs; ++i) limb[i] = add_carry(limb[i], 0, carry);
    } else {
      for (int p = 0; p < 3 && i < limbs; ++p, ++i) limb[i] = sub_borrow(limb[i], piece[p], carry);
      for (; carry != 0 && i < limbs; ++i) limb[i] = sub_borrow(limb[i], 0, carry);
    }
  }
  void merge(const WideSum& other) {
    uint64_t carry = 0;
    for (int i = 0; i < limbs; ++i) limb[i] = add_carry(limb[i], other.limb[i], carry);
  }
  // The magnitude into `out`; returns whether it was negative.
  bool magnitude(uint64_t* out) const {
    const bool negative = (limb[limbs - 1] >> 63) != 0;
    uint64_t carry = 1;
    for (int i = 0; i < limbs; ++i) out[i] = negative ? add_carry(~limb[i], 0, carry) : limb[i];
    return negative;
  }
  double rounded(int exponent) const {
    uint64_t out[kLimbs];
    const bool negative = magnitude(out);
    const double result = to_double(scaled(out, limbs), exponent);
    return negative ? -result : result;
  }
};

inline int wide_limbs(int top, size_t n) {
  return std::min<int>((top + bit_width(static_cast<uint64_t>(n)) + 1 + 63) / 64, WideSum::kLimbs);
}

inline void add_double(WideSum& sum, double x, int exponent, bool remove) {
  if (std::isinf(x)) return;
  const Parts parts = parts_of(x);
  if (parts.mantissa == 0) return;
  const bool negative = (parts.mantissa < 0) != remove;
  auto magnitude = static_cast<uint64_t>(parts.mantissa < 0 ? -parts.mantissa : parts.mantissa);
  int shift = parts.exponent - exponent;
  if (shift < 0) {
    magnitude >>= -shift;
    shift = 0;
  }
  sum.add(magnitude, shift, negative);
}

inline i128 power_of_ten(int exponent) {
  i128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// Whether a decimal of 38 digits holds it.
inline bool fits_decimal(i128 value) {
  static const i128 limit = power_of_ten(38);
  return -limit < value && value < limit;
}

// sum * 10^shift / count, half to even; false where 38 digits do not hold it.
inline bool decimal_average(const Fixed<3>& sum, uint64_t count, int shift, i128& out) {
  Fixed<3> magnitude = sum;
  const bool negative = negate_if_negative(magnitude);
  const i128 power = power_of_ten(shift);
  uint64_t factor[1] = {static_cast<uint64_t>(power)};
  uint64_t product[4];
  multiply(magnitude.limb, 3, factor, 1, product);
  uint64_t quotient[4], rest = 0;
  for (int i = 3; i >= 0; --i) {
    const u128 part = (static_cast<u128>(rest) << 64) | product[i];
    quotient[i] = static_cast<uint64_t>(part / count);
    rest = static_cast<uint64_t>(part % count);
  }
  if (quotient[3] != 0 || quotient[2] != 0 || (quotient[1] >> 63) != 0) return false;
  auto value = static_cast<i128>((static_cast<u128>(quotient[1]) << 64) | quotient[0]);
  if (2 * static_cast<u128>(rest) > count || (2 * static_cast<u128>(rest) == count && (value & 1))) ++value;
  out = negative ? -value : value;
  return fits_decimal(value);
}

}  // namespace bighead
