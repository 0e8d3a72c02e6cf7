// Aggregates of all keys: hands parts of the timeline to threads, builds each unit's slice, runs it,
// and with a bucket runs it once a bucket over the spine rows whose window holds that bucket.
#pragma once

#include "output.h"
#include "run.h"
#include "split.h"
#include "view.h"

namespace bighead::temporal {

// What one thread keeps between parts.
struct Worker {
  uint32_t thread = 0;
  Scratch scratch;
  std::vector<std::unique_ptr<View>> views;
  size_t views_used = 0;
  std::vector<std::vector<std::vector<Cells>>> cells;  // [unit][job][window], unbucketed
  std::vector<std::vector<Cells>> shifted;             // those of a unit, from a part's first slot on
  std::vector<uint8_t> counted;
  std::vector<uint32_t> before, rows, arrival, turn, seen, rank, recency_where;
  std::vector<std::vector<uint32_t>> low, count;
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

inline void count_windows(Slice& slice, size_t windows, std::vector<std::vector<uint32_t>>& counts) {
  if (counts.size() < windows) counts.resize(windows);
  slice.count.clear();
  for (size_t w = 0; w < windows; ++w) {
    counts[w].resize(slice.m);
    uint32_t* count = counts[w].data();
    if (slice.ordered()) {
      for (size_t j = 0; j < slice.m; ++j) count[j] = slice.seen[j] - slice.low[w][j];
    } else if (slice.prompt != nullptr) {
      const Slice& prompt = *slice.prompt;
      uint32_t inside = 0;
      sweep(*slice.late, w, [&](size_t) { ++inside; }, [&](size_t) { --inside; },
            [&](size_t j) { count[j] = inside + prompt.seen[j] - prompt.low[w][j]; });
    } else {
      uint32_t inside = 0;
      sweep(slice, w, [&](size_t) { ++inside; }, [&](size_t) { --inside; },
            [&](size_t j) { count[j] = inside; });
    }
    slice.count.push_back(count);
  }
}

// The rows of the view that the unit counts.
inline void build_slice(const Part& part, const std::vector<Column>& columns, const Plan& plan,
                        const Unit& unit, View& view, Worker& worker, Slice& slice) {
  const size_t n = part.events(), m = part.spine();
  std::vector<const Column*> tested;
  for (const int arg : unit.args) {
    const Column& column = columns[static_cast<size_t>(arg)];
    if (!column.always_counted()) tested.push_back(&column);
  }
  if (unit.bucket >= 0) tested.push_back(&columns[static_cast<size_t>(unit.bucket)]);
  bool all = unit.filter < 0;
  if (unit.filter >= 0 || !tested.empty()) {
    worker.counted.assign(n, 1);
    uint8_t* counted = worker.counted.data();
    if (unit.filter >= 0) {
      const Column& filter = columns[static_cast<size_t>(unit.filter)];
      for (size_t i = 0; i < n; ++i) counted[i] = filter.is_true(view.rows[i]);
    }
    for (const Column* column : tested) {
      if (column->always_counted()) continue;
      if (column->type == Type::kF64 && column->validity == nullptr) {
        for (size_t i = 0; i < n; ++i) counted[i] &= !std::isnan(column->at<double>(view.rows[i]));
      } else {
        for (size_t i = 0; i < n; ++i) counted[i] &= column->counted(view.rows[i]);
      }
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; ++i) kept += counted[i];
    all = kept == n;
  }
  slice.m = m;
  slice.low.clear();
  slice.rank = nullptr;
  if (unit.recency >= 0 && part.ties) {
    // Recency as the place of each row in its own order of tied rows.
    refine(part, columns, plan.orders[static_cast<size_t>(unit.recency)], worker.recency_where);
    std::vector<uint32_t> place(n);
    for (size_t i = 0; i < n; ++i) place[worker.recency_where[i]] = static_cast<uint32_t>(i);
    worker.rank.resize(n);
    for (size_t i = 0; i < n; ++i) worker.rank[i] = place[view.place(i)];
    slice.rank = worker.rank.data();
  }
  if (all) {
    slice.n = n;
    slice.row = view.rows;
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
    worker.rows[kept] = view.rows[i];
    if (slice.rank != nullptr) worker.rank[kept] = worker.rank[i];
    kept += counted[i];
  }
  worker.before[n] = kept;
  slice.n = kept;
  slice.row = worker.rows.data();
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

// The bucketed results of one window of one part: values by (bucket, spine row), then put in order
// of spine rows.
struct Gathered {
  std::vector<uint32_t> at;      // which spine row of the part
  std::vector<int64_t> bucket;
  std::vector<char> values;
};

inline void run_buckets(const Part& part, const std::vector<Column>& columns, const Unit& unit,
                        const Slice& slice, Worker& worker) {
  const size_t n = slice.n, m = slice.m;
  if (n == 0) return;
  const Timeline& line = *part.line;
  const uint32_t* spine_rows = line.spine_row.data() + part.s0;
  // Positions by bucket, buckets in order.
  const Column& column = columns[static_cast<size_t>(unit.bucket)];
  std::vector<std::pair<int64_t, uint32_t>> by_bucket(n);
  with_values(column, [&](auto value) {
    for (size_t i = 0; i < n; ++i) by_bucket[i] = {value(slice.row[i]), static_cast<uint32_t>(i)};
  });
  std::sort(by_bucket.begin(), by_bucket.end());
  std::vector<uint32_t> visible_at(n, static_cast<uint32_t>(m)), ends_at(n);
  size_t arrived = 0;
  for (size_t j = 0; j < m; ++j) {
    for (; arrived < slice.seen[j]; ++arrived) visible_at[slice.arrived(arrived)] = static_cast<uint32_t>(j);
  }
  Slice inner;
  std::vector<uint32_t> rows, arrival, turn, seen, low, count, js, spine_of, rank, order;
  std::vector<std::vector<Cells>> cells(unit.jobs.size());
  std::vector<std::vector<char>> values(unit.jobs.size());
  std::vector<std::vector<uint8_t>> valid(unit.jobs.size());
  for (size_t w = 0; w < unit.windows.size(); ++w) {
    size_t position = 0;
    for (size_t j = 0; j < m; ++j) {
      for (; position < slice.low[w][j]; ++position) ends_at[position] = static_cast<uint32_t>(j);
    }
    for (; position < n; ++position) ends_at[position] = static_cast<uint32_t>(m);
    std::vector<Gathered> gathered(unit.jobs.size());
    // The unit with this window alone.
    Unit single = unit;
    single.windows = {unit.windows[w]};
    for (Job& job : single.jobs) {
      job.out = {job.out[w]};
      job.window = {job.window[w]};
    }
    for (size_t begin = 0; begin < n;) {
      size_t end = begin;
      while (end < n && by_bucket[end].first == by_bucket[begin].first) ++end;
      const size_t size = end - begin;
      // Events of the bucket in order of arrival, and the spine rows that see one of them.
      order.resize(size);
      for (size_t i = 0; i < size; ++i) order[i] = static_cast<uint32_t>(i);
      auto place = [&](uint32_t i) { return by_bucket[begin + i].second; };
      if (!slice.ordered()) {
        std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
          return slice.turn[place(a)] < slice.turn[place(b)];
        });
      }
      js.clear();
      uint32_t next = 0;
      for (size_t i = 0; i < size; ++i) {
        const uint32_t at = place(order[i]);
        next = std::max(next, visible_at[at]);
        for (; next < ends_at[at]; ++next) js.push_back(next);
      }
      if (js.empty()) {
        begin = end;
        continue;
      }
      const size_t inner_m = js.size();
      rows.resize(size);
      rank.resize(size);
      for (size_t i = 0; i < size; ++i) {
        rows[i] = slice.row[place(static_cast<uint32_t>(i))];
        if (slice.rank != nullptr) rank[i] = slice.rank[place(static_cast<uint32_t>(i))];
      }
      seen.resize(inner_m);
      low.resize(inner_m);
      spine_of.resize(inner_m);
      size_t entered = 0, first = 0;
      for (size_t j = 0; j < inner_m; ++j) {
        while (entered < size && visible_at[place(order[entered])] <= js[j]) ++entered;
        while (first < size && place(static_cast<uint32_t>(first)) < slice.low[w][js[j]]) ++first;
        seen[j] = static_cast<uint32_t>(entered);
        low[j] = static_cast<uint32_t>(first);
        spine_of[j] = spine_rows[js[j]];
      }
      inner.n = size;
      inner.m = inner_m;
      inner.row = rows.data();
      inner.rank = slice.rank != nullptr ? rank.data() : nullptr;
      inner.seen = seen.data();
      inner.low = {low.data()};
      if (slice.ordered()) {
        inner.arrival = inner.turn = nullptr;
        for (size_t j = 0; j < inner_m; ++j) low[j] = std::min(low[j], seen[j]);
      } else {
        arrival.clear();
        turn.assign(size, kNoTurn);
        for (const uint32_t i : order) {
          if (slice.turn[place(i)] == kNoTurn) continue;
          turn[i] = static_cast<uint32_t>(arrival.size());
          arrival.push_back(i);
        }
        inner.arrival = arrival.data();
        inner.turn = turn.data();
      }
      std::vector<std::vector<uint32_t>> counts;
      count_windows(inner, 1, counts);
      for (size_t job = 0; job < single.jobs.size(); ++job) {
        Output* out = single.jobs[job].out[0];
        cells[job].assign(1, Cells{});
        if (out == nullptr) continue;
        values[job].assign(inner_m * slot_size(out->shape), 0);
        valid[job].assign(inner_m, 0);
        cells[job][0] = {out->shape, values[job].data(), out->shape == Shape::kInt ? valid[job].data() : nullptr,
                         &out->items[worker.thread], worker.thread};
      }
      Runner(columns, single, inner, cells, spine_of.data(), worker.scratch).run();
      for (size_t job = 0; job < single.jobs.size(); ++job) {
        Output* out = single.jobs[job].out[0];
        if (out == nullptr) continue;
        const size_t bytes = slot_size(out->shape);
        const int64_t holder = rows[0];
        Gathered& to = gathered[job];
        for (size_t j = 0; j < inner_m; ++j) {
          to.at.push_back(js[j]);
          // A value that is NULL (a sample's variance of one row) is marked by a negative row.
          const bool held = holds(out->shape, values[job].data() + j * bytes, &valid[job][j]);
          to.bucket.push_back(held ? holder : ~holder);
          to.values.insert(to.values.end(), values[job].data() + j * bytes,
                           values[job].data() + (j + 1) * bytes);
        }
      }
      begin = end;
    }
    for (size_t job = 0; job < single.jobs.size(); ++job) {
      Output* out = single.jobs[job].out[0];
      if (out == nullptr) continue;
      const Gathered& from = gathered[job];
      Output::Entries& to = out->entries[worker.thread];
      const size_t bytes = slot_size(out->shape), base = to.bucket.size();
      std::vector<uint32_t> start(m + 1, 0);
      for (const uint32_t j : from.at) ++start[j + 1];
      for (size_t j = 0; j < m; ++j) start[j + 1] += start[j];
      to.bucket.resize(base + from.at.size());
      to.values.resize((base + from.at.size()) * bytes);
      std::vector<uint32_t> fill(start.begin(), start.end() - 1);
      for (size_t i = 0; i < from.at.size(); ++i) {
        const size_t slot = base + fill[from.at[i]]++;
        to.bucket[slot] = from.bucket[i];
        std::memcpy(to.values.data() + slot * bytes, from.values.data() + i * bytes, bytes);
      }
      for (size_t j = 0; j < m; ++j) {
        if (start[j] == start[j + 1]) continue;
        const ListCell cell{base + start[j], start[j + 1] - start[j], worker.thread};
        std::memcpy(out->values.as<char>() + 16 * (part.s0 + j), &cell, 16);
      }
    }
  }
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

inline void run_part(Part part, const std::vector<Column>& columns, const Plan& plan, Worker& worker) {
  const Timeline& line = *part.line;
  part.ties = false;
  for (size_t i = part.e0 + 1; i < part.e1 && !part.ties; ++i) part.ties = line.ties(i);
  worker.views_used = 0;
  Slice slice;
  const Unit* built = nullptr;
  for (size_t u = 0; u < plan.units.size(); ++u) {
    const Unit& unit = plan.units[u];
    // Without ties the order of tied rows does not tell units apart.
    if (built == nullptr || part.ties || !unit.reads_like(*built)) {
      View& view = worker.view(part, columns, plan, unit.order, unit.ahead);
      build_slice(part, columns, plan, unit, view, worker, slice);
      built = &unit;
    }
    if (slice.n == 0) continue;
    if (unit.bucket >= 0) {
      run_buckets(part, columns, unit, slice, worker);
    } else {
      worker.shifted.resize(unit.jobs.size());
      for (size_t job = 0; job < unit.jobs.size(); ++job) {
        worker.shifted[job].clear();
        for (const Cells& cells : worker.cells[u][job]) worker.shifted[job].push_back(cells.from(part.s0));
      }
      Runner(columns, unit, slice, worker.shifted, line.spine_row.data() + part.s0, worker.scratch).run();
    }
  }
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
      cut.e1 = static_cast<size_t>(std::upper_bound(time + cut.e0, time + part.e1, end) - time);
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
      const size_t slot = output.bucketed ? sizeof(ListCell) : slot_size(output.shape);
      output.values = Buffer(line.spine_row.size() * slot);
      if (output.shape == Shape::kInt && !output.bucketed) output.valid = Buffer(line.spine_row.size());
      output.items.resize(static_cast<size_t>(line.threads));
      output.entries.resize(static_cast<size_t>(line.threads));
    }
  }
  Plan plan = make_plan(specs, outputs);
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
        case Kind::kStddevSamp: break;
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
  std::vector<Worker> workers(static_cast<size_t>(line.threads));
  for (size_t thread = 0; thread < workers.size(); ++thread) {
    Worker& worker = workers[thread];
    worker.thread = static_cast<uint32_t>(thread);
    for (const Unit& unit : plan.units) {
      auto& of_unit = worker.cells.emplace_back();
      for (const Job& job : unit.jobs) {
        auto& of_job = of_unit.emplace_back();
        for (Output* out : job.out) {
          of_job.push_back(out == nullptr || out->bucketed
                               ? Cells{}
                               : Cells{out->shape, out->values.as<char>(), out->valid.as<uint8_t>(),
                                       &out->items[thread], worker.thread});
        }
      }
    }
  }
  const std::vector<aggregates::Touched> touched = aggregates::touched_columns(columns, plan);
  over_tasks(line.threads, tasks.size() - 1, [&](int thread, size_t task) {
    for (size_t i = tasks[task]; i < tasks[task + 1]; ++i) {
      if (i + 1 < tasks[task + 1]) aggregates::prefetch(parts[i + 1], touched);
      aggregates::run_part(parts[i], columns, plan, workers[static_cast<size_t>(thread)]);
    }
  });
  OverflowAt overflow;
  for (const Worker& worker : workers) {
    const OverflowAt& other = worker.scratch.overflow;
    if (other.found()) overflow.report(other.spec, other.window, other.row);
  }
  if (overflow.found()) {
    throw Fault(FaultKind::kOverflow, "overflow", overflow.spec, overflow.window, overflow.row);
  }
  std::vector<std::vector<std::shared_ptr<Node>>> results(specs.size());
  std::vector<uint32_t> place(line.spine_rows, kNoSlot);
  for (size_t i = 0; i < line.spine_row.size(); ++i) place[line.spine_row[i]] = static_cast<uint32_t>(i);
  std::vector<std::pair<Output*, std::shared_ptr<Node>*>> open;
  for (size_t s = 0; s < specs.size(); ++s) {
    results[s].resize(outputs[s].size());
    for (size_t w = 0; w < outputs[s].size(); ++w) open.emplace_back(&outputs[s][w], &results[s][w]);
  }
  over_tasks(line.threads, open.size(), [&](int, size_t i) {
    *open[i].second = close(*open[i].first, place, line.spine_row.size() == line.spine_rows);
    *open[i].first = Output();
  });
  return results;
}

}  // namespace bighead::temporal
