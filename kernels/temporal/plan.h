// What to compute, regrouped so that work is shared.
//
// Each (aggregate, window) falls into a unit by what it reads: the order of tied rows, arguments,
// filter, bucket, and whether it looks back or ahead. A unit's rows are picked out once a key, and
// its aggregates then run over the same slice.
#pragma once

#include "aggregates/kinds.h"
#include "aggregates/moments.h"
#include "cells.h"
#include "timeline.h"

namespace bighead::temporal {

struct WindowSpec {
  int64_t width = -1;  // -1: all history
  int64_t rows = -1;   // -1: no cut
  bool forward = false;
  int64_t tail = 0;  // the grid to which the lower bound is rounded down; 0: exact
  bool whenever = false;  // all that is known and has not ended, whatever its event time
  bool operator==(const WindowSpec& other) const {
    return width == other.width && rows == other.rows && forward == other.forward &&
           tail == other.tail && whenever == other.whenever;
  }
};

struct Spec {
  Kind kind = Kind::kCount;
  std::vector<int> args;
  std::vector<WindowSpec> windows;
  int filter = -1;
  int bucket = -1;
  int64_t k = -1;
  uint64_t numerator = 0, denominator = 1;
  int64_t half_life = 0;
  bool values = false;  // of MIN and MAX over 8 bytes: the value itself instead of its row
  std::vector<int> tie;
};

// One result in the making.
struct Output {
  Shape shape = Shape::kInt;
  std::string format;
  bool bucketed = false;
  size_t number = 0;                         // among all results
  size_t sheet = 0, offset = 0;              // where its slots lie, see sheet.h
  std::vector<Large<int64_t>> items;         // a thread
  struct Entries {
    std::vector<int64_t> bucket;
    std::vector<char> values;
  };
  std::vector<Entries> entries;              // a thread
};

struct Job {
  Kind kind;
  int64_t k;
  uint64_t numerator, denominator;
  int64_t half_life;
  int spec;
  std::vector<Output*> out;  // by the unit's windows; null: not wanted
  std::vector<int> window;   // its number in the spec
};

struct Unit {
  int order = 0;     // which order of tied rows
  int recency = -1;  // a different order that FIRST, LAST and the like go by; -1: the same
  int ahead = -1;    // the forward window, a number in Plan::windows; -1: looks back
  std::vector<int> args;
  int filter = -1;
  int bucket = -1;
  bool decays = false;       // a row without a time does not count
  bool dealt = false;        // reads dealt columns, and gives values, not rows
  std::vector<int> windows;  // numbers in Plan::windows
  std::vector<Job> jobs;

  bool reads_as(const Unit& other) const {
    return order == other.order && recency == other.recency && ahead == other.ahead &&
           args == other.args && filter == other.filter && bucket == other.bucket && decays == other.decays;
  }
  // The same but for the order of tied rows, over the same windows.
  bool reads_like(const Unit& other) const {
    return ahead == other.ahead && args == other.args && filter == other.filter &&
           bucket == other.bucket && decays == other.decays && dealt == other.dealt && windows == other.windows;
  }
};

struct Plan {
  std::vector<WindowSpec> windows;
  std::vector<std::vector<int>> orders{{}};  // columns that refine ties
  std::vector<Unit> units;
  bool whenever = false;  // some window counts rows whatever their event time

