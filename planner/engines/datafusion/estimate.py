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
from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.nodes import Lookup, Node, Scan, StaticJoin, TemporalJoin, View, walk

ORDER_BYTES = 60
"""Of an event while it is put in order: its code (4), what is sorted (16), its place in the part it
is dealt into and in the order (8), its time and its row (12); of a hot key's events, which are
dealt twice, 20 more."""

SWEPT_BYTES = 40
"""Of an event that is in order: its time, row and place (20), when it is known, and where a window
begins and ends; the columns that aggregates read are dealt into the same parts beside it."""

SPINE_BYTES = 40
"""Of a row of the spine: its code, and its place while it is put in order."""

RESULT_BYTES = 16
"""Beside itself, what a result takes on its way to the spine's order."""

LINE_BYTES = 64
"""What all results of a row take there at least."""

NUMBER_BYTES = 8
"""Of a result that waits for the others: the number of its row of the spine."""

TIME_BYTES = 8
"""The time of an event, beside the columns that it is made of."""

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
    """Bytes that an event takes while it is joined.

    Its columns, what is computed of them, and the most of three moments: when pieces are joined to
    one (all columns are there twice), when it is put in order, and when it is swept.
    """
    events = join.right.events
    held = width(events.schema) + TIME_BYTES
    asked = _asked(join.right)
    made = sum(_width(e.type) for e in {*asked, *join.right.keys} if not isinstance(e, Column))
    dealt = sum(_width(e.type) for e in asked)
    return held + made + max(held, ORDER_BYTES, SWEPT_BYTES + dealt)


def _asked(right: View | Lookup) -> set[Expr]:
    """What the kernel reads of events beside their keys and times."""
    if not isinstance(right, View):
        return set()
    aggregates = [f.aggregate for f in right.features]
    read = (e for a in aggregates for e in (*a.args, a.filter, a.bucket))
    return {e for e in read if e is not None}


def spine_width(join: TemporalJoin) -> int:
    """Bytes that a row of the spine takes while it is joined."""
    results = len(join.right.features) if isinstance(join.right, View) else 1
    waiting = max(LINE_BYTES, results * RESULT_BYTES)
    return width(join.spine.schema) + SPINE_BYTES + width(join.schema) + waiting


def waiting_width(schema: pa.Schema) -> int:
    """Bytes of a result that waits for the others: its values, its NULLs and its place."""
    return width(schema) + NUMBER_BYTES + -(-len(schema) // 8)


def width(schema: pa.Schema) -> int:
    """Bytes of a row, as far as its types tell."""
    return sum(_width(field.type) for field in schema)


def _width(arrow: pa.DataType) -> int:
    try:
        return max(1, arrow.bit_width // 8)
    except ValueError:
        return _VARIABLE
