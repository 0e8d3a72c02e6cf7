// SUM and AVG, exact. Sums are integers on a common exponent, so prefix sums can be subtracted and
// the one rounding is that of the result. Whatever the width, the answer is the same.
#pragma once

#include "aggregates/wide_sum.h"
#include "cells.h"
#include "slice.h"

namespace bighead::temporal {

// prefix[i / stride] is the sum of the positions below i, for multiples i of the stride.
template <class Acc, class At>
inline void prefix_sums(const Slice& slice, At at, size_t stride, Large<Acc>& prefix) {
  prefix.resize(slice.n / stride + 1);
  Acc running{};
  prefix[0] = running;
  for (size_t block = 1; block < prefix.size(); ++block) {
    for (size_t i = (block - 1) * stride; i < block * stride; ++i) add_to(running, at(i));
    prefix[block] = running;
  }
}

// How many infinities of each sign a window holds.
struct InfinityCounts {
  std::vector<uint32_t> plus, minus;
  bool any(size_t j) const { return !plus.empty() && (plus[j] | minus[j]) != 0; }
  double value(size_t j) const {
    if (plus[j] != 0 && minus[j] != 0) return std::numeric_limits<double>::quiet_NaN();
    return plus[j] != 0 ? std::numeric_limits<double>::infinity()
                        : -std::numeric_limits<double>::infinity();
  }
  void count(const Slice& slice, size_t window, const Numbers& numbers) {
    plus.clear();
    minus.clear();
    if (!numbers.infinite) return;
    plus.resize(slice.m);
    minus.resize(slice.m);
    uint32_t above = 0, below = 0;
    auto change = [&](size_t i, uint32_t by) {
      if (!std::isinf(numbers.wide[i])) return;
      (numbers.wide[i] > 0 ? above : below) += by;
    };
    sweep(slice, window, [&](size_t i) { change(i, 1); },
          [&](size_t i) { change(i, UINT32_MAX); },
          [&](size_t j) {
            plus[j] = above;
            minus[j] = below;
          });
  }
};

}  // namespace bighead::temporal
