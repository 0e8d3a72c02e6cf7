// Skewness and kurtosis from exact sums of x, x^2, x^3 and x^4. The central moments times powers of
// n are integers, worked out without loss:
//
//   n^2 m2 = n S2 - S1^2
//   n^3 m3 = n^2 S3 - 3 n S1 S2 + 2 S1^3
//   n^4 m4 = n^3 S4 - 4 n^2 S1 S3 + 6 n S1^2 S2 - 3 S1^4
//
// so nothing cancels before the one rounding of each, and the powers of n fall out of the ratios.
#pragma once

#include "accumulator.h"
#include "moments.h"

namespace bighead {

// Sums of values of L limbs: up to 2^32 of them.
template <int L>
struct FourSums {
  Integer<L + 1> first;
  Fixed<2 * L + 1> second;
  Fixed<3 * L + 1> third;
  Fixed<4 * L + 1> fourth;
};

template <int L>
inline void add_to(FourSums<L>& a, const FourSums<L>& b) {
  add_to(a.first, b.first);
  add_to(a.second, b.second);
  add_to(a.third, b.third);
  add_to(a.fourth, b.fourth);
}
template <int L>
inline void take_from(FourSums<L>& a, const FourSums<L>& b) {
  take_from(a.first, b.first);
  take_from(a.second, b.second);
  take_from(a.third, b.third);
  take_from(a.fourth, b.fourth);
}

template <int L>
inline void negate(Fixed<L>& value) {
  uint64_t carry = 1;
  for (int i = 0; i < L; ++i) value.limb[i] = add_carry(~value.limb[i], 0, carry);
}

template <int L>
inline FourSums<L> four_powers(i128 x) {
  FourSums<L> out;
  if constexpr (L == 1) {
    out.first = static_cast<u128>(x);
  } else {
    out.first = widen<Fixed<3>>(x);
  }
  const u128 magnitude = x < 0 ? -static_cast<u128>(x) : static_cast<u128>(x);
  const uint64_t limbs[2] = {static_cast<uint64_t>(magnitude), static_cast<uint64_t>(magnitude >> 64)};
  multiply(limbs, L, limbs, L, out.second.limb);
  multiply(out.second.limb, 2 * L, limbs, L, out.third.limb);
  multiply(out.second.limb, 2 * L, out.second.limb, 2 * L, out.fourth.limb);
  out.second.limb[2 * L] = out.third.limb[3 * L] = out.fourth.limb[4 * L] = 0;
  if (x < 0) negate(out.third);
  return out;
}

// Sign and magnitude of up to N limbs.
template <int N>
struct Signed {
  int size = 0;
  bool negative = false;
  uint64_t limb[N];

  void trim() {
    while (size > 0 && limb[size - 1] == 0) --size;
    if (size == 0) negative = false;
  }
  Scaled scaled() const {
    Scaled out = bighead::scaled(limb, size);
    if (negative) out.mantissa = -out.mantissa;
    return out;
  }
};

template <int N>
inline Signed<N> signed_of(const uint64_t* limbs, int n) {
  Signed<N> out;
  out.size = n;
  std::copy_n(limbs, n, out.limb);
  if (n > 0 && (limbs[n - 1] >> 63) != 0) {
    out.negative = true;
    uint64_t carry = 1;
    for (int i = 0; i < n; ++i) out.limb[i] = add_carry(~out.limb[i], 0, carry);
  }
  out.trim();
  return out;
}

template <int N>
inline Signed<N> operator*(const Signed<N>& a, const Signed<N>& b) {
  Signed<N> out;
  out.size = a.size + b.size;
  out.negative = a.negative != b.negative;
  multiply(a.limb, a.size, b.limb, b.size, out.limb);
  out.trim();
  return out;
}

template <int N>
inline Signed<N> operator*(const Signed<N>& a, uint64_t b) {
  Signed<N> factor;
  factor.size = 1;
  factor.limb[0] = b;
  return a * factor;
}

template <int N>
inline Signed<N> operator+(const Signed<N>& a, const Signed<N>& b) {
  if (a.size < b.size) return b + a;
  Signed<N> out = a;
  uint64_t carry = 0;
  if (a.negative == b.negative) {
    for (int i = 0; i < a.size; ++i) out.limb[i] = add_carry(a.limb[i], i < b.size ? b.limb[i] : 0, carry);
    if (carry != 0) out.limb[out.size++] = carry;
    return out;
  }
  bool less = false;
  if (a.size == b.size) {
    for (int i = a.size; i-- > 0;) {
      if (a.limb[i] == b.limb[i]) continue;
      less = a.limb[i] < b.limb[i];
      break;
    }
  }
  const Signed<N>& more = less ? b : a;
  const Signed<N>& rest = less ? a : b;
  out.negative = more.negative;
  for (int i = 0; i < more.size; ++i) {
    out.limb[i] = sub_borrow(more.limb[i], i < rest.size ? rest.limb[i] : 0, carry);
  }
  out.trim();
  return out;
}

template <int N>
inline Signed<N> operator-(const Signed<N>& a, Signed<N> b) {
  b.negative = !b.negative && b.size > 0;
  return a + b;
}

struct Central {
  Scaled second, third, fourth;  // n^2 m2, n^3 m3, n^4 m4
};

template <int N>
inline Central central(const Signed<N>& s1, const Signed<N>& s2, const Signed<N>& s3, const Signed<N>& s4,
                       uint64_t n) {
  const Signed<N> square = s1 * s1, s2n = s2 * n;
  Central out;
  out.second = (s2n - square).scaled();
  out.third = (s3 * n * n - s1 * s2n * 3 + square * s1 * 2).scaled();
  out.fourth = (s4 * n * n * n - s1 * s3 * n * n * 4 + square * s2n * 6 - square * square * 3).scaled();
  return out;
}

template <int L>
inline Central central(const FourSums<L>& sums, uint64_t n) {
  constexpr int N = 4 * L + 8;
  const auto first = limbs_of(sums.first);
  return central(signed_of<N>(first.limb, L + 1), signed_of<N>(sums.second.limb, 2 * L + 1),
                 signed_of<N>(sums.third.limb, 3 * L + 1), signed_of<N>(sums.fourth.limb, 4 * L + 1), n);
}

// The sums of the first powers of numbers of any exponents: two for the variance, four for more.
struct WidePowers {
  Accumulator power[4];

