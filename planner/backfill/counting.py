"""How many rows the spine has a day, counted once for the same files."""

from __future__ import annotations

import numpy as np

from bighead.planner.backfill import spine
from bighead.planner.backfill.columns import digest, meaning_of
from bighead.planner.backfill.days import Days, day_of
from bighead.planner.backfill.inputs import Inputs
from bighead.planner.backfill.manifest import Counts
from bighead.planner.backfill.running import Compute, day_numbers
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.ir.nodes import Scan, walk


def counted(
    training_set: TrainingSet,
    inputs: Inputs,
    days: Days | None,
    compute: Compute,
    known: Counts | None,
) -> Counts:
    """The rows of the spine by day (of `days`, or of all), and how many have no time.

    `known` is given back where it was counted from the same files.
    """
    plan = spine.times(training_set, days)
    names = {n.source.name for n in walk(plan) if isinstance(n, Scan)}
    files = (f"{name}\0{f.name}\0{f.mark}" for name in names for f in inputs.get(name, ()))
    seen = digest(meaning_of(plan), *sorted(files))
    if known is not None and known.seen == seen:
        return known
    found = compute(plan, {}).column(spine.TIME)
    numbers, counts = np.unique(day_numbers(found.drop_null()), return_counts=True)
    by_day = {str(day_of(int(n))): int(c) for n, c in zip(numbers, counts, strict=True)}
    return Counts(seen, by_day, found.null_count)
