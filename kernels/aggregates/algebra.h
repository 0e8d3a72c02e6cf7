// Arrays of states of one aggregate, and what can be done with them a column at a time: add rows to
// the states of their groups, take them away, merge states, write them as bytes and read them back,
// finish them. A State is a plain struct with change, merge, write and read; `finish.h` has the rest.
//
// Bytes of a state: version (1), the aggregate's number in `kinds.h`, then the fields of its struct in
// the order in which `write` names them, by the rules of `bytes.h`.
#pragma once

#include <variant>

#include "finish.h"

namespace bighead {

using States = std::variant<std::vector<CountState>, std::vector<TruthState>, std::vector<SumState>,
                            std::vector<PowerState<2>>, std::vector<PowerState<4>>, std::vector<BestState>,
                            std::vector<BagState>, std::vector<DistinctState>, std::vector<BucketState>,
                            std::vector<FrequentState>, std::vector<DecayedState>, std::vector<VectorState>>;

struct Algebra {
  Declared declared;
  States states;

  size_t size() const {
    return std::visit([](const auto& held) { return held.size(); }, states);
  }
  bool invertible() const {
    return std::visit([](const auto& held) { return std::decay_t<decltype(held)>::value_type::kInvertible; }, states);
  }
};

constexpr uint8_t kStateVersion = 1;

namespace algebra {

inline States family(Kind kind) {
  switch (kind) {
    case Kind::kCount:
    case Kind::kCountRows: return std::vector<CountState>();
    case Kind::kBoolAnd:
    case Kind::kBoolOr: return std::vector<TruthState>();
    case Kind::kSum:
    case Kind::kAvg: return std::vector<SumState>();
    case Kind::kVarPop:
    case Kind::kVarSamp:
    case Kind::kStddevPop:
    case Kind::kStddevSamp: return std::vector<PowerState<2>>();
    case Kind::kSkewness:
    case Kind::kKurtosis: return std::vector<PowerState<4>>();
    case Kind::kCountDistinct:
    case Kind::kHistogram:
    case Kind::kQuantile: return std::vector<BagState>();
    case Kind::kApproxCountDistinct: return std::vector<DistinctState>();
    case Kind::kApproxQuantile: return std::vector<BucketState>();
    case Kind::kApproxTopK: return std::vector<FrequentState>();
    case Kind::kDecayedSum:
    case Kind::kDecayedCount: return std::vector<DecayedState>();
    case Kind::kVectorSum:
    case Kind::kVectorAvg: return std::vector<VectorState>();
    default: return std::vector<BestState>();
  }
}

inline bool timed(Kind kind) { return BestState::by(kind) || BestState::aged(kind) || is_decayed(kind); }

inline void check(const Declared& declared, size_t args) {
  const Kind kind = declared.kind;
  const bool none = kind == Kind::kCountRows || kind == Kind::kDecayedCount;
  const bool two = BestState::by(kind);
  if (args != (none ? 0u : two ? 2u : 1u) && !(kind == Kind::kDecayedCount && args == 1)) {
    invalid("a state of this kind has " + std::to_string(none ? 0 : two ? 2 : 1) + " arguments, not " + std::to_string(args));
  }
  const Class of = declared.x.of;
  const bool number = of == Class::kInteger || of == Class::kFloat || of == Class::kDecimal || of == Class::kNone;
  const States held = family(kind);
  const bool numeric = std::holds_alternative<std::vector<SumState>>(held) || kind == Kind::kQuantile ||
                       std::holds_alternative<std::vector<PowerState<2>>>(held) ||
                       std::holds_alternative<std::vector<PowerState<4>>>(held) || kind == Kind::kApproxQuantile ||
                       kind == Kind::kDecayedSum;
  if (numeric && !number) unsupported("this aggregate takes numbers");
  if (std::holds_alternative<std::vector<TruthState>>(held) && of != Class::kBoolean && of != Class::kNone) {
    unsupported("this aggregate takes booleans");
  }
  const bool adds_vectors = std::holds_alternative<std::vector<VectorState>>(held);
  if (adds_vectors && of != Class::kVector && of != Class::kNone) unsupported("this aggregate takes vectors: lists of numbers");
  if (!adds_vectors && of == Class::kVector && kind != Kind::kCount && kind != Kind::kDecayedCount) {
    unsupported("vectors are only added up, element by element, and counted");
  }
  if (is_decayed(kind) && declared.half_life < 1) invalid("a half life is at least 1 microsecond");
  const bool many = kind == Kind::kFirstK || kind == Kind::kLastK || kind == Kind::kTopK || kind == Kind::kBottomK ||
                    kind == Kind::kArrayAggDistinct || kind == Kind::kApproxTopK;
  if (many && declared.k < 1) invalid("this aggregate needs a k of at least 1");
  if (kind == Kind::kHistogram && declared.k != -1 && declared.k < 1) invalid("the k of a histogram is at least 1");
}

inline bool same_type(const Column& a, const Column& b) {
  if (a.type == Type::kNull) return true;
  return a.type == b.type && a.of == b.of && a.scale == b.scale && (a.of != Class::kTime || a.format == b.format) &&
         (a.child == nullptr || same_type(*a.child, *b.child));
}

}  // namespace algebra

inline void resize_states(Algebra& algebra, size_t n) {
  std::visit([&](auto& held) { held.resize(n); }, algebra.states);
}

inline Algebra make_states(const Declared& declared, size_t args, size_t n) {
  algebra::check(declared, args);
  Algebra out{declared, algebra::family(declared.kind)};
  resize_states(out, n);
  return out;
}

// Adds (or takes) each row to the state that `groups` (int64) names; a NULL group, and a row with NULL
// or NaN in an argument, counts nowhere.
inline void change_states(Algebra& algebra, const Column& groups, const std::vector<Column>& args, const Column* time,
                          const Column* sequence, bool take) {
  const Declared& declared = algebra.declared;
  const int64_t n = groups.length;
  if (groups.type != Type::kI64) unsupported("groups are int64");
  for (const Column& arg : args) {
    if (arg.length != n) invalid("columns are of unequal lengths");
  }
  if (!args.empty() && !algebra::same_type(args[0], declared.x)) invalid("the argument is not of the type declared");
  if (args.size() > 1 && !algebra::same_type(args[1], declared.y)) invalid("the second argument is not of the type declared");
  if (algebra::timed(declared.kind) && (time == nullptr || time->validity != nullptr)) {
    invalid("this aggregate goes by time: every row needs one");
  }
  for (const Column* column : {time, sequence}) {
    if (column != nullptr && column->length != n) invalid("columns are of unequal lengths");
  }
  if (take && !algebra.invertible()) cannot_take();
  const auto size = static_cast<int64_t>(algebra.size());
  for (int64_t i = 0; i < n; ++i) {
    if (groups.null(i)) continue;
    const int64_t group = groups.at<int64_t>(i);
    if (group < 0 || group >= size) invalid("there is no state " + std::to_string(group));
  }
  std::visit(
      [&](auto& held) {
        Row row;
        row.x = args.empty() ? nullptr : &args[0];
        row.y = args.size() < 2 ? nullptr : &args[1];
        row.sequence = sequence;
        for (row.at = 0; row.at < n; ++row.at) {
          if (groups.null(row.at)) continue;
          bool counted = true;
          for (const Column& arg : args) counted &= arg.counted(row.at);
          if (!counted) continue;
          row.time = time == nullptr ? 0 : time->at<int64_t>(row.at);
          held[static_cast<size_t>(groups.at<int64_t>(row.at))].change(declared, row, take);
        }
      },
      algebra.states);
}

// Merges (or takes) each state of `other` into the one that `groups` names; without, into its own place.
inline void merge_states(Algebra& algebra, const Algebra& other, const Column* groups, bool take) {
  const Declared &a = algebra.declared, &b = other.declared;
  if (a.kind != b.kind || a.k != b.k || a.half_life != b.half_life || !algebra::same_type(a.x, b.x) ||
      !algebra::same_type(a.y, b.y) || a.numerator != b.numerator || a.denominator != b.denominator) {
    invalid("states of different aggregates do not merge");
  }
  if (take && !algebra.invertible()) cannot_take();
  const size_t n = other.size();
  if (groups != nullptr && (groups->type != Type::kI64 || static_cast<size_t>(groups->length) != n)) {
    invalid("groups are int64, one for each state that is merged");
  }
  auto target = [&](size_t i) {
    return groups == nullptr ? static_cast<int64_t>(i) : groups->at<int64_t>(static_cast<int64_t>(i));
  };
  auto skipped = [&](size_t i) { return groups != nullptr && groups->null(static_cast<int64_t>(i)); };
  for (size_t i = 0; i < n; ++i) {
    if (skipped(i)) continue;
    if (target(i) < 0 || target(i) >= static_cast<int64_t>(algebra.size())) {
      invalid("there is no state " + std::to_string(target(i)));
    }
  }
  std::visit(
      [&](auto& held) {
        const auto& from = std::get<std::decay_t<decltype(held)>>(other.states);
        for (size_t i = 0; i < n; ++i) {
          if (!skipped(i)) held[static_cast<size_t>(target(i))].merge(a, from[i], take);
        }
      },
      algebra.states);
}

inline std::shared_ptr<Node> finish_states(const Algebra& algebra, const Column* time) {
  const int64_t* at = nullptr;
  if (time != nullptr) {
    if (static_cast<size_t>(time->length) != algebra.size() || time->validity != nullptr) {
      invalid("states are finished as of one time each, none of them NULL");
    }
    at = static_cast<const int64_t*>(time->data) + time->offset;
  }
  return std::visit([&](const auto& held) { return finish::values(algebra.declared, held, at); }, algebra.states);
}

inline std::shared_ptr<Node> write_states(const Algebra& algebra) {
  Builder out("Z", Type::kBytes64);
  std::visit(
      [&](const auto& held) {
        for (const auto& state : held) {
          Writer to;
          to.byte(kStateVersion);
          to.byte(static_cast<uint8_t>(algebra.declared.kind));
          if constexpr (std::is_same_v<std::decay_t<decltype(state)>, BestState>) {
            state.write(to, algebra.declared);
          } else {
            state.write(to);
          }
          out.value(to.bytes);
        }
      },
      algebra.states);
  return out.close("");
}

inline void read_states(Algebra& algebra, const Column& bytes) {
  if (bytes.of != Class::kBytes) unsupported("states are read from an array of binary");
  resize_states(algebra, static_cast<size_t>(bytes.length));
  std::visit(
      [&](auto& held) {
        for (size_t i = 0; i < held.size(); ++i) {
          const auto row = static_cast<int64_t>(i);
          if (bytes.null(row)) continue;
          Reader from(bytes.bytes(row));
          const uint8_t version = from.byte();
          if (version != kStateVersion) invalid("a state of version " + std::to_string(version) + " is not known here");
          if (from.byte() != static_cast<uint8_t>(algebra.declared.kind)) invalid("the state of another aggregate");
          auto& state = held[i];
          if constexpr (std::is_same_v<std::decay_t<decltype(state)>, BestState>) {
            state.read(from, algebra.declared);
          } else {
            state.read(from);
          }
          from.end();
        }
      },
      algebra.states);
}

}  // namespace bighead
