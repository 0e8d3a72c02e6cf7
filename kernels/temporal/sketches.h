// The sketches over sliding windows: APPROX_COUNT_DISTINCT and APPROX_QUANTILE. A window gives the
// estimate that the state of its rows would give, whatever the order in which they came and went.
#pragma once

#include "aggregates/ddsketch.h"
#include "aggregates/hll.h"
#include "quantile.h"

namespace bighead::temporal {

struct SketchScratch {
  std::vector<int64_t> keys;
  std::vector<uint32_t> value;      // [n] dense number of each position's hash
  std::vector<uint32_t> values_in;  // [values] how often it is inside
  std::vector<uint32_t> cell;       // [values] dense number of its (register, rank)
  std::vector<uint32_t> cells_in;   // [cells] how many distinct hashes are inside
  std::vector<uint32_t> home;       // [cells] register
  std::vector<uint8_t> rank;        // [cells]
  std::vector<uint64_t> present;    // [registers] which ranks are inside
};

// Numbers the hashes of a slice, and the cells (register and rank) that they fall into.
inline void number_hashes(const Slice& slice, const Column& column, RankScratch& ranks, SketchScratch& s) {
  s.keys.resize(slice.n);
  for (size_t i = 0; i < slice.n; ++i) {
    s.keys[i] = static_cast<int64_t>(hash_value(column, slice.row[i]));
  }
  const size_t values = number_values(s.keys.data(), slice.n, ranks);
  s.value = ranks.value;
  std::vector<int64_t> cell_keys(values);
  for (size_t v = 0; v < values; ++v) {
    const auto hash = static_cast<uint64_t>(s.keys[ranks.holder[v]]);
    cell_keys[v] = (int64_t{hll::register_of(hash)} << 6) | hll::rank_of(hash);
  }
  const size_t cells = number_values(cell_keys.data(), values, ranks);
  s.cell = ranks.value;
  s.home.resize(cells);
  s.rank.resize(cells);
  for (size_t c = 0; c < cells; ++c) {
    const int64_t key = cell_keys[ranks.holder[c]];
    s.home[c] = static_cast<uint32_t>(key >> 6);
    s.rank[c] = static_cast<uint8_t>(key & 63);
  }
}

// A register's rank is the greatest that some hash inside gives it: a bit for each rank tells which
// are there, so that what leaves uncovers the next.
inline void approximate_distinct(const Slice& slice, size_t window, SketchScratch& s, const Cells& out) {
  s.values_in.assign(s.cell.size(), 0);
  s.cells_in.assign(s.home.size(), 0);
  s.present.assign(hll::kRegisters, 0);
  hll::Ranks ranks;
  size_t distinct = 0;
  int64_t estimated = -1;
  auto greatest = [](uint64_t set) { return set == 0 ? 0 : 63 - __builtin_clzll(set); };
  auto flip = [&](uint32_t cell) {
    uint64_t& set = s.present[s.home[cell]];
    const int before = greatest(set);
    set ^= uint64_t{1} << s.rank[cell];
    const int after = greatest(set);
    if (before == after) return;
    --ranks.held[before];
    ++ranks.held[after];
    estimated = -1;
  };
  sweep(slice, window,
        [&](size_t i) {
          const uint32_t v = s.value[i];
          if (s.values_in[v]++ != 0) return;
          ++distinct;
          if (s.cells_in[s.cell[v]]++ == 0) flip(s.cell[v]);
        },
        [&](size_t i) {
          const uint32_t v = s.value[i];
          if (--s.values_in[v] != 0) return;
          --distinct;
          if (--s.cells_in[s.cell[v]] == 0) flip(s.cell[v]);
        },
        [&](size_t j) {
          if (distinct <= hll::kSparse) {
            out.put<Shape::kCount>(j, static_cast<int64_t>(distinct));
            return;
          }
          if (estimated < 0) estimated = hll::estimate(ranks);
          out.put<Shape::kCount>(j, estimated);
        });
}

// The middle of the bucket in which the value of rank floor(p (n - 1)) lies.
inline void approximate_quantile(const Slice& slice, size_t window, const Column& column, uint64_t numerator,
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
          const auto at = static_cast<size_t>(static_cast<u128>(numerator) * (n - 1) / denominator);
          const double value = number_of_row(column, slice.row[scratch.order[members.select(at)]]);
          out.put<Shape::kDouble>(j, ddsketch::middle(ddsketch::bucket_of(value)));
        });
}

}  // namespace bighead::temporal
