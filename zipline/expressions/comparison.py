"""Comparisons: = <> < <= > >=, IS [NOT] NULL, IS [NOT] DISTINCT FROM, IN.

Numbers of different types compare by their exact values: 9007199254740993 is greater than
9007199254740992.0, though no DOUBLE lies between. Floats compare as IEEE 754 says: NaN equals
nothing, not even itself, and -0.0 equals 0.0. Text and bytes compare byte by byte (UTF-8),
booleans false before true, a DATE as its midnight, times with and without zone as instants. Lists
and structs know only = and <>.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions.arrow import (
    Datum,
    as_type,
    compute,
    extremes,
    is_among,
    join,
    make,
    nulls,
    repeat,
    scalar,
)
from bighead.zipline.expressions.datum import (
    Values,
    all_valid,
    column,
    numbers,
    rows_of,
    spread,
)
from bighead.zipline.expressions.function import Function
from bighead.zipline.expressions.typing import (
    adapt_literal,
    cast_hint,
    common_type,
    implicit_cast,
    is_decimal,
    is_float,
    is_nested,
    is_null,
    is_text,
)
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import (
    BOOLEAN,
    DOUBLE,
    VARCHAR,
    is_integer,
    is_number,
    is_time,
    sql_name,
)

SIGNS = {
    "equal": "=",
    "not_equal": "<>",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}


def comparable(sign: str, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Two operands as types that compare exactly: the same one, or two kinds of numbers.

    A constant is read as the type beside it where that holds it.
    """
    a, b = _beside(a, b), _beside(b, a)
    both = common_type(a.type, b.type)
    if both is None:
        raise ExpressionError(
            f"{sql_name(a.type)} {sign} {sql_name(b.type)} does not compare",
            cast_hint(a.type, b.type),
        )
    if is_null(both):
        return Literal(None, VARCHAR), Literal(None, VARCHAR)
    if is_nested(both) and sign in ("<", "<=", ">", ">="):
        raise ExpressionError(
            f"{sql_name(both)} has no {sign}", "compare its parts, or write = or <>"
        )
    if is_number(a.type) and is_number(b.type) and _mixed(a.type, b.type):
        return a, b
    return implicit_cast(a, both), implicit_cast(b, both)


def _beside(arg: Expr, other: Expr) -> Expr:
    if isinstance(arg, Literal) and not isinstance(other, Literal) and not is_null(other.type):
        adapted = adapt_literal(arg, other.type)
        if adapted is not None:
            return adapted
        if is_text(arg.type) and is_time(other.type):
            raise ExpressionError(
                f"'{arg.value!s}' is no {sql_name(other.type)}",
                "write 'YYYY-MM-DD' or 'YYYY-MM-DD HH:MM:SS'",
            )
    return arg


def _mixed(a: pa.DataType, b: pa.DataType) -> bool:
    """The common type would round: integers or DECIMALs beside floats, or more than 38 digits."""
    if a == b:
        return False
    if is_float(a) != is_float(b):
        return True
    if is_decimal(a) or is_decimal(b):
        return True
    both = common_type(a, b)
    return both is not None and is_decimal(both)


def _bind(name: str, args: tuple[Expr, ...]) -> Expr:
    a, b = comparable(SIGNS.get(name, "="), *args)
    return Call(name, (a, b), BOOLEAN)


def compare(name: str, a: Datum, b: Datum) -> Datum:
    """The BOOLEAN column `a <name> b`, exactly, whatever kinds of numbers they are."""
    if a.type == b.type:
        return _compare_same(name, a, b)
    if is_integer(a.type) and is_integer(b.type):
        if pa.uint64() in (a.type, b.type):
            wide = pa.decimal128(20, 0)
            return compute(name, as_type(a, wide), as_type(b, wide))
        return compute(name, a, b)
    if is_float(a.type) and is_float(b.type):
        return compute(name, as_type(a, DOUBLE), as_type(b, DOUBLE))
    if is_integer(a.type) != is_integer(b.type) and _exact_as_double(a) and _exact_as_double(b):
        return compute(name, as_type(a, DOUBLE), as_type(b, DOUBLE))
    if is_integer(a.type) and is_float(b.type):
        return _by_order(name, a, b, _order_of_integer_and_float(a, b))
    if is_float(a.type) and is_integer(b.type):
        return _by_order(name, a, b, -_order_of_integer_and_float(b, a))
    return _by_order(name, a, b, _order_of_decimals(a, b))


