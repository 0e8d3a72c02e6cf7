// What a tile holds of its rows: how many, until when they change what is seen, and their states.
//
// The states are those of the rows that no end closes. So a tile answers a last moment that lies at or
// after each of its open rows' beginnings and each of its closed rows' ends; earlier moments are
// answered by its rows. Bytes: the two counts, the two moments, and each state by the rules of
// `algebra.h` without its two leading bytes (they lead the block), in buckets after their values.
#pragma once

#include "tiles/bulk.h"

namespace bighead::tiles {

struct Part {
  States states;                      // one; or one for each bucket
  std::map<Value, uint32_t> buckets;  // where in `states`

  explicit Part(const Partial& partial) : states(algebra::family(partial.declared.kind)) {
    std::visit([&](auto& held) { held.resize(partial.bucket < 0 ? 1 : 0); }, states);
  }
};

template <class State>
inline void write_state(Writer& to, const State& state, const Declared& declared) {
  if constexpr (std::is_same_v<State, BestState>) {
    state.write(to, declared);
  } else {
    state.write(to);
  }
}

template <class State>
inline void read_state(Reader& from, State& state, const Declared& declared) {
  if constexpr (std::is_same_v<State, BestState>) {
    state.read(from, declared);
  } else {
    state.read(from);
  }
}

struct Tile {
  uint64_t open = 0, closed = 0;
  int64_t begin = INT64_MIN;  // the last of the open rows' beginnings
  int64_t until = INT64_MIN;  // the last of the closed rows' ends
  std::vector<Part> parts;

  explicit Tile(const Layout& layout) {
    parts.reserve(layout.partials.size());
    for (const Partial& partial : layout.partials) parts.emplace_back(partial);
  }
  bool empty() const { return open == 0 && closed == 0; }
  bool answers(int64_t last) const { return (open == 0 || begin <= last) && (closed == 0 || until <= last); }

  // Adds rows to the states, whatever says when they are seen.
  void add_states(const Layout& layout, const Rows& rows, const std::vector<Column>& columns, const Which& which) {
    std::vector<Counted> known;
    for (size_t p = 0; p < parts.size(); ++p) {
      const Partial& partial = layout.partials[p];
      add_state(layout, partial, parts[p], rows, columns, counted(partial, rows, columns, which, known));
    }
  }

 private:
  // The rows that a state counts, by the columns that say so.
  struct Counted {
    std::vector<int> by;
    Which rows;
  };
  static const Which& counted(const Partial& partial, const Rows& rows, const std::vector<Column>& columns, const Which& which,
                              std::vector<Counted>& known) {
    std::vector<int> by;
    for (const int at : {partial.bucket, partial.args.empty() ? -1 : partial.args[0], partial.args.size() < 2 ? -1 : partial.args[1]}) {
      if (at >= 0 && !columns[static_cast<size_t>(at)].always_counted()) by.push_back(at);
    }
    const bool timed = is_decayed(partial.declared.kind);
    if (by.empty() && partial.filter < 0 && !timed) return which;
    by.push_back(-1);
    by.push_back(partial.filter);
    by.push_back(timed);
    for (const Counted& each : known) {
      if (each.by == by) return each.rows;
    }
    Which picked = which;
    auto keep = [&](auto good) {
      picked.erase(std::remove_if(picked.begin(), picked.end(), [&](size_t i) { return !good(static_cast<int64_t>(i)); }), picked.end());
    };
    if (partial.filter >= 0) keep([&](int64_t i) { return columns[static_cast<size_t>(partial.filter)].is_true(i); });
    for (const int at : by) {
      if (at < 0) break;
      const Column& column = columns[static_cast<size_t>(at)];
      if (column.type == Type::kF64 && column.validity == nullptr) {
        keep([&](int64_t i) { return !std::isnan(column.at<double>(i)); });
      } else {
        keep([&](int64_t i) { return column.counted(i); });
      }
    }
    if (timed) keep([&](int64_t i) { return !rows.timeless(static_cast<size_t>(i)); });
    known.push_back({std::move(by), std::move(picked)});
    return known.back().rows;
  }
  static void add_state(const Layout& layout, const Partial& partial, Part& part, const Rows& rows,
                        const std::vector<Column>& columns, const Which& which) {
    auto column = [&](int at) { return at < 0 ? nullptr : &columns[static_cast<size_t>(at)]; };
    const Column* bucket = column(partial.bucket);
    Row row;
    row.x = partial.args.empty() ? nullptr : column(partial.args[0]);
    row.y = partial.args.size() < 2 ? nullptr : column(partial.args[1]);
    row.sequence = column(layout.sequence);
    std::visit(
        [&](auto& held) {
          if (bucket == nullptr) return add_many(partial.declared, held[0], row, rows, which);
          std::map<size_t, Which> dealt;
          for (const size_t i : which) {
            dealt[bucket_of(part, held, value_of(*bucket, static_cast<int64_t>(i)))].push_back(i);
          }
          for (const auto& each : dealt) add_many(partial.declared, held[each.first], row, rows, each.second);
        },
        part.states);
  }

