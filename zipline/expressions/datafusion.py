"""Expressions in DataFusion's SQL, where that gives the same value to the bit.

DataFusion's own functions are used where tests prove them equal (`DATAFUSION_EQUAL`); others are
written in terms of them: integer arithmetic is checked by way of DECIMAL, division is guarded
against zero, comparisons of floats against NaN (which DataFusion takes for equal to itself and
greater than everything). Where no exact text is known the answer is None, and the caller computes
the expression with `evaluate`. Nothing here imports DataFusion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

import pyarrow as pa

from bighead.zipline.expressions.arrow import decimal_type
from bighead.zipline.expressions.datafusion_literals import (
    NoTextError,
    cast_text,
    folded,
    literal_text,
    quote,
)
from bighead.zipline.expressions.typing import (
    decimal_of,
    is_decimal,
    is_float,
    is_interval,
    is_nested,
    is_text,
    wider_decimal,
)
from bighead.zipline.ir.expr import Call, Column, Expr, Literal, walk
from bighead.zipline.ir.types import BIGINT, DATE, DOUBLE, TIMESTAMP, is_integer, is_number

DATAFUSION_EQUAL: frozenset[str] = frozenset(
    {
        "and", "or", "not", "is_null", "is_not_null", "is_true", "is_not_true", "is_false",
        "is_not_false", "case", "coalesce", "concat", "concat_op", "starts_with", "ends_with",
        "contains", "left", "right", "substr", "trim", "ltrim", "rtrim", "is_nan",
    }
)  # fmt: skip
"""Functions whose DataFusion namesake gives equal values for every type that they take."""

LONGEST = 20_000
"""Some rewrites name an operand several times; nested ones would grow without end."""


def to_datafusion_sql(expr: Expr) -> str | None:
    """The expression as text for DataFusion, or None where it has none that is exact.

    Columns are quoted by name. Errors are errors there too, though worded by DataFusion.

    >>> to_datafusion_sql(Call("is_null", (Column("a", pa.int64()),), pa.bool_()))
    '("a" IS NULL)'
    """
    try:
        return _text(expr)
    except NoTextError:
        return None


def _text(expr: Expr) -> str:
    if isinstance(expr, Column):
        return '"' + expr.name.replace('"', '""') + '"'
    if isinstance(expr, Literal):
        return literal_text(expr)
    if not any(isinstance(part, Column) for part in walk(expr)):
        return literal_text(folded(expr))
    write = WRITERS.get(expr.function)
    if write is None:
        raise NoTextError(expr.function)
    text = write(expr)
    if len(text) > LONGEST:
        raise NoTextError("too long")
    return text


# Whole numbers: arithmetic in DECIMAL, which DataFusion checks on the way back to BIGINT.

WIDEST = 63


def _bits(expr: Expr) -> int:
    """How many bits the size of a whole number can need; more than 63 where it may overflow."""
    if isinstance(expr, Literal):
        return abs(expr.value).bit_length() if isinstance(expr.value, int) else 0
    if isinstance(expr, Call):
        if expr.function == "cast" and is_integer(expr.args[0].type) and expr.type == BIGINT:
            return min(_bits(expr.args[0]), WIDEST)
        if expr.function in ("add", "subtract") and is_integer(expr.type):
            a, b = expr.args
            return min(max(_bits(a), _bits(b)) + 1, WIDEST + 1)
        if expr.function == "multiply" and is_integer(expr.type):
            a, b = expr.args
            return min(_bits(a) + _bits(b), WIDEST + 1)
    return int(expr.type.bit_width) if is_integer(expr.type) else WIDEST + 1


def _micros(expr: Expr) -> str:
    """A time, an interval or a whole number as BIGINT: microseconds, or the number."""
    if expr.type == DATE:
        raise NoTextError("days")
    if isinstance(expr, Literal):
        return _text(Literal(expr.value, BIGINT))
    if is_interval(expr.type) and isinstance(expr, Call):
        return _whole_result(expr)
    text = _text(expr)
    return text if expr.type == BIGINT else f"CAST({text} AS BIGINT)"


def _whole_result(call: Call) -> str:
    """An operation on whole numbers, times or intervals, as BIGINT."""
    if call.function == "multiply" and is_float(call.args[0].type):
        product = f"({_text(call.args[0])} * arrow_cast({_micros(call.args[1])}, 'Float64'))"
        return f"CAST({_half_even(product)} AS BIGINT)"
    if call.function == "negate":
        return _checked("-", "CAST(0 AS DECIMAL(20, 0))", _as_decimal(call.args[0]))
    sign = {"add": "+", "subtract": "-", "multiply": "*"}.get(call.function)
    if sign is None or any(a.type == pa.uint64() for a in call.args):
        raise NoTextError(call.function)
    a, b = call.args
    if call.type == BIGINT and _bits(call) <= WIDEST:
        return f"({_text(a)} {sign} {_text(b)})"
    digits = 19 if sign == "*" else 20
    return _checked(sign, _as_decimal(a, digits), _as_decimal(b, digits))


def _as_decimal(expr: Expr, digits: int = 20) -> str:
    return f"CAST({_micros(expr)} AS DECIMAL({digits}, 0))"


def _checked(sign: str, a: str, b: str) -> str:
    return f"CAST(({a} {sign} {b}) AS BIGINT)"


def _half_even(text: str) -> str:
    """A DOUBLE rounded half to even; `round` rounds half away from zero."""
    return (
        f"CASE WHEN abs({text} - trunc({text})) = 0.5 THEN 2.0 * round({text} / 2.0)"
        f" ELSE round({text}) END"
    )


def _arithmetic(call: Call) -> str:
    if call.type == DOUBLE:
        sign = {"add": "+", "subtract": "-", "multiply": "*"}[call.function]
        return f"({_text(call.args[0])} {sign} {_text(call.args[1])})"
    if is_decimal(call.type):
        return _decimal_arithmetic(call)
    whole = _whole_result(call)
    return whole if call.type == BIGINT else cast_text(whole, call.type)


def _decimal_arithmetic(call: Call) -> str:
    """Where no result can need more than 37 digits, nothing can overflow unseen."""
    a, b = (decimal_type(arg.type) for arg in call.args)
    digits = wider_decimal(a, b).precision + 1
    if call.function == "multiply":
        digits = a.precision + b.precision + 1
    elif max(a.precision - a.scale, b.precision - b.scale) + max(a.scale, b.scale) > 37:
        raise NoTextError("more digits than DECIMAL has")
    if digits > 38:
        raise NoTextError("more digits than DECIMAL has")
    sign = {"add": "+", "subtract": "-", "multiply": "*"}[call.function]
    return cast_text(f"({_text(call.args[0])} {sign} {_text(call.args[1])})", call.type)


def _negate(call: Call) -> str:
    (arg,) = call.args
    if call.type == DOUBLE or is_decimal(call.type):
        return f"(- {_text(arg)})"
    if arg.type == pa.uint64():
        raise NoTextError("UBIGINT")
    whole = _whole_result(call)
    return whole if call.type == BIGINT else cast_text(whole, call.type)


def _divide(call: Call) -> str:
    a, b = call.args
    return f"({_text(a)} / NULLIF({_text(b)} + 0.0, 0.0))"


def _modulo(call: Call) -> str:
    a, b = call.args
    if call.type == DOUBLE:
        return f"({_text(a)} % NULLIF({_text(b)} + 0.0, 0.0))"
    if call.type != BIGINT or pa.uint64() in (a.type, b.type):
        raise NoTextError("%")
    return f"({_text(a)} % NULLIF({_text(b)}, 0))"


# Comparisons.

SIGNS = {
    "equal": "=",
    "not_equal": "<>",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}


def _comparison(call: Call) -> str:
    return _compare(call.function, *call.args)


def _compare(name: str, a: Expr, b: Expr) -> str:
    sign = SIGNS[name]
    if is_nested(a.type):
        raise NoTextError("nested")
    if is_float(a.type) or is_float(b.type):
        return _compare_floats(name, _as_double(a), _as_double(b), (a, b))
    if a.type == b.type:
        return f"({_text(a)} {sign} {_text(b)})"
    if is_number(a.type) and is_number(b.type):
        wide = wider_decimal(decimal_of(a.type), decimal_of(b.type))
        whole = max(d.precision - d.scale for d in (decimal_of(a.type), decimal_of(b.type)))
        if whole + wide.scale > 38:
            raise NoTextError("more digits than DECIMAL has")
        return f"({cast_text(_text(a), wide)} {sign} {cast_text(_text(b), wide)})"
    raise NoTextError(f"{a.type} {sign} {b.type}")


def _as_double(expr: Expr) -> str:
    """A number that is exact as DOUBLE, as one."""
    if expr.type == DOUBLE:
        return _text(expr)
    if isinstance(expr, Literal) and isinstance(expr.value, int) and abs(expr.value) <= 2**53:
        return _text(Literal(float(expr.value), DOUBLE))
    narrow = is_integer(expr.type) and expr.type.bit_width <= 32
    if narrow or expr.type == pa.float32():
        return cast_text(_text(expr), DOUBLE)
    raise NoTextError("not exact as DOUBLE")


def _compare_floats(name: str, a: str, b: str, args: tuple[Expr, Expr]) -> str:
    """By IEEE 754, where DataFusion takes NaN for a number and may tell -0.0 from 0.0."""
    sign = SIGNS[name]
    first, second = args
    if isinstance(second, Literal) and _is_plain(second):
        return f"({a} {sign} {b}{_unless_nan(name, a)})"
    if isinstance(first, Literal) and _is_plain(first):
        return f"({a} {sign} {b}{_unless_nan(name, b)})"
    null, truth = f"{a} IS NULL OR {b} IS NULL", "TRUE" if name == "not_equal" else "FALSE"
    return (
        f"(CASE WHEN {null} THEN NULL WHEN isnan({a}) OR isnan({b}) THEN {truth}"
        f" ELSE ({a} + 0.0) {sign} ({b} + 0.0) END)"
    )


def _is_plain(literal: Literal) -> bool:
    """A number other than zero and NaN: only the column can be NaN, and no sign of zero matters."""
    value = literal.value
    return isinstance(value, int | float) and not math.isnan(value) and value != 0


def _unless_nan(name: str, text: str) -> str:
    return f" OR isnan({text})" if name == "not_equal" else f" AND NOT isnan({text})"


def _distinct(call: Call) -> str:
    a, b = call.args
    same = f"COALESCE({_compare('equal', a, b)}, {_text(a)} IS NULL AND {_text(b)} IS NULL)"
    return f"(NOT {same})" if call.function == "is_distinct" else f"({same})"


def _in(call: Call) -> str:
    probe, *items = call.args
    if is_float(probe.type):
        return "(" + " OR ".join(_compare("equal", probe, i) for i in items) + ")"
    if is_nested(probe.type):
        raise NoTextError("nested")
    return f"({_text(probe)} IN ({', '.join(_text(i) for i in items)}))"


def _nullif(call: Call) -> str:
    a, b = call.args
    return f"(CASE WHEN {_compare('equal', a, b)} THEN NULL ELSE {_text(a)} END)"


# Choice.


def _infix(word: str) -> Callable[[Call], str]:
    return lambda call: "(" + f" {word} ".join(_text(a) for a in call.args) + ")"


def _postfix(words: str) -> Callable[[Call], str]:
    return lambda call: f"({_text(call.args[0])} {words})"


def _case(call: Call) -> str:
    *pairs, otherwise = (_text(a) for a in call.args)
    branches = (
        f"WHEN {when} THEN {then}" for when, then in zip(pairs[::2], pairs[1::2], strict=True)
    )
    return f"(CASE {' '.join(branches)} ELSE {otherwise} END)"


def _function(name: str) -> Callable[[Call], str]:
    return lambda call: f"{name}({', '.join(_text(a) for a in call.args)})"


def _as_bigint(name: str) -> Callable[[Call], str]:
    return lambda call: f"CAST({_function(name)(call)} AS BIGINT)"


# Numbers.


def _abs(call: Call) -> str:
    (arg,) = call.args
    if arg.type == pa.uint64() or is_interval(arg.type):
        raise NoTextError("ABS")
    return f"abs({_text(arg)})"


def _sign(call: Call) -> str:
    (arg,) = call.args
    if is_float(arg.type):
        text = _text(arg)
        itself = f"isnan({text}) OR {text} + 0.0 = 0.0"
        return f"(CASE WHEN {itself} THEN {text} + 0.0 ELSE signum({text}) END)"
    zero = _text(Literal(Decimal(0) if is_decimal(arg.type) else 0, arg.type))
    text = _text(arg)
    signs = ((">", 1), ("<", -1), ("=", 0))
    branches = (f"WHEN {text} {sign} {zero} THEN {value}" for sign, value in signs)
    return f"(CASE {' '.join(branches)} END)"


def _whole_part(call: Call) -> str:
    if call.type != DOUBLE:
        raise NoTextError(call.function)
    return f"{call.function}({_text(call.args[0])})"


def _round(call: Call) -> str:
    places = call.args[1]
    if call.type != DOUBLE or not isinstance(places, Literal) or places.value != 0:
        raise NoTextError("ROUND")
    return f"round({_text(call.args[0])})"


def _extreme(call: Call) -> str:
    if is_float(call.type) or is_nested(call.type):
        raise NoTextError("NaN")
    return _function(call.function)(call)


# Text.


def _trim(name: str) -> Callable[[Call], str]:
    return _function(name)


def _constant(call: Call, position: int) -> str:
    """A constant text that is not empty."""
    arg = call.args[position]
    if not isinstance(arg, Literal) or not isinstance(arg.value, str) or not arg.value:
        raise NoTextError("not constant")
    return arg.value


def _with_constant(name: str, position: int, as_bigint: bool = False) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        _constant(call, position)
        text = _function(name)(call)
        return f"CAST({text} AS BIGINT)" if as_bigint else text

    return write


def _join(call: Call) -> str:
    if not is_text(call.type):
        raise NoTextError("||")
    return _infix("||")(call)


def _like(call: Call) -> str:
    """DataFusion escapes with a backslash."""
    pattern = call.args[1]
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        raise NoTextError("LIKE")
    escape = _constant(call, 2) if len(call.args) > 2 else None
    parts, rest = [], iter(pattern.value)
    for character in rest:
        if character == escape:
            escaped = next(rest, None)
            if escaped is None:
                raise NoTextError("LIKE")
            parts.append(f"\\{escaped}" if escaped in "%_\\" else escaped)
        else:
            parts.append("\\\\" if character == "\\" else character)
    return f"({_text(call.args[0])} LIKE {quote(''.join(parts))})"


# Times.


def _unit(call: Call) -> str:
    unit = call.args[0]
    assert isinstance(unit, Literal)
    return str(unit.value)


TRUNCATED = ("microsecond", "millisecond", "second", "minute", "hour", "day")
"""Units of which DataFusion truncates any time; its weeks and months end with the year 9999."""


def _date_trunc(call: Call) -> str:
    unit = _unit(call)
    if unit not in TRUNCATED:
        raise NoTextError(unit)
    return f"date_trunc('{unit}', {_text(call.args[1])})"


PARTS = (
    "year", "quarter", "month", "week", "day", "doy", "dow", "isodow", "hour", "minute",
    "second", "millisecond", "microsecond",
)  # fmt: skip


def _date_part(call: Call) -> str:
    unit = _unit(call)
    if unit not in PARTS:
        raise NoTextError(unit)
    return f"CAST(date_part('{unit}', {_text(call.args[1])}) AS BIGINT)"


def _epoch(call: Call) -> str:
    return f"(CAST({_micros(call.args[0])} AS DOUBLE) / 1000000.0)"


def _epoch_of(size: int) -> Callable[[Call], str]:
    def write(call: Call) -> str:
        us = _micros(call.args[0])
        if size == 1:
            return us
        return f"({us} / {size} - CASE WHEN {us} % {size} < 0 THEN 1 ELSE 0 END)"

    return write


def _from_epoch(call: Call) -> str:
    unit = call.args[1]
    assert isinstance(unit, Literal)
    size = {"second": 1_000_000, "millisecond": 1_000, "microsecond": 1}[str(unit.value)]
    if size == 1:
        return cast_text(_text(call.args[0]), TIMESTAMP)
    return cast_text(
        _checked("*", _as_decimal(call.args[0], 19), f"CAST({size} AS DECIMAL(19, 0))"), TIMESTAMP
    )


# Casts.


def _cast(call: Call) -> str:
    (arg,) = call.args
    now, to = arg.type, call.type
    if is_integer(now) or pa.types.is_boolean(now):
        if is_integer(to) or is_text(to) or (is_float(to) and not pa.types.is_boolean(now)):
            return cast_text(_text(arg), to)
        if is_decimal(to) and is_integer(now):
            return cast_text(_text(arg), to)
    if is_float(now) and is_integer(to) and to.bit_width <= 64 and to != pa.uint64():
        double = _text(arg) if now == DOUBLE else cast_text(_text(arg), DOUBLE)
        return cast_text(_half_even(double), to)
    if now == pa.float32() and to == DOUBLE:
        return cast_text(_text(arg), to)
    if is_decimal(now) and to == DOUBLE and decimal_type(now).precision <= 15:
        return cast_text(_text(arg), to)
    if is_decimal(now) and is_decimal(to) and decimal_type(to).scale >= decimal_type(now).scale:
        return cast_text(_text(arg), to)
    if now == DATE and pa.types.is_timestamp(to):
        return cast_text(_text(arg), to)
    if pa.types.is_timestamp(now) and (to == DATE or pa.types.is_timestamp(to)):
        return cast_text(_text(arg), to)
    raise NoTextError(f"CAST {now} AS {to}")


def _field(call: Call) -> str:
    name = call.args[1]
    assert isinstance(name, Literal)
    whole = _text(call.args[0])
    # Below a NULL struct DataFusion shows whatever its fields hold.
    part = f"get_field({whole}, {quote(str(name.value))})"
    return f"(CASE WHEN {whole} IS NULL THEN NULL ELSE {part} END)"


def _negatable(call: Call) -> str:
    return f"(NOT {_text(call.args[0])})"


WRITERS: dict[str, Callable[[Call], str]] = {
    "add": _arithmetic,
    "subtract": _arithmetic,
    "multiply": _arithmetic,
    "divide": _divide,
    "modulo": _modulo,
    "negate": _negate,
    **dict.fromkeys(SIGNS, _comparison),
    "is_distinct": _distinct,
    "is_not_distinct": _distinct,
    "in": _in,
    "is_null": _postfix("IS NULL"),
    "is_not_null": _postfix("IS NOT NULL"),
    "is_true": _postfix("IS TRUE"),
    "is_not_true": _postfix("IS NOT TRUE"),
    "is_false": _postfix("IS FALSE"),
    "is_not_false": _postfix("IS NOT FALSE"),
    "and": _infix("AND"),
    "or": _infix("OR"),
    "not": _negatable,
    "case": _case,
    "coalesce": _function("coalesce"),
    "nullif": _nullif,
    "cast": _cast,
    "abs": _abs,
    "sign": _sign,
    "floor": _whole_part,
    "ceil": _whole_part,
    "round": _round,
    "exp": _function("exp"),
    "ln": _function("ln"),
    "log10": _function("log10"),
    "log2": _function("log2"),
    "least": _extreme,
    "greatest": _extreme,
    "is_nan": _function("isnan"),
    "length": _as_bigint("character_length"),
    "trim": _trim("btrim"),
    "ltrim": _trim("ltrim"),
    "rtrim": _trim("rtrim"),
    "substr": _function("substr"),
    "left": _function("left"),
    "right": _function("right"),
    "concat": _function("concat"),
    "concat_op": _join,
    "replace": _with_constant("replace", 1),
    "starts_with": _function("starts_with"),
    "ends_with": _function("ends_with"),
    "contains": _function("contains"),
    "like": _like,
    "split_part": _with_constant("split_part", 1),
    "strpos": _as_bigint("strpos"),
    "date_trunc": _date_trunc,
    "date_part": _date_part,
    "epoch": _epoch,
    "epoch_us": _epoch_of(1),
    "epoch_ms": _epoch_of(1_000),
    "epoch_s": _epoch_of(1_000_000),
    "from_epoch": _from_epoch,
    "field": _field,
}
"""How each function is written; each writer refuses what it does not write exactly."""
