#include "aggregate.h"

#include "buckets.h"
#include "build_slice.h"
#include "parts.h"

namespace bighead::temporal {

namespace aggregates {

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
  for (const Unit& unit : plan.units) {
    // Without ties the order of tied rows does not tell units apart.
    if (built == nullptr || part.ties || !unit.reads_like(*built)) {
      View& view = worker.view(part, inputs.columns, plan, unit.order, unit.ahead);
      build_slice(part, inputs, plan, unit, view, worker, slice);
      built = &unit;
    }
    if (slice.n == 0) continue;
    if (unit.bucket >= 0) {
      run_buckets(part, inputs.columns, unit, slice, worker.thread, worker.scratch, worker.slots);
      continue;
    }
    worker.cells.resize(std::max(worker.cells.size(), unit.jobs.size()));
    for (size_t job = 0; job < unit.jobs.size(); ++job) {
      worker.cells[job].clear();
      for (Output* out : unit.jobs[job].out) worker.cells[job].push_back(cells_of(out, worker));
    }
    run({inputs.of(unit), unit, slice, worker.cells, line.spine_row.data() + part.s0, worker.scratch});
  }
  worker.slots.settle(*worker.sheets, line.spine_row.data() + part.s0);
}

inline void check(const Timeline& line, const std::vector<Column>& columns, const std::vector<Spec>& specs) {
  for (const Spec& spec : specs) plan::check(spec, columns);
  for (const Column& column : columns) {
    if (static_cast<size_t>(column.length) != line.event_rows) {
      invalid("a column has " + std::to_string(column.length) + " rows, the events " +
              std::to_string(line.event_rows));
    }
  }
}

// [specs][windows]
inline std::vector<std::vector<Output>> outputs_of(const std::vector<Spec>& specs, const std::vector<Column>& columns,
                                                   int threads) {
  std::vector<std::vector<Output>> outputs(specs.size());
  for (size_t s = 0; s < specs.size(); ++s) {
    outputs[s].resize(specs[s].windows.size());
    for (Output& output : outputs[s]) {
      plan::shape_of(specs[s], columns, output);
      output.items.resize(static_cast<size_t>(threads));
      output.entries.resize(static_cast<size_t>(threads));
    }
  }
  return outputs;
}

// Whether an aggregate goes by the order of its arguments' values.
inline bool orders_values(Kind kind) {
  switch (kind) {
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
    case Kind::kVectorAvg: return false;
    default: return true;
  }
}

// Columns whose order matters get their ranks.
inline void rank_columns(std::vector<Column>& columns, const Plan& plan, int threads) {
  std::vector<uint8_t> ordered(columns.size(), 0);
  for (const std::vector<int>& order : plan.orders) {
    for (const int column : order) ordered[static_cast<size_t>(column)] = 1;
  }
  for (const Unit& unit : plan.units) {
    if (unit.bucket >= 0) ordered[static_cast<size_t>(unit.bucket)] = 1;
    for (const Job& job : unit.jobs) {
      if (!orders_values(job.kind)) continue;
      for (const int arg : unit.args) ordered[static_cast<size_t>(arg)] = 1;
    }
  }
  for (size_t c = 0; c < columns.size(); ++c) {
    if (ordered[c]) rank_values(columns[c], threads);
  }
}

// Ends of tasks of some thousand rows; the order of parts keeps neighbours in memory together.
inline std::vector<size_t> tasks_of(const std::vector<Part>& parts) {
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
  return tasks;
}

inline void raise_first_fault(const std::vector<Worker>& workers) {
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
}

}  // namespace aggregates

std::vector<std::vector<std::shared_ptr<Node>>> aggregate(const Timeline& line, std::vector<Column>& columns,
                                                          const std::vector<Spec>& specs) {
  aggregates::check(line, columns, specs);
  std::vector<std::vector<Output>> outputs = aggregates::outputs_of(specs, columns, line.threads);
  Plan plan = make_plan(specs, outputs);
  for (const WindowSpec& window : plan.windows) {
    if (window.forward && line.leaves()) invalid("no window looks ahead over rows that end");
  }
  aggregates::rank_columns(columns, plan, line.threads);
  const std::vector<Part> parts = aggregates::parts_of(line, plan);
  const std::vector<size_t> tasks = aggregates::tasks_of(parts);
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
      if (i + 1 < tasks[task + 1]) {
        aggregates::prefetch(parts[i + 1], touched);
        sheets.fetch(line.spine_row.data() + parts[i + 1].s0, parts[i + 1].spine());
      }
      aggregates::run_part(parts[i], inputs, plan, workers[static_cast<size_t>(thread)]);
    }
  });
  aggregates::raise_first_fault(workers);
  workers.clear();
  std::vector<std::shared_ptr<Node>> nodes;
  for (const std::vector<Output>& of_spec : outputs) nodes.resize(nodes.size() + of_spec.size());
  for (Sheet& sheet : sheets.all) read_off(sheet, sheets, line.threads, nodes);
  std::vector<std::vector<std::shared_ptr<Node>>> results;
  auto next = nodes.begin();
  for (const std::vector<Output>& of_spec : outputs) {
    results.emplace_back(next, next + static_cast<ptrdiff_t>(of_spec.size()));
    next += static_cast<ptrdiff_t>(of_spec.size());
  }
  return results;
}

}  // namespace bighead::temporal
