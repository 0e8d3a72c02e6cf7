// From states to values: one answer a state, as an Arrow array. The arithmetic is that of the batch
// kernel, so that the state of any parts gives what the window over all of them gives.
#pragma once

#include "ratio.h"
#include "sketch_states.h"

namespace bighead {

// States that lie one after the other.
template <class State>
class Span {
 public:
  Span(const State* first, size_t n) : first_(first), n_(n) {}
  Span(const std::vector<State>& states) : Span(states.data(), states.size()) {}

  size_t size() const { return n_; }
  const State* begin() const { return first_; }
  const State* end() const { return first_ + n_; }
  const State& operator[](size_t i) const { return first_[i]; }

 private:
  const State* first_;
  size_t n_;
};

namespace finish {

inline std::shared_ptr<Node> list_of(const std::vector<int64_t>& ends, const std::vector<uint8_t>& valid,
                                     std::shared_ptr<Node> items) {
  auto node = std::make_shared<Node>();
  node->format = "+L";
  node->length = static_cast<int64_t>(valid.size());
  for (const uint8_t each : valid) node->nulls += each == 0;
  node->buffers.push_back(Builder::bits(valid.data(), valid.size()));
  Buffer offsets((ends.size() + 1) * 8);
  std::copy(ends.begin(), ends.end(), offsets.as<int64_t>() + 1);
  node->buffers.push_back(std::move(offsets));
  node->children.push_back(std::move(items));
  return node;
}

inline std::shared_ptr<Node> pairs_of(std::shared_ptr<Node> values, std::shared_ptr<Node> counts) {
  auto node = std::make_shared<Node>();
  node->format = "+s";
  node->name = "item";
  node->length = values->length;
  node->buffers.emplace_back();
  node->children = {std::move(values), std::move(counts)};
  return node;
}

inline std::shared_ptr<Node> close(Builder& builder) { return builder.close(""); }

inline bool empty(uint64_t n) { return static_cast<int64_t>(n) <= 0; }

using Time = const int64_t*;

inline std::shared_ptr<Node> values(const Declared&, Span<CountState> states, Time) {
  Builder out("l", Type::kI64);
  for (const CountState& state : states) out.put(state.n);
  return close(out);
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<TruthState> states, Time) {
  Builder out("b", Type::kBool);
  for (const TruthState& state : states) {
    if (empty(state.n)) {
      out.null();
    } else {
      out.put(static_cast<uint8_t>(declared.kind == Kind::kBoolAnd ? state.trues == state.n : state.trues != 0));
    }
  }
  return close(out);
}

[[noreturn]] inline void overflow(size_t state) {
  throw Fault(FaultKind::kOverflow, "overflow", static_cast<int64_t>(state));
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<SumState> states, Time) {
  const bool average = declared.kind == Kind::kAvg;
  const Column& x = declared.x;
  if (x.of == Class::kFloat || (x.of != Class::kDecimal && average)) {
    Builder out("g", Type::kF64);
    for (const SumState& state : states) {
      if (empty(state.n)) {
        out.null();
      } else {
        out.put(average ? state.value() / static_cast<double>(state.n) + 0.0 : state.value());
      }
    }
    return close(out);
  }
  const bool decimal = x.of == Class::kDecimal;
  const int shift = average ? std::min(x.scale + 4, 38) - x.scale : 0;
  Builder out(decimal ? "d:38," + std::to_string(x.scale + shift) : "l", decimal ? Type::kDecimal : Type::kI64);
  for (size_t i = 0; i < states.size(); ++i) {
    if (empty(states[i].n)) {
      out.null();
      continue;
    }
    Fixed<3> sum;
    i128 value = 0;
    bool fits = states[i].whole(sum);
    if (fits && average) {
      fits = decimal_average(sum, states[i].n, shift, value);
    } else if (fits) {
      value = static_cast<i128>((static_cast<u128>(sum.limb[1]) << 64) | sum.limb[0]);
      fits = sum.limb[2] == static_cast<uint64_t>(static_cast<int64_t>(sum.limb[1]) >> 63) &&
             (decimal ? fits_decimal(value) : static_cast<int64_t>(value) == value);
    }
    if (!fits) overflow(i);
    if (decimal) {
      out.put(value);
    } else {
      out.put(static_cast<int64_t>(value));
    }
  }
  return close(out);
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<PowerState<2>> states, Time) {
  Builder out("g", Type::kF64);
  const auto moment = static_cast<Moment>(static_cast<int>(declared.kind) - static_cast<int>(Kind::kVarPop));
  for (const PowerState<2>& state : states) {
    double value;
    const Scaled cross = empty(state.n) || state.n == 1 ? Scaled{} : state.powers.cross(state.n);
    if (empty(state.n) || !finish_moment(moment, cross, state.n, 0, declared.x.scale, value)) {
      out.null();
    } else {
      out.put(state.infinite != 0 ? std::numeric_limits<double>::quiet_NaN() : value);
    }
  }
  return close(out);
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<PowerState<4>> states, Time) {
  Builder out("g", Type::kF64);
  for (const PowerState<4>& state : states) {
    double value = std::numeric_limits<double>::quiet_NaN();
    bool held = !empty(state.n);
    if (held && state.infinite == 0) {
      const Central central = state.n == 1 ? Central{} : state.powers.central(state.n);
      held = declared.kind == Kind::kSkewness ? finish_skewness(central, value) : finish_kurtosis(central, value);
    }
    if (held) {
      out.put(value);
    } else {
      out.null();
    }
  }
  return close(out);
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<DecayedState> states, Time time) {
  if (time == nullptr) invalid("a decayed aggregate is finished as of a time for each state");
  Builder out("g", Type::kF64);
  for (size_t i = 0; i < states.size(); ++i) {
    if (!empty(states[i].n)) {
      out.put(states[i].sum.value(time[i], declared.half_life));
    } else if (declared.kind == Kind::kDecayedCount) {
      out.put(0.0);
    } else {
      out.null();
    }
  }
  return close(out);
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<VectorState> states, Time) {
  Builder items("g", Type::kF64);
  std::vector<int64_t> ends;
  std::vector<uint8_t> valid;
  for (size_t i = 0; i < states.size(); ++i) {
    const VectorState& state = states[i];
    valid.push_back(!empty(state.n));
    if (valid.back() && state.lengths.size() > 1) {
      throw Fault(FaultKind::kLengths, "vectors of unequal lengths", static_cast<int64_t>(i));
    }
    for (const VectorState::Element& element : state.elements) {
      if (!valid.back()) break;
      const double sum = element.infinities.any() ? element.infinities.value() : element.sum.to_double() + 0.0;
      if (element.absent != 0) {
        items.null();
      } else {
        items.put(declared.kind == Kind::kVectorAvg ? sum / static_cast<double>(state.n) + 0.0 : sum);
      }
    }
    ends.push_back(static_cast<int64_t>(items.size()));
  }
  return list_of(ends, valid, items.close("item"));
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<BestState> states, Time) {
  Builder items(declared.x);
  switch (declared.kind) {
    case Kind::kFirstK:
    case Kind::kLastK:
    case Kind::kTopK:
    case Kind::kBottomK:
    case Kind::kArrayAggDistinct: break;
    default:
      for (const BestState& state : states) {
        if (state.rows.empty()) {
          items.null();
        } else {
          items.value(state.rows[0].value);
        }
      }
      return close(items);
  }
  std::vector<int64_t> ends;
  std::vector<uint8_t> valid;
  for (const BestState& state : states) {
    const size_t shown = std::min(state.rows.size(), BestState::most(declared));  // it may hold more
    for (size_t i = 0; i < shown; ++i) items.value(state.rows[i].value);
    valid.push_back(shown > 0);
    ends.push_back(static_cast<int64_t>(items.size()));
  }
  return list_of(ends, valid, items.close("item"));
}

// The values and counts to show, in this order.
template <class Shown>
inline std::shared_ptr<Node> counted(const Declared& declared, size_t n, Shown shown) {
  Builder items(declared.x), counts("l", Type::kI64);
  std::vector<int64_t> ends;
  std::vector<uint8_t> valid;
  std::vector<std::pair<std::string_view, int64_t>> held;
  for (size_t i = 0; i < n; ++i) {
    held.clear();
    shown(i, held);
    for (const auto& each : held) {
      items.value(each.first);
      counts.put(each.second);
    }
    valid.push_back(!held.empty());
    ends.push_back(static_cast<int64_t>(items.size()));
  }
  return list_of(ends, valid, pairs_of(items.close("value"), counts.close("count")));
}

// By frequency, the lesser value first of equals; the k first of them.
inline void most_frequent(std::vector<std::pair<std::string_view, int64_t>>& held, int64_t k) {
  std::stable_sort(held.begin(), held.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (static_cast<int64_t>(held.size()) > k) held.resize(static_cast<size_t>(k));
}

inline bool quantile_of(const Declared& declared, const BagState& state, double& out) {
  uint64_t n = 0;
  for (const auto& each : state.counts) n += static_cast<uint64_t>(std::max<int64_t>(each.second, 0));
  if (n == 0) return false;
  const u128 exact = static_cast<u128>(declared.numerator) * (n - 1);
  const auto rank = static_cast<uint64_t>(exact / declared.denominator);
  const auto rest = static_cast<uint64_t>(exact % declared.denominator);
  const Value* low = nullptr;
  const Value* high = nullptr;
  uint64_t passed = 0;
  for (const auto& each : state.counts) {
    if (each.second <= 0) continue;
    passed += static_cast<uint64_t>(each.second);
    if (low == nullptr && passed > rank) low = &each.first;
    if (passed > rank + (rest != 0)) {
      high = &each.first;
      break;
    }
  }
  const Column& x = declared.x;
  if (x.of == Class::kFloat) {
    out = between(key_double(key_in(*low)), key_double(key_in(*high)), rest, declared.denominator);
    return true;
  }
  auto whole = [&](const Value& value) -> i128 {
    if (x.of == Class::kDecimal) return decimal_in(value);
    return x.type == Type::kU64 ? static_cast<i128>(static_cast<uint64_t>(key_in(value)) ^ kSign) : key_in(value);
  };
  out = between(whole(*low), whole(*high), rest, declared.denominator, x.scale);
  return true;
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<BagState> states, Time) {
  if (declared.kind == Kind::kHistogram) {
    return counted(declared, states.size(), [&](size_t i, auto& held) {
      for (const auto& each : states[i].counts) {
        if (each.second > 0) held.emplace_back(each.first, each.second);
      }
      if (declared.k < 0) return;
      most_frequent(held, declared.k);
      std::sort(held.begin(), held.end());
    });
  }
  if (declared.kind == Kind::kCountDistinct) {
    Builder out("l", Type::kI64);
    for (const BagState& state : states) {
      out.put(static_cast<int64_t>(std::count_if(state.counts.begin(), state.counts.end(),
                                                 [](const auto& each) { return each.second > 0; })));
    }
    return close(out);
  }
  Builder out("g", Type::kF64);
  for (const BagState& state : states) {
    double value;
    if (quantile_of(declared, state, value)) {
      out.put(value);
    } else {
      out.null();
    }
  }
  return close(out);
}

inline std::shared_ptr<Node> values(const Declared&, Span<DistinctState> states, Time) {
  Builder out("l", Type::kI64);
  for (const DistinctState& state : states) out.put(state.estimate());
  return close(out);
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<BucketState> states, Time) {
  Builder out("g", Type::kF64);
  for (const BucketState& state : states) {
    double value;
    if (state.value(declared.numerator, declared.denominator, value)) {
      out.put(value);
    } else {
      out.null();
    }
  }
  return close(out);
}

inline std::shared_ptr<Node> values(const Declared& declared, Span<FrequentState> states, Time) {
  return counted(declared, states.size(), [&](size_t i, auto& held) {
    for (const auto& each : states[i].counts) held.emplace_back(each.first, each.second);
    most_frequent(held, declared.k);
  });
}

}  // namespace finish

}  // namespace bighead
