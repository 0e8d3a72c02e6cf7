#include "tiles/tile.h"

#include "tiles/bulk.h"

namespace bighead::tiles {

namespace {

template <class State>
void write_state(Writer& to, const State& state, const Declared& declared) {
  if constexpr (std::is_same_v<State, BestState>) {
    state.write(to, declared);
  } else {
    state.write(to);
  }
}

template <class State>
void read_state(Reader& from, State& state, const Declared& declared) {
  if constexpr (std::is_same_v<State, BestState>) {
    state.read(from, declared);
  } else {
    state.read(from);
  }
}

// The place of a bucket's state, which is made where there is none.
template <class Held>
size_t bucket_of(Part& part, Held& held, size_t slot, Value value) {
  const auto [at, fresh] = part.buckets[slot].emplace(std::move(value), static_cast<uint32_t>(held.size()));
  if (fresh) held.emplace_back();
  return at->second;
}

}  // namespace

Part::Part(const Partial& partial, size_t slots) : states(algebra::family(partial.declared.kind)) {
  if (partial.bucket >= 0) {
    buckets.resize(slots);
  } else {
    std::visit([&](auto& held) { held.resize(slots); }, states);
  }
}

void Part::clear(size_t slot) {
  if (!buckets.empty()) return buckets[slot].clear();
  std::visit([&](auto& held) { held[slot] = {}; }, states);
}

void Part::copy(size_t slot, size_t other) {
  if (!buckets.empty()) {
    buckets[slot] = buckets[other];
  } else {
    std::visit([&](auto& held) { held[slot] = held[other]; }, states);
  }
}

void Part::read(Reader& from, const Partial& partial) {
  std::visit(
      [&](auto& held) {
        if (partial.bucket < 0) return read_state(from, held[0], partial.declared);
        held.clear();
        buckets[0].clear();
        for (size_t left = from.length(); left > 0; --left) {
          const size_t at = bucket_of(*this, held, 0, Value(from.run()));
          read_state(from, held[at], partial.declared);
        }
      },
      states);
}

void Part::write(Writer& to, const Partial& partial) const {
  std::visit(
      [&](const auto& held) {
        if (partial.bucket < 0) return write_state(to, held[0], partial.declared);
        to.count(buckets[0].size());
        for (const auto& each : buckets[0]) {
          to.run(each.first);
          write_state(to, held[each.second], partial.declared);
        }
      },
      states);
}

std::vector<Part> parts_of(const Layout& layout, size_t slots) {
  std::vector<Part> out;
  out.reserve(layout.partials.size());
  for (const Partial& partial : layout.partials) out.emplace_back(partial, slots);
  return out;
}

void add_states(const Layout& layout, std::vector<Part>& parts, size_t slot, Picking& picking) {
  for (size_t p = 0; p < parts.size(); ++p) {
    const Partial& partial = layout.partials[p];
    Part& part = parts[p];
    const Which& which = picking.counted(partial.sieve);
    if (which.empty()) continue;
    std::visit(
        [&](auto& held) {
          if (partial.bucket < 0) return add_many(held[slot], {partial, which, picking});
          const Column& bucket = *picking.column(partial.bucket);
          std::map<size_t, Which> dealt;
          for (const size_t i : which) {
            dealt[bucket_of(part, held, slot, value_of(bucket, static_cast<int64_t>(i)))].push_back(i);
          }
          for (const auto& each : dealt) add_many(held[each.first], {partial, each.second, picking});
        },
        part.states);
  }
}

void merge_states(const Layout& layout, std::vector<Part>& parts, size_t slot, const std::vector<Part>& others, size_t other) {
  for (size_t p = 0; p < parts.size(); ++p) {
    const Declared& declared = layout.partials[p].declared;
    Part& part = parts[p];
    const Part& from = others[p];
    std::visit(
        [&](auto& held) {
          const auto& theirs = std::get<std::decay_t<decltype(held)>>(from.states);
          if (from.buckets.empty()) return held[slot].merge(declared, theirs[other], false);
          for (const auto& each : from.buckets[other]) {
            const size_t at = bucket_of(part, held, slot, each.first);
            held[at].merge(declared, theirs[each.second], false);
          }
        },
        part.states);
  }
}

}  // namespace bighead::tiles
