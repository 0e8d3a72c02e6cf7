// Aggregates of all keys: hands parts of the timeline to threads, builds each unit's slice and runs
// it.
#pragma once

#include "plan.h"

namespace bighead::temporal {

// For each spec and each of its windows a column of results, one a spine row; see `_temporal.pyi`.
// Columns whose order matters get their ranks.
std::vector<std::vector<std::shared_ptr<Node>>> aggregate(const Timeline& line, std::vector<Column>& columns,
                                                          const std::vector<Spec>& specs);

}  // namespace bighead::temporal
