// Element-wise SUM and AVG of vectors: each element an exact sum, rounded once. An element that is
// NULL or NaN somewhere in the window is NULL; vectors of a window are of one length.
#pragma once

#include "aggregates/accumulator.h"
#include "cells.h"
#include "slice.h"

namespace bighead::temporal {

struct VectorScratch {
  std::vector<int64_t> from, length;  // [n] where a row's elements begin in the child, and how many
  std::vector<uint32_t> absent;       // [elements] how many of a window's are NULL or NaN
  std::vector<uint32_t> plus, minus;  // infinities
  std::vector<Accumulator> sums;
  std::vector<std::pair<int64_t, uint32_t>> lengths;  // of a window, and how many rows have each
};

inline void change_element(VectorScratch& s, const Column& child, size_t e, int64_t row, bool take) {
  const uint32_t by = take ? UINT32_MAX : 1;
  if (!child.counted(row)) {
    s.absent[e] += by;
    return;
  }
  if (child.of == Class::kFloat) {
    const double x = child.type == Type::kF64 ? child.at<double>(row) : static_cast<double>(child.at<float>(row));
    if (std::isinf(x)) {
      (x > 0 ? s.plus : s.minus)[e] += by;
    } else {
      add_number(s.sums[e], x, take);
    }
    return;
  }
  const i128 whole = child.type == Type::kU64 ? static_cast<i128>(child.at<uint64_t>(row))
                                              : static_cast<i128>(key_of(child, row));
  add_number(s.sums[e], whole, take);
}

// What element e adds up to; nothing where it is NULL.
inline bool element(const VectorScratch& s, size_t e, double& out) {
  if (s.absent[e] != 0) return false;
  if (s.plus[e] != 0 || s.minus[e] != 0) {
    const double infinity = std::numeric_limits<double>::infinity();
    out = s.plus[e] == 0 ? -infinity : s.minus[e] == 0 ? infinity : std::numeric_limits<double>::quiet_NaN();
  } else {
    out = s.sums[e].to_double() + 0.0;
  }
  return true;
}

// `unequal(j)` is told of a window whose vectors differ in length.
template <class Unequal>
inline void vectors(const Slice& slice, size_t window, const Column& column, VectorScratch& s, bool average,
                    const Cells& out, Unequal unequal) {
  const Column& child = *column.child;
  s.from.resize(slice.n);
  s.length.resize(slice.n);
  size_t most = 0;
  for (size_t i = 0; i < slice.n; ++i) {
    column.stretch(slice.row[i], s.from[i], s.length[i]);
    most = std::max(most, static_cast<size_t>(s.length[i]));
  }
  s.absent.assign(most, 0);
  s.plus.assign(most, 0);
  s.minus.assign(most, 0);
  s.sums.assign(most, Accumulator());
  s.lengths.clear();
  auto change = [&](size_t i, bool take) {
    auto at = std::find_if(s.lengths.begin(), s.lengths.end(), [&](auto& each) { return each.first == s.length[i]; });
    if (at == s.lengths.end()) at = s.lengths.insert(at, {s.length[i], 0});
    at->second += take ? UINT32_MAX : 1;
    if (at->second == 0) s.lengths.erase(at);
    for (int64_t e = 0; e < s.length[i]; ++e) {
      change_element(s, child, static_cast<size_t>(e), s.from[i] + e, take);
    }
  };
  sweep(slice, window, [&](size_t i) { change(i, false); }, [&](size_t i) { change(i, true); },
        [&](size_t j) {
          const uint32_t count = slice.count[window][j];
          if (count == 0) return;
          if (s.lengths.size() > 1) {
            unequal(j);
            return;
          }
          out.open_list(j);
          out.items->push_back(0);  // so that a vector without elements is told from none
          for (size_t e = 0; e < static_cast<size_t>(s.lengths[0].first); ++e) {
            double sum = 0;
            const bool held = element(s, e, sum);
            const double value = average ? sum / static_cast<double>(count) + 0.0 : sum;
            out.items->push_back(held ? static_cast<int64_t>(SlotOf<Shape::kDouble>::pack(value)) : 0);
          }
          out.close_list(j);
        });
}

}  // namespace bighead::temporal
