"""Which types go together: common types, implicit casts, and literals that take the other's type.

Values widen by themselves, they never narrow: integers to wider integers, DECIMALs and DOUBLE,
FLOAT to DOUBLE, DATE to TIMESTAMP, TIMESTAMP to TIMESTAMPTZ (the same instant). Text never
becomes a number by itself. A constant is read as the type beside it where that type holds it: `ts
> '2013-01-01'`, `price > 0.1`, `small = 3`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import isfinite

import pyarrow as pa

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions.arrow import as_type, decimal_type, scalar
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import (
    BIGINT,
    DATE,
    DOUBLE,
    INTEGER,
    NULL,
    TIMESTAMP,
    TIMESTAMPTZ,
    is_integer,
    is_number,
    is_time,
    sql_name,
)

MAX_PRECISION = 38
_DIGITS = {8: 3, 16: 5, 32: 10, 64: 19}
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?"
)


def is_null(arrow: pa.DataType) -> bool:
    """The type of a bare NULL."""
    return bool(pa.types.is_null(arrow))


def is_float(arrow: pa.DataType) -> bool:
    """FLOAT or DOUBLE."""
    return bool(pa.types.is_floating(arrow))


def is_decimal(arrow: pa.DataType) -> bool:
    """DECIMAL(p, s)."""
    return bool(pa.types.is_decimal(arrow))


def is_interval(arrow: pa.DataType) -> bool:
    """INTERVAL: whole microseconds."""
    return bool(pa.types.is_duration(arrow))


def is_text(arrow: pa.DataType) -> bool:
    """VARCHAR."""
    return bool(pa.types.is_string(arrow))


def is_nested(arrow: pa.DataType) -> bool:
    """Lists, structs and maps."""
    return bool(pa.types.is_nested(arrow))


def decimal_of(arrow: pa.DataType) -> pa.Decimal128Type:
    """The DECIMAL that holds every value of an integer type; a DECIMAL itself.

    >>> decimal_of(pa.int32())
    Decimal128Type(decimal128(10, 0))
    """
    if pa.types.is_decimal(arrow):
        return pa.decimal128(arrow.precision, arrow.scale)
    width = arrow.bit_width
    return pa.decimal128(20 if arrow == pa.uint64() else _DIGITS[width], 0)


def wider_decimal(a: pa.DataType, b: pa.DataType, carry: int = 0) -> pa.Decimal128Type:
    """The DECIMAL of both: the greater scale and number of whole digits, 38 digits at most."""
    first, second = decimal_of(a), decimal_of(b)
    scale = max(first.scale, second.scale)
    whole = max(first.precision - first.scale, second.precision - second.scale)
    return pa.decimal128(min(whole + scale + carry, MAX_PRECISION), scale)


def common_type(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The narrowest type to which both widen, or None where there is none.

    BIGINT beside DOUBLE is DOUBLE (and rounds beyond 2^53); UBIGINT beside a signed integer is
    DECIMAL(20, 0).

    >>> common_type(pa.int32(), pa.int64()), common_type(pa.int64(), pa.string())
    (DataType(int64), None)
    """
    if a == b or is_null(b):
        return a
    if is_null(a):
        return b
    if is_integer(a) and is_integer(b):
        return _common_integer(a, b)
    if is_number(a) and is_number(b):
        return DOUBLE if is_float(a) or is_float(b) else wider_decimal(a, b)
    if is_time(a) and is_time(b):
        return TIMESTAMPTZ if TIMESTAMPTZ in (a, b) else TIMESTAMP
    return _common_nested(a, b)


