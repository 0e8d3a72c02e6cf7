"""Arithmetic: + - * / % and unary minus, over numbers, and over times and intervals.

Integers are computed in BIGINT, floats in DOUBLE, DECIMALs exactly with the digits that the
result can need (38 at most); what does not fit is an error. `/` is always DOUBLE. A NULL argument
gives NULL. Every instant is a whole number of microseconds, so that time arithmetic is integer
arithmetic.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions.arrow import Datum, as_type, compute, decimal_type, scalar
from bighead.zipline.expressions.datum import all_valid, column, each, numbers, rows_of
from bighead.zipline.expressions.function import BadValueError, Function
from bighead.zipline.expressions.typing import (
    MAX_PRECISION,
    adapt_literal,
    cast_hint,
    decimal_of,
    implicit_cast,
    is_decimal,
    is_float,
    is_interval,
    is_null,
    is_text,
    wider_decimal,
)
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import (
    BIGINT,
    DATE,
    DOUBLE,
    INTERVAL,
    TIMESTAMP,
    is_integer,
    is_number,
    is_time,
    sql_name,
)

WIDE = pa.decimal256(20, 0)
"""Holds every integer; sums and products of two take the digits that they need."""


def numeric(sign: str, a: Expr, b: Expr) -> tuple[Expr, Expr, pa.DataType]:
    """Two numbers brought to BIGINT (or UBIGINT as it is), DECIMALs or DOUBLE, and which it is.

    DECIMALs keep their own digits.
    """
    for arg, other in ((a, b), (b, a)):
        if not (is_number(arg.type) or is_null(arg.type)):
            raise ExpressionError(
                f"no {sign} of {sql_name(a.type)} and {sql_name(b.type)}",
                cast_hint(arg.type, other.type if is_number(other.type) else DOUBLE),
            )
    a, b = _as_beside(a, b), _as_beside(b, a)
    if is_float(a.type) or is_float(b.type):
        return _double(a), _double(b), DOUBLE
    if is_decimal(a.type) or is_decimal(b.type):
        return _decimal(a), _decimal(b), decimal_of(pa.int64())
    return _whole(a), _whole(b), BIGINT


def _as_beside(arg: Expr, other: Expr) -> Expr:
    """A number with a point is read as the DOUBLE beside it."""
    if isinstance(arg, Literal) and is_decimal(arg.type) and is_float(other.type):
        return adapt_literal(arg, DOUBLE) or arg
    return arg


def _double(arg: Expr) -> Expr:
    if isinstance(arg, Literal):
        # Beyond 2^53 an integer is rounded here as it would be in a column.
        return Literal(None if arg.value is None else float(arg.value), DOUBLE)
    return implicit_cast(arg, DOUBLE)


def _decimal(arg: Expr) -> Expr:
    if is_null(arg.type):
        return Literal(None, pa.decimal128(1, 0))
    if isinstance(arg, Literal) and isinstance(arg.value, int):
        return Literal(Decimal(arg.value), pa.decimal128(len(str(abs(arg.value))), 0))
    return implicit_cast(arg, decimal_of(arg.type))


def _whole(arg: Expr) -> Expr:
    if isinstance(arg, Literal) and arg.value is not None:
        return adapt_literal(arg, BIGINT) or arg
    return arg if arg.type == pa.uint64() else implicit_cast(arg, BIGINT)


def _sum_type(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    return wider_decimal(a, b, carry=1)


def _product_type(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    first, second = decimal_type(a), decimal_type(b)
    scale = first.scale + second.scale
    if scale > MAX_PRECISION:
        raise ExpressionError(
            f"{sql_name(a)} * {sql_name(b)} needs {scale} decimal places; DECIMAL has 38",
            "write CAST(... AS DECIMAL(38, 10)) or CAST(... AS DOUBLE) around one of them",
        )
    return pa.decimal128(min(first.precision + second.precision, MAX_PRECISION), scale)


def _as_time(arg: Expr, other: Expr) -> Expr:
    """Text beside a time is read as a time."""
    if isinstance(arg, Literal) and is_text(arg.type) and is_time(other.type):
        return adapt_literal(arg, other.type) or adapt_literal(arg, TIMESTAMP) or arg
    return arg


def _instant(arg: Expr) -> Expr:
    return implicit_cast(arg, TIMESTAMP) if arg.type == DATE else arg


def _bind_add(args: tuple[Expr, ...]) -> Expr:
    a, b = args
    if is_interval(a.type) and is_time(b.type):
        a, b = b, a
    if is_time(a.type) and is_interval(b.type):
        a = _instant(a)
        return Call("add", (a, b), a.type)
    if is_interval(a.type) or is_interval(b.type):
        return Call("add", _intervals("+", a, b), INTERVAL)
    _refuse_days("+", a, b)
    a, b, kind = numeric("+", a, b)
    return Call("add", (a, b), _sum_type(a.type, b.type) if is_decimal(kind) else kind)


def _bind_subtract(args: tuple[Expr, ...]) -> Expr:
    a, b = args
    a, b = _as_time(a, b), _as_time(b, a)
    if is_time(a.type) and is_interval(b.type):
        a = _instant(a)
        return Call("subtract", (a, b), a.type)
    if is_time(a.type) and is_time(b.type):
        return Call("subtract", (_instant(a), _instant(b)), INTERVAL)
    if is_interval(a.type) or is_interval(b.type):
        return Call("subtract", _intervals("-", a, b), INTERVAL)
    _refuse_days("-", a, b)
    a, b, kind = numeric("-", a, b)
    return Call("subtract", (a, b), _sum_type(a.type, b.type) if is_decimal(kind) else kind)


def _intervals(sign: str, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    for arg in (a, b):
        if not (is_interval(arg.type) or is_null(arg.type)):
            hint = "write x * INTERVAL '1' SECOND, or the unit that x counts"
            raise ExpressionError(
                f"no {sign} of {sql_name(a.type)} and {sql_name(b.type)}",
                hint if is_number(arg.type) else "",
            )
    return implicit_cast(a, INTERVAL), implicit_cast(b, INTERVAL)


def _refuse_days(sign: str, a: Expr, b: Expr) -> None:
    if (is_time(a.type) and is_number(b.type)) or (is_number(a.type) and is_time(b.type)):
        raise ExpressionError(
            f"no {sign} of {sql_name(a.type)} and {sql_name(b.type)}",
            "write x * INTERVAL '1' DAY, or the unit that x counts",
        )


def _bind_multiply(args: tuple[Expr, ...]) -> Expr:
    a, b = args
    if is_interval(a.type):
        a, b = b, a
    if is_interval(b.type):
        if not (is_number(a.type) or is_null(a.type)):
            raise ExpressionError(
                f"no * of {sql_name(a.type)} and INTERVAL", "multiply it with a number"
            )
        # Whole factors are exact; others count as DOUBLE.
        factor = _whole(a) if is_integer(a.type) or is_null(a.type) else _double(a)
        return Call("multiply", (factor, b), INTERVAL)
    a, b, kind = numeric("*", a, b)
    return Call("multiply", (a, b), _product_type(a.type, b.type) if is_decimal(kind) else kind)


def _bind_divide(args: tuple[Expr, ...]) -> Expr:
    a, b = args
    if is_interval(a.type) or is_interval(b.type):
        raise ExpressionError(
            f"no / of {sql_name(a.type)} and {sql_name(b.type)}",
            "divide EPOCH(x), the seconds of an interval",
        )
    numeric("/", a, b)
    return Call("divide", (_double(a), _double(b)), DOUBLE)


def _bind_modulo(args: tuple[Expr, ...]) -> Expr:
    a, b, kind = numeric("%", *args)
    return Call("modulo", (a, b), wider_decimal(a.type, b.type) if is_decimal(kind) else kind)


def _bind_negate(args: tuple[Expr, ...]) -> Expr:
    (a,) = args
    if isinstance(a, Literal) and is_number(a.type) and a.value is not None:
        return _negative(a)
    if is_interval(a.type):
        return Call("negate", (a,), INTERVAL)
    if not (is_number(a.type) or is_null(a.type)):
        raise ExpressionError(f"no minus of {sql_name(a.type)}", cast_hint(a.type, DOUBLE))
    if is_float(a.type):
        return Call("negate", (_double(a),), DOUBLE)
    whole = a if is_decimal(a.type) else _whole(a)
    return Call("negate", (whole,), whole.type if is_decimal(whole.type) else BIGINT)


def _negative(literal: Literal) -> Expr:
    value = literal.value
    assert isinstance(value, int | float | Decimal)
    if isinstance(value, int):
        arrow = next(t for t in (literal.type, BIGINT, pa.decimal128(38, 0)) if _holds(t, -value))
        return Literal(-value if is_integer(arrow) else Decimal(-value), arrow)
    return Literal(value.copy_negate() if isinstance(value, Decimal) else -value, literal.type)


def _holds(arrow: pa.DataType, value: int) -> bool:
    return adapt_literal(Literal(value, pa.decimal128(38, 0)), arrow) is not None


# Evaluation.


def beyond(arrow: pa.DataType) -> BadValueError:
    """A result that its type does not hold."""
    return BadValueError(f"is beyond {sql_name(arrow)}")


def _integers(name: str, call: Call, a: Datum, b: Datum) -> Datum:
    """A checked operation on integers, times and intervals, all as int64."""
    if pa.uint64() in (a.type, b.type):
        wide = compute(name, _wide(a), _wide(b))
        try:
            whole = as_type(wide, BIGINT)
        except pa.ArrowInvalid:
            raise beyond(call.type) from None
        return whole if call.type == BIGINT else as_type(whole, call.type)
    try:
        result = compute(f"{name}_checked", _int64(a), _int64(b))
    except pa.ArrowInvalid:
        raise beyond(call.type) from None
    return result if result.type == call.type else as_type(result, call.type)


def _wide(datum: Datum) -> Datum:
    return as_type(datum if is_integer(datum.type) else _int64(datum), WIDE)


def _int64(datum: Datum) -> Datum:
    return datum if datum.type == BIGINT else as_type(datum, BIGINT)


def _decimals(name: str, call: Call, a: Datum, b: Datum) -> Datum:
    """An exact operation on DECIMALs in 256 bits, then the check that the result fits."""
    digits = a.type.precision + b.type.precision
    if digits > 75:  # Arrow's own result type would have more digits than 256 bits hold.
        return _decimals_each(name, call, a, b)
    if decimal_type(call.type).precision < MAX_PRECISION:  # nothing can overflow
        return as_type(compute(name, a, b), call.type)
    wide = (as_type(d, pa.decimal256(d.type.precision, d.type.scale)) for d in (a, b))
    result = compute(name, *wide)
    try:
        return as_type(result, call.type)
    except pa.ArrowInvalid:
        raise beyond(call.type) from None


def _decimals_each(name: str, call: Call, a: Datum, b: Datum) -> Datum:
    def compute(x: Decimal, y: Decimal) -> Decimal:
        f, g = Fraction(x), Fraction(y)
        exact = f * g if name == "multiply" else f + g if name == "add" else f - g
        return exact_decimal(exact, call.type)

    return each(compute, (a, b), call.type)


def exact_decimal(value: Fraction, to: pa.DataType) -> Decimal:
    """A multiple of the type's last digit as a Decimal of it; raises where it does not fit."""
    arrow = decimal_type(to)
    units = value * 10**arrow.scale
    assert units.denominator == 1
    if abs(units.numerator) >= 10**arrow.precision:
        raise beyond(arrow)
    sign = 1 if units.numerator < 0 else 0
    digits = tuple(int(c) for c in str(abs(units.numerator)))
    return Decimal((sign, digits, -arrow.scale))


