// What one thread keeps from one part of the timeline to the next.
#pragma once

#include <memory>

#include "scratch.h"
#include "sheet.h"
#include "split.h"
#include "view.h"

namespace bighead::temporal {

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

}  // namespace bighead::temporal
