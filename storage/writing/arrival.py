"""Records that do not say when they were known: they are known since they arrived.

NULL in the record itself says never; so a record that lacks the field is marked by whoever reads
records, and here the field becomes the time of arrival. That comes after copies were left out: the
copy of a record arrives later, and is the same record.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from bighead.storage.sets.prepare import whole
from bighead.zipline.expressions.arrow import Array, as_type, compute, repeat, scalar, view
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.sources import Source, Table
from bighead.zipline.windows import DAY, MILLISECOND, SECOND

UNSAID = "#unsaid"
"""Beside the columns of a source: whether a record lacked the field of KNOWN AT."""
WRITTEN = "#written"
"""Beside them too: when a row was written to the stream, in microseconds."""

_UNITS = {"second": SECOND, "millisecond": MILLISECOND, "microsecond": 1}


@dataclass(frozen=True, slots=True)
class Arrival:
    """When the rows of a batch came."""

    time: int
    """Microseconds."""
    unsaid: Array | None = None
    """Booleans: which rows lack the field that says when they were known; None: no row does."""
    written: Array | None = None
    """When each row was written to the stream, int64 microseconds: the broker's time of a record.
    None: that is when they came."""


def stamped(rows: pa.Table, arrival: Arrival | None) -> pa.Table:
    """Rows with what is known of their arrival, as columns; without any they come now."""
    given = Arrival(time.time_ns() // 1000) if arrival is None else arrival
    if given.unsaid is not None:
        rows = rows.append_column(UNSAID, given.unsaid)
    written = given.written
    if written is None:
        written = repeat(scalar(given.time, pa.int64()), rows.num_rows)
    return rows.append_column(WRITTEN, written)


@dataclass(frozen=True, slots=True)
class KnownField:
    """The column of KNOWN AT, and how many microseconds one of its steps is."""

    column: str
    step: int


def known_field(source: Source) -> KnownField | None:
    """The column that alone says when a row was known; None where none does, or several do."""
    known: Expr | None = None if type(source) is Table else getattr(source, "known_at", None)
    if isinstance(known, Column):
        return KnownField(known.name, 1)
    if not isinstance(known, Call) or not isinstance(known.args[0], Column):
        return None
    column = known.args[0]
    if known.function == "from_epoch" and isinstance(known.args[1], Literal):
        return KnownField(column.name, _UNITS[str(known.args[1].value)])
    if known.function == "cast" and pa.types.is_date(column.type):
        return KnownField(column.name, DAY)
    return None


def known_on_arrival(source: Source, rows: pa.Table, arrived: int | None) -> pa.Table:
    """The rows without their marks, the field of the marked ones being their arrival.

    It is rounded up to what the column can say: a row counts for no time before it came.
    """
    if UNSAID not in rows.column_names:
        return rows
    unsaid = whole(rows.column(UNSAID))
    rows = rows.drop_columns([UNSAID])
    found = known_field(source)
    if found is None or arrived is None or not pc.any(unsaid).as_py():
        return rows
    column = whole(rows.column(found.column))
    steps = scalar(-(-arrived // found.step), pa.int64())
    if pa.types.is_timestamp(column.type):
        filled = compute("if_else", unsaid, steps, view(column, pa.int64()))
        filled = view(filled, column.type)
    elif pa.types.is_date(column.type):
        filled = compute("if_else", unsaid, as_type(steps, pa.int32()), view(column, pa.int32()))
        filled = view(filled, column.type)
    else:
        filled = compute("if_else", unsaid, as_type(steps, column.type), column)
    at = rows.column_names.index(found.column)
    return rows.set_column(at, rows.schema.field(at), filled)
