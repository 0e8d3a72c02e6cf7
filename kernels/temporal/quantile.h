// QUANTILE, exact: rank p * (n - 1) with p a ratio of integers, and between two neighbours
// lo + (hi - lo) * rest / denominator taken without loss and rounded once.
#pragma once

#include "aggregates/ratio.h"
#include "ranks.h"

namespace bighead::temporal {

inline void quantile(const Slice& slice, size_t window, const Column& column, uint64_t numerator,
                     uint64_t denominator, RankScratch& scratch, const Cells& out) {
  CountedBits& members = scratch.counted;
  members.reset(slice.n);
  const uint32_t* rank = scratch.rank.data();
  uint64_t n = 0;
  sweep(slice, window,
        [&](size_t i) {
          members.insert(rank[i]);
          ++n;
        },
        [&](size_t i) {
          members.erase(rank[i]);
          --n;
        },
        [&](size_t j) {
          if (n == 0) return;
          const u128 exact = static_cast<u128>(numerator) * (n - 1);
          const auto at = static_cast<size_t>(exact / denominator);
          const auto rest = static_cast<uint64_t>(exact % denominator);
          const uint32_t low = slice.row[scratch.order[members.select(at)]];
          const uint32_t high = rest == 0 ? low : slice.row[scratch.order[members.select(at + 1)]];
          out.put<Shape::kDouble>(j, quantile_of(column, low, high, rest, denominator));
        });
}

}  // namespace bighead::temporal