  // A magnitude of one limb or two, times 2^exponent.
  void add(const uint64_t* magnitude, int limbs, int64_t exponent, bool negative, bool take, int powers) {
    uint64_t raised[2][8];
    std::copy_n(magnitude, limbs, raised[0]);
    int size = limbs;
    for (int p = 0; p < powers; ++p) {
      const uint64_t* held = raised[p & 1];
      power[p].add(held, static_cast<size_t>(size), int64_t{p + 1} * exponent, ((p & 1) == 0 && negative) != take);
      if (p + 1 < powers) {
        multiply(held, size, magnitude, limbs, raised[(p + 1) & 1]);
        size += limbs;
      }
    }
  }
  void add(double x, bool take, int powers) {
    if (std::isinf(x)) return;
    const Parts parts = parts_of(x);
    if (parts.mantissa == 0) return;
    const auto magnitude = static_cast<uint64_t>(parts.mantissa < 0 ? -parts.mantissa : parts.mantissa);
    add(&magnitude, 1, parts.exponent, parts.mantissa < 0, take, powers);
  }

  // Power p + 1 as an integer on the exponent 64 * (p + 1) * base.
  template <int N>
  Signed<N> aligned(int p, int64_t base) const {
    const Accumulator& sum = power[p];
    Signed<N> out;
    if (sum.limb.empty()) return out;
    const auto idle = static_cast<int>(sum.low - base * (p + 1));
    out = signed_of<N>(sum.limb.data(), static_cast<int>(sum.limb.size()));
    if (out.size == 0 || idle == 0) return out;
    std::copy_backward(out.limb, out.limb + out.size, out.limb + out.size + idle);
    std::fill_n(out.limb, idle, 0);
    out.size += idle;
    return out;
  }
  // The greatest limb that lies below all powers, a power at a time.
  int64_t base(int powers) const {
    int64_t least = std::numeric_limits<int64_t>::max();
    for (int p = 0; p < powers; ++p) {
      if (power[p].limb.empty()) continue;
      int64_t at = power[p].low / (p + 1);
      if (at * (p + 1) > power[p].low) --at;
      least = std::min(least, at);
    }
    return least == std::numeric_limits<int64_t>::max() ? 0 : least;
  }
  // n^2 times the variance.
  Scaled cross(uint64_t n) const {
    const int64_t least = base(2);
    const auto s1 = aligned<kLimbs>(0, least), s2 = aligned<kLimbs>(1, least);
    Scaled out = (s2 * n - s1 * s1).scaled();
    out.exponent += static_cast<int>(128 * least);
    return out;
  }
  Central central(uint64_t n) const {
    const int64_t least = base(4);
    Central out = bighead::central(aligned<kLimbs>(0, least), aligned<kLimbs>(1, least), aligned<kLimbs>(2, least),
                                   aligned<kLimbs>(3, least), n);
    out.second.exponent += static_cast<int>(128 * least);
    out.third.exponent += static_cast<int>(192 * least);
    out.fourth.exponent += static_cast<int>(256 * least);
    return out;
  }

  // Four powers of values that span 2^-1074 to 2^1024, 2^64 of them, times n^3.
  static constexpr int kLimbs = 160;
};

// False where it is NULL: all values are one. Shifting and scaling the values changes nothing.
inline bool finish_skewness(Central central, double& out) {
  if (central.second.mantissa <= 0) return false;
  double square = central.second.mantissa;
  int power = central.second.exponent;
  if ((power & 1) != 0) {
    square *= 2;
    --power;
  }
  out = std::ldexp(central.third.mantissa / (square * std::sqrt(square)), central.third.exponent - power / 2 * 3) + 0.0;
  return true;
}

// Excess kurtosis, likewise.
inline bool finish_kurtosis(Central central, double& out) {
  const double square = central.second.mantissa;
  if (square <= 0) return false;
  out = std::ldexp(central.fourth.mantissa / (square * square), central.fourth.exponent - 2 * central.second.exponent) - 3;
  return true;
}

}  // namespace bighead