  // Whether rows enter and leave otherwise than by arrivals and bounds.
  bool leaving(const Timeline& line) const { return line.leaves() || whenever; }
};

inline bool by_recency(Kind kind) {
  switch (kind) {
    case Kind::kFirst:
    case Kind::kLast:
    case Kind::kFirstK:
    case Kind::kLastK:
    case Kind::kMinBy:
    case Kind::kMaxBy: return true;
    default: return false;
  }
}

template <class T>
inline int number_of(std::vector<T>& list, const T& item) {
  const auto at = std::find(list.begin(), list.end(), item);
  if (at != list.end()) return static_cast<int>(at - list.begin());
  list.push_back(item);
  return static_cast<int>(list.size()) - 1;
}

namespace plan {

inline void check(const Spec& spec, const std::vector<Column>& columns) {
  auto in_range = [&](int column) {
    if (column < 0 || static_cast<size_t>(column) >= columns.size()) {
      invalid("there is no column " + std::to_string(column));
    }
  };
  for (const int column : spec.args) in_range(column);
  for (const int column : spec.tie) in_range(column);
  if (spec.bucket != -1) in_range(spec.bucket);
  if (spec.filter != -1) {
    in_range(spec.filter);
    const Column& filter = columns[static_cast<size_t>(spec.filter)];
    if (filter.type != Type::kBool && filter.type != Type::kNull) {
      unsupported("a filter is a column of booleans");
    }
  }
  if (is_decayed(spec.kind) && spec.half_life < 1) invalid("a half life is at least 1 microsecond");
  const bool two = spec.kind == Kind::kMinBy || spec.kind == Kind::kMaxBy;
  const bool none = spec.kind == Kind::kCountRows || spec.kind == Kind::kDecayedCount;
  const size_t least = none ? 0 : two ? 2 : 1;
  const bool any_more = spec.kind == Kind::kCount || spec.kind == Kind::kDecayedCount;
  if (spec.args.size() < least || (spec.args.size() > least && !any_more)) {
    invalid("an aggregate of this kind takes " + std::to_string(least) + " arguments, not " +
            std::to_string(spec.args.size()));
  }
  switch (spec.kind) {
    case Kind::kFirstK:
    case Kind::kLastK:
    case Kind::kTopK:
    case Kind::kBottomK:
    case Kind::kArrayAggDistinct:
    case Kind::kApproxTopK:
      if (spec.k < 1) invalid("this aggregate needs a k of at least 1");
      break;
    case Kind::kHistogram:
      if (spec.k != -1 && spec.k < 1) invalid("the k of a histogram is at least 1");
      break;
    case Kind::kApproxQuantile:
    case Kind::kQuantile:
      if (spec.denominator == 0 || spec.numerator > spec.denominator) {
        invalid("the p of a quantile lies in [0, 1]");
      }
      break;
    default: break;
  }
  if (spec.values) {
    const bool extreme = spec.kind == Kind::kMin || spec.kind == Kind::kMax;
    const Type type = extreme ? columns[static_cast<size_t>(spec.args[0])].type : Type::kNull;
    if (type != Type::kI64 && type != Type::kF64) {
      unsupported("values instead of rows are given for min and max over 64 bits, signed or float");
    }
  }
  if (spec.args.empty()) return;
  const Class of = columns[static_cast<size_t>(spec.args[0])].of;
  const bool number = of == Class::kInteger || of == Class::kFloat || of == Class::kDecimal || of == Class::kNone;
  switch (spec.kind) {
    case Kind::kSum:
    case Kind::kAvg:
    case Kind::kVarPop:
    case Kind::kVarSamp:
    case Kind::kStddevPop:
    case Kind::kStddevSamp:
    case Kind::kSkewness:
    case Kind::kKurtosis:
    case Kind::kApproxQuantile:
    case Kind::kDecayedSum:
    case Kind::kQuantile:
      if (!number) unsupported("this aggregate takes numbers");
      break;
    case Kind::kBoolAnd:
    case Kind::kBoolOr:
      if (of != Class::kBoolean && of != Class::kNone) unsupported("this aggregate takes booleans");
      break;
    case Kind::kVectorSum:
    case Kind::kVectorAvg:
      if (of != Class::kVector && of != Class::kNone) unsupported("this aggregate takes vectors: lists of numbers");
      break;
    default: break;
  }
}

inline void shape_of(const Spec& spec, const std::vector<Column>& columns, Output& out) {
  const Column* first = spec.args.empty() ? nullptr : &columns[static_cast<size_t>(spec.args[0])];
  auto set = [&](Shape shape, const std::string& format) {
    out.shape = shape;
    out.format = format;
  };
  switch (spec.kind) {
    case Kind::kCount:
    case Kind::kCountRows:
    case Kind::kApproxCountDistinct:
    case Kind::kCountDistinct:
      set(Shape::kCount, "l");
      break;
    case Kind::kSum:
    case Kind::kAvg:
      if (first->of == Class::kDecimal) {
        const int scale = spec.kind == Kind::kSum ? first->scale : std::min(first->scale + 4, 38);
        set(Shape::kDecimal, "d:38," + std::to_string(scale));
      } else if (spec.kind == Kind::kSum && first->of != Class::kFloat) {
        set(Shape::kInt, "l");
      } else {
        set(Shape::kDouble, "g");
      }
      break;
    case Kind::kVarPop:
    case Kind::kVarSamp:
    case Kind::kStddevPop:
    case Kind::kStddevSamp:
    case Kind::kSkewness:
    case Kind::kKurtosis:
    case Kind::kApproxQuantile:
    case Kind::kDecayedSum:
    case Kind::kQuantile: set(Shape::kDouble, "g"); break;
    case Kind::kDecayedCount: set(Shape::kWeight, "g"); break;
    case Kind::kVectorSum:
    case Kind::kVectorAvg: set(Shape::kVector, "+l"); break;
    case Kind::kBoolAnd:
    case Kind::kBoolOr: set(Shape::kBool, "b"); break;
    case Kind::kFirstK:
    case Kind::kLastK:
    case Kind::kTopK:
    case Kind::kArrayAggDistinct:
    case Kind::kBottomK: set(Shape::kRows, "+l"); break;
    case Kind::kApproxTopK:
    case Kind::kHistogram: set(Shape::kPairs, "+l"); break;
    default:
      if (spec.values) {
        set(first->of == Class::kFloat ? Shape::kDouble : Shape::kInt, first->format);
      } else {
        set(Shape::kRow, "l");
      }
  }
  out.bucketed = spec.bucket != -1;
}

}  // namespace plan

// `outputs[spec][window]` must stay where they are while the plan lives.
inline Plan make_plan(const std::vector<Spec>& specs, std::vector<std::vector<Output>>& outputs) {
  Plan out;
  for (size_t s = 0; s < specs.size(); ++s) {
    const Spec& spec = specs[s];
    for (size_t w = 0; w < spec.windows.size(); ++w) {
      const WindowSpec& window = spec.windows[w];
      Unit unit;
      unit.args = spec.args;
      unit.filter = spec.filter;
      unit.bucket = spec.bucket;
      unit.decays = is_decayed(spec.kind);
      std::vector<int> recency;
      if (by_recency(spec.kind)) recency.push_back(spec.args[0]);
      std::vector<int> order = recency;
      if (window.rows != -1) {
        order = spec.tie;
        order.insert(order.end(), spec.args.begin(), spec.args.end());
        if (spec.filter != -1) order.push_back(spec.filter);
        if (spec.bucket != -1) order.push_back(spec.bucket);
        std::vector<int> distinct;
        for (const int column : order) number_of(distinct, column);
        order = distinct;
        if (!recency.empty() && order[0] != recency[0]) unit.recency = number_of(out.orders, recency);
      }
      unit.order = number_of(out.orders, order);
      const int number = number_of(out.windows, window);
      out.whenever |= window.whenever;
      if (window.forward) unit.ahead = number;
      auto known = std::find_if(out.units.begin(), out.units.end(),
                                [&](const Unit& other) { return other.reads_as(unit); });
      if (known == out.units.end()) {
        out.units.push_back(unit);
        known = out.units.end() - 1;
      }
      const auto at = static_cast<size_t>(number_of(known->windows, number));
      Job* job = nullptr;
      for (Job& other : known->jobs) {
        other.out.resize(known->windows.size(), nullptr);
        other.window.resize(known->windows.size(), -1);
        if (other.spec == static_cast<int>(s) && other.out[at] == nullptr) job = &other;
      }
      if (job == nullptr) {
        known->jobs.push_back({spec.kind, spec.k, spec.numerator, spec.denominator,
                               spec.half_life, static_cast<int>(s), {}, {}});
        job = &known->jobs.back();
        job->out.resize(known->windows.size(), nullptr);
        job->window.resize(known->windows.size(), -1);
      }
      job->out[at] = &outputs[s][w];
      job->window[at] = static_cast<int>(w);
    }
  }
  for (Unit& unit : out.units) {
    for (Job& job : unit.jobs) {
      job.out.resize(unit.windows.size(), nullptr);
      job.window.resize(unit.windows.size(), -1);
    }
  }
  return out;
}

}  // namespace bighead::temporal