def _floats(name: str, a: Datum, b: Datum) -> Datum:
    return compute(name, a, b)


def _run_add(call: Call, args: tuple[Datum, ...]) -> Datum:
    return _run_plain("add", call, *args)


def _run_subtract(call: Call, args: tuple[Datum, ...]) -> Datum:
    return _run_plain("subtract", call, *args)


def _run_multiply(call: Call, args: tuple[Datum, ...]) -> Datum:
    a, b = args
    if is_interval(call.type) and is_float(a.type):
        return _scaled_interval(a, b)
    return _run_plain("multiply", call, a, b)


def _run_plain(name: str, call: Call, a: Datum, b: Datum) -> Datum:
    if call.type == DOUBLE:
        return _floats(name, a, b)
    if is_decimal(call.type):
        return _decimals(name, call, a, b)
    return _integers(name, call, a, b)


def _scaled_interval(factor: Datum, interval: Datum) -> Datum:
    """The DOUBLE product, rounded to the whole microsecond as CAST does, half to even."""
    args = (factor, interval)
    mask = all_valid(args, rows_of(args))
    with np.errstate(all="ignore"):
        product = np.rint(numbers(factor) * numbers(interval).astype(np.float64))
        fits = (product >= -(2.0**63)) & (product < 2.0**63)
    if not bool((fits | ~mask).all()):
        raise beyond(INTERVAL)
    return column(np.where(fits, product, 0.0).astype(np.int64), INTERVAL, mask)


