// From the states that were read to the values of features, for all questions of a request together.
#pragma once

#include "tiles/reading.h"

namespace bighead::tiles {

struct Answer {
  std::shared_ptr<Node> values;   // one a question; with buckets one a bucket
  std::shared_ptr<Node> buckets;  // their values; none: there are no buckets
  std::vector<int64_t> ends;      // where the buckets of each question end
  std::vector<std::pair<int64_t, int>> faults;  // questions without an answer, and why
};

// One bag, as approx_top_k shows it: its counts are exact.
inline std::shared_ptr<Node> most_frequent_of(const Declared& declared, const std::vector<BagState>& states) {
  return finish::counted(declared, states.size(), [&](size_t i, auto& held) {
    for (const auto& each : states[i].counts) {
      if (each.second > 0) held.emplace_back(each.first, each.second);
    }
    finish::most_frequent(held, declared.k);
  });
}

template <class State>
inline std::shared_ptr<Node> values_of(const Declared& declared, const std::vector<State>& states, const int64_t* times) {
  if constexpr (std::is_same_v<State, BagState>) {
    if (declared.kind == Kind::kApproxTopK) return most_frequent_of(declared, states);
  }
  return finish::values(declared, states, times);
}

// The value of partial `p` in ring `w` of each question, as `declared` shows it. `last`: nobody needs
// these states any more.
inline Answer finish_rings(const Layout& layout, std::vector<std::vector<Tile>>& rings, size_t p, size_t w,
                           const Declared& declared, const std::vector<int64_t>& times, bool last) {
  Answer out;
  const bool bucketed = layout.partials[p].bucket >= 0;
  Part shape(layout.partials[p]);
  std::visit(
      [&](const auto& typed) {
        using State = typename std::decay_t<decltype(typed)>::value_type;
        std::vector<State> states;
        std::vector<int64_t> at, whose;
        states.reserve(rings.size());
        at.reserve(rings.size() + 1);  // so that there is an address to hand on
        whose.reserve(rings.size());
        out.ends.reserve(rings.size());
        Builder buckets(bucketed ? layout.types[static_cast<size_t>(layout.partials[p].bucket)] : Column());
        auto put = [&](State state, size_t q) {
          if constexpr (std::is_same_v<State, BestState>) {
            const size_t most = BestState::most(declared);
            if (state.rows.size() > most) state.rows.resize(most);
          }
          states.push_back(std::move(state));
          at.push_back(times[q]);
          whose.push_back(static_cast<int64_t>(q));
        };
        for (size_t q = 0; q < rings.size(); ++q) {
          if (rings[q].empty()) {
            if (!bucketed) put(State(), q);
            out.ends.push_back(static_cast<int64_t>(states.size()));
            continue;
          }
          Part& part = rings[q][w].parts[p];
          auto& held = std::get<std::vector<State>>(part.states);
          auto take = [&](State& state) { return last ? std::move(state) : state; };
          if (!bucketed) {
            put(take(held[0]), q);
          } else {
            for (const auto& each : part.buckets) {
              put(take(held[each.second]), q);
              buckets.value(each.first);
            }
          }
          out.ends.push_back(static_cast<int64_t>(states.size()));
        }
        while (out.values == nullptr) {
          try {
            out.values = values_of(declared, states, at.data());
          } catch (const Fault& fault) {
            if (fault.kind != FaultKind::kOverflow && fault.kind != FaultKind::kLengths) throw;
            const auto bad = static_cast<size_t>(fault.a);
            out.faults.emplace_back(whose[bad], static_cast<int>(fault.kind));
            states[bad] = State();
          }
        }
        if (bucketed) out.buckets = buckets.close("");
      },
      shape.states);
  return out;
}

}  // namespace bighead::tiles
