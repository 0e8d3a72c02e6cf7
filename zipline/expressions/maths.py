"""Functions of numbers: ABS, SIGN, rounding, roots, logarithms, LEAST and GREATEST.

Rounding is half away from zero, on the exact value: ROUND(2.675e0, 2) is 2.67, because the DOUBLE
lies below 2.675. What has no real result is NaN (the root or the logarithm of a negative number),
as in IEEE 754; the logarithm of zero is minus infinity.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pyarrow as pa

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions.arithmetic import beyond
from bighead.zipline.expressions.arrow import (
    Array,
    Datum,
    as_type,
    compute,
    decimal_type,
    rounded_by,
    scalar,
)
from bighead.zipline.expressions.comparison import compare
from bighead.zipline.expressions.datum import (
    column,
    each,
    numbers,
    rows_of,
    spread,
    valid,
)
from bighead.zipline.expressions.decimals import EXACT, decimal_to_decimal
from bighead.zipline.expressions.floats import half_away, units_of
from bighead.zipline.expressions.function import Function
from bighead.zipline.expressions.typing import (
    MAX_PRECISION,
    cast_hint,
    holds,
    implicit_cast,
    is_decimal,
    is_float,
    is_interval,
    is_nested,
    is_null,
    unify,
)
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import BIGINT, BOOLEAN, DOUBLE, is_integer, is_number, sql_name


def number(title: str, arg: Expr) -> Expr:
    """A number as BIGINT (UBIGINT stays), DOUBLE or its DECIMAL."""
    if is_null(arg.type):
        return Literal(None, DOUBLE)
    if not is_number(arg.type):
        raise ExpressionError(
            f"{title} takes a number, not {sql_name(arg.type)}", cast_hint(arg.type, DOUBLE)
        )
    if is_decimal(arg.type) or arg.type == pa.uint64():
        return arg
    return implicit_cast(arg, DOUBLE if is_float(arg.type) else BIGINT)


def double(title: str, arg: Expr) -> Expr:
    """A number as DOUBLE."""
    whole = number(title, arg)
    if isinstance(whole, Literal):
        return Literal(None if whole.value is None else float(whole.value), DOUBLE)
    return implicit_cast(whole, DOUBLE)


def _bind_abs(args: tuple[Expr, ...]) -> Expr:
    arg = args[0] if is_interval(args[0].type) else number("ABS", args[0])
    return Call("abs", (arg,), arg.type)


def _run_abs(call: Call, args: tuple[Datum, ...]) -> Datum:
    (a,) = args
    if a.type == pa.uint64():
        return a
    if is_float(a.type) or is_decimal(a.type):
        return compute("abs", a)
    whole = as_type(a, BIGINT)
    try:
        return as_type(compute("abs_checked", whole), call.type)
    except pa.ArrowInvalid:
        raise beyond(call.type) from None


def _bind_sign(args: tuple[Expr, ...]) -> Expr:
    arg = number("SIGN", args[0])
    return Call("sign", (arg,), DOUBLE if is_float(arg.type) else BIGINT)


def _run_sign(call: Call, args: tuple[Datum, ...]) -> Datum:
    (a,) = args
    if is_float(a.type):
        # +0.0 takes the minus from a zero.
        return column(np.sign(numbers(a)) + 0.0, DOUBLE, valid(a))
    zero = scalar(0, a.type)
    above, below = compute("greater", a, zero), compute("less", a, zero)
    return compute("subtract", as_type(above, BIGINT), as_type(below, BIGINT))


def _bind_whole(name: str, args: tuple[Expr, ...]) -> Expr:
    arg = number(name.upper(), args[0])
    if is_integer(arg.type):
        return arg
    if not is_decimal(arg.type):
        return Call(name, (arg,), DOUBLE)
    now = decimal_type(arg.type)
    if now.scale == 0:
        return arg
    return Call(name, (arg,), pa.decimal128(now.precision - now.scale + 1, 0))


def _run_whole(call: Call, args: tuple[Datum, ...]) -> Datum:
    (a,) = args
    if is_float(a.type):
        return compute(call.function, a)
    now = decimal_type(a.type)
    wide = spread(as_type(a, pa.decimal256(now.precision + 1, now.scale)), 1)
    mode = "down" if call.function == "floor" else "up"
    return as_type(rounded_by(wide, 0, mode), call.type)


def _bind_round(args: tuple[Expr, ...]) -> Expr:
    arg = number("ROUND", args[0])
    places = args[1] if len(args) > 1 else Literal(0, BIGINT)
    if not (isinstance(places, Literal) and is_integer(places.type) and places.value is not None):
        raise ExpressionError("the places of ROUND are a constant", "write ROUND(x, 2)")
    assert isinstance(places.value, int)
    count = max(-400, min(400, places.value))
    if is_integer(arg.type) and count >= 0:
        return arg
    if not is_decimal(arg.type):
        return Call("round", (arg, Literal(count, BIGINT)), arg.type)
    now = decimal_type(arg.type)
    if count >= now.scale:
        return arg
    scale = max(count, 0)
    whole = min(now.precision - now.scale + 1 + scale, MAX_PRECISION)
    return Call("round", (arg, Literal(count, BIGINT)), pa.decimal128(whole, scale))


def _run_round(call: Call, args: tuple[Datum, ...]) -> Datum:
    places = call.args[1]
    assert isinstance(places, Literal)
    assert isinstance(places.value, int)
    a = spread(args[0], 1)
    if is_float(a.type):
        return _round_floats(a, places.value)
    if is_decimal(a.type) and places.value >= 0:
        return decimal_to_decimal(a, call.type)[0]
    return _round_whole(a, places.value, call.type)


def _round_whole(a: Array, places: int, arrow: pa.DataType) -> Array:
    """To tens, hundreds, ...: exactly, in Python's integers."""

    def nearest(value: Decimal | int) -> Decimal | int:
        units = Decimal(value).scaleb(places, EXACT).quantize(Decimal(1), ROUND_HALF_UP, EXACT)
        result = int(units.scaleb(-places, EXACT))
        if is_decimal(arrow):
            if abs(result) >= 10 ** decimal_type(arrow).precision:
                raise beyond(arrow)
            return Decimal(result)
        if not holds(arrow, result):
            raise beyond(arrow)
        return result

    return each(nearest, (a,), arrow)


