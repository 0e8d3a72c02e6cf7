"""Which row groups of a Parquet file a scan must read, told by their statistics.

Only what the statistics prove is left out: comparisons of a column with a constant, joined by AND.
NaN is in no statistics, but no comparison with NaN is true either, apart from `<>`, which is not
judged here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bighead.planner.sources.dataset import Span
from bighead.zipline.ir.expr import Call, Column, Expr, Literal, conjuncts

_MICROSECONDS = {"milliseconds": (1_000, 1), "microseconds": (1, 1), "nanoseconds": (1, 1_000)}
_MIRRORED = {
    "less": "greater",
    "less_equal": "greater_equal",
    "greater": "less",
    "greater_equal": "less_equal",
    "equal": "equal",
}
_EPOCH = date(1970, 1, 1)

Bound = int | float | str | bytes | Decimal | bool


@dataclass(frozen=True, slots=True)
class Choice:
    """The row groups to read, and about which share of their rows the span leaves out."""

    groups: tuple[int, ...]
    beyond: float
    """In [0, 1]; 1 where nothing is known."""


def bounds(metadata: pq.FileMetaData, own: str) -> tuple[int, int] | None:
    """The least and greatest of a file's column of times, in microseconds.

    None where the statistics do not tell, or where a NULL is among them; of no rows it is (1, 0).
    """
    leaves = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    arrow = metadata.schema.to_arrow_schema()
    if own not in leaves or not pa.types.is_timestamp(arrow.field(own).type):
        return None
    least, greatest = 1, 0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if not group.num_rows:
            continue
        found = _range(group.column(leaves[own]))
        if found is None or found[2] != 0:
            return None
        low, high = found[0], found[1]
        if not (isinstance(low, int) and isinstance(high, int)):
            return None
        empty = least > greatest
        least, greatest = (low, high) if empty else (min(least, low), max(greatest, high))
    return least, greatest


def newest(metadata: pq.FileMetaData, own: str) -> int | None:
    """The greatest of a file's column of times, in microseconds, as far as statistics tell."""
    leaves = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    arrow = metadata.schema.to_arrow_schema()
    if own not in leaves or not pa.types.is_timestamp(arrow.field(own).type):
        return None
    groups = (metadata.row_group(i).column(leaves[own]) for i in range(metadata.num_row_groups))
    known = [range_[1] for range_ in map(_range, groups) if range_ is not None]
    return max((k for k in known if isinstance(k, int)), default=None)


def choose(
    metadata: pq.FileMetaData, found: dict[str, str], predicate: Expr | None, span: Span | None
) -> Choice:
    """The row groups that may hold rows that are asked for.

    found: the file's own name of each column.
    """
    leaves = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
    position = {name: leaves[own] for name, own in found.items() if own in leaves}
    parts = conjuncts(predicate)
    groups: list[int] = []
    rows, rows_beyond = 0, 0.0
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if any(_never(group, position, part) for part in parts):
            continue
        beyond = 0.0 if span is None else _beyond(group, position, span)
        if beyond is None:
            continue
        groups.append(number)
        rows += group.num_rows
        rows_beyond += beyond * group.num_rows
    return Choice(tuple(groups), rows_beyond / rows if rows else 0.0)


def _beyond(group: pq.RowGroupMetaData, position: dict[str, int], span: Span) -> float | None:
    """About which share of the rows lies beyond the span, as if times were spread evenly.

    None where all do; 1 where nothing is known.
    """
    if not isinstance(span.time, Column) or span.time.name not in position:
        return 1.0
    range_ = _range(group.column(position[span.time.name]))
    if range_ is None:
        return 1.0
    least, greatest, nulls = range_
    if not (isinstance(least, int) and isinstance(greatest, int)):
        return 1.0
    first = least if span.lower is None else max(least, span.lower)
    last = greatest if span.upper is None else min(greatest, span.upper)
    if first > last:
        return None if nulls == 0 else 1.0
    return 1.0 - (last - first + 1) / (greatest - least + 1)


def _never(group: pq.RowGroupMetaData, position: dict[str, int], part: Expr) -> bool:
    """Whether a condition is true for no row of the group."""
    if not isinstance(part, Call) or part.function not in _MIRRORED or len(part.args) != 2:
        return False
    left, right = part.args
    compare = part.function
    if isinstance(left, Literal):
        left, right, compare = right, left, _MIRRORED[compare]
    if not (isinstance(left, Column) and isinstance(right, Literal)):
        return False
    value = right.value
    if left.name not in position or value is None or left.type != right.type:
        return False
    range_ = _range(group.column(position[left.name]))
    if range_ is None or type(range_[0]) is not type(value):
        return False
    least, greatest, _ = range_
    if value != value:  # NaN: no statistics are needed to know, but it is not worth a case
        return False
    # Both bounds are of the literal's own type, as was just seen.
    match compare:
        case "less":
            return bool(least >= value)  # type: ignore[operator]
        case "less_equal":
            return bool(least > value)  # type: ignore[operator]
        case "greater":
            return bool(greatest <= value)  # type: ignore[operator]
        case "greater_equal":
            return bool(greatest < value)  # type: ignore[operator]
        case _:
            return bool(value < least or value > greatest)  # type: ignore[operator]


def _range(chunk: pq.ColumnChunkMetaData) -> tuple[Bound, Bound, int | None] | None:
    """The least and greatest value as a literal of the plan holds them, and how many are NULL."""
    statistics: Any = chunk.statistics if chunk.is_stats_set else None
    if statistics is None or not statistics.has_min_max:
        return None
    nulls = statistics.null_count if statistics.has_null_count else None
    logical = statistics.logical_type.type
    if logical == "TIMESTAMP" and statistics.physical_type == "INT64":
        unit = json.loads(statistics.logical_type.to_json())["timeUnit"]
        times, per = _MICROSECONDS[unit]
        return statistics.min_raw * times // per, statistics.max_raw * times // per, nulls
    try:
        least, greatest = (_plain(v) for v in (statistics.min, statistics.max))
    except UnicodeDecodeError:  # said of the text itself, where that is read
        return None
    if least is None or greatest is None:
        return None
    if isinstance(least, float) and (least != least or greatest != greatest):
        return None
    return least, greatest, nulls


def _plain(value: object) -> Bound | None:
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        delta = aware - datetime(1970, 1, 1, tzinfo=UTC)
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
    if isinstance(value, date):
        return (value - _EPOCH).days
    if isinstance(value, bool | int | float | str):
        return value
    return None  # bytes may be cut short, decimals come in several encodings
