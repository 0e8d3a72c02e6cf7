#include "tiles/finishing.h"

namespace bighead::tiles {

namespace {

// One bag, as approx_top_k shows it: its counts are exact.
std::shared_ptr<Node> most_frequent_of(const Declared& declared, Span<BagState> states) {
  return finish::counted(declared, states.size(), [&](size_t i, auto& held) {
    for (const auto& each : states[i].counts) {
      if (each.second > 0) held.emplace_back(each.first, each.second);
    }
    finish::most_frequent(held, declared.k);
  });
}

template <class State>
std::shared_ptr<Node> values_of(const Declared& declared, Span<State> states, const int64_t* times) {
  if constexpr (std::is_same_v<State, BagState>) {
    if (declared.kind == Kind::kApproxTopK) return most_frequent_of(declared, states);
  }
  return finish::values(declared, states, times);
}

// The values of states; `whose`: the question of each, which has none where that is a fault.
template <class State>
void show(const Declared& declared, Span<State> states, const std::vector<int64_t>& times, const std::vector<int64_t>* whose,
                 Answer& out) {
  static const int64_t none = 0;  // an address for no times
  std::vector<State> sound;       // a copy, where some have no value: others may show the same states
  while (out.values == nullptr) {
    try {
      out.values = values_of(declared, states, times.empty() ? &none : times.data());
    } catch (const Fault& fault) {
      if (fault.kind != FaultKind::kOverflow && fault.kind != FaultKind::kLengths) throw;
      const auto bad = static_cast<size_t>(fault.a);
      out.faults.emplace_back(whose == nullptr ? fault.a : (*whose)[bad], static_cast<int>(fault.kind));
      if (sound.empty()) sound.assign(states.begin(), states.end());
      sound[bad] = State();
      states = sound;
    }
  }
}

}  // namespace

Answer finish_rings(const Layout& layout, const Rings& rings, size_t p, size_t w, const Declared& declared,
                           const std::vector<int64_t>& times) {
  Answer out;
  const Part& part = rings.parts[p];
  std::visit(
      [&](const auto& held) {
        using State = typename std::decay_t<decltype(held)>::value_type;
        if (layout.partials[p].bucket < 0) {
          return show(declared, Span<State>(held.data() + rings.slot(w, 0), rings.questions), times, nullptr, out);
        }
        std::vector<State> states;
        std::vector<int64_t> at, whose;
        Builder buckets(layout.types[static_cast<size_t>(layout.partials[p].bucket)]);
        for (size_t q = 0; q < rings.questions; ++q) {
          for (const auto& each : part.buckets[rings.slot(w, q)]) {
            states.push_back(held[each.second]);
            at.push_back(times[q]);
            whose.push_back(static_cast<int64_t>(q));
            buckets.value(each.first);
          }
          out.ends.push_back(static_cast<int64_t>(states.size()));
        }
        show(declared, Span<State>(states), at, &whose, out);
        out.buckets = buckets.close("");
      },
      part.states);
  return out;
}

}  // namespace bighead::tiles
