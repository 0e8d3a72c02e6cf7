// Many rows into one state: what comes to the same as adding one after the other, with the work of a
// row kept to a few instructions where the kind allows it.
#pragma once

#include <climits>
#include <functional>

#include "tiles/rows.h"

namespace bighead::tiles {

using Which = std::vector<size_t>;

inline int64_t time_of(const Rows& rows, size_t row) { return rows.timeless(row) ? INT64_MIN : rows.time[row]; }

template <class State>
inline void add_each(const Declared& declared, State& state, Row row, const Rows& rows, const Which& which) {
  for (const size_t i : which) {
    row.at = static_cast<int64_t>(i);
    row.time = time_of(rows, i);
    state.change(declared, row, false);
  }
}

// Doubles on the exponent of the least of them.
struct Aligned {
  int least = INT_MAX, greatest = INT_MIN;
  bool finite = true;

  Aligned(const double* x, size_t n) {
    for (size_t i = 0; i < n; ++i) {
      uint64_t bits;
      std::memcpy(&bits, x + i, 8);
      const int field = static_cast<int>((bits >> 52) & 2047);
      finite &= field != 2047;
      if (bits << 1 == 0) continue;
      least = std::min(least, std::max(field, 1));
      greatest = std::max(greatest, std::max(field, 1));
    }
  }
  bool zero() const { return least > greatest; }
  // Bits of the widest magnitude.
  int bits() const { return 53 + greatest - least; }
  int exponent() const { return least - 1075; }
  i128 whole(double x) const {
    const Parts parts = parts_of(x);
    return static_cast<i128>(parts.mantissa) * (i128{1} << (parts.exponent - exponent()));
  }
};

inline void doubles_of(const Column& column, const Which& which, double* out) {
  if (column.type == Type::kF64) {
    for (const size_t i : which) *out++ = column.at<double>(static_cast<int64_t>(i));
  } else {
    for (const size_t i : which) *out++ = static_cast<double>(column.at<float>(static_cast<int64_t>(i)));
  }
}

inline void wholes_of(const Column& column, const Which& which, i128* out) {
  if (column.type == Type::kU64) {
    for (const size_t i : which) *out++ = static_cast<i128>(column.at<uint64_t>(static_cast<int64_t>(i)));
  } else {
    with_values(column, [&](auto value) {
      for (const size_t i : which) *out++ = static_cast<i128>(value(static_cast<int64_t>(i)));
    });
  }
}

inline void add_times(Accumulator& to, i128 total, int64_t exponent) {
  const u128 magnitude = total < 0 ? -static_cast<u128>(total) : static_cast<u128>(total);
  const uint64_t limbs[2] = {static_cast<uint64_t>(magnitude), static_cast<uint64_t>(magnitude >> 64)};
  to.add(limbs, 2, exponent, total < 0);
}

// The numbers of rows as integers of so few bits that `power` of them, added up, fit 126; none where
// they do not.
inline bool narrow_numbers(const Column& column, const Which& which, int power, std::vector<i128>& out, int& exponent) {
  const int room = 126 - bit_width(static_cast<uint64_t>(which.size()));
  exponent = 0;
  out.assign(which.size(), 0);
  if (column.of == Class::kInteger) {
    wholes_of(column, which, out.data());
    if (power == 1) return true;
    for (const i128 x : out) {
      if (power * bit_width(static_cast<u128>(x < 0 ? -x : x)) > room) return false;
    }
    return true;
  }
  if (column.of != Class::kFloat) return false;
  static thread_local std::vector<double> doubles;
  doubles.resize(which.size());
  doubles_of(column, which, doubles.data());
  const Aligned on(doubles.data(), doubles.size());
  if (!on.finite) return false;
  if (on.zero()) return true;
  if (power * on.bits() > room) return false;
  exponent = on.exponent();
  for (size_t i = 0; i < doubles.size(); ++i) out[i] = on.whole(doubles[i]);
  return true;
}

inline void add_many(const Declared& declared, SumState& state, const Row& row, const Rows& rows, const Which& which) {
  static thread_local std::vector<i128> numbers;
  int exponent;
  if (which.size() < 4 || !narrow_numbers(*row.x, which, 1, numbers, exponent)) {
    return add_each(declared, state, row, rows, which);
  }
  i128 total = 0;
  for (const i128 x : numbers) total += x;
  state.n += which.size();
  add_times(state.sum, total, exponent);
}

inline void add_many(const Declared& declared, PowerState<2>& state, const Row& row, const Rows& rows, const Which& which) {
  static thread_local std::vector<i128> numbers;
  int exponent;
  if (which.size() < 4 || !narrow_numbers(*row.x, which, 2, numbers, exponent)) {
    return add_each(declared, state, row, rows, which);
  }
  i128 total = 0, squares = 0;
  for (const i128 x : numbers) {
    total += x;
    squares += x * x;
  }
  state.n += which.size();
  add_times(state.powers.power[0], total, exponent);
  add_times(state.powers.power[1], squares, int64_t{2} * exponent);
}

inline void add_many(const Declared&, CountState& state, const Row&, const Rows&, const Which& which) { state.n += which.size(); }

// The key that the k-th of them has, counted from the greatest.
inline int64_t kth_greatest(const std::vector<int64_t>& held, size_t k) {
  if (k == 1) return *std::max_element(held.begin(), held.end());
  std::vector<int64_t> keys = held;
  std::nth_element(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(k - 1), keys.end(), std::greater<>());
  return keys[k - 1];
}

// Only rows that can be among the k best of all are offered: by value, or by time with all of one time.
inline void add_many(const Declared& declared, BestState& state, const Row& row, const Rows& rows, const Which& which) {
  const Kind kind = declared.kind;
  const bool aged = BestState::aged(kind);
  const bool greatest = kind == Kind::kMax || kind == Kind::kTopK || kind == Kind::kLast || kind == Kind::kLastK;
  const bool least = kind == Kind::kMin || kind == Kind::kBottomK || kind == Kind::kFirst || kind == Kind::kFirstK;
  const size_t k = BestState::most(declared);
  if (which.size() <= k || !(greatest || least) || (!aged && (row.x->ranked() || row.x->type == Type::kNull))) {
    return add_each(declared, state, row, rows, which);
  }
  static thread_local std::vector<int64_t> keys;
  keys.resize(which.size());
  int64_t* to = keys.data();
  if (aged) {
    for (const size_t i : which) *to++ = time_of(rows, i);
  } else {
    with_values(*row.x, [&](auto value) {
      for (const size_t i : which) *to++ = value(static_cast<int64_t>(i));
    });
  }
  if (least) {
    for (int64_t& key : keys) key = ~key;  // turns the order around
  }
  const int64_t bound = kth_greatest(keys, k);
  Which best;
  size_t equal = aged ? which.size() : k;
  for (size_t i = 0; i < which.size(); ++i) {
    if (keys[i] > bound || (keys[i] == bound && equal > 0)) best.push_back(which[i]);
    if (keys[i] == bound && equal > 0) --equal;
  }
  add_each(declared, state, row, rows, best);
}

template <class State>
inline void add_many(const Declared& declared, State& state, const Row& row, const Rows& rows, const Which& which) {
  add_each(declared, state, row, rows, which);
}

}  // namespace bighead::tiles
