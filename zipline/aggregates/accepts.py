"""What kinds of values aggregates take, and the errors that say so."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.errors import ExpressionError
from bighead.zipline.ir.types import is_number, is_time, sql_name


def any_value(title: str, arrow: pa.DataType) -> pa.DataType:
    """Any type but that of a bare NULL."""
    if pa.types.is_null(arrow):
        raise ExpressionError(
            f"{title} of a bare NULL has no type", "write CAST(NULL AS ...) with the type it has"
        )
    return arrow


def number(title: str, arrow: pa.DataType) -> pa.DataType:
    """Integers, floats and decimals."""
    any_value(title, arrow)
    if not is_number(arrow):
        raise ExpressionError(
            f"{title} takes numbers, not {sql_name(arrow)}", _number_hint(title, arrow)
        )
    return arrow


def _number_hint(title: str, arrow: pa.DataType) -> str:
    if pa.types.is_boolean(arrow):
        return f"write COUNT(*) FILTER (WHERE x), or {title}(CAST(x AS INTEGER))"
    if pa.types.is_duration(arrow):
        return f"write {title}(EPOCH(x)), in seconds"
    if is_time(arrow):
        return f"write {title}(EPOCH(x)), in seconds since 1970, or MIN or MAX"
    if pa.types.is_string(arrow):
        return f"write {title}(CAST(x AS DOUBLE)) where the text holds numbers"
    return "name one of its parts"


def ordered(title: str, arrow: pa.DataType) -> pa.DataType:
    """Values that compare: numbers, text, bytes, times, intervals, booleans; nothing nested."""
    any_value(title, arrow)
    if pa.types.is_nested(arrow):
        raise ExpressionError(
            f"{title} takes single values, not {sql_name(arrow)}", "name one of its parts"
        )
    return arrow


def boolean(title: str, arrow: pa.DataType) -> pa.DataType:
    """BOOLEAN."""
    if not pa.types.is_boolean(arrow):
        raise ExpressionError(
            f"{title} takes a BOOLEAN, not {sql_name(arrow)}", f"write {title}(x <> 0) or the like"
        )
    return arrow


def vector(title: str, arrow: pa.DataType) -> pa.DataType:
    """A LIST of numbers."""
    if not pa.types.is_list(arrow) or not is_number(arrow.value_type):
        raise ExpressionError(f"{title} takes a LIST of numbers, not {sql_name(arrow)}")
    return arrow