def _run_divide(call: Call, args: tuple[Datum, ...]) -> Datum:
    a, b = args
    mask = all_valid(args, rows_of(args))
    divisor = numbers(b)
    mask &= divisor != 0.0
    with np.errstate(all="ignore"):
        quotient = numbers(a) / divisor
    return column(np.broadcast_to(quotient, mask.shape), DOUBLE, mask)


def _run_modulo(call: Call, args: tuple[Datum, ...]) -> Datum:
    a, b = args
    if is_decimal(call.type) or pa.uint64() in (a.type, b.type):
        return _modulo_each(call, a, b)
    mask = all_valid(args, rows_of(args))
    dividend, divisor = numbers(a), numbers(b)
    mask &= divisor != 0
    # x % -1 is 0; spelled out because the processor traps on the least BIGINT.
    safe = (
        np.where((divisor == 0) | (divisor == -1), 1, divisor) if call.type == BIGINT else divisor
    )
    with np.errstate(all="ignore"):
        rest = np.fmod(dividend, safe)
    return column(np.broadcast_to(rest, mask.shape), call.type, mask)


def _modulo_each(call: Call, a: Datum, b: Datum) -> Datum:
    def rest(x: Decimal | int, y: Decimal | int) -> Decimal | int | None:
        f, g = Fraction(x), Fraction(y)
        if g == 0:
            return None
        size = abs(f) % abs(g)
        exact = -size if f < 0 else size
        if is_decimal(call.type):
            return exact_decimal(exact, call.type)
        if exact.numerator >= 2**63:
            raise beyond(call.type)
        return exact.numerator

    return each(rest, (a, b), call.type)


