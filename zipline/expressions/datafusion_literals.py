"""Constants and types in DataFusion's SQL, each of exactly the type that the plan says."""

from __future__ import annotations

import math
from decimal import Decimal

import pyarrow as pa

from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import decimal_type, view
from bighead.zipline.expressions.evaluate import evaluate
from bighead.zipline.expressions.typing import is_decimal, is_nested
from bighead.zipline.ir.expr import Expr, Literal
from bighead.zipline.ir.types import BIGINT, DATE

ONE_ROW = pa.record_batch({"row": pa.array([0])})

ARROW_TYPES: dict[pa.DataType, str] = {
    pa.bool_(): "Boolean",
    pa.int8(): "Int8",
    pa.int16(): "Int16",
    pa.int32(): "Int32",
    pa.int64(): "Int64",
    pa.uint8(): "UInt8",
    pa.uint16(): "UInt16",
    pa.uint32(): "UInt32",
    pa.uint64(): "UInt64",
    pa.float32(): "Float32",
    pa.float64(): "Float64",
    pa.string(): "Utf8",
    pa.binary(): "Binary",
    pa.date32(): "Date32",
    pa.timestamp("us"): "Timestamp(Microsecond, None)",
    pa.timestamp("us", "UTC"): 'Timestamp(Microsecond, Some("UTC"))',
    pa.duration("us"): "Duration(Microsecond)",
}


class NoTextError(Exception):
    """No exact text is known; internal to the writers."""


def folded(expr: Expr) -> Literal:
    """A constant expression as its value, so that nothing fails where no row needs it."""
    try:
        array = evaluate(expr, ONE_ROW)
    except DataError as error:
        raise NoTextError(str(error)) from None
    if pa.types.is_temporal(expr.type):
        array = view(array, pa.int32() if expr.type == DATE else BIGINT)
    if is_nested(expr.type):
        raise NoTextError("nested")
    return Literal(array[0].as_py(), expr.type)


def quote(text: str) -> str:
    """A text between quotes."""
    return "'" + text.replace("'", "''") + "'"


def literal_text(literal: Literal) -> str:
    """A constant of its type."""
    value, arrow = literal.value, literal.type
    if value is None:
        return cast_text("NULL", arrow)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        if "\0" in value:
            raise NoTextError("a zero byte")
        return quote(value)
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, Decimal):
        return cast_text(quote(format(value, "f")), arrow)
    if isinstance(value, float):
        spelled = "NaN" if math.isnan(value) else repr(value)
        return cast_text(quote(spelled), arrow)
    text = f"CAST({quote(str(value))} AS BIGINT)" if value < 0 else str(value)
    if arrow == BIGINT:
        return text
    if arrow == pa.uint64():
        return cast_text(quote(str(value)), arrow)
    return cast_text(text, arrow)


def cast_text(text: str, arrow: pa.DataType) -> str:
    """A cast to exactly this Arrow type."""
    if is_decimal(arrow):
        known = decimal_type(arrow)
        return f"CAST({text} AS DECIMAL({known.precision}, {known.scale}))"
    name = ARROW_TYPES.get(arrow)
    if name is None:
        raise NoTextError(str(arrow))
    return f"arrow_cast({text}, '{name}')"
