"""Events ready for the kernel: their columns, their times, and what broke a rule.

The times are computed before columns are dropped, so that what comes out holds only what keys and
aggregates read. Copies are taken out here, source by source.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa

from bighead.kernels.temporal import distinct_rows
from bighead.planner.engine import Run
from bighead.planner.engines.datafusion.faults import spell
from bighead.planner.engines.datafusion.ordinal import comparable, ordinal
from bighead.planner.engines.datafusion.rows import (
    column,
    exported,
    filtered,
    integers,
    taken,
    values,
    whole,
)
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array, compute, make, nulls, repeat, scalar
from bighead.zipline.ir.nodes import Events, UnionAll

ALWAYS = -(2**63)
"""A knowledge time that is before every other: a row without one is known when it happens."""


@dataclass(slots=True)
class Prepared:
    """Events in the order of their source."""

    table: pa.Table
    """The columns of the node's schema."""
    time: Array
    """int64 microseconds; NULL is an error where a spine row meets it, except in an entity."""
    known: Array | None
    """int64 microseconds, NULL for never; None: each is known when it happens."""
    sequence: Array | None
    source: str
    """For messages."""
    until: Array | None = None
    """When a row ends, NULL for never; None: these are events, which never do."""
    changed: Array | None = None
    """When the row of an entity changed, by which it is looked up; `time` is what windows go by."""

    def slice(self, start: int, rows: int) -> Prepared:
        """So many of the events, from one on."""

        def part(array: Array | None) -> Array | None:
            return None if array is None else array.slice(start, rows)

        return replace(
            self,
            table=self.table.slice(start, rows),
            time=self.time.slice(start, rows),
            known=part(self.known),
            sequence=part(self.sequence),
            until=part(self.until),
            changed=part(self.changed),
        )


def prepare(node: Events, rows: pa.Table, run: Run, threads: int) -> Prepared:
    """The events of one source. Raises DataError for two unequal rows of one identity."""
    if node.identity:
        rows = _without_copies(node, rows, threads)
    time = values(node.event_time, rows)
    if node.skip_null_times and time.null_count:
        several = "s" if time.null_count != 1 else ""
        run.facts.append(
            f"{time.null_count:,} row{several} skipped: NULL event time in {node.source}"
        )
        there = compute("is_valid", time)
        rows, time = filtered(rows, there), time.filter(there)
    return Prepared(
        table=rows,
        time=integers(time),
        known=None if node.known_at is None else integers(values(node.known_at, rows)),
        sequence=None if node.sequence is None else values(node.sequence, rows),
        source=node.source,
    )


def united(node: UnionAll, parts: list[Prepared]) -> Prepared:
    """The events of several sources as those of one, the columns under the names of the first."""
    names = node.schema.names
    tables = [p.table.rename_columns(names) for p in parts]
    known = None
    if any(p.known is not None for p in parts):
        known = pa.concat_arrays([_known(p) for p in parts])
    sequence = None
    orders = [p.sequence.type for p in parts if p.sequence is not None]
    if orders:
        sequence = pa.concat_arrays(
            [nulls(len(p.time), orders[0]) if p.sequence is None else p.sequence for p in parts]
        )
    return Prepared(
        table=whole(pa.concat_tables(tables)),
        time=pa.concat_arrays([p.time for p in parts]),
        known=known,
        sequence=sequence,
        source=" or ".join(p.source for p in parts),
    )


def _known(part: Prepared) -> Array:
    if part.known is not None:
        return part.known
    return repeat(scalar(ALWAYS, pa.int64()), len(part.time))


def _without_copies(node: Events, rows: pa.Table, threads: int) -> pa.Table:
    identity = [column(rows, name) for name in node.identity]
    rest = [name for name in rows.column_names if name not in node.identity]
    others = [comparable(column(rows, name)) for name in rest]
    kept, conflict = distinct_rows(identity, others, threads)
    if conflict is not None:
        first, second = conflict
        named = ", ".join(f"{name} = {spell(column(rows, name), second)}" for name in node.identity)
        differing = next((n for n in rest if _differ(column(rows, n), first, second)), "a column")
        raise DataError(
            f"{node.source} holds two different rows of the identity ({named}): they differ in "
            f"{differing}; rows of equal identity must be equal, so correct one of them, or name "
            "more columns in IDENTITY"
        )
    numbers = exported(kept)
    return rows if len(numbers) == rows.num_rows else taken(rows, numbers)


def _differ(array: Array, first: int, second: int) -> bool:
    """Whether two rows hold different values, as the kernel compares them."""
    one, other = ordinal(array.take(make([first, second]))).to_pylist()
    return bool(one != other)
