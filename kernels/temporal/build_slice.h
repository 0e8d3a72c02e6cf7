// The rows of a part that a unit counts, as the slice that its aggregates run over.
#pragma once

#include "inputs.h"
#include "worker.h"

namespace bighead::temporal {

namespace aggregates {

// Marks in `worker.counted` which rows of the view the unit counts; false, with nothing marked, where
// it counts all of them.
inline bool mark_counted(const Part& part, const Inputs& inputs, const uint32_t* rows, const Unit& unit,
                         const View& view, Worker& worker) {
  const std::vector<Column>& columns = inputs.of(unit);
  const size_t n = part.events();
  std::vector<const Column*> tested;
  auto test = [&](int column) {
    if (!inputs.always_counted(column)) tested.push_back(&columns[static_cast<size_t>(column)]);
  };
  for (const int arg : unit.args) test(arg);
  if (unit.bucket >= 0) test(unit.bucket);
  // Rows that no window ever counts cost a place each in all that follows.
  const bool thin = view.leaving && 4 * view.stays.dead > n;
  const bool dateless = unit.decays && !part.line->undated.empty();
  if (unit.filter < 0 && tested.empty() && !thin && !dateless) return false;
  worker.counted.assign(n, 1);
  uint8_t* counted = worker.counted.data();
  if (unit.filter >= 0) {
    const Column& filter = columns[static_cast<size_t>(unit.filter)];
    for (size_t i = 0; i < n; ++i) counted[i] = filter.is_true(rows[i]);
  }
  for (const Column* column : tested) {
    if (column->type == Type::kF64 && column->validity == nullptr) {
      for (size_t i = 0; i < n; ++i) counted[i] &= !std::isnan(column->at<double>(rows[i]));
    } else {
      for (size_t i = 0; i < n; ++i) counted[i] &= column->counted(rows[i]);
    }
  }
  if (thin) {
    for (size_t i = 0; i < n; ++i) counted[i] &= view.stays.live[i];
  }
  if (dateless) {
    for (size_t i = 0; i < n; ++i) counted[i] &= !part.line->is_undated(part.e0 + view.place(i));
  }
  size_t kept = 0;
  for (size_t i = 0; i < n; ++i) kept += counted[i];
  return kept != n;
}

// Times and recency of all rows of the view, where the unit goes by them.
inline void add_ages(const Part& part, const Inputs& inputs, const Plan& plan, const Unit& unit, const View& view,
                     Worker& worker, Slice& slice) {
  const size_t n = part.events();
  slice.rank = nullptr;
  slice.time = nullptr;
  if (unit.decays) {
    worker.time.resize(n);
    for (size_t i = 0; i < n; ++i) worker.time[i] = part.line->event_time[part.e0 + view.place(i)];
    slice.time = worker.time.data();
    slice.moment = part.line->spine_time.data() + part.s0;
  }
  if (unit.recency >= 0 && part.ties) {
    // Recency as the place of each row in its own order of tied rows.
    refine(part, inputs.columns, plan.orders[static_cast<size_t>(unit.recency)], worker.recency_where);
    std::vector<uint32_t> place(n);
    for (size_t i = 0; i < n; ++i) place[worker.recency_where[i]] = static_cast<uint32_t>(i);
    worker.rank.resize(n);
    for (size_t i = 0; i < n; ++i) worker.rank[i] = place[view.place(i)];
    slice.rank = worker.rank.data();
  }
}

// Picks the counted rows of the view out: their rows and ages, and how many there are before each.
inline void pick_rows(const uint32_t* rows, size_t n, Worker& worker, Slice& slice) {
  const uint8_t* counted = worker.counted.data();
  worker.before.resize(n + 1);
  worker.rows.resize(n);
  uint32_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    worker.before[i] = kept;
    worker.rows[kept] = rows[i];
    if (slice.rank != nullptr) worker.rank[kept] = worker.rank[i];
    if (slice.time != nullptr) worker.time[kept] = worker.time[i];
    kept += counted[i];
  }
  worker.before[n] = kept;
  slice.n = kept;
  slice.row = worker.rows.data();
}

// Of the view's changes those of rows that are counted, at their places among them; null: all are.
inline void pick_changes(const Part& part, const Plan& plan, const Unit& unit, View& view,
                         const uint8_t* counted, Worker& worker, Slice& slice) {
  const size_t m = part.spine(), windows = unit.windows.size();
  slice.arrival = slice.turn = slice.seen = nullptr;
  slice.prompt = slice.late = nullptr;
  if (worker.changes.size() < windows) worker.changes.resize(windows);
  for (size_t w = 0; w < windows; ++w) {
    const Changes& all = view.stays.of(part, plan, unit.windows[w]);
    slice.low.push_back(nullptr);
    if (counted == nullptr) {
      slice.changes.push_back(&all);
      continue;
    }
    Changes& picked = worker.changes[w];
    picked.start.resize(m + 1);
    picked.what.clear();
    for (size_t j = 0; j < m; ++j) {
      picked.start[j] = static_cast<uint32_t>(picked.what.size());
      for (size_t i = all.start[j]; i < all.start[j + 1]; ++i) {
        const uint32_t position = all.what[i] >> 1;
        if (counted[position]) picked.what.push_back(2 * worker.before[position] + (all.what[i] & 1));
      }
    }
    picked.start[m] = static_cast<uint32_t>(picked.what.size());
    slice.changes.push_back(&picked);
  }
}

// What arrives when of the counted rows, and where their windows begin.
inline void pick_arrivals(const Part& part, const Plan& plan, const Unit& unit, View& view, Worker& worker,
                          Slice& slice) {
  const size_t m = part.spine();
  const uint8_t* counted = worker.counted.data();
  worker.seen.resize(m);
  if (view.by_position) {
    slice.arrival = slice.turn = nullptr;
    for (size_t j = 0; j < m; ++j) worker.seen[j] = worker.before[view.seen[j]];
  } else {
    worker.arrival.clear();
    worker.arrival.reserve(slice.n + 1);
    worker.turn.assign(slice.n + 1, kNoTurn);
    size_t arrived = 0;
    auto arrive = [&](size_t until) {
      for (; arrived < until; ++arrived) {
        const uint32_t position = view.arrival[arrived];
        if (!counted[position]) continue;
        worker.turn[worker.before[position]] = static_cast<uint32_t>(worker.arrival.size());
        worker.arrival.push_back(worker.before[position]);
      }
    };
    for (size_t j = 0; j < m; ++j) {
      arrive(view.seen[j]);
      worker.seen[j] = static_cast<uint32_t>(worker.arrival.size());
    }
    arrive(view.arrival.size());
    slice.arrival = worker.arrival.data();
    slice.turn = worker.turn.data();
  }
  slice.seen = worker.seen.data();
  if (worker.low.size() < unit.windows.size()) worker.low.resize(unit.windows.size());
  for (size_t w = 0; w < unit.windows.size(); ++w) {
    const std::vector<uint32_t>& low = view.lower(part, plan, unit.windows[w]);
    worker.low[w].resize(m);
    for (size_t j = 0; j < m; ++j) worker.low[w][j] = worker.before[low[j]];
    slice.low.push_back(worker.low[w].data());
  }
}

// The rows of the view that the unit counts.
inline void build_slice(const Part& part, const Inputs& inputs, const Plan& plan, const Unit& unit, View& view,
                        Worker& worker, Slice& slice) {
  const uint32_t* rows = unit.dealt ? view.places : view.rows;
  slice.m = part.spine();
  slice.low.clear();
  slice.changes.clear();
  const bool some = mark_counted(part, inputs, rows, unit, view, worker);
  add_ages(part, inputs, plan, unit, view, worker, slice);
  if (some) {
    pick_rows(rows, part.events(), worker, slice);
  } else {
    slice.n = part.events();
    slice.row = rows;
  }
  if (view.leaving) {
    pick_changes(part, plan, unit, view, some ? worker.counted.data() : nullptr, worker, slice);
  } else {
    if (some) {
      pick_arrivals(part, plan, unit, view, worker, slice);
    } else {
      slice.arrival = view.by_position ? nullptr : view.arrival.data();
      slice.turn = view.by_position ? nullptr : view.turn.data();
      slice.seen = view.seen.data();
      for (const int window : unit.windows) slice.low.push_back(view.lower(part, plan, window).data());
    }
    worker.split.apply(slice);
  }
  count_windows(slice, unit.windows.size(), worker.count);
}

}  // namespace aggregates

}  // namespace bighead::temporal