def _exact_as_double(datum: Datum) -> bool:
    """Floats, and integers of no more than 53 bits."""
    if not is_integer(datum.type):
        return is_float(datum.type)
    ends = extremes(spread(datum, 1))
    return ends is None or (ends[0] >= -(2**53) and ends[1] <= 2**53)


def _compare_same(name: str, a: Datum, b: Datum) -> Datum:
    if not is_nested(a.type):
        return compute(name, a, b)
    rows = rows_of((a, b))
    left, right = spread(a, rows).to_pylist(), spread(b, rows).to_pylist()
    wanted = name == "equal"
    answers = [
        None if x is None or y is None else (x == y) == wanted
        for x, y in zip(left, right, strict=True)
    ]
    return make(answers, BOOLEAN)


UNORDERED = np.int8(2)
"""What stands for the order of NaN and anything: neither less, nor equal, nor greater."""


def _order_of_integer_and_float(a: Datum, b: Datum) -> Values:
    """-1, 0, 1 or UNORDERED: an integer beside a float, by exact value."""
    whole, real = numbers(a), numbers(b).astype(np.float64)
    if whole.dtype == np.uint64:
        least, beyond = 0.0, 2.0**64
    else:
        whole, least, beyond = whole.astype(np.int64), -(2.0**63), 2.0**63
    low, high = real < least, real >= beyond
    unordered = np.isnan(real)
    inside = np.where(low | high | unordered, 0.0, real)
    floor = np.floor(inside)
    cut = floor.astype(whole.dtype)
    order = (whole > cut).astype(np.int8) - (whole < cut).astype(np.int8)
    # Equal to the whole part below it: less where a fraction follows.
    order = np.where((order == 0) & (inside > floor), np.int8(-1), order)
    order = np.where(low, np.int8(1), np.where(high, np.int8(-1), order))
    return np.where(unordered, UNORDERED, order)


def _order_of_decimals(a: Datum, b: Datum) -> Values:
    """Where one is a DECIMAL: row by row in exact arithmetic, unless Arrow can widen both."""
    rows = rows_of((a, b))
    if not is_float(a.type) and not is_float(b.type):
        wide = [_wide(d) for d in (a, b)]
        above = spread(compute("greater", *wide), rows)
        below = spread(compute("less", *wide), rows)
        return numbers(above).astype(np.int8) - numbers(below).astype(np.int8)
    left, right = (spread(d, rows).to_pylist() for d in (a, b))
    return np.array([_order(x, y) for x, y in zip(left, right, strict=True)], np.int8)


def _wide(datum: Datum) -> Datum:
    scale = datum.type.scale if is_decimal(datum.type) else 0
    return as_type(datum, pa.decimal256(38, scale))


def _order(x: Decimal | float | None, y: Decimal | float | None) -> int:
    if x is None or y is None:
        return 0
    if x != x or y != y:
        return int(UNORDERED)
    return int(x > y) - int(x < y)


def _by_order(name: str, a: Datum, b: Datum, order: Values) -> Datum:
    rows = rows_of((a, b))
    # -UNORDERED is what the mirrored call makes of it.
    known = np.abs(order) != UNORDERED
    answers = {
        "equal": order == 0,
        "not_equal": order != 0,
        "less": known & (order < 0),
        "less_equal": known & (order <= 0),
        "greater": known & (order > 0),
        "greater_equal": known & (order >= 0),
    }[name]
    return column(np.broadcast_to(answers, rows), BOOLEAN, all_valid((a, b), rows))


def _run(call: Call, args: tuple[Datum, ...]) -> Datum:
    return compare(call.function, *args)


def _comparison(name: str, spellings: tuple[str, ...], doc: str, *examples: str) -> Function:
    sign = spellings[0]
    return Function(
        name, spellings, f"a {sign} b", 2, 2, doc, examples, lambda args: _bind(name, args), _run
    )


def _bind_is_null(args: tuple[Expr, ...]) -> Expr:
    return Call("is_null", args, BOOLEAN)


def _bind_is_not_null(args: tuple[Expr, ...]) -> Expr:
    return Call("is_not_null", args, BOOLEAN)


def _run_is_null(call: Call, args: tuple[Datum, ...]) -> Datum:
    return compute("is_null", args[0])


def _run_is_not_null(call: Call, args: tuple[Datum, ...]) -> Datum:
    return compute("is_valid", args[0])


