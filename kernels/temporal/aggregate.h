// Aggregates of all keys: hands parts of the timeline to threads, builds each unit's slice and runs
// it.
#pragma once

#include "buckets.h"
#include "split.h"

namespace bighead::temporal {

// What one thread keeps between parts.
struct Worker {
  uint32_t thread = 0;
  Scratch scratch;
  std::vector<std::unique_ptr<View>> views;
  size_t views_used = 0;
  Sheets* sheets = nullptr;
  Slots slots;                            // of the part that is worked on
  std::vector<std::vector<Cells>> cells;  // [job][window] of a unit over it
  std::vector<uint8_t> counted;
  std::vector<uint32_t> before, rows, arrival, turn, seen, rank, recency_where;
  std::vector<int64_t> time;
  std::vector<std::vector<uint32_t>> low, count;
  std::vector<Changes> changes;
  Split split;

  View& view(const Part& part, const std::vector<Column>& columns, const Plan& plan, int order, int ahead) {
    if (!part.ties) order = 0;
    for (size_t i = 0; i < views_used; ++i) {
      if (views[i]->order == order && views[i]->ahead == ahead) return *views[i];
    }
    if (views_used == views.size()) views.push_back(std::make_unique<View>());
    View& made = *views[views_used++];
    made.build(part, columns, plan, order, ahead);
    return made;
  }
};

namespace aggregates {

// Of the view's changes those of rows that are counted, at their places among them.
inline void pick_changes(const Part& part, const Plan& plan, const Unit& unit, View& view,
                         const uint8_t* counted, Worker& worker, Slice& slice) {
  const size_t m = part.spine(), windows = unit.windows.size();
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

// The columns of a run as they came, and those that could be dealt by the places of the events.
struct Inputs {
  const std::vector<Column>& columns;
  std::vector<Column> dealt;
  std::vector<DealtColumn> held;

  const std::vector<Column>& of(const Unit& unit) const { return unit.dealt ? dealt : columns; }

  // Deals what some unit reads by value alone, and marks those units.
  Inputs(const std::vector<Column>& given, const Timeline& line, Plan& plan) : columns(given) {
    if (!line.dealing.done()) return;
    std::vector<int> wanted;
    for (Unit& unit : plan.units) {
      unit.dealt = unit.bucket < 0;
      auto reads = [&](int column) { unit.dealt &= DealtColumn::takes(columns[static_cast<size_t>(column)]); };
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

 private:
  static bool gives_values(Shape shape) {
    return shape != Shape::kRow && shape != Shape::kRows && shape != Shape::kPairs;
  }
};

// The rows of the view that the unit counts.
inline void build_slice(const Part& part, const Inputs& inputs, const Plan& plan, const Unit& unit, View& view,
                        Worker& worker, Slice& slice) {
  const std::vector<Column>& columns = inputs.of(unit);
  const uint32_t* rows = unit.dealt ? view.places : view.rows;
  const size_t n = part.events(), m = part.spine();
  std::vector<const Column*> tested;
  for (const int arg : unit.args) {
    const Column& column = columns[static_cast<size_t>(arg)];
    if (!column.always_counted()) tested.push_back(&column);
  }
  if (unit.bucket >= 0) tested.push_back(&columns[static_cast<size_t>(unit.bucket)]);
  bool all = unit.filter < 0;
  // Rows that no window ever counts cost a place each in all that follows.
  const bool thin = view.leaving && 4 * view.stays.dead > n;
  const bool dateless = unit.decays && !part.line->undated.empty();
  if (unit.filter >= 0 || !tested.empty() || thin || dateless) {
    worker.counted.assign(n, 1);
    uint8_t* counted = worker.counted.data();
    if (unit.filter >= 0) {
      const Column& filter = columns[static_cast<size_t>(unit.filter)];
      for (size_t i = 0; i < n; ++i) counted[i] = filter.is_true(rows[i]);
    }
    for (const Column* column : tested) {
      if (column->always_counted()) continue;
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
    all = kept == n;
  }
  slice.m = m;
  slice.low.clear();
  slice.changes.clear();
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
  if (all) {
    slice.n = n;
    slice.row = rows;
    if (view.leaving) {
      slice.arrival = slice.turn = slice.seen = nullptr;
      slice.prompt = slice.late = nullptr;
      pick_changes(part, plan, unit, view, nullptr, worker, slice);
      count_windows(slice, unit.windows.size(), worker.count);
      return;
    }
    slice.arrival = view.by_position ? nullptr : view.arrival.data();
    slice.turn = view.by_position ? nullptr : view.turn.data();
    slice.seen = view.seen.data();
    for (const int window : unit.windows) slice.low.push_back(view.lower(part, plan, window).data());
    worker.split.apply(slice);
    count_windows(slice, unit.windows.size(), worker.count);
    return;
  }
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
  if (view.leaving) {
    slice.arrival = slice.turn = slice.seen = nullptr;
    slice.prompt = slice.late = nullptr;
    pick_changes(part, plan, unit, view, counted, worker, slice);
    count_windows(slice, unit.windows.size(), worker.count);
    return;
  }
  worker.seen.resize(m);
  if (view.by_position) {
    slice.arrival = slice.turn = nullptr;
    for (size_t j = 0; j < m; ++j) worker.seen[j] = worker.before[view.seen[j]];
  } else {
    worker.arrival.clear();
    worker.arrival.reserve(kept + 1);
    worker.turn.assign(kept + 1, kNoTurn);
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
  worker.split.apply(slice);
  count_windows(slice, unit.windows.size(), worker.count);
}

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

inline Cells cells_of(Output* out, Worker& worker) {
  if (out == nullptr) return {};
  Slots& slots = worker.slots;
  return {out->shape, slots.values(*out), slots.stride(*out),
          out->shape == Shape::kInt ? slots.valid(*out) : nullptr, slots.valid_stride(),
          &out->items[worker.thread], worker.thread};
}

inline void run_part(Part part, const Inputs& inputs, const Plan& plan, Worker& worker) {
  const Timeline& line = *part.line;
  part.ties = false;
  for (size_t i = part.e0 + 1; i < part.e1 && !part.ties; ++i) part.ties = line.ties(i);
  worker.views_used = 0;
  worker.slots.open(*worker.sheets, part.spine());
  Slice slice;
  const Unit* built = nullptr;
  for (size_t u = 0; u < plan.units.size(); ++u) {
    const Unit& unit = plan.units[u];
    // Without ties the order of tied rows does not tell units apart.
    if (built == nullptr || part.ties || !unit.reads_like(*built)) {
      View& view = worker.view(part, inputs.columns, plan, unit.order, unit.ahead);
      build_slice(part, inputs, plan, unit, view, worker, slice);
      built = &unit;
    }
    if (slice.n == 0) continue;
    if (unit.bucket >= 0) {
      run_buckets(part, inputs.columns, unit, slice, worker.thread, worker.scratch, worker.slots);
    } else {
      worker.cells.resize(std::max(worker.cells.size(), unit.jobs.size()));
      for (size_t job = 0; job < unit.jobs.size(); ++job) {
        worker.cells[job].clear();
        for (Output* out : unit.jobs[job].out) worker.cells[job].push_back(cells_of(out, worker));
      }
      Runner({inputs.of(unit), unit, slice, worker.cells, line.spine_row.data() + part.s0, worker.scratch}).run();
    }
  }
  worker.slots.settle(*worker.sheets, line.spine_row.data() + part.s0);
}

// Whole keys, several a task, and hot keys in stretches of their spine rows.
inline std::vector<Part> parts_of(const Timeline& line, const Plan& plan) {
  std::vector<Part> parts;
  const size_t keys = line.event_start.size() - 1;
  const size_t total = line.event_time.size() + line.spine_time.size();
  const size_t hot = std::max<size_t>(1 << 16, total / (static_cast<size_t>(line.threads) * 8));
  int64_t back = 0;
  bool all_history = false;
  int64_t ahead = 0;
  for (const WindowSpec& window : plan.windows) {
    if (window.forward) {
      ahead = std::max(ahead, window.width < 0 ? kNever : window.width);
    } else if (window.width < 0) {
      all_history = true;
    } else {
      int64_t reach;
      if (__builtin_add_overflow(window.width, window.tail, &reach)) reach = kNever;
      back = std::max(back, reach);
    }
  }
  for (size_t key = 0; key < keys; ++key) {
    Part part;
    part.line = &line;
    part.e0 = line.event_start[key];
    part.e1 = line.event_start[key + 1];
    part.s0 = line.spine_start[key];
    part.s1 = line.spine_start[key + 1];
    if (part.events() == 0 || part.spine() == 0) continue;
    const size_t weight = part.events() + part.spine();
    if (line.threads == 1 || weight <= hot || part.spine() < 2) {
      parts.push_back(part);
      continue;
    }
    const int64_t* time = line.event_time.data();
    size_t pieces = std::min(part.spine(), (weight + hot - 1) / hot);
    // A piece reads its events from the start of its longest window on: few pieces where that is far.
    const auto span = static_cast<uint64_t>(time[part.e1 - 1]) - static_cast<uint64_t>(time[part.e0]);
    if (all_history || static_cast<uint64_t>(back) > span / pieces) {
      // What is read twice is only worth it where this key would keep the other threads waiting.
      const bool alone = 10 * weight * static_cast<size_t>(line.threads) > 14 * total;
      pieces = alone ? std::min(pieces, static_cast<size_t>(line.threads)) : 1;
    }
    for (size_t piece = 0; piece < pieces; ++piece) {
      Part cut = part;
      cut.s0 = part.s0 + part.spine() * piece / pieces;
      cut.s1 = part.s0 + part.spine() * (piece + 1) / pieces;
      if (cut.s0 == cut.s1) continue;
      const int64_t first = line.spine_time[cut.s0], last = line.spine_time[cut.s1 - 1];
      int64_t end;
      if (__builtin_add_overflow(last, ahead, &end)) end = kNever;
      if (!all_history) {
        cut.e0 = static_cast<size_t>(
            std::lower_bound(time + part.e0, time + part.e1, below(first, back)) - time);
      }
      // An event may count whenever it happens.
      if (!plan.whenever) {
        cut.e1 = static_cast<size_t>(std::upper_bound(time + cut.e0, time + part.e1, end) - time);
      }
      if (cut.e0 < cut.e1) parts.push_back(cut);
    }
  }
  // Large parts first, or the last one is waited for; the others stay in order of memory.
  auto large = [&](const Part& part) { return part.events() + part.spine() > total / 64; };
  const auto rest = std::stable_partition(parts.begin(), parts.end(), large);
  std::stable_sort(parts.begin(), rest, [](const Part& a, const Part& b) { return a.events() > b.events(); });
  return parts;
}

}  // namespace aggregates

inline std::vector<std::vector<std::shared_ptr<Node>>> aggregate(const Timeline& line,
                                                                 std::vector<Column>& columns,
                                                                 const std::vector<Spec>& specs) {
  for (const Spec& spec : specs) plan::check(spec, columns);
  for (const Column& column : columns) {
    if (static_cast<size_t>(column.length) != line.event_rows) {
      invalid("a column has " + std::to_string(column.length) + " rows, the events " +
              std::to_string(line.event_rows));
    }
  }
  std::vector<std::vector<Output>> outputs(specs.size());
  for (size_t s = 0; s < specs.size(); ++s) {
    outputs[s].resize(specs[s].windows.size());
    for (Output& output : outputs[s]) {
      plan::shape_of(specs[s], columns, output);
      output.items.resize(static_cast<size_t>(line.threads));
      output.entries.resize(static_cast<size_t>(line.threads));
    }
  }
  Plan plan = make_plan(specs, outputs);
  for (const WindowSpec& window : plan.windows) {
    if (window.forward && line.leaves()) invalid("no window looks ahead over rows that end");
  }
  for (Unit& unit : plan.units) {
    for (Job& job : unit.jobs) {
      job.out.resize(unit.windows.size(), nullptr);
      job.window.resize(unit.windows.size(), -1);
    }
  }
  // Columns whose order matters get their ranks.
  std::vector<uint8_t> ordered(columns.size(), 0);
  for (const std::vector<int>& order : plan.orders) {
    for (const int column : order) ordered[static_cast<size_t>(column)] = 1;
  }
  for (const Unit& unit : plan.units) {
    if (unit.bucket >= 0) ordered[static_cast<size_t>(unit.bucket)] = 1;
    for (const Job& job : unit.jobs) {
      switch (job.kind) {
        case Kind::kCount:
        case Kind::kCountRows:
        case Kind::kSum:
        case Kind::kAvg:
        case Kind::kVarPop:
        case Kind::kVarSamp:
        case Kind::kStddevPop:
        case Kind::kStddevSamp:
        case Kind::kSkewness:
        case Kind::kKurtosis:
        case Kind::kApproxCountDistinct:
        case Kind::kDecayedSum:
        case Kind::kDecayedCount:
        case Kind::kVectorSum:
        case Kind::kVectorAvg: break;
        default:
          for (const int arg : unit.args) ordered[static_cast<size_t>(arg)] = 1;
      }
    }
  }
  for (size_t c = 0; c < columns.size(); ++c) {
    if (ordered[c]) rank_values(columns[c], line.threads);
  }
  std::vector<Part> parts = aggregates::parts_of(line, plan);
  // Tasks of some thousand rows; the order of parts keeps neighbours in memory together.
  std::vector<size_t> tasks{0};
  size_t weight = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    weight += parts[i].events() + parts[i].spine();
    if (weight >= 1 << 15) {
      tasks.push_back(i + 1);
      weight = 0;
    }
  }
  if (tasks.back() != parts.size()) tasks.push_back(parts.size());
  Sheets sheets = lay_out(outputs, line.spine_rows);
  std::vector<Worker> workers(static_cast<size_t>(line.threads));
  for (size_t thread = 0; thread < workers.size(); ++thread) {
    workers[thread].thread = static_cast<uint32_t>(thread);
    workers[thread].sheets = &sheets;
  }
  const aggregates::Inputs inputs(columns, line, plan);
  const std::vector<aggregates::Touched> touched = aggregates::touched_columns(columns, plan);
  over_tasks(line.threads, tasks.size() - 1, [&](int thread, size_t task) {
    for (size_t i = tasks[task]; i < tasks[task + 1]; ++i) {
      if (i + 1 < tasks[task + 1]) aggregates::prefetch(parts[i + 1], touched);
      aggregates::run_part(parts[i], inputs, plan, workers[static_cast<size_t>(thread)]);
    }
  });
  FaultAt overflow, unequal;
  for (const Worker& worker : workers) {
    overflow.report(worker.scratch.overflow);
    unequal.report(worker.scratch.unequal);
  }
  if (unequal.found()) {
    throw Fault(FaultKind::kLengths, "vectors of unequal lengths", unequal.spec, unequal.window, unequal.row);
  }
  if (overflow.found()) {
    throw Fault(FaultKind::kOverflow, "overflow", overflow.spec, overflow.window, overflow.row);
  }
  workers.clear();
  std::vector<std::shared_ptr<Node>> nodes;
  for (const std::vector<Output>& of_spec : outputs) nodes.resize(nodes.size() + of_spec.size());
  for (Sheet& sheet : sheets.all) read_off(sheet, sheets.written, line.threads, nodes);
  std::vector<std::vector<std::shared_ptr<Node>>> results;
  auto next = nodes.begin();
  for (const std::vector<Output>& of_spec : outputs) {
    results.emplace_back(next, next + static_cast<ptrdiff_t>(of_spec.size()));
    next += static_cast<ptrdiff_t>(of_spec.size());
  }
  return results;
}

}  // namespace bighead::temporal