def _run_negate(call: Call, args: tuple[Datum, ...]) -> Datum:
    (a,) = args
    if call.type == DOUBLE or is_decimal(call.type):
        return compute("negate", a)
    zero = scalar(0, BIGINT)
    return _integers("subtract", call, zero, a)


ARITHMETIC = (
    Function(
        "add", ("+",), "a + b", 2, 2,
        "Integers add up in BIGINT, FLOAT and DOUBLE in DOUBLE by IEEE 754, DECIMALs exactly with"
        " one"
        " digit more than the wider one, at most 38; beyond the type is an error. A DATE or"
        " TIMESTAMP"
        " plus an INTERVAL is a TIMESTAMP.",
        ("1 + 2 = 3", "0.1 + 0.2 = 0.3",
         "DATE '2013-01-01' + INTERVAL '90' MINUTE = TIMESTAMP '2013-01-01 01:30:00'"),
        _bind_add, _run_add,
    ),
    Function(
        "subtract", ("-",), "a - b", 2, 2,
        "As +. The difference of two times is an INTERVAL.",
        ("1 - 2 = -1",
         "TIMESTAMP '2013-01-02 00:00:00' - TIMESTAMP '2013-01-01 12:00:00' = INTERVAL '12' HOUR"),
        _bind_subtract, _run_subtract,
    ),
    Function(
        "multiply", ("*",), "a * b", 2, 2,
        "As +; the scales of DECIMALs add up. A number times an INTERVAL is an INTERVAL: exact for"
        " integers; for others the DOUBLE product rounded to the microsecond, half to even, and an"
        " error for NaN and infinities.",
        ("6 * 7 = 42", "2.5 * INTERVAL '1' MINUTE = INTERVAL '150' SECOND"),
        _bind_multiply, _run_multiply,
    ),
    Function(
        "divide", ("/",), "a / b", 2, 2,
        "Always DOUBLE: each side is rounded to DOUBLE, then divided once. x / 0 is NULL, also for"
        " DOUBLE.",
        ("7 / 2 = 3.5", "(1 / 0) IS NULL"),
        _bind_divide, _run_divide,
    ),
    Function(
        "modulo", ("%", "MOD"), "a % b", 2, 2,
        "The remainder of the division towards zero: it has the sign of a. x % 0 is NULL.",
        ("-7 % 3 = -1", "MOD(7, -3) = 1", "(1 % 0) IS NULL"),
        _bind_modulo, _run_modulo,
    ),
    Function(
        "negate", (), "-a", 1, 1,
        "Integers in BIGINT; minus the least BIGINT is an error.",
        ("-(3) = 0 - 3",),
        _bind_negate, _run_negate,
    ),
)  # fmt: skip
