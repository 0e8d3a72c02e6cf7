// The columns that the aggregates of a run read.
#pragma once

#include "part.h"

namespace bighead::temporal {

namespace aggregates {

// As they came, and those that could be dealt by the places of the events.
struct Inputs {
  const std::vector<Column>& columns;
  std::vector<Column> dealt;
  std::vector<DealtColumn> held;

  const std::vector<Column>& of(const Unit& unit) const { return unit.dealt ? dealt : columns; }

  // Whether an aggregate of this argument, or one by this bucket, takes each row.
  bool always_counted(int column) const { return counted[static_cast<size_t>(column)] != 0; }

  Inputs(const std::vector<Column>& given, const Timeline& line, Plan& plan)
      : columns(given), counted(given.size(), 0) {
    std::vector<int> read;
    for (const Unit& unit : plan.units) {
      for (const int arg : unit.args) number_of(read, arg);
      if (unit.bucket >= 0) number_of(read, unit.bucket);
    }
    for (const int number : read) {
      const Column& column = columns[static_cast<size_t>(number)];
      counted[static_cast<size_t>(number)] = column.always_counted() || all_numbers(column, line.threads);
    }
    if (line.dealing.done()) deal(line, plan);
  }

 private:
  std::vector<uint8_t> counted;  // by column: known to have neither NULL nor NaN

  // Of doubles: to look at all of them once, from front to back, is quicker than at each key's.
  static bool all_numbers(const Column& column, int threads) {
    if (column.type != Type::kF64 || column.validity != nullptr) return false;
    const double* values = static_cast<const double*>(column.data) + column.offset;
    std::atomic<bool> nan{false};
    in_parts(threads, static_cast<size_t>(column.length), [&](int, size_t begin, size_t end) {
      bool some = false;
      for (size_t i = begin; i < end; ++i) some |= std::isnan(values[i]);
      if (some) nan.store(true, std::memory_order_relaxed);
    });
    return !nan.load();
  }

  // Deals what some unit reads by value alone, and marks those units.
  void deal(const Timeline& line, Plan& plan) {
    std::vector<int> wanted;
    for (Unit& unit : plan.units) {
      unit.dealt = unit.bucket < 0;
      auto reads = [&](int column) { unit.dealt &= columns[static_cast<size_t>(column)].plain(); };
      for (const int arg : unit.args) reads(arg);
      if (unit.filter >= 0) reads(unit.filter);
      for (const Job& job : unit.jobs) {
        for (const Output* out : job.out) unit.dealt &= out == nullptr || gives_values(out->shape);
      }
      if (!unit.dealt) continue;
      for (const int arg : unit.args) number_of(wanted, arg);
      if (unit.filter >= 0) number_of(wanted, unit.filter);
    }
    if (wanted.empty()) return;
    dealt = columns;
    for (const int number : wanted) {
      held.emplace_back(line.dealing, columns[static_cast<size_t>(number)], line.threads);
      dealt[static_cast<size_t>(number)] = held.back().column;
    }
  }

  static bool gives_values(Shape shape) {
    return shape != Shape::kRow && shape != Shape::kRows && shape != Shape::kPairs;
  }
};

// Columns of plain values that a plan reads row by row, in the order of keys: each read misses every
// cache, so the next part's are asked for while this part is worked on.
struct Touched {
  const char* data;
  size_t width;
};

inline std::vector<Touched> touched_columns(const std::vector<Column>& columns, const Plan& plan) {
  std::vector<int> read;
  for (const Unit& unit : plan.units) {
    if (unit.dealt) continue;
    for (const int arg : unit.args) number_of(read, arg);
    if (unit.bucket >= 0) number_of(read, unit.bucket);
  }
  std::vector<Touched> out;
  for (const int number : read) {
    const Column& column = columns[static_cast<size_t>(number)];
    const size_t width = column.width();
    if (column.ranks != nullptr) {
      out.push_back({reinterpret_cast<const char*>(column.ranks->data()), 4});
    } else if (width > 0) {
      out.push_back({static_cast<const char*>(column.data) + static_cast<size_t>(column.offset) * width, width});
    }
  }
  return out;
}

inline void prefetch(const Part& part, const std::vector<Touched>& touched) {
  const uint32_t* rows = part.line->event_row.data() + part.e0;
  const size_t n = std::min<size_t>(part.events(), 512);
  for (const Touched& column : touched) {
    for (size_t i = 0; i < n; ++i) __builtin_prefetch(column.data + rows[i] * column.width);
  }
}

}  // namespace aggregates

}  // namespace bighead::temporal
