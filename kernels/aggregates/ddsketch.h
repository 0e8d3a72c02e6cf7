// The buckets of a quantile sketch with relative error: a DDSketch (C. Masson, J. Rim, H. Lee, 2019)
// whose buckets are cut by the bits of the double itself: its sign, its exponent and the first six
// bits of its mantissa, 64 buckets an octave. No logarithm is taken, so every machine finds the same
// bucket, in an instruction or two; a bucket's middle lies within 1/129 = 0.78 % of all that is in it.
//
// A state is the count of each bucket: it does not depend on order, merges by adding and can be
// subtracted. It holds at most 131 009 buckets a sign, and for values within a factor of 10 000 at
// most 852. Infinities have a bucket each; values below 2.2e-308 are told apart to 2^-1028 only.
#pragma once

#include "column.h"

namespace bighead {

namespace ddsketch {

constexpr int kDropped = 46;  // bits of a double's mantissa that a bucket does not look at

// Buckets are in the order of their values.
inline int32_t bucket_of(double x) { return static_cast<int32_t>(double_key(x) >> kDropped); }

// What stands for all values of a bucket [a, a (1 + u)): 2 a (1 + u) / (2 + u), as near to the one
// edge as to the other. In an octave u falls from 1/64 to 1/127.
inline double middle(int32_t bucket) {
  const bool negative = bucket < 0;
  const auto index = static_cast<uint64_t>(negative ? -(int64_t{bucket} + 1) : int64_t{bucket});
  if (index == 0) return 0.0;
  double value;
  const uint64_t bits = index << kDropped;
  std::memcpy(&value, &bits, 8);
  if (index < 64) {
    value = std::ldexp(static_cast<double>(index) + 0.5, -1028);
  } else if (!std::isinf(value)) {
    value *= 1 + 1.0 / static_cast<double>(2 * (64 + (index & 63)) + 1);
  }
  return negative ? -value : value;
}

}  // namespace ddsketch

}  // namespace bighead
