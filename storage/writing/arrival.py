"""Records that do not say when they were known: they are known since they arrived.

NULL in the record itself says never; so a record that lacks the field is marked by whoever reads
records, and here the field becomes the time of arrival. That comes after copies were left out: the
copy of a record arrives later, and is the same record.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.storage.sets.prepare import integers, values, whole
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array, as_type, compute, repeat, scalar, view
from bighead.zipline.ir.expr import Call, Column, Expr, Literal, walk
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
    """A column that KNOWN AT reads, and how many microseconds one of its steps is."""

    column: str
    step: int


def known_fields(source: Source) -> tuple[KnownField, ...]:
    """The columns that say when a row was known; none where one of them holds no time."""
    known: Expr | None = None if type(source) is Table else getattr(source, "known_at", None)
    if known is None:
        return ()
    steps: dict[str, int] = {}
    for expr in walk(known):
        if not isinstance(expr, Call) or not isinstance(expr.args[0], Column):
            continue
        column = expr.args[0]
        if expr.function == "from_epoch" and isinstance(expr.args[1], Literal):
            steps[column.name] = _UNITS[str(expr.args[1].value)]
        elif expr.function == "cast" and pa.types.is_date(column.type):
            steps[column.name] = DAY
    for expr in walk(known):
        if isinstance(expr, Column) and expr.name not in steps:
            if not pa.types.is_timestamp(expr.type):
                return ()
            steps[expr.name] = 1
    return tuple(KnownField(name, step) for name, step in steps.items())


def known_on_arrival(source: Source, rows: pa.Table, arrived: int | None) -> pa.Table:
    """The rows without their marks, the fields of the marked ones being their arrival.

    It is rounded up to what a column can say: a row counts for no time before it came. Raises
    DataError where KNOWN AT makes an earlier time of such fields.
    """
    if UNSAID not in rows.column_names:
        return rows
    unsaid = whole(rows.column(UNSAID))
    rows = rows.drop_columns([UNSAID])
    found = known_fields(source)
    if not found or arrived is None or not pc.any(unsaid).as_py():
        return rows
    for known in found:
        rows = _filled(rows, known, unsaid, arrived)
    if len(found) > 1:
        _check(source, rows.filter(cast("Any", unsaid)), found, arrived)
    return rows


def _filled(rows: pa.Table, known: KnownField, unsaid: Array, arrived: int) -> pa.Table:
    column = whole(rows.column(known.column))
    steps = scalar(-(-arrived // known.step), pa.int64())
    if pa.types.is_timestamp(column.type):
        filled = compute("if_else", unsaid, steps, view(column, pa.int64()))
        filled = view(filled, column.type)
    elif pa.types.is_date(column.type):
        filled = compute("if_else", unsaid, as_type(steps, pa.int32()), view(column, pa.int32()))
        filled = view(filled, column.type)
    else:
        filled = compute("if_else", unsaid, as_type(steps, column.type), column)
    at = rows.column_names.index(known.column)
    return rows.set_column(at, rows.schema.field(at), filled)


def _check(source: Source, rows: pa.Table, found: tuple[KnownField, ...], arrived: int) -> None:
    known = getattr(source, "known_at")  # noqa: B009  # events and entities have it
    times = integers(values(known, rows))
    early = compute("less", times, scalar(arrived, pa.int64()))
    if pc.any(cast("Any", early)).as_py() or times.null_count:
        names = ", ".join(f"'{field.column}'" for field in found)
        raise DataError(
            f"a row of {source.name} lacks {names}, and KNOWN AT does not make the time at which "
            "it came of them; send one of them"
        )
