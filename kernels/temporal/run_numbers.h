// Aggregates that add numbers up, of a unit's first argument, into cells.
#pragma once

#include "context.h"

namespace bighead::temporal {

// All SUM, AVG, moments and shapes of the unit.
void run_numbers(const Context& run);

// One job: SUM or AVG of vectors; DECAYED_SUM or DECAYED_COUNT.
void run_vectors(const Context& run, size_t job);
void run_decayed(const Context& run, size_t job);

}  // namespace bighead::temporal
