// Element-wise SUM and AVG of vectors: each element an exact sum, rounded once. An element that is
// NULL or NaN somewhere in the window is NULL; vectors of a window are of one length.
//
// Where all vectors of a slice are of one length, as they mostly are, their elements are added up one
// after the other, each as a column of numbers is. Else sums of all elements are kept up vector by
// vector.
#pragma once

#include "aggregates/accumulator.h"
#include "run_sums.h"

namespace bighead::temporal {

namespace elements {

inline double number_at(const Column& child, int64_t row) {
  return child.type == Type::kF64 ? child.at<double>(row) : static_cast<double>(child.at<float>(row));
}
inline i128 integer_at(const Column& child, int64_t row) {
  return child.type == Type::kU64 ? static_cast<i128>(child.at<uint64_t>(row)) : static_cast<i128>(key_of(child, row));
}

inline int64_t item_of(double sum, bool average, uint32_t count) {
  const double value = average ? sum / static_cast<double>(count) + 0.0 : sum;
  return static_cast<int64_t>(SlotOf<Shape::kDouble>::pack(value));
}

// One column of elements: row(i) is where that of position i lies. An absent one counts as 0; whether
// there are any.
template <class Row>
inline bool gather(const Column& child, size_t n, Row row, Numbers& numbers, std::vector<uint8_t>& absent) {
  uint8_t some = 0;
  absent.resize(n);
  numbers.of = Class::kFloat;
  numbers.exponent = 0;
  numbers.infinite = false;
  if (child.of != Class::kFloat) {
    numbers.middle.resize(n);
    for (size_t i = 0; i < n; ++i) {
      absent[i] = child.null(row(i));
      numbers.middle[i] = absent[i] ? 0 : integer_at(child, row(i));
      some |= absent[i];
    }
    settle_integers(numbers, n);
    return some != 0;
  }
  numbers.wide.resize(n);
  double* const wide = numbers.wide.data();
  auto read = [&](auto number) {
    for (size_t i = 0; i < n; ++i) {
      const double x = number(row(i));
      absent[i] = std::isnan(x);
      wide[i] = absent[i] ? 0.0 : x;
      some |= absent[i];
    }
  };
  if (child.type == Type::kF64 && child.validity == nullptr) {
    const double* const data = static_cast<const double*>(child.data) + child.offset;
    read([=](int64_t at) { return data[at]; });
  } else {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    read([&](int64_t at) { return child.null(at) ? nan : number_at(child, at); });
  }
  settle_doubles(numbers, n);
  return some != 0;
}

// Opens the list of each window that is not empty, of NULLs.
inline void open_lists(const Slice& slice, size_t w, size_t length, const Cells& out) {
  for (size_t j = 0; j < slice.m; ++j) {
    if (slice.count[w][j] != 0) std::fill_n(out.put_list(j, length + 1), length + 1, 0);
  }
}

// Puts element e, from `scratch.totals`, into all lists of a window; `begin` is where the first begins.
inline void put_element(const Slice& slice, size_t w, size_t e, size_t length, bool average, const Cells& out,
                        size_t begin, const uint32_t* absent, const double* totals) {
  int64_t* const items = out.items->data();
  size_t at = begin + 1 + e;
  for (size_t j = 0; j < slice.m; ++j) {
    const uint32_t count = slice.count[w][j];
    if (count == 0) continue;
    if (absent == nullptr || absent[j] == 0) items[at] = item_of(totals[j], average, count);
    at += length + 1;
  }
}

// All vectors are of one length.
inline void run_alike(const Context& run, const Column& child, size_t length, bool average,
                      const std::vector<Cells>& cells) {
  const Slice& slice = run.slice;
  Scratch& scratch = run.scratch;
  VectorScratch& s = scratch.vectors;
  std::vector<size_t> begin(cells.size());
  for (size_t w = 0; w < cells.size(); ++w) {
    if (cells[w].values == nullptr) continue;
    begin[w] = cells[w].items->size();
    open_lists(slice, w, length, cells[w]);
  }
  for (size_t e = 0; e < length; ++e) {
    const auto element = static_cast<int64_t>(e);
    const bool gaps = gather(child, slice.n, [&](size_t i) { return s.from[i] + element; }, scratch.numbers, s.absent);
    auto over_windows = [&](auto add_up) {
      for (size_t w = 0; w < cells.size(); ++w) {
        if (cells[w].values == nullptr) continue;
        add_up(w);
        if (gaps) {
          s.absent_in.resize(slice.m);
          uint32_t inside = 0;
          sweep(slice, w, [&](size_t i) { inside += s.absent[i]; }, [&](size_t i) { inside -= s.absent[i]; },
                [&](size_t j) { s.absent_in[j] = inside; });
        }
        put_element(slice, w, e, length, average, cells[w], begin[w], gaps ? s.absent_in.data() : nullptr,
                    scratch.totals.data());
      }
    };
    if (scratch.numbers.spread == Spread::kWide) {
      over_windows([&](size_t w) { wide_totals(slice, w, scratch); });
      continue;
    }
    with_sums(slice.n, scratch, [&](auto at, auto& prefix, auto& held) {
      bool prefixed = false;
      over_windows([&](size_t w) {
        windows_of(slice, w, prefixed, at, prefix, held);
        round_totals(slice, w, held.data(), scratch);
      });
    });
  }
}

// Sums of all elements of a window, kept up vector by vector.
struct Running {
  std::vector<uint32_t> absent;       // [elements] how many are NULL or NaN
  std::vector<uint32_t> plus, minus;  // infinities
  std::vector<Accumulator> sums;
  std::vector<std::pair<int64_t, uint32_t>> lengths;  // and how many vectors have each

