"""From the rows of a source to what a set keeps of them: filtered, projected, with their times.

Only what looks at one row at a time has a place below the events of a set that is kept online.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

from bighead.storage.sets.nested import encode, is_encoded
from bighead.zipline.errors import DataError, UnsupportedError
from bighead.zipline.expressions import evaluate
from bighead.zipline.expressions.arrow import Array, compute, join, make, nulls, view
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import (
    Events,
    Filter,
    Node,
    Project,
    Scan,
    StaticJoin,
    TemporalJoin,
    Versions,
)
from bighead.zipline.ir.sources import Source


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows of one source as a set keeps them."""

    keys: list[Array]
    time: Array
    """int64 microseconds."""
    known: Array | None
    """int64 microseconds, NULL for never; None: each is known when it happens."""
    columns: list[Array]

    def filtered(self, keep: Array) -> Prepared:
        """The rows where `keep` is true."""
        return self._each(lambda array: array.filter(keep))

    def taken(self, rows: Array) -> Prepared:
        """The rows of these numbers."""
        return self._each(lambda array: array.take(rows))

    def _each(self, some: Callable[[Array], Array]) -> Prepared:
        known = None if self.known is None else some(self.known)
        return Prepared(
            [some(k) for k in self.keys], some(self.time), known, [some(c) for c in self.columns]
        )


_LATE = (
    "a row that comes late would change rows that lie in tiles already, also under keys that it "
    "does not name; join the other set in a training set"
)
_BEFORE = (
    "the store takes each source by itself, and an event may come before the row of its entity; "
    "join the entity in a training set"
)
_SEVERAL = "the store takes each row by itself; join what it reads in a training set"
_OFFLINE = {
    TemporalJoin: ("the rows of another set", _LATE),
    StaticJoin: ("rows joined with a STATIC entity", _BEFORE),
}


def source_of(node: Node) -> Source:
    """The one source below events. Raises UnsupportedError where more lies between them."""
    while not isinstance(node, Scan):
        if not isinstance(node, Filter | Project):
            what, why = _OFFLINE.get(type(node), ("a query", _SEVERAL))
            raise UnsupportedError(
                f"a set over {what} is not kept online, since {why}, let the events carry its "
                "columns, or leave out online = true"
            )
        node = node.input
    return node.source


def rows_of(node: Node, table: pa.Table) -> pa.Table:
    """The rows of a node over the rows of its source."""
    if isinstance(node, Scan):
        if node.predicate is not None:
            table = kept(table, values(node.predicate, table))
        return table.select(list(node.columns))
    if isinstance(node, Filter):
        rows = rows_of(node.input, table)
        return kept(rows, values(node.predicate, rows))
    assert isinstance(node, Project)
    rows = rows_of(node.input, table)
    arrays = [values(e, rows) for _, e in node.columns]
    if not arrays:
        return rows.select([])
    return pa.Table.from_arrays(arrays, names=[n for n, _ in node.columns])


def prepare(
    part: Events,
    table: pa.Table,
    keys: Sequence[Expr],
    columns: Sequence[tuple[Expr, bool]],
    order: pa.DataType | None,
) -> Prepared:
    """The rows of a batch of the source.

    columns: expressions, each with whether it is a vector. order: the type of SEQUENCE, which
    follows them. Raises DataError for a NULL time or
    a value that an expression has none for.
    """
    rows = rows_of(part.input, table)
    time = integers(values(part.event_time, rows))
    if time.null_count:
        if not part.skip_null_times:
            raise DataError(
                f"{part.source} has a row with a NULL time; correct the row, or declare the source "
                "with SKIP NULL TIMES"
            )
        there = compute("is_valid", time)
        rows, time = kept(rows, there), time.filter(there)
    known = None if part.known_at is None else integers(values(part.known_at, rows))
    arrays = [stored(values(e, rows), vector) for e, vector in columns]
    if order is not None:
        sequence = part.sequence
        arrays.append(
            nulls(len(time), order) if sequence is None else stored(values(sequence, rows))
        )
    return Prepared([values(k, rows) for k in keys], time, known, arrays)


def stored(array: Array, vector: bool = False) -> Array:
    """The array as the kernel keeps it."""
    if pa.types.is_fixed_size_list(array.type):
        array = cast("Array", cast("Any", array).cast(pa.list_(cast("Any", array.type).value_type)))
    return encode(array) if is_encoded(array.type) and not vector else array


def stored_type(arrow: Any, vector: bool = False) -> pa.DataType:
    """The type of what `stored` gives."""
    if vector:
        return pa.list_(arrow.value_type)
    return pa.large_binary() if is_encoded(arrow) else cast("pa.DataType", arrow)


def values(expr: Expr, table: pa.Table) -> Array:
    """An expression over rows, as one array."""
    if isinstance(expr, Column):
        return whole(table.column(expr.name))
    names = columns_of(expr)
    if not names:
        return evaluate(expr, pa.record_batch({"": pa.nulls(table.num_rows)}))
    arrays = [whole(table.column(name)) for name in names]
    return evaluate(expr, pa.RecordBatch.from_arrays(arrays, names=list(names)))


def whole(column: Any) -> Array:
    """A column as one array."""
    if column.num_chunks == 1:
        return cast("Array", column.chunks[0])
    return join(column.chunks) if column.num_chunks else make([], column.type)


def kept(table: pa.Table, keep: Array) -> pa.Table:
    """The rows where `keep` is true."""
    return table.filter(cast("Any", keep))


def integers(times: Array) -> Array:
    """Times as int64 microseconds."""
    return view(times, pa.int64()) if times.type != pa.int64() else times


def sequence_of(part: Events | Versions) -> pa.DataType | None:
    """The type of what orders rows of one time."""
    return None if part.sequence is None else part.sequence.type
