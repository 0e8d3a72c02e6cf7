"""CAST and TRY_CAST: which types there are ways between, and what each does to a value.

CAST keeps the value or is an error; where a value lies between two of the new type it is rounded:
from FLOAT and DOUBLE to integers half to even, from DECIMAL half away from zero, to FLOAT and
DOUBLE to the nearest. TRY_CAST gives NULL where CAST is an error.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions.arrow import (
    Array,
    Datum,
    as_list,
    as_map,
    as_struct,
    as_type,
    compute,
    decimal_type,
    fields_of,
    item,
    list_of,
    list_type,
    make,
    map_of,
    nulls,
    scalar,
    struct_of,
    words,
)
from bighead.zipline.expressions.datum import Mask, Values, column, numbers, spread, valid
from bighead.zipline.expressions.decimals import (
    decimal_to_decimal,
    decimal_to_integer,
    float_to_decimal,
    integer_to_decimal,
)
from bighead.zipline.expressions.function import BadValueError, Function
from bighead.zipline.expressions.text_casts import (
    binary_to_text,
    format_as_text,
    text_to_boolean,
    text_to_decimal,
    text_to_float,
    text_to_integer,
    text_to_time,
)
from bighead.zipline.expressions.typing import (
    adapt_literal,
    common_type,
    is_decimal,
    is_float,
    is_interval,
    is_null,
    is_text,
)
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import DATE, DOUBLE, is_integer, is_number, is_time, sql_name
from bighead.zipline.windows import DAY

Converted = tuple[Array, bool]
"""The values, NULL where one has no place in the new type, and whether there is such a one."""

Convert = Callable[[Array, pa.DataType], Converted]


def cast(expr: Expr, to: pa.DataType) -> Expr:
    """CAST(expr AS to); the expression itself where it has the type already.

    >>> cast(Literal("7", pa.string()), pa.int32()).function
    'cast'
    """
    return _cast("cast", expr, to)


def try_cast(expr: Expr, to: pa.DataType) -> Expr:
    """TRY_CAST(expr AS to)."""
    return _cast("try_cast", expr, to)


def _cast(function: str, expr: Expr, to: pa.DataType) -> Expr:
    if expr.type == to:
        return expr
    if isinstance(expr, Literal) and (expr.value is None or common_type(expr.type, to) == to):
        adapted = Literal(None, to) if expr.value is None else adapt_literal(expr, to)
        if adapted is not None:
            return adapted
    if not castable(expr.type, to):
        raise ExpressionError(
            f"no CAST from {sql_name(expr.type)} to {sql_name(to)}", _hint(expr.type, to)
        )
    return Call(function, (expr,), to)


def _hint(a: pa.DataType, b: pa.DataType) -> str:
    if is_number(a) and is_time(b):
        return "write TO_TIMESTAMP(x) for seconds, or FROM_EPOCH(x, 'ms')"
    if is_time(a) and is_number(b):
        return "write EPOCH(t), EPOCH_MS(t) or EPOCH_US(t)"
    if is_interval(b):
        return "write x * INTERVAL '1' SECOND, or the unit that x counts"
    if is_interval(a) and is_number(b):
        return "write EPOCH(x), the seconds of an interval, or EPOCH_US(x)"
    return ""


def castable(a: pa.DataType, b: pa.DataType) -> bool:
    """There is a CAST from a to b.

    >>> castable(pa.string(), pa.date32()), castable(pa.int64(), pa.timestamp("us"))
    (True, False)
    """
    if a == b or is_null(a):
        return True
    if pa.types.is_list(a) and pa.types.is_list(b):
        return castable(a.value_type, b.value_type)
    if pa.types.is_map(a) and pa.types.is_map(b):
        return castable(a.key_type, b.key_type) and castable(a.item_type, b.item_type)
    if pa.types.is_struct(a) and pa.types.is_struct(b):
        return a.num_fields == b.num_fields and all(
            castable(a.field(i).type, b.field(i).type) for i in range(a.num_fields)
        )
    return _way(a, b) is not None


def _way(a: pa.DataType, b: pa.DataType) -> Convert | None:
    """How a single value of type a becomes one of b."""
    return WAYS.get((_kind(a), _kind(b)))


def _kind(arrow: pa.DataType) -> str:
    for name, test in _KINDS:
        if test(arrow):
            return name
    return "nested"


_KINDS: tuple[tuple[str, Callable[[pa.DataType], bool]], ...] = (
    ("boolean", pa.types.is_boolean),
    ("integer", is_integer),
    ("float", is_float),
    ("decimal", is_decimal),
    ("text", is_text),
    ("binary", pa.types.is_binary),
    ("date", pa.types.is_date),
    ("timestamp", pa.types.is_timestamp),
    ("interval", is_interval),
)


def convert(array: Array, to: pa.DataType) -> Converted:
    """The values as another type, for which `castable` holds.

    >>> convert(pa.array([1.5, 2.5, float("nan")]), pa.int32())[0].to_pylist()
    [2, 2, None]
    """
    if array.type == to:
        return array, False
    if is_null(array.type):
        return nulls(len(array), to), False
    if pa.types.is_list(to) or pa.types.is_map(to):
        return _items(array, to)
    if pa.types.is_struct(to):
        return _fields(array, to)
    way = _way(array.type, to)
    assert way is not None, f"{array.type} to {to}"
    return way(array, to)


def to_double(datum: Datum) -> Datum:
    """Numbers as the nearest DOUBLE."""
    if isinstance(datum, pa.Scalar):
        return item(convert(spread(datum, 1), DOUBLE)[0], 0)
    return convert(datum, DOUBLE)[0]


def _run(call: Call, args: tuple[Datum, ...]) -> Datum:
    (arg,) = args
    values, bad = convert(spread(arg, 1), call.type)
    if bad and call.function == "cast":
        raise BadValueError("is not possible; TRY_CAST gives NULL instead")
    return values if isinstance(arg, pa.Array) else item(values, 0)


def _unchecked(array: Array, to: pa.DataType) -> Converted:
    return as_type(array, to, safe=False), False


def _integer_to_integer(array: Array, to: pa.DataType) -> Converted:
    least, greatest = bounds(to)
    values = numbers(array)
    info = np.iinfo(values.dtype)
    outside = np.zeros(len(array), np.bool_)
    if least > info.min:
        outside |= values < least
    if greatest < info.max:
        outside |= values > greatest
    outside &= valid(array)
    if not outside.any():
        return as_type(array, to, safe=False), False
    return column(values.astype(to.to_pandas_dtype()), to, valid(array) & ~outside), True


def bounds(arrow: pa.DataType) -> tuple[int, int]:
    """The least and the greatest value of an integer type."""
    bits = arrow.bit_width
    if pa.types.is_signed_integer(arrow):
        return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return 0, 2**bits - 1


def _integer_to_boolean(array: Array, to: pa.DataType) -> Converted:
    return column(numbers(array) != 0, to, valid(array)), False


def _decimal_to_boolean(array: Array, to: pa.DataType) -> Converted:
    return compute("not_equal", array, scalar(0, array.type)), False


def _boolean_to_decimal(array: Array, to: pa.DataType) -> Converted:
    return integer_to_decimal(as_type(array, pa.int8()), to)


def _float_to_integer(array: Array, to: pa.DataType) -> Converted:
    least, greatest = bounds(to)
    whole = np.rint(numbers(array).astype(np.float64))
    fits = (whole >= float(least)) & (whole < float(greatest + 1))
    mask = valid(array)
    kept = np.where(fits, whole, 0.0).astype(to.to_pandas_dtype())
    return column(kept, to, mask & fits), bool((mask & ~fits).any())


def _float_to_float(array: Array, to: pa.DataType) -> Converted:
    if to == DOUBLE:
        return as_type(array, to), False
    values = numbers(array)
    with np.errstate(over="ignore"):
        short = values.astype(np.float32)
    mask = valid(array)
    lost = np.isinf(short) & np.isfinite(values) & mask
    return column(short, to, mask & ~lost), bool(lost.any())


def _decimal_to_float(array: Array, to: pa.DataType) -> Converted:
    exact = array.type.precision <= 15 and array.type.scale <= 22 and to == DOUBLE
    if exact:  # Both are exact in DOUBLE, so that one division rounds once.
        low = words(array, np.int64, 2)[::2]
        values = low.astype(np.float64) / 10.0 ** decimal_type(array.type).scale
        return column(values, to, valid(array)), False
    return as_type(as_type(array, pa.string()), to), False


def _date_to_timestamp(array: Array, to: pa.DataType) -> Converted:
    days = numbers(array).astype(np.int64)
    fits = (days >= -(2**63) // DAY + 1) & (days <= (2**63 - 1) // DAY)
    mask = valid(array)
    kept = np.where(fits, days, 0) * DAY
    return column(kept, to, mask & fits), bool((mask & ~fits).any())


def _timestamp_to_date(array: Array, to: pa.DataType) -> Converted:
    days = numbers(array) // DAY
    return column(days.astype(np.int32), DATE, valid(array)), False


def _timestamp_to_timestamp(array: Array, to: pa.DataType) -> Converted:
    return as_type(array, to, safe=False), False


def _items(array: Array, to: pa.DataType) -> Converted:
    """Lists and maps, item by item; the items under a NULL list are not looked at."""
    mask = valid(array)
    filled = array.filter(make(mask))
    if pa.types.is_map(to):
        entries = as_map(filled)
        ends = numbers(entries.offsets)
        first, last = (int(ends[0]), int(ends[-1])) if len(entries) else (0, 0)
        keys, bad_key = convert(entries.keys[first:last], to.key_type)
        items, bad_item = convert(entries.items[first:last], to.item_type)
        if keys.null_count:
            return nulls(len(array), to), True
        return map_of(_offsets(mask, np.diff(ends)), keys, items, to), bad_key or bad_item
    lengths = numbers(compute("list_value_length", filled))
    values, bad = convert(as_list(filled).flatten(), list_type(to).value_type)
    return list_of(_offsets(mask, lengths), values, to), bad


def _offsets(mask: Mask, lengths: Values) -> Array:
    """Offsets of lists of these lengths where the mask is true, NULL elsewhere."""
    full = np.zeros(len(mask), np.int32)
    full[mask] = lengths
    ends = np.concatenate([np.zeros(1, np.int32), np.cumsum(full, dtype=np.int32)])
    return make(ends, mask=np.concatenate([~mask, [False]]))


def _fields(array: Array, to: pa.DataType) -> Converted:
    # flatten puts the struct's own NULLs into its fields
    parts = zip(as_struct(array).flatten(), fields_of(to), strict=True)
    done = [convert(part, field.type) for part, field in parts]
    made = struct_of([a for a, _ in done], to, compute("is_null", array))
    return made, any(bad for _, bad in done)


WAYS: dict[tuple[str, str], Convert] = {
    ("boolean", "integer"): _unchecked,
    ("boolean", "float"): _unchecked,
    ("boolean", "decimal"): _boolean_to_decimal,
    ("boolean", "text"): format_as_text,
    ("integer", "boolean"): _integer_to_boolean,
    ("integer", "integer"): _integer_to_integer,
    ("integer", "float"): _unchecked,
    ("integer", "decimal"): integer_to_decimal,
    ("integer", "text"): format_as_text,
    ("float", "boolean"): _integer_to_boolean,
    ("float", "integer"): _float_to_integer,
    ("float", "float"): _float_to_float,
    ("float", "decimal"): float_to_decimal,
    ("float", "text"): format_as_text,
    ("decimal", "boolean"): _decimal_to_boolean,
    ("decimal", "integer"): decimal_to_integer,
    ("decimal", "float"): _decimal_to_float,
    ("decimal", "decimal"): decimal_to_decimal,
    ("decimal", "text"): format_as_text,
    ("text", "boolean"): text_to_boolean,
    ("text", "integer"): text_to_integer,
    ("text", "float"): text_to_float,
    ("text", "decimal"): text_to_decimal,
    ("text", "binary"): _unchecked,
    ("text", "date"): text_to_time,
    ("text", "timestamp"): text_to_time,
    ("binary", "text"): binary_to_text,
    ("date", "text"): format_as_text,
    ("date", "timestamp"): _date_to_timestamp,
    ("timestamp", "text"): format_as_text,
    ("timestamp", "date"): _timestamp_to_date,
    ("timestamp", "timestamp"): _timestamp_to_timestamp,
    ("interval", "text"): format_as_text,
}
"""The casts between single values; nested ones go item by item."""


def _bind(args: tuple[Expr, ...]) -> Expr:
    raise ExpressionError("CAST needs a type", "write CAST(x AS DOUBLE)")


CASTS = (
    Function(
        "cast", ("CAST",), "CAST(x AS type)", 1, 1,
        "The value in another type; NULL stays NULL, what does not fit or parse is an error. FLOAT"
        " and"
        " DOUBLE round half to even to integers, DECIMALs half away from zero; NaN and infinities"
        " have"
        " no integer. Text is parsed strictly, without spaces. A time without a zone is UTC and is"
        " written YYYY-MM-DD HH:MM:SS[.ffffff]; a DATE is its midnight, and the DATE of a TIMESTAMP"
        " is its day in UTC.",
        ("CAST(2.5 AS INTEGER) = 3", "CAST(2.5e0 AS INTEGER) = 2", "CAST('42' AS BIGINT) = 42",
         "CAST(TIMESTAMP '1969-12-31 23:00:00' AS DATE) = DATE '1969-12-31'"),
        _bind, _run,
    ),
    Function(
        "try_cast", ("TRY_CAST",), "TRY_CAST(x AS type)", 1, 1,
        "As CAST, but NULL where CAST is an error.",
        ("TRY_CAST('x' AS INTEGER) IS NULL",),
        _bind, _run,
    ),
)  # fmt: skip
