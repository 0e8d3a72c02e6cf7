"""Row look-ups: the nearest event of each spine row, or the version of an entity that held then.

The kernel knows what is nearest. What it does not know is decided here, on candidates that it hands
out nearest first: conditions that read both sides, and whether a version was still the newest one
of its primary key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.kernels.temporal import Timeline, encode
from bighead.planner.engines.datafusion.events import Prepared
from bighead.planner.engines.datafusion.ordinal import comparable, sorted_rows
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
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array, as_type, make
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import Lookup, TemporalJoin, Versions

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
    by_version = isinstance(lookup.events, Versions) and not _by_primary_key(lookup)
    if lookup.residual is None and not by_version:
        return exported(timeline.lookup(ties, lookup.tolerance, lookup.forward))
    if isinstance(lookup.events, Versions) and not by_version:
        # The version is chosen first: where the condition fails there is none, not an older one.
        rows = exported(timeline.lookup(ties, lookup.tolerance, lookup.forward))
        return _dropped(rows, _residual(sides))
    tests: list[Accept] = []
    if by_version:
        tests.append(_still_valid(sides))
    if lookup.residual is not None:
        tests.append(_residual(sides))
    return _first_accepted(sides, timeline, ties, tests)


def ties_of(events: Prepared) -> list[Array]:
    """The columns that order rows of equal time and sequence: the whole row, as it is declared."""
    return [comparable(column(events.table, name)) for name in events.table.column_names]


def _by_primary_key(lookup: Lookup) -> bool:
    """Whether the look-up equates the primary key and nothing else, so that a key has one version.

    With more columns the version is chosen by the primary key alone and the rest is tested after.
    """
    assert isinstance(lookup.events, Versions)
    named = {k.name for k in lookup.keys if isinstance(k, Column)}
    return set(lookup.events.primary_key) == named and len(named) == len(lookup.keys)


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


def _dropped(rows: Array, accept: Accept) -> Array:
    """The same look-ups without those that are not accepted."""
    found = numbers(rows).copy()
    asked = np.flatnonzero(found >= 0)
    if len(asked):
        found[asked[~accept(asked, found[asked])]] = -1
    return _nullable(found)


def _first_accepted(
    sides: Sides, timeline: Timeline, ties: list[Array], tests: list[Accept]
) -> Array:
    """For each spine row the nearest candidate that passes all tests."""
    candidates = timeline.candidates(ties, sides.lookup.tolerance, sides.lookup.forward)
    found = np.full(sides.spine.num_rows, -1, np.int64)
    waiting: Array | None = None
    limit = FIRST_CANDIDATES
    while waiting is None or len(waiting):
        spine_rows, event_rows = (numbers(exported(r)) for r in candidates.take(waiting, limit))
        if not len(spine_rows):
            break
        keep = np.ones(len(spine_rows), np.bool_)
        for accept in tests:
            open_ = np.flatnonzero(keep)
            keep[open_] = accept(spine_rows[open_], event_rows[open_])
        # Pairs of a spine row come nearest first, so its first that passes is the one.
        passed = np.flatnonzero(keep)
        rows, first = np.unique(spine_rows[passed], return_index=True)
        found[rows] = event_rows[passed[first]]
        asked = np.unique(spine_rows)
        waiting = make(asked[found[asked] < 0])
        limit = min(limit * 2, MOST_CANDIDATES)
    return _nullable(found)


def _nullable(rows: Numbers) -> Array:
    return make(rows, pa.int64(), mask=rows < 0)


def _still_valid(sides: Sides) -> Accept:
    """Whether a version was, as of t, not yet replaced by a newer one of its primary key."""
    node = sides.lookup.events
    assert isinstance(node, Versions)
    ends, replaced = valid_until(node, sides.events, sides.threads)
    times = numbers(sides.spine_time, 0)

    def accept(spine_rows: Numbers, event_rows: Numbers) -> Mask:
        t, end = times[spine_rows], ends[event_rows]
        # At the instant at which the newer one shows, a strict join still sees the older.
        before = t < end if sides.join.inclusive else t <= end
        return np.asarray(before | ~replaced[event_rows])

    return accept


def valid_until(node: Versions, events: Prepared, threads: int) -> tuple[Numbers, Mask]:
    """For each version when the first newer one of its primary key shows, and whether one does.

    Newer is greater by (changed, sequence, whole row). A version shows once it has changed and is
    known, so a newer one may show before an older.
    """
    keys = [column(events.table, name) for name in node.primary_key]
    for name, key in zip(node.primary_key, keys, strict=True):
        if key.null_count:
            raise DataError(
                f"{events.source} has a row whose primary key is NULL ({name}); correct the row"
            )
    rows = len(events.time)
    encoding = encode(keys, keys, threads, spine_rows=rows, event_rows=rows)
    codes = numbers(as_type(exported(encoding.event_codes), pa.int64()))
    shows = numbers(events.time, 0)
    never = _is_null(events.time)
    if events.known is not None:
        shows = np.maximum(shows, numbers(events.known, 0))
        never |= _is_null(events.known)
    by = [make(codes), events.time]
    if events.sequence is not None:
        by.append(events.sequence)
    by += [column(events.table, name) for name in events.table.column_names]
    order = sorted_rows(by, rows)
    ends, replaced = np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    ends[order], replaced[order] = _earliest_after(codes[order], shows[order], never[order])
    return ends, replaced


def _earliest_after(groups: Numbers, shows: Numbers, never: Mask) -> tuple[Numbers, Mask]:
    """For each row the least of the later rows of its group that ever show, and whether one does.

    Groups lie together. One running minimum serves all of them: from the end on, each group's ranks
    are shifted below those of the groups behind it.
    """
    rows = len(groups)
    earliest, there = np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    if rows < 2:
        return earliest, there
    distinct, ranks = np.unique(shows, return_inverse=True)
    ranks[never] = len(distinct)
    first_of_group = np.r_[True, groups[1:] != groups[:-1]]
    shift = (first_of_group[::-1].cumsum() - first_of_group[::-1]) * (rows + 1)
    least = (np.minimum.accumulate(ranks[::-1] - shift) + shift)[::-1][1:]
    there[:-1] = ~first_of_group[1:] & (least < len(distinct))
    earliest[:-1][there[:-1]] = distinct[least[there[:-1]]]
    return earliest, there


def _is_null(array: Array) -> Mask:
    found: Mask = array.is_null().to_numpy(zero_copy_only=False)
    return found.copy()
