"""The kernel's faults as sentences: it knows positions, the engine knows names, keys and times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa

from bighead.planner.cells import cell
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.expr import Literal
from bighead.zipline.ir.format_expr import format_aggregate, format_expr, format_name
from bighead.zipline.ir.nodes import Feature, Versions
from bighead.zipline.ir.types import TIMESTAMP, sql_name


def spell(array: Array, row: int) -> str:
    """The value of a row as SQL writes it; NULL for a row that is not there."""
    value = cast("Any", array[row]) if 0 <= row < len(array) else None
    if value is None or not value.is_valid:
        return "NULL"
    arrow = array.type
    if pa.types.is_date32(arrow):
        return format_expr(Literal(value.cast(pa.int32()).as_py(), arrow))
    if pa.types.is_timestamp(arrow) or pa.types.is_duration(arrow):
        return format_expr(Literal(value.cast(pa.int64()).as_py(), arrow))
    if pa.types.is_nested(arrow):
        return cell(value)
    return format_expr(Literal(value.as_py(), arrow))


def spell_pairs(names: Sequence[str], arrays: Sequence[Array], row: int) -> str:
    """`listing = 5, host = 7`; nothing for the global key."""
    return ", ".join(
        f"{name} = {spell(array, row)}" for name, array in zip(names, arrays, strict=True)
    )


def spell_key(names: Sequence[str], arrays: Sequence[Array], row: int) -> str:
    """` of the key (listing = 5, host = 7)`, or nothing for the global key."""
    pairs = spell_pairs(names, arrays, row)
    return f" of the key ({pairs})" if pairs else ""


def null_time(node: object, source: str, key: str) -> DataError:
    """A row without a time has a key that a spine row asks for."""
    if isinstance(node, Versions):
        mend = "correct the row"
    else:
        mend = "correct the row, or declare the source with SKIP NULL TIMES"
    moment = "CHANGED AT" if isinstance(node, Versions) else "EVENT TIME"
    return DataError(f"{source} has a row{key} whose {moment} is NULL; {mend}")


def overflow(feature: Feature, key: str, time: int | None) -> DataError:
    """A sum does not fit its type; `key` is spelled `k = 1`, and empty for the global key."""
    return DataError(
        f"{_named(feature)} does not fit {sql_name(feature.aggregate.type)}{_place(key, time)}; "
        "cast its argument to DOUBLE or DECIMAL, or take a shorter window"
    )


def unequal_lengths(feature: Feature, key: str, time: int | None) -> DataError:
    """Vectors of one window are not equally long; `key` as in `overflow`."""
    return DataError(
        f"{_named(feature)} meets vectors of unequal lengths{_place(key, time)}; make them equally "
        "long, or leave some out by FILTER"
    )


def _named(feature: Feature) -> str:
    return f"{format_aggregate(feature.aggregate)} ({format_name(feature.name)})"


def _place(key: str, time: int | None) -> str:
    at = format_expr(Literal(time, TIMESTAMP)).removeprefix("TIMESTAMP ").strip("'")
    of = f" for the key {key}" if key else ""
    return f"{of} as of {at}"
