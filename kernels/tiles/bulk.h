// Many rows into one state: what comes to the same as adding one after the other, with the work of a
// row kept to a few instructions where the kind allows it.
#pragma once

#include <functional>

#include "tiles/picking.h"

namespace bighead::tiles {

// Rows for a state.
struct Offered {
  const Partial& partial;
  const Which& which;
  Picking& picking;

  const Declared& declared() const { return partial.declared; }
};

template <class State>
inline void add_each(State& state, const Offered& offered, const Which& which) {
  const Partial& partial = offered.partial;
  const Rows& rows = offered.picking.rows();
  Row row;
  row.x = partial.args.empty() ? nullptr : offered.picking.column(partial.args[0]);
  row.y = partial.args.size() < 2 ? nullptr : offered.picking.column(partial.args[1]);
  row.sequence = offered.picking.sequence();
  for (const size_t i : which) {
    row.at = static_cast<int64_t>(i);
    row.time = rows.time_of(i);
    state.change(partial.declared, row, false);
  }
}

template <class State>
inline void add_many(State& state, const Offered& offered) {
  add_each(state, offered, offered.which);
}

inline void add_times(Accumulator& to, i128 total, int64_t exponent) {
  const u128 magnitude = total < 0 ? -static_cast<u128>(total) : static_cast<u128>(total);
  const uint64_t limbs[2] = {static_cast<uint64_t>(magnitude), static_cast<uint64_t>(magnitude >> 64)};
  to.add(limbs, 2, exponent, total < 0);
}

// The numbers of rows, where so many raised to a power can be added up at once; none: one by one.
inline const Wholes* wholes_for(const Offered& offered, int power) {
  if (offered.which.size() < 4) return nullptr;
  const Wholes& wholes = offered.picking.wholes(offered.partial.args[0]);
  return wholes.fit(power, offered.which.size()) ? &wholes : nullptr;
}

inline void add_many(SumState& state, const Offered& offered) {
  const Wholes* wholes = wholes_for(offered, 1);
  if (wholes == nullptr) return add_each(state, offered, offered.which);
  i128 total = 0;
  for (const size_t i : offered.which) total += wholes->values[i];
  state.n += offered.which.size();
  add_times(state.sum, total, wholes->exponent);
}

inline void add_many(PowerState<2>& state, const Offered& offered) {
  const Wholes* wholes = wholes_for(offered, 2);
  if (wholes == nullptr) return add_each(state, offered, offered.which);
  i128 total = 0, squares = 0;
  for (const size_t i : offered.which) {
    const i128 x = wholes->values[i];
    total += x;
    squares += x * x;
  }
  state.n += offered.which.size();
  add_times(state.powers.power[0], total, wholes->exponent);
  add_times(state.powers.power[1], squares, int64_t{2} * wholes->exponent);
}

inline void add_many(CountState& state, const Offered& offered) { state.n += offered.which.size(); }

// Those that can be among the k best of all: by key, the greatest or the least of them, of equal ones
// as many as there is room for, or all.
template <class Key>
inline const Which& pick_best(const Offered& offered, size_t k, bool least, bool equal_too, Key key) {
  const Which& which = offered.which;
  const int64_t turn = least ? -1 : 0;  // turns the order around
  const auto place = [&](size_t i) { return key(which[i]) ^ turn; };
  int64_t bound = INT64_MIN;
  if (k == 1) {
    for (size_t i = 0; i < which.size(); ++i) bound = std::max(bound, place(i));
  } else {
    std::vector<int64_t>& places = offered.picking.ordered;
    places.resize(which.size());
    for (size_t i = 0; i < which.size(); ++i) places[i] = place(i);
    std::nth_element(places.begin(), places.begin() + static_cast<ptrdiff_t>(k - 1), places.end(), std::greater<>());
    bound = places[k - 1];
  }
  Which& best = offered.picking.best;
  best.clear();
  size_t equal = equal_too ? which.size() : k;
  for (size_t i = 0; i < which.size(); ++i) {
    const int64_t each = place(i);
    if (each < bound || (each == bound && equal == 0)) continue;
    best.push_back(which[i]);
    if (each == bound) --equal;
    if (k == 1 && equal == 0) break;
  }
  return best;
}

inline void add_many(BestState& state, const Offered& offered) {
  const Kind kind = offered.declared().kind;
  const bool aged = BestState::aged(kind);
  const bool greatest = kind == Kind::kMax || kind == Kind::kTopK || kind == Kind::kLast || kind == Kind::kLastK;
  const bool least = kind == Kind::kMin || kind == Kind::kBottomK || kind == Kind::kFirst || kind == Kind::kFirstK;
  const size_t k = BestState::most(offered.declared());
  const Which& which = offered.which;
  const auto ordered = [](const Column& x) { return !x.ranked() && x.type != Type::kNull; };
  if (which.size() <= k || !(greatest || least) || (!aged && !ordered(*offered.picking.column(offered.partial.args[0])))) {
    return add_each(state, offered, which);
  }
  if (aged) {
    const Rows& rows = offered.picking.rows();
    return add_each(state, offered, pick_best(offered, k, least, true, [&](size_t i) { return rows.time_of(i); }));
  }
  const std::vector<int64_t>& keys = offered.picking.keys(offered.partial.args[0]);
  add_each(state, offered, pick_best(offered, k, least, false, [&](size_t i) { return keys[i]; }));
}

}  // namespace bighead::tiles
