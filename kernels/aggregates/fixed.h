// Integers of several 64-bit limbs in two's complement, least limb first, and their correctly
// rounded conversion to double. One and two limbs are the machine's own types.
#pragma once

#include "column.h"

namespace bighead {

template <int L>
struct Fixed {
  uint64_t limb[L];
};

template <int L>
struct FixedOf {
  using Type = Fixed<L>;
};
template <>
struct FixedOf<1> {
  using Type = uint64_t;
};
template <>
struct FixedOf<2> {
  using Type = u128;
};
template <int L>
using Integer = typename FixedOf<L>::Type;

inline uint64_t add_carry(uint64_t a, uint64_t b, uint64_t& carry) {
  const u128 sum = static_cast<u128>(a) + b + carry;
  carry = static_cast<uint64_t>(sum >> 64);
  return static_cast<uint64_t>(sum);
}

inline uint64_t sub_borrow(uint64_t a, uint64_t b, uint64_t& borrow) {
  const u128 difference = static_cast<u128>(a) - b - borrow;
  borrow = static_cast<uint64_t>(difference >> 64) & 1;
  return static_cast<uint64_t>(difference);
}

inline void add_to(uint64_t& a, uint64_t b) { a += b; }
inline void add_to(u128& a, u128 b) { a += b; }
template <int L>
inline void add_to(Fixed<L>& a, const Fixed<L>& b) {
  uint64_t carry = 0;
  for (int i = 0; i < L; ++i) a.limb[i] = add_carry(a.limb[i], b.limb[i], carry);
}

inline void take_from(uint64_t& a, uint64_t b) { a -= b; }
inline void take_from(u128& a, u128 b) { a -= b; }
template <int L>
inline void take_from(Fixed<L>& a, const Fixed<L>& b) {
  uint64_t borrow = 0;
  for (int i = 0; i < L; ++i) a.limb[i] = sub_borrow(a.limb[i], b.limb[i], borrow);
}

inline Fixed<2> limbs_of(u128 value) {
  return {{static_cast<uint64_t>(value), static_cast<uint64_t>(value >> 64)}};
}
template <int L>
inline const Fixed<L>& limbs_of(const Fixed<L>& value) {
  return value;
}

// Sign extension of a signed 128-bit value.
template <class T>
inline T widen(i128 value);
template <>
inline uint64_t widen<uint64_t>(i128 value) {
  return static_cast<uint64_t>(value);
}
template <>
inline u128 widen<u128>(i128 value) {
  return static_cast<u128>(value);
}
template <int L>
inline Fixed<L> widen_fixed(i128 value) {
  Fixed<L> out;
  const auto fill = static_cast<uint64_t>(value >> 127);
  for (int i = 0; i < L; ++i) out.limb[i] = fill;
  out.limb[0] = static_cast<uint64_t>(value);
  if (L > 1) out.limb[1] = static_cast<uint64_t>(value >> 64);
  return out;
}
template <>
inline Fixed<3> widen<Fixed<3>>(i128 value) {
  return widen_fixed<3>(value);
}
template <>
inline Fixed<5> widen<Fixed<5>>(i128 value) {
  return widen_fixed<5>(value);
}

// mantissa * 2^exponent, the mantissa rounded to a double (half to even) and exact in sign.
struct Scaled {
  double mantissa = 0;
  int exponent = 0;
};

// Of an unsigned magnitude.
inline Scaled scaled(const uint64_t* limbs, int n) {
  while (n > 0 && limbs[n - 1] == 0) --n;
  if (n == 0) return {};
  if (n == 1) return {static_cast<double>(limbs[0]), 0};
  const int shift = __builtin_clzll(limbs[n - 1]);
  uint64_t top = limbs[n - 1] << shift;
  uint64_t rest = limbs[n - 2];
  if (shift > 0) {
    top |= limbs[n - 2] >> (64 - shift);
    rest <<= shift;
  }
  for (int i = n - 3; i >= 0 && rest == 0; --i) rest |= limbs[i];
  if (rest != 0) top |= 1;  // a sticky bit: 64 bits round to 53 as the whole would
  return {static_cast<double>(top), 64 * (n - 1) - shift};
}

inline double to_double(Scaled value, int exponent) {
  return value.mantissa == 0 ? 0.0 : std::ldexp(value.mantissa, value.exponent + exponent);
}

template <int L>
inline bool negate_if_negative(Fixed<L>& value) {
  if ((value.limb[L - 1] >> 63) == 0) return false;
  uint64_t carry = 1;
  for (int i = 0; i < L; ++i) value.limb[i] = add_carry(~value.limb[i], 0, carry);
  return true;
}

// Of a value with a sign.
template <int L>
inline Scaled signed_scaled(Fixed<L> value) {
  const bool negative = negate_if_negative(value);
  Scaled out = scaled(value.limb, L);
  if (negative) out.mantissa = -out.mantissa;
  return out;
}

// The value times 2^exponent; `power` is 2^exponent as a double.
inline double rounded(uint64_t value, double power) {
  return static_cast<double>(static_cast<int64_t>(value)) * power + 0.0;
}
inline double rounded(u128 value, double power) {
  const auto whole = static_cast<i128>(value);
  const auto narrow = static_cast<int64_t>(whole);
  if (narrow == whole) return static_cast<double>(narrow) * power + 0.0;
  const bool negative = whole < 0;
  const u128 magnitude = negative ? -value : value;
  const auto high = static_cast<uint64_t>(magnitude >> 64);
  double result;
  if (high == 0) {
    result = static_cast<double>(static_cast<uint64_t>(magnitude));
  } else {
    const int shift = 64 - __builtin_clzll(high);
    uint64_t top = static_cast<uint64_t>(magnitude >> shift);
    if ((magnitude & ((static_cast<u128>(1) << shift) - 1)) != 0) top |= 1;
    const uint64_t bits = static_cast<uint64_t>(1023 + shift) << 52;
    double step;
    std::memcpy(&step, &bits, 8);
    result = static_cast<double>(top) * step;
  }
  return (negative ? -result : result) * power;
}
template <int L>
inline double rounded(Fixed<L> value, double power) {
  const bool negative = negate_if_negative(value);
  const double result = to_double(scaled(value.limb, L), 0) * power;
  return negative ? -result : result + 0.0;
}

// product[0, na + nb) = a * b, unsigned.
inline void multiply(const uint64_t* a, int na, const uint64_t* b, int nb, uint64_t* product) {
  std::fill_n(product, na + nb, 0);
  for (int i = 0; i < na; ++i) {
    uint64_t carry = 0;
    if (a[i] == 0) continue;
    for (int j = 0; j < nb; ++j) {
      const u128 t = static_cast<u128>(a[i]) * b[j] + product[i + j] + carry;
      product[i + j] = static_cast<uint64_t>(t);
      carry = static_cast<uint64_t>(t >> 64);
    }
    product[i + nb] = carry;
  }
}

}  // namespace bighead