def _common_integer(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    if pa.types.is_signed_integer(a) == pa.types.is_signed_integer(b):
        return a if a.bit_width >= b.bit_width else b
    signed, unsigned = (a, b) if pa.types.is_signed_integer(a) else (b, a)
    if unsigned.bit_width < signed.bit_width:
        return signed
    wider = {8: pa.int16(), 16: pa.int32(), 32: pa.int64()}.get(unsigned.bit_width)
    return wider if wider is not None else pa.decimal128(20, 0)


def _common_nested(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    if pa.types.is_list(a) and pa.types.is_list(b):
        value = common_type(a.value_type, b.value_type)
        return None if value is None else pa.list_(value)
    if pa.types.is_map(a) and pa.types.is_map(b):
        key, item = common_type(a.key_type, b.key_type), common_type(a.item_type, b.item_type)
        return None if key is None or item is None else pa.map_(key, item)
    if pa.types.is_struct(a) and pa.types.is_struct(b) and a.num_fields == b.num_fields:
        fields = []
        for i in range(a.num_fields):
            inner = common_type(a.field(i).type, b.field(i).type)
            if inner is None or a.field(i).name != b.field(i).name:
                return None
            fields.append(pa.field(a.field(i).name, inner))
        return pa.struct(fields)
    return None


def implicit_cast(expr: Expr, to: pa.DataType) -> Expr:
    """The expression as `to`, where that needs no word of the user.

    Raises
    ------
    ExpressionError: it would narrow, or read text; the suggestion is to write CAST.

    >>> implicit_cast(Literal(1, pa.int32()), pa.float64())
    Literal(value=1.0, type=DataType(double))
    """
    if expr.type == to:
        return expr
    if isinstance(expr, Literal):
        adapted = adapt_literal(expr, to)
        if adapted is not None:
            return adapted
    if common_type(expr.type, to) == to:
        return Call("cast", (expr,), to)
    raise ExpressionError(
        f"{sql_name(expr.type)} does not become {sql_name(to)} by itself",
        f"write CAST(... AS {sql_name(to)})",
    )


def adapt_literal(literal: Literal, to: pa.DataType) -> Literal | None:
    """The literal as a value of `to`, or None where `to` does not hold what was written.

    A number with a point is read as the nearest FLOAT or DOUBLE; text as a time of ISO 8601.

    >>> adapt_literal(Literal("2013-01-01", pa.string()), pa.date32())
    Literal(value=15706, type=DataType(date32[day]))
    """
    value = literal.value
    if literal.type == to:
        return literal
    if value is None:
        return Literal(None, to) if common_type(literal.type, to) is not None else None
    if isinstance(value, str):
        return _read_text(value, to)
    if isinstance(value, bool) or not (is_number(literal.type) and is_number(to)):
        return _adapt_time(literal, to)
    if isinstance(value, bytes):
        return None
    if is_float(to):
        return _adapt_float(value, to)
    if isinstance(value, float) and not isfinite(value):
        return None
    exact = Decimal(value)
    if is_integer(to):
        whole = int(exact)
        return Literal(whole, to) if whole == exact and holds(to, whole) else None
    return Literal(exact, to) if _fits(exact, to) else None


def holds(arrow: pa.DataType, whole: int) -> bool:
    """An integer type has this value."""
    bits: int = arrow.bit_width
    if pa.types.is_signed_integer(arrow):
        return -(1 << (bits - 1)) <= whole < 1 << (bits - 1)
    return 0 <= whole < 1 << bits


def _adapt_float(value: float | Decimal, to: pa.DataType) -> Literal | None:
    try:
        read = float(value)
    except OverflowError:
        return None
    if isinstance(value, int) and int(read) != value:
        return None
    if to == pa.float32():
        short = as_type(scalar(read, DOUBLE), to, safe=False).as_py()
        if isfinite(read) and not isfinite(short):
            return None
        if isinstance(value, int) and short != value:
            return None
        read = short
    return Literal(read, to)


def _fits(value: Decimal, to: pa.DataType) -> bool:
    arrow = decimal_type(to)
    units = Fraction(value) * 10**arrow.scale
    return bool(units.denominator == 1 and abs(units.numerator) < 10**arrow.precision)


def _adapt_time(literal: Literal, to: pa.DataType) -> Literal | None:
    value = literal.value
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    if pa.types.is_timestamp(literal.type) and pa.types.is_timestamp(to):
        return Literal(value, to)
    if literal.type == DATE and pa.types.is_timestamp(to):
        us = value * 86_400_000_000
        return Literal(us, to) if -(2**63) <= us < 2**63 else None
    return None


def _read_text(text: str, to: pa.DataType) -> Literal | None:
    if to == DATE:
        us = parse_timestamp(text) if len(text) == 10 else None
        return None if us is None else Literal(us // 86_400_000_000, to)
    if pa.types.is_timestamp(to):
        us = parse_timestamp(text)
        return None if us is None else Literal(us, to)
    return None


def number(text: str) -> Literal:
    """The literal of a number as it is written in SQL, without a sign.

    Whole numbers are INTEGER, BIGINT or DECIMAL(n, 0), the first that holds them; with a point they
    are DECIMALs of their digits; with an exponent, or beyond 38 digits, DOUBLEs.

    >>> number("1.50").type, number("1e3").value, number("3000000000").type
    (Decimal128Type(decimal128(3, 2)), 1000.0, DataType(int64))
    """
    if not _NUMBER.fullmatch(text):
        raise ExpressionError(f"'{text}' is no number")
    whole, point, places = text.partition(".")
    digits = len(whole.lstrip("0")) + len(places)
    if "e" in text.lower() or digits > MAX_PRECISION:
        read = float(text)
        if not isfinite(read):
            raise ExpressionError(f"{text} is beyond DOUBLE")
        return Literal(read, DOUBLE)
    if point:
        return Literal(Decimal(text), pa.decimal128(max(digits, 1), len(places)))
    value = int(text)
    for arrow in (INTEGER, BIGINT):
        if holds(arrow, value):
            return Literal(value, arrow)
    return Literal(Decimal(value), pa.decimal128(digits, 0))


def parse_timestamp(text: str) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time, or None where the text is no such time.

    Without a zone it is UTC; digits beyond microseconds are dropped; the time of day may be left
    out.

    >>> parse_timestamp("1970-01-01 01:00:00.25+01:00")
    250000
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        day_ = date(int(year), int(month), int(day))
    except ValueError:
        return None
    h, m, s = int(hour or 0), int(minute or 0), int(second or 0)
    if h > 23 or m > 59 or s > 59:
        return None
    us = (day_.toordinal() - 719_163) * 86_400 + h * 3600 + m * 60 + s
    us = us * 1_000_000 + int((fraction or "0").ljust(9, "0")[:6])
    if zone and zone != "Z":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = int(digits[:2]) * 60 + int(digits[2:])
        if int(digits[:2]) > 15 or int(digits[2:]) > 59:
            return None
        us -= (1 if zone[0] == "+" else -1) * offset * 60_000_000
    return us


def unify(what: str, args: Sequence[Expr]) -> tuple[tuple[Expr, ...], pa.DataType]:
    """The arguments brought to their common type, and that type; constants give way to columns."""
    constants = [a for a in args if isinstance(a, Literal)]
    others = [a for a in args if not isinstance(a, Literal)]
    to: pa.DataType = NULL
    for arg in others:
        to = _join(what, to, arg.type)
    for literal in constants:
        if adapt_literal(literal, to) is None or is_null(to):
            to = _join(what, to, literal.type)
    return tuple(implicit_cast(a, to) for a in args), to


def _join(what: str, a: pa.DataType, b: pa.DataType) -> pa.DataType:
    both = common_type(a, b)
    if both is None:
        raise ExpressionError(
            f"{what} cannot bring {sql_name(a)} and {sql_name(b)} together", cast_hint(a, b)
        )
    return both


def cast_hint(a: pa.DataType, b: pa.DataType) -> str:
    """What to write where two types do not go together."""
    if is_text(a) and is_text(b):
        return "write CAST(... AS DOUBLE), or the type that the text holds"
    if is_text(a) or is_text(b):
        other = b if is_text(a) else a
        if is_time(other):
            return "write the time as 'YYYY-MM-DD HH:MM:SS', or CAST the text"
        if not is_nested(other) and not is_interval(other) and other != NULL:
            return f"write CAST(... AS {sql_name(other)}) around the text"
    return "write CAST(... AS ...) around one of them"
