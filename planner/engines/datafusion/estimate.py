"""How much memory a plan takes, from the sizes of what it reads, before it runs.

Filters are taken to keep every row, so that an estimate errs to the side of too much. Where the
rows of a source are not counted, the bytes of its files tell them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from bighead.planner.engine import Open
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.common import commons
from bighead.zipline.ir.nodes import Node, Scan, StaticJoin, TemporalJoin, View, walk

EVENT_BYTES = 60
"""Beside its columns, what an event takes: its code, and its place while it is put in order."""

SPINE_BYTES = 40

RESULT_BYTES = 16
"""Beside itself, what a result takes on its way to the spine's order."""

_VARIABLE = 32
"""Bytes of a text or a list, of which no type says how long it is."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a plan's nodes."""

    open_source: Open
    _rows: dict[int, int] = field(default_factory=dict)

    def rows(self, node: Node) -> int:
        """The most rows that a node gives."""
        found = self._rows.get(id(node))
        if found is None:
            found = self._rows[id(node)] = self._counted(node)
        return found

    def output(self, plan: Node) -> int:
        """Bytes of the rows of a plan."""
        return self.rows(plan) * width(plan.schema)

    def memory(self, plan: Node) -> int:
        """Bytes that a plan takes where all of it is held: its largest step, and what is kept."""
        steps = [self._step(node) for node in walk(plan)]
        return max(steps) + self.output(plan) + sum(map(self.output, commons(plan)))

    def join(self, join: TemporalJoin) -> int:
        """Bytes that a join takes, its results included."""
        events = join.right.events
        theirs = sum(map(self.rows, events.inputs)) * event_width(join)
        return theirs + self.rows(join.spine) * spine_width(join)

    def _step(self, node: Node) -> int:
        if isinstance(node, TemporalJoin):
            return self.join(node)
        return sum(self.rows(below) * width(below.schema) for below in node.inputs)

    def _counted(self, node: Node) -> int:
        if isinstance(node, Scan):
            try:
                size = self.open_source(node.source).size()
            except BigheadError:  # who reads it says so, if anybody does
                return 0
            if size.rows is not None:
                return size.rows
            return (size.bytes or 0) // max(1, width(node.source.schema))
        if isinstance(node, TemporalJoin | StaticJoin):
            return self.rows(node.spine)
        return max(1, sum(map(self.rows, node.inputs)))


def event_width(join: TemporalJoin) -> int:
    """Bytes that an event takes while it is joined."""
    return width(join.right.events.schema) + EVENT_BYTES


def spine_width(join: TemporalJoin) -> int:
    """Bytes that a row of the spine takes while it is joined."""
    results = len(join.right.features) if isinstance(join.right, View) else 1
    return width(join.spine.schema) + SPINE_BYTES + width(join.schema) + results * RESULT_BYTES


def width(schema: pa.Schema) -> int:
    """Bytes of a row, as far as its types tell."""
    return sum(_width(field.type) for field in schema)


def _width(arrow: pa.DataType) -> int:
    try:
        return max(1, arrow.bit_width // 8)
    except ValueError:
        return _VARIABLE
