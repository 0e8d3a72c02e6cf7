"""Row look-ups: the nearest event of each spine row, or the nearest of an entity's valid rows.

The kernel knows what is nearest, and which rows are valid. What it does not know is decided here,
on candidates that it hands out nearest first: conditions that read both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.kernels.temporal import Timeline
from bighead.planner.engines.datafusion.events import Prepared
from bighead.planner.engines.datafusion.ordinal import comparable
from bighead.planner.engines.datafusion.rows import (
    Numbers,
    column,
    exported,
    numbers,
    table_of,
    taken,
    unique,
    values,
)
from bighead.zipline.expressions.arrow import Array, make
from bighead.zipline.ir.expr import Expr, columns_of
from bighead.zipline.ir.nodes import Lookup, TemporalJoin

FIRST_CANDIDATES = 1
MOST_CANDIDATES = 64

Mask = npt.NDArray[np.bool_]
Accept = Callable[[Numbers, Numbers], Mask]
"""Which pairs of (spine row, event row) may be joined."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of a look-up."""

    join: TemporalJoin
    lookup: Lookup
    spine: pa.Table
    spine_time: Array
    events: Prepared
    threads: int


def look_up(sides: Sides, timeline: Timeline) -> Array:
    """The number of the event row of each spine row, NULL where there is none."""
    lookup = sides.lookup
    ties = ties_of(sides.events)
    if lookup.residual is None:
        return exported(timeline.lookup(ties, lookup.tolerance, lookup.forward))
    return _first_accepted(sides, timeline, ties, _residual(sides))


def ties_of(events: Prepared) -> list[Array]:
    """The columns that order rows of equal time and sequence: the whole row, as it is declared."""
    return [comparable(column(events.table, name)) for name in events.table.column_names]


def _residual(sides: Sides) -> Accept:
    condition = sides.lookup.residual
    assert condition is not None
    reads = columns_of(condition)
    # A column of the spine may have the look of `alias.column` only if it is not the other side's.
    theirs = {f"{sides.join.alias}.{n}": n for n in sides.events.table.column_names}
    event_names = [n for n in reads if n in theirs]
    spine_names = [n for n in reads if n not in theirs]

    def accept(spine_rows: Numbers, event_rows: Numbers) -> Mask:
        left = taken(sides.spine.select(spine_names), make(spine_rows))
        right = taken(
            sides.events.table.select(unique(theirs[n] for n in event_names)), make(event_rows)
        )
        arrays = [column(left, n) for n in spine_names]
        arrays += [column(right, theirs[n]) for n in event_names]
        pairs = table_of(arrays, [*spine_names, *event_names], len(spine_rows))
        return _is_true(condition, pairs)

    return accept


def _is_true(condition: Expr, pairs: pa.Table) -> Mask:
    found = cast("Any", values(condition, pairs)).fill_null(False)
    mask: Mask = found.to_numpy(zero_copy_only=False)
    return mask


def _first_accepted(sides: Sides, timeline: Timeline, ties: list[Array], accept: Accept) -> Array:
    """For each spine row the nearest candidate that is accepted."""
    candidates = timeline.candidates(ties, sides.lookup.tolerance, sides.lookup.forward)
    found = np.full(sides.spine.num_rows, -1, np.int64)
    waiting: Array | None = None
    limit = FIRST_CANDIDATES
    while waiting is None or len(waiting):
        spine_rows, event_rows = (numbers(exported(r)) for r in candidates.take(waiting, limit))
        if not len(spine_rows):
            break
        # Pairs of a spine row come nearest first, so its first that passes is the one.
        passed = np.flatnonzero(accept(spine_rows, event_rows))
        rows, first = np.unique(spine_rows[passed], return_index=True)
        found[rows] = event_rows[passed[first]]
        asked = np.unique(spine_rows)
        waiting = make(asked[found[asked] < 0])
        limit = min(limit * 2, MOST_CANDIDATES)
    return _nullable(found)


def _nullable(rows: Numbers) -> Array:
    return make(rows, pa.int64(), mask=rows < 0)