def _round_floats(a: Array, places: int) -> Array:
    values, mask = numbers(a), valid(a)
    if places == 0:
        return column(half_away(values), DOUBLE, mask)
    units, sure = units_of(values, places)
    # Both exact, so that the quotient is rounded once.
    result = np.where(sure, units / 10.0 ** max(min(places, 22), 0), values)
    todo = np.flatnonzero(~sure & mask & np.isfinite(values))
    unit = Decimal(1).scaleb(-places)
    for row in todo.tolist():
        exact = Decimal(float(values[row])).quantize(unit, ROUND_HALF_UP, EXACT)
        result[row] = float(exact)
    return column(result, DOUBLE, mask)


def _bind_real(name: str, args: tuple[Expr, ...]) -> Expr:
    title = name.upper()
    return Call(name, tuple(double(title, a) for a in args), DOUBLE)


KERNELS = {
    "sqrt": "sqrt",
    "exp": "exp",
    "ln": "ln",
    "log10": "log10",
    "log2": "log2",
    "power": "power",
}


def _run_real(call: Call, args: tuple[Datum, ...]) -> Datum:
    return compute(KERNELS[call.function], *args)


def _real(name: str, spellings: tuple[str, ...], doc: str, *examples: str) -> Function:
    count = 2 if name == "power" else 1
    signature = f"{spellings[0]}({'x, y' if count == 2 else 'x'})"
    return Function(
        name, spellings, signature, count, count, doc, examples,
        lambda args: _bind_real(name, args), _run_real,
    )  # fmt: skip


def _bind_extreme(name: str, args: tuple[Expr, ...]) -> Expr:
    values, arrow = unify(name.upper(), args)
    if is_nested(arrow):
        raise ExpressionError(f"{name.upper()} takes single values, not {sql_name(arrow)}")
    return values[0] if len(values) == 1 else Call(name, values, arrow)


