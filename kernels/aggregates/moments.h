// Variance and standard deviation from exact sums of x and x * x: n * sum(x * x) - sum(x)^2 is an
// integer, worked out without loss and rounded once. So nothing cancels, however far the mean lies
// from the deviation, a constant window is 0.0, and what left a window leaves no trace.
#pragma once

#include "wide_sum.h"

namespace bighead {

// Sums of values of L limbs: up to 2^32 of them.
template <int L>
struct PowerSums {
  Integer<L + 1> first;
  Fixed<2 * L + 1> second;
};

template <int L>
inline void add_to(PowerSums<L>& a, const PowerSums<L>& b) {
  add_to(a.first, b.first);
  add_to(a.second, b.second);
}
template <int L>
inline void take_from(PowerSums<L>& a, const PowerSums<L>& b) {
  take_from(a.first, b.first);
  take_from(a.second, b.second);
}

inline PowerSums<1> powers(int64_t x) {
  PowerSums<1> out;
  const u128 square = static_cast<u128>(static_cast<i128>(x) * x);
  out.first = static_cast<u128>(static_cast<i128>(x));
  out.second = {{static_cast<uint64_t>(square), static_cast<uint64_t>(square >> 64), 0}};
  return out;
}

// Of |x| < 2^80: the square has 160 bits at most.
inline PowerSums<1> short_powers(i128 x) {
  PowerSums<1> out;
  const u128 magnitude = x < 0 ? -static_cast<u128>(x) : static_cast<u128>(x);
  const auto low = static_cast<uint64_t>(magnitude), high = static_cast<uint64_t>(magnitude >> 64);
  const u128 square = static_cast<u128>(low) * low;
  const u128 across = (static_cast<u128>(low) * high << 1) + static_cast<uint64_t>(square >> 64);
  out.first = static_cast<u128>(x);
  out.second = {{static_cast<uint64_t>(square), static_cast<uint64_t>(across),
                 high * high + static_cast<uint64_t>(across >> 64)}};
  return out;
}

inline PowerSums<2> powers(i128 x) {
  PowerSums<2> out;
  out.first = widen<Fixed<3>>(x);
  const u128 magnitude = x < 0 ? -static_cast<u128>(x) : static_cast<u128>(x);
  const uint64_t limbs[2] = {static_cast<uint64_t>(magnitude), static_cast<uint64_t>(magnitude >> 64)};
  multiply(limbs, 2, limbs, 2, out.second.limb);
  out.second.limb[4] = 0;
  return out;
}

// n * second - first^2 over plain limbs (first of `nf`, second of `ns`), rounded.
inline Scaled cross(const uint64_t* first, int nf, const uint64_t* second, int ns, uint64_t n) {
  uint64_t left[8 * 4 + 8], right[8 * 4 + 8];
  const int width = std::max(ns + 1, 2 * nf);
  std::fill_n(left, width, 0);
  std::fill_n(right, width, 0);
  multiply(second, ns, &n, 1, left);
  multiply(first, nf, first, nf, right);
  uint64_t borrow = 0;
  for (int i = 0; i < width; ++i) left[i] = sub_borrow(left[i], right[i], borrow);
  if (borrow != 0) return {};  // only by truncation, which a real difference outweighs
  return scaled(left, width);
}

template <int L>
inline Scaled cross(const PowerSums<L>& sums, uint64_t n) {
  auto first = limbs_of(sums.first);
  negate_if_negative(first);
  return cross(first.limb, L + 1, sums.second.limb, 2 * L + 1, n);
}

// The same of one limb, by hand: n < 2^64, the first below 2^127 and the second below 2^192.
template <>
inline Scaled cross<1>(const PowerSums<1>& sums, uint64_t n) {
  const u128 first = (sums.first >> 127) != 0 ? -sums.first : sums.first;
  const auto low = static_cast<uint64_t>(first), high = static_cast<uint64_t>(first >> 64);
  const u128 low_square = static_cast<u128>(low) * low;
  const u128 across = static_cast<u128>(low) * high;
  const u128 high_square = static_cast<u128>(high) * high;
  u128 carried = static_cast<u128>(n) * sums.second.limb[0];
  uint64_t left[4], borrow = 0;
  left[0] = static_cast<uint64_t>(carried);
  carried = static_cast<u128>(n) * sums.second.limb[1] + static_cast<uint64_t>(carried >> 64);
  left[1] = static_cast<uint64_t>(carried);
  carried = static_cast<u128>(n) * sums.second.limb[2] + static_cast<uint64_t>(carried >> 64);
  left[2] = static_cast<uint64_t>(carried);
  left[3] = static_cast<uint64_t>(carried >> 64);
  // first^2 = low^2 + 2 * across * 2^64 + high^2 * 2^128
  left[0] = sub_borrow(left[0], static_cast<uint64_t>(low_square), borrow);
  const u128 middle = (across << 1) + static_cast<uint64_t>(low_square >> 64);
  const uint64_t over = static_cast<uint64_t>(across >> 127) + (middle < (across << 1));
  left[1] = sub_borrow(left[1], static_cast<uint64_t>(middle), borrow);
  const u128 top = high_square + static_cast<uint64_t>(middle >> 64) + (static_cast<u128>(over) << 64);
  left[2] = sub_borrow(left[2], static_cast<uint64_t>(top), borrow);
  left[3] = sub_borrow(left[3], static_cast<uint64_t>(top >> 64), borrow);
  if (borrow != 0) return {};
  return scaled(left, 4);
}

// value * 2^exponent, rounded once.
inline double scaled_by(double value, int exponent) {
  if (exponent < -1022 || exponent > 1023) return std::ldexp(value, exponent);
  const uint64_t bits = static_cast<uint64_t>(exponent + 1023) << 52;
  double power;
  std::memcpy(&power, &bits, 8);
  return value * power;
}

// The same of wide sums, by the leading 768 bits of the second and what lines up of the first. Two
// distinct doubles differ by 2^-53 of the greater at least, so the difference is at least 2^-140 of
// what it is a difference of, and the bits left out weigh 2^-350 of that; where all values are equal
// the sums have few bits, none is left out, and the difference is exactly zero.
inline Scaled cross(const WideSum& first, const uint64_t* second, int second_limbs, uint64_t n) {
  uint64_t magnitude[WideSum::kLimbs];
  first.magnitude(magnitude);
  int high = first.limbs;
  while (high > 0 && magnitude[high - 1] == 0) --high;
  while (second_limbs > 0 && second[second_limbs - 1] == 0) --second_limbs;
  const int base = std::max(0, second_limbs - 12) / 2 * 2;
  const int dropped = base / 2;
  Scaled out = cross(magnitude + dropped, std::max(0, high - dropped), second + base,
                     second_limbs - base, n);
  out.exponent += 64 * base;
  return out;
}

// The square of a double at twice its distance from the exponent.
struct WideSquares {
  static constexpr int kLimbs = 2 * WideSum::kLimbs + 1;
  uint64_t limb[kLimbs];
  int limbs = kLimbs;
  void zero(int width) {
    limbs = width;
    std::fill_n(limb, width, 0);
  }
  void add(u128 square, int shift, bool remove) {
    int i = shift >> 6;
    const int within = shift & 63;
    const auto low = static_cast<uint64_t>(square), high = static_cast<uint64_t>(square >> 64);
    const uint64_t piece[3] = {low << within,
                               within == 0 ? high : (high << within) | (low >> (64 - within)),
                               within == 0 ? 0 : high >> (64 - within)};
    uint64_t carry = 0;
    for (int p = 0; p < 3 && i < limbs; ++p, ++i) {
      limb[i] = remove ? sub_borrow(limb[i], piece[p], carry) : add_carry(limb[i], piece[p], carry);
    }
    for (; carry != 0 && i < limbs; ++i) {
      limb[i] = remove ? sub_borrow(limb[i], 0, carry) : add_carry(limb[i], 0, carry);
    }
  }
};

inline void add_square(WideSquares& sum, double x, int exponent, bool remove) {
  if (std::isinf(x)) return;
  const Parts parts = parts_of(x);
  if (parts.mantissa == 0) return;
  auto magnitude = static_cast<uint64_t>(parts.mantissa < 0 ? -parts.mantissa : parts.mantissa);
  int shift = parts.exponent - exponent;
  if (shift < 0) {
    magnitude >>= -shift;
    shift = 0;
  }
  sum.add(static_cast<u128>(magnitude) * magnitude, 2 * shift, remove);
}

enum class Moment { kVarPop, kVarSamp, kStddevPop, kStddevSamp };

// From the cross term; false where the moment is NULL. The values are m * 2^exponent / 10^scale.
inline bool finish_moment(Moment moment, Scaled cross, uint64_t n, int exponent, int scale, double& out) {
  const bool sample = moment == Moment::kVarSamp || moment == Moment::kStddevSamp;
  if (n == 0 || (sample && n == 1)) return false;
  if (cross.mantissa == 0) {
    out = 0.0;
    return true;
  }
  const double count = static_cast<double>(n);
  const double divisor = sample ? count * (count - 1) : count * count;
  int power = cross.exponent + 2 * exponent;
  double value = cross.mantissa / divisor;
  const double ten = scale > 0 ? static_cast<double>(power_of_ten(scale)) : 1.0;
  if (moment == Moment::kVarPop || moment == Moment::kVarSamp) {
    out = scaled_by(scale > 0 ? value / ten / ten : value, power);
    return true;
  }
  if ((power & 1) != 0) {
    value *= 2;
    --power;
  }
  const double root = std::sqrt(value);
  out = scaled_by(scale > 0 ? root / ten : root, power / 2);
  return true;
}

}  // namespace bighead
