// Runs a unit's aggregates over one slice and puts what they give into cells.
#pragma once

#include "context.h"

namespace bighead::temporal {

void run(const Context& context);

}  // namespace bighead::temporal
