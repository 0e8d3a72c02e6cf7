// States that hold values: MIN and MAX, FIRST, LAST and their K forms, MIN_BY and MAX_BY, TOP_K,
// BOTTOM_K and ARRAY_AGG(DISTINCT), and multisets for COUNT(DISTINCT), HISTOGRAM and QUANTILE.
//
// What depends on order carries (time, sequence, value), so that the answer is a function of the rows
// and not of how they came: each is the k least, or greatest, of a totally ordered set, and the k
// least of a union are among the k least of its parts. Only multisets can be taken away from.
#pragma once

#include <map>

#include "number_states.h"

namespace bighead {

[[noreturn]] inline void cannot_take() { invalid("this aggregate has no inverse: nothing can be taken away from its state"); }

// One row among the k that count: `lead` is what is compared first.
struct Ranked {
  Value lead;
  int64_t time = 0;
  Value sequence;
  Value value;

  int compare(const Ranked& other) const {
    int c = lead.compare(other.lead);
    return c != 0 ? c : compare_age(other);
  }
  int compare_age(const Ranked& other) const {
    if (time != other.time) return time < other.time ? -1 : 1;
    const int c = sequence.compare(other.sequence);
    return c != 0 ? c : value.compare(other.value);
  }
};

// The best k rows, the best first.
struct BestState {
  static constexpr bool kInvertible = false;
  std::vector<Ranked> rows;

  static size_t most(const Declared& declared) {
    switch (declared.kind) {
      case Kind::kFirstK:
      case Kind::kLastK:
      case Kind::kTopK:
      case Kind::kBottomK:
      case Kind::kArrayAggDistinct: return static_cast<size_t>(declared.k);
      default: return 1;
    }
  }
  static bool aged(Kind kind) {
    return kind == Kind::kFirst || kind == Kind::kLast || kind == Kind::kFirstK || kind == Kind::kLastK;
  }
  static bool by(Kind kind) { return kind == Kind::kMinBy || kind == Kind::kMaxBy; }
  static int better(Kind kind, const Ranked& a, const Ranked& b) {
    switch (kind) {
      case Kind::kFirst:
      case Kind::kFirstK: return a.compare_age(b);
      case Kind::kLast:
      case Kind::kLastK: return b.compare_age(a);
      case Kind::kMax:
      case Kind::kTopK: return b.value.compare(a.value);
      case Kind::kMaxBy: return b.compare(a);
      case Kind::kMinBy: {
        const int c = a.lead.compare(b.lead);
        return c != 0 ? c : b.compare_age(a);  // the newest of ties
      }
      default: return a.value.compare(b.value);
    }
  }
  // A row is taken over only where it is among the best.
  template <class Offered>
  void offer(const Declared& declared, Offered&& row) {
    const size_t k = most(declared);
    const Kind kind = declared.kind;
    if (rows.size() == k) {
      if (better(kind, row, rows.back()) >= 0) return;
      if (k == 1) {
        rows[0] = std::forward<Offered>(row);
        return;
      }
    }
    const auto at = std::upper_bound(rows.begin(), rows.end(), row,
                                     [&](const Ranked& a, const Ranked& b) { return better(kind, a, b) < 0; });
    if (kind == Kind::kArrayAggDistinct && at != rows.begin() && (at - 1)->value == row.value) return;
    rows.insert(at, std::forward<Offered>(row));
    if (rows.size() > k) rows.pop_back();
  }
  void change(const Declared& declared, const Row& row, bool take) {
    if (take) cannot_take();
    Ranked made;
    made.value = value_of(*row.x, row.at);
    if (by(declared.kind)) made.lead = value_of(*row.y, row.at);
    if (by(declared.kind) || aged(declared.kind)) {
      made.time = row.time;
      made.sequence = place_of(row.sequence, row.at);
    }
    offer(declared, std::move(made));
  }
  void merge(const Declared& declared, const BestState& other, bool take) {
    if (take) cannot_take();
    for (const Ranked& row : other.rows) offer(declared, row);
  }
  void write(Writer& to, const Declared& declared) const {
    to.count(rows.size());
    for (const Ranked& row : rows) {
      to.run(row.value);
      if (by(declared.kind)) to.run(row.lead);
      if (!by(declared.kind) && !aged(declared.kind)) continue;
      to.whole(row.time);
      to.run(row.sequence);
    }
  }
  void read(Reader& from, const Declared& declared) {
    rows.resize(from.length());
    for (Ranked& row : rows) {
      row.value = from.run();
      if (by(declared.kind)) row.lead = from.run();
      if (!by(declared.kind) && !aged(declared.kind)) continue;
      row.time = from.whole();
      row.sequence = from.run();
    }
  }
};

// Every value and how often it is there; grows with the distinct values.
struct BagState {
  static constexpr bool kInvertible = true;
  std::map<Value, int64_t> counts;  // none is 0

  void count(const Value& value, int64_t by) {
    const auto at = counts.emplace(value, 0).first;
    at->second += by;
    if (at->second == 0) counts.erase(at);
  }
  void change(const Declared&, const Row& row, bool take) { count(value_of(*row.x, row.at), take ? -1 : 1); }
  void merge(const Declared&, const BagState& other, bool take) {
    for (const auto& each : other.counts) count(each.first, take ? -each.second : each.second);
  }
  void write(Writer& to) const {
    to.count(counts.size());
    for (const auto& each : counts) {
      to.run(each.first);
      to.whole(each.second);
    }
  }
  void read(Reader& from) {
    counts.clear();
    for (size_t left = from.length(2); left > 0; --left) {
      Value value(from.run());
      counts.emplace_hint(counts.end(), std::move(value), from.whole());
    }
  }
};

}  // namespace bighead