  explicit Running(size_t most) : absent(most), plus(most), minus(most), sums(most) {}

  void change(const Column& child, int64_t from, int64_t length, bool take) {
    const uint32_t by = take ? UINT32_MAX : 1;
    auto at = std::find_if(lengths.begin(), lengths.end(), [&](auto& each) { return each.first == length; });
    if (at == lengths.end()) at = lengths.insert(at, {length, 0});
    at->second += by;
    if (at->second == 0) lengths.erase(at);
    for (size_t e = 0; e < static_cast<size_t>(length); ++e, ++from) {
      if (!child.counted(from)) {
        absent[e] += by;
      } else if (child.of != Class::kFloat) {
        add_number(sums[e], integer_at(child, from), take);
      } else if (const double x = number_at(child, from); std::isinf(x)) {
        (x > 0 ? plus : minus)[e] += by;
      } else {
        add_number(sums[e], x, take);
      }
    }
  }
  // What element e adds up to, where it is not NULL.
  double sum(size_t e) const {
    const double infinity = std::numeric_limits<double>::infinity();
    if (plus[e] == 0 && minus[e] == 0) return sums[e].to_double() + 0.0;
    return plus[e] == 0 ? -infinity : minus[e] == 0 ? infinity : std::numeric_limits<double>::quiet_NaN();
  }
};

// Vectors are of several lengths; `unequal(j)` is told of a window that holds two.
template <class Unequal>
inline void run_mixed(const Context& run, size_t w, const Column& child, size_t most, bool average, const Cells& out,
                      Unequal unequal) {
  const VectorScratch& s = run.scratch.vectors;
  Running held(most);
  sweep(run.slice, w, [&](size_t i) { held.change(child, s.from[i], s.length[i], false); },
        [&](size_t i) { held.change(child, s.from[i], s.length[i], true); },
        [&](size_t j) {
          const uint32_t count = run.slice.count[w][j];
          if (count == 0) return;
          if (held.lengths.size() > 1) {
            unequal(j);
            return;
          }
          const auto length = static_cast<size_t>(held.lengths[0].first);
          int64_t* item = out.put_list(j, length + 1);
          *item++ = 0;
          for (size_t e = 0; e < length; ++e) *item++ = held.absent[e] != 0 ? 0 : item_of(held.sum(e), average, count);
        });
}

}  // namespace elements

inline void vectors(const Context& run, size_t number) {
  const Job& job = run.unit.jobs[number];
  const Slice& slice = run.slice;
  const Column& column = run.column(run.unit.args[0]);
  const std::vector<Cells>& cells = run.cells[number];
  const bool average = job.kind == Kind::kVectorAvg;
  VectorScratch& s = run.scratch.vectors;
  s.from.resize(slice.n);
  s.length.resize(slice.n);
  for (size_t i = 0; i < slice.n; ++i) column.stretch(slice.row[i], s.from[i], s.length[i]);
  const auto [least, most] = std::minmax_element(s.length.begin(), s.length.end());
  const auto longest = static_cast<size_t>(*most);
  if (*least == *most) {
    elements::run_alike(run, *column.child, longest, average, cells);
    return;
  }
  for (size_t w = 0; w < cells.size(); ++w) {
    if (cells[w].values == nullptr) continue;
    elements::run_mixed(run, w, *column.child, longest, average, cells[w], [&](size_t j) {
      run.scratch.unequal.report(job.spec, job.window[w], run.spine_rows[j]);
    });
  }
}

}  // namespace bighead::temporal
