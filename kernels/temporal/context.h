// What the aggregates of a unit run over: its slice, where results go, and memory to work in.
#pragma once

#include "plan.h"
#include "scratch.h"

namespace bighead::temporal {

struct Context {
  const std::vector<Column>& columns;
  const Unit& unit;
  const Slice& slice;
  const std::vector<std::vector<Cells>>& cells;  // [jobs][windows]; without values where not wanted
  const uint32_t* spine_rows;                    // [m] for reports of faults
  Scratch& scratch;

  const Column& column(int number) const { return columns[static_cast<size_t>(number)]; }

  // The jobs of these kinds that a window's result is wanted of.
  template <class Is>
  const std::vector<size_t>& wanted(size_t w, Is is) const {
    scratch.wanted.clear();
    for (size_t job = 0; job < unit.jobs.size(); ++job) {
      if (is(unit.jobs[job].kind) && cells[job][w].values != nullptr) scratch.wanted.push_back(job);
    }
    return scratch.wanted;
  }
};

}  // namespace bighead::temporal
