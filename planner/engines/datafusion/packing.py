"""Events as tables, to lie in files: what a join reads of them, and nothing twice.

A time that is a column is read off it again; one that was computed gets a column of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from bighead.planner.engines.datafusion.events import Prepared
from bighead.planner.engines.datafusion.rows import column, integers
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import Events, Lookup, View

_TIME, _KNOWN, _SEQUENCE = "__time", "__known", "__sequence"


@dataclass(frozen=True, slots=True)
class Packing:
    """How the events of one source lie in a table."""

    node: Events
    kept: tuple[str, ...]
    """The columns that a join reads."""

    def pack(self, prepared: Prepared) -> pa.Table:
        """Events and their times as one table."""
        rows = prepared.table.select(list(self.kept))
        for name, expr, array in (
            (_TIME, self.node.event_time, prepared.time),
            (_KNOWN, self.node.known_at, prepared.known),
            (_SEQUENCE, self.node.sequence, prepared.sequence),
        ):
            if array is not None and not isinstance(expr, Column):
                rows = rows.append_column(name, array)
        return rows

    def unpack(self, rows: pa.Table) -> Prepared:
        """The events of such a table."""
        known = self._column(rows, _KNOWN, self.node.known_at)
        return Prepared(
            table=rows.select(list(self.kept)),
            time=self.time(rows),
            known=None if known is None else integers(known),
            sequence=self._column(rows, _SEQUENCE, self.node.sequence),
            source=self.node.source,
        )

    def time(self, rows: pa.Table) -> Array:
        """The times of such a table, int64 microseconds."""
        found = self._column(rows, _TIME, self.node.event_time)
        assert found is not None, "events have a time"
        return integers(found)

    def _column(self, rows: pa.Table, name: str, expr: Expr | None) -> Array | None:
        if expr is None:
            return None
        return column(rows, expr.name if isinstance(expr, Column) else name)


def packing(node: Events, right: View | Lookup) -> Packing:
    """How the events of a source lie for one side of a join, which may read several sources."""
    names = right.events.schema.names
    if isinstance(right, View) and right.events is node:
        times = (e for e in (node.event_time, node.known_at, node.sequence) if e is not None)
        read = set(columns_of(*right.keys, *(e for e in times if isinstance(e, Column))))
        for feature in right.features:
            read.update(feature.aggregate.reads)
        names = [n for n in names if n in read]
    return Packing(node, tuple(names))