def _run_distinct(call: Call, args: tuple[Datum, ...]) -> Datum:
    a, b = args
    both_null = compute("is_null", a), compute("is_null", b)
    equal = compare("equal", a, b)
    same = compute("coalesce", equal, compute("and", *both_null))
    return compute("invert", same) if call.function == "is_distinct" else same


def _bind_in(args: tuple[Expr, ...]) -> Expr:
    """`in` where all are of one type, else the equalities that it stands for."""
    probe, *items = args
    pairs = [comparable("=", probe, item) for item in items]
    if all(a == probe and b.type == a.type for a, b in pairs):
        return Call("in", (probe, *(b for _, b in pairs)), BOOLEAN)
    first, *rest = (Call("equal", pair, BOOLEAN) for pair in pairs)
    whole = first
    for equality in rest:
        whole = Call("or", (whole, equality), BOOLEAN)
    return whole


def _bind_between(args: tuple[Expr, ...]) -> Expr:
    probe, low, high = args
    return Call(
        "and",
        (_bind("greater_equal", (probe, low)), _bind("less_equal", (probe, high))),
        BOOLEAN,
    )


def _run_in(call: Call, args: tuple[Datum, ...]) -> Datum:
    probe, *items = args
    constants = [i for i in items if isinstance(i, pa.Scalar)]
    if len(constants) == len(items) and not is_nested(probe.type) and not is_float(probe.type):
        values = [repeat(v, 1) for v in constants if v.is_valid]
        found = is_among(probe, join([nulls(0, probe.type), *values]))
        certain = compute("is_valid", probe)
        if len(values) < len(items):  # not found beside a NULL: unknown
            certain = compute("and", certain, found)
        return compute("if_else", certain, found, scalar(None, BOOLEAN))
    answer: Datum = scalar(False, BOOLEAN)
    for item in items:
        answer = compute("or_kleene", answer, compare("equal", probe, item))
    return answer


COMPARISON = (
    _comparison(
        "equal", ("=", "=="),
        "By exact value, NULL beside a NULL; NaN equals nothing, -0.0 equals 0.0. Text never"
        " equals a"
        " number without CAST.",
        "1 = 1.0", "(NULL = 1) IS NULL",
    ),
    _comparison("not_equal", ("<>", "!="), "NOT (a = b); true for NaN.", "1 <> 2"),
    _comparison(
        "less", ("<",),
        "By exact value; text and bytes byte by byte, false before true; false for NaN.",
        "'B' < 'a'", "DATE '2013-01-01' < TIMESTAMP '2013-01-01 00:00:01'",
    ),
    _comparison("less_equal", ("<=",), "As <, or equal.", "1 <= 1"),
    _comparison("greater", (">",), "As <, the other way round.", "2 > 1.5"),
    _comparison("greater_equal", (">=",), "As >, or equal.", "2 >= 2"),
    Function(
        "is_null", ("ISNULL",), "x IS NULL", 1, 1, "True for NULL; NaN is a value.",
        ("NULL IS NULL",), _bind_is_null, _run_is_null,
    ),
    Function(
        "is_not_null", ("NOTNULL",), "x IS NOT NULL", 1, 1, "False for NULL; NaN is a value.",
        ("1 IS NOT NULL",), _bind_is_not_null, _run_is_not_null,
    ),
    Function(
        "is_distinct", (), "a IS DISTINCT FROM b", 2, 2,
        "As <>, but two NULLs are the same and NULL differs from every value; never NULL.",
        ("1 IS DISTINCT FROM NULL",), lambda args: _bind("is_distinct", args), _run_distinct,
    ),
    Function(
        "is_not_distinct", (), "a IS NOT DISTINCT FROM b", 2, 2,
        "As =, but two NULLs are the same; never NULL.",
        ("NULL IS NOT DISTINCT FROM NULL",),
        lambda args: _bind("is_not_distinct", args), _run_distinct,
    ),
    Function(
        "between", (), "x BETWEEN a AND b", 3, 3, "x >= a AND x <= b.",
        ("2 BETWEEN 1 AND 2", "(1 BETWEEN 2 AND NULL) IS FALSE"), _bind_between, None,
    ),
    Function(
        "in", (), "x IN (a, b, ...)", 2, None,
        "x = a OR x = b ...: NULL where nothing equals and there is a NULL.",
        ("2 IN (1, 2)", "(2 IN (1, NULL)) IS NULL"), _bind_in, _run_in,
    ),
)  # fmt: skip