 public:
  template <class Held>
  static size_t bucket_of(Part& part, Held& held, Value value) {
    const auto [at, fresh] = part.buckets.emplace(std::move(value), static_cast<uint32_t>(held.size()));
    if (fresh) held.emplace_back();
    return at->second;
  }
  void add(const Layout& layout, const Rows& rows) {
    std::vector<size_t> seen;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows.closed(i)) {
        ++closed;
        until = std::max(until, rows.until[i]);
      } else {
        ++open;
        begin = std::max(begin, rows.begin[i]);
        seen.push_back(i);
      }
    }
    add_states(layout, rows, rows.views(), seen);
  }
  void merge(const Layout& layout, const Tile& other) {
    open += other.open;
    closed += other.closed;
    begin = std::max(begin, other.begin);
    until = std::max(until, other.until);
    for (size_t p = 0; p < parts.size(); ++p) {
      const Declared& declared = layout.partials[p].declared;
      const bool bucketed = layout.partials[p].bucket >= 0;
      Part& part = parts[p];
      const Part& from = other.parts[p];
      std::visit(
          [&](auto& held) {
            const auto& theirs = std::get<std::decay_t<decltype(held)>>(from.states);
            if (!bucketed) {
              held[0].merge(declared, theirs[0], false);
              return;
            }
            for (const auto& each : from.buckets) {
              const size_t at = bucket_of(part, held, each.first);
              held[at].merge(declared, theirs[each.second], false);
            }
          },
          part.states);
    }
  }
  void write(Writer& to, const Layout& layout) const {
    to.count(open);
    to.count(closed);
    to.whole(begin);
    to.whole(until);
    for (size_t p = 0; p < parts.size(); ++p) write_part(to, layout.partials[p], parts[p]);
  }
  static void write_part(Writer& to, const Partial& partial, const Part& part) {
    std::visit(
        [&](const auto& held) {
          if (partial.bucket < 0) return write_state(to, held[0], partial.declared);
          to.count(part.buckets.size());
          for (const auto& each : part.buckets) {
            to.run(each.first);
            write_state(to, held[each.second], partial.declared);
          }
        },
        part.states);
  }
  void read(Reader& from, const Layout& layout) {
    open = from.count();
    closed = from.count();
    begin = from.whole();
    until = from.whole();
    for (size_t p = 0; p < parts.size(); ++p) {
      const Partial& partial = layout.partials[p];
      Part& part = parts[p];
      std::visit(
          [&](auto& held) {
            if (partial.bucket < 0) return read_state(from, held[0], partial.declared);
            held.clear();
            part.buckets.clear();
            for (size_t left = from.length(); left > 0; --left) {
              const size_t at = bucket_of(part, held, Value(from.run()));
              read_state(from, held[at], partial.declared);
            }
          },
          part.states);
    }
  }
};

}  // namespace bighead::tiles