def _run_extreme(call: Call, args: tuple[Datum, ...]) -> Datum:
    """The first of the least (greatest) values; NULLs do not count, NaN is the greatest."""
    rows = rows_of(args)
    best, *others = (spread(a, rows) for a in args)
    for other in others:
        sign = "less" if call.function == "least" else "greater"
        better = compare(sign, other, best)
        if is_float(call.type):
            theirs, ours = compute("is_nan", other), compute("is_nan", best)
            gains = ours if call.function == "least" else theirs
            both = compute("and", theirs, ours)
            better = compute("or", better, compute("and", gains, compute("invert", both)))
        better = compute("coalesce", better, compute("is_valid", other))
        # Without a value yet, any will do; a NULL never replaces one.
        take = compute("and", better, compute("is_valid", other))
        take = compute("or", take, compute("is_null", best))
        best = compute("if_else", take, other, best)
    return best


def _bind_is_nan(args: tuple[Expr, ...]) -> Expr:
    return Call("is_nan", (double("ISNAN", args[0]),), BOOLEAN)


def _run_is_nan(call: Call, args: tuple[Datum, ...]) -> Datum:
    return compute("is_nan", args[0])


MATHS = (
    Function(
        "abs", ("ABS",), "ABS(x)", 1, 1,
        "Integers in BIGINT, an error for the least one; of an INTERVAL its length.",
        ("ABS(-2) = 2",), _bind_abs, _run_abs,
    ),
    Function(
        "sign", ("SIGN",), "SIGN(x)", 1, 1,
        "-1, 0 or 1: BIGINT, for FLOAT and DOUBLE a DOUBLE; NaN for NaN.",
        ("SIGN(-2.5) = -1",), _bind_sign, _run_sign,
    ),
    Function(
        "floor", ("FLOOR",), "FLOOR(x)", 1, 1,
        "The greatest whole number up to x: DOUBLE stays DOUBLE, DECIMAL loses its places.",
        ("FLOOR(-1.5) = -2",), lambda args: _bind_whole("floor", args), _run_whole,
    ),
    Function(
        "ceil", ("CEIL", "CEILING"), "CEIL(x)", 1, 1, "The least whole number from x on; as FLOOR.",
        ("CEIL(-1.5) = -1",), lambda args: _bind_whole("ceil", args), _run_whole,
    ),
    Function(
        "round", ("ROUND",), "ROUND(x [, places])", 1, 2,
        "Half away from zero, on the exact value of x; places is a constant, negative for tens and"
        " hundreds. DECIMALs keep so many places, DOUBLEs give the nearest DOUBLE.",
        ("ROUND(2.5) = 3", "ROUND(-2.5e0) = -3", "ROUND(1250, -2) = 1300",
         "ROUND(2.675e0, 2) = 2.67"),
        _bind_round, _run_round,
    ),
    _real("sqrt", ("SQRT",), "DOUBLE; NaN below zero.", "SQRT(9) = 3"),
    _real("exp", ("EXP",), "e to the power of x, DOUBLE; infinite where it is beyond.",
          "EXP(0) = 1"),
    _real("ln", ("LN",), "The natural logarithm, DOUBLE; NaN below zero, -infinity of zero.",
          "LN(1) = 0"),
    _real("log10", ("LOG10", "LOG"), "The logarithm to base 10; as LN.", "LOG10(1000) = 3"),
    _real("log2", ("LOG2",), "The logarithm to base 2; as LN.", "LOG2(8) = 3"),
    _real("power", ("POWER", "POW"), "x to the power of y, DOUBLE, as IEEE 754's pow.",
          "POWER(2, 10) = 1024"),
    Function(
        "least", ("LEAST",), "LEAST(x, y, ...)", 1, None,
        "The least of the values that are not NULL, in their common type; NaN is greater than every"
        " number; of equal ones the first.",
        ("LEAST(3, NULL, 2) = 2",), lambda args: _bind_extreme("least", args), _run_extreme,
    ),
    Function(
        "greatest", ("GREATEST",), "GREATEST(x, y, ...)", 1, None, "As LEAST, the other way round.",
        ("GREATEST(3, NULL, 2) = 3",), lambda args: _bind_extreme("greatest", args), _run_extreme,
    ),
    Function(
        "is_nan", ("ISNAN", "IS_NAN"), "ISNAN(x)", 1, 1, "True for NaN, NULL for NULL.",
        ("ISNAN(CAST('nan' AS DOUBLE))",), _bind_is_nan, _run_is_nan,
    ),
)  # fmt: skip
