"""Expressions, one Python value at a time: what a call means, straight from its rule in words.

NULL in gives NULL out, except in the few forms that look at NULL themselves. Whole numbers are
unbounded here and are checked against the call's type at the end; nothing is shared with the
evaluator over Arrow that the other engines use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bighead.planner.engines.reference.functions import FUNCTIONS, compare
from bighead.planner.engines.reference.values import Row, Value, order
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.windows import DAY


@dataclass(frozen=True, slots=True)
class Failure:
    """What came instead of a value, kept until somebody sees the row."""

    error: BigheadError


def attempt(expr: Expr, row: Row) -> Value | Failure:
    """The value of an expression, or the failure to have one."""
    try:
        return evaluate(expr, row)
    except BigheadError as error:
        return Failure(error)


def evaluate(expr: Expr, row: Row) -> Any:
    """The value of an expression over a row.

    >>> from bighead.zipline.ir.types import BIGINT
    >>> evaluate(Call("add", (Column("a", BIGINT), Literal(1, BIGINT)), BIGINT), {"a": 41})
    42
    """
    if isinstance(expr, Column):
        return row[expr.name]
    if isinstance(expr, Literal):
        return expr.value
    if expr.function in FORMS:
        return FORMS[expr.function](expr, row)
    args = [evaluate(arg, row) for arg in expr.args]
    if any(arg is None for arg in args):
        return None
    return FUNCTIONS[expr.function](expr, *args)


def case(call: Call, row: Row) -> Value:
    """CASE: the first branch whose condition is true; other branches are not computed."""
    *pairs, otherwise = call.args
    for when, then in zip(pairs[::2], pairs[1::2], strict=True):
        if evaluate(when, row) is True:
            return evaluate(then, row)
    return evaluate(otherwise, row)


def coalesce(call: Call, row: Row) -> Value:
    """COALESCE: the first that is not NULL; the rest is not computed."""
    for arg in call.args:
        value = evaluate(arg, row)
        if value is not None:
            return value
    return None


def conjunction(call: Call, row: Row) -> Value:
    """AND: false where one is false, else NULL where one is NULL; stops at the first false."""
    result: Value = True
    for arg in call.args:
        value = evaluate(arg, row)
        if value is False:
            return False
        result = None if value is None else result
    return result


def disjunction(call: Call, row: Row) -> Value:
    """OR: true where one is true, else NULL where one is NULL; stops at the first true."""
    result: Value = False
    for arg in call.args:
        value = evaluate(arg, row)
        if value is True:
            return True
        result = None if value is None else result
    return result


def comparable(expr: Expr, row: Row) -> Any:
    """The value as comparisons see it: a date is its midnight."""
    value = evaluate(expr, row)
    return value * DAY if value is not None and pa.types.is_date(expr.type) else value


def distinct(call: Call, row: Row) -> bool:
    """IS DISTINCT FROM: as <>, but NULL is a value like others."""
    a, b = (comparable(arg, row) for arg in call.args)
    return (a is None) != (b is None) if a is None or b is None else compare(a, b) != 0


def among(call: Call, row: Row) -> Value:
    """IN: true where one equals, else NULL where one is NULL."""
    probe, *items = (comparable(arg, row) for arg in call.args)
    if probe is None:
        return None
    if any(item is not None and compare(probe, item) == 0 for item in items):
        return True
    return None if None in items else False


def nullif(call: Call, row: Row) -> Value:
    """NULLIF(a, b): NULL where they are equal, else a."""
    a, b = (comparable(arg, row) for arg in call.args)
    same = a is not None and b is not None and compare(a, b) == 0
    return None if same else evaluate(call.args[0], row)


def extreme(wanted: int) -> Callable[[Call, Row], Value]:
    """LEAST (-1) or GREATEST (1) of what is not NULL; NaN is greatest, of equal ones the first."""

    def function(call: Call, row: Row) -> Value:
        best: Value = None
        for arg in call.args:
            value = evaluate(arg, row)
            if value is not None and (best is None or sides(value, best) == wanted):
                best = value
        return best

    def sides(a: Value, b: Value) -> int:
        return int(order(a) > order(b)) - int(order(a) < order(b))

    return function


def concat(call: Call, row: Row) -> Value:
    """CONCAT: NULLs are left out."""
    values = [evaluate(arg, row) for arg in call.args]
    return "".join(v for v in values if v is not None)


def test(holds: Callable[[Value], bool]) -> Callable[[Call, Row], Value]:
    """A predicate that NULL answers too."""
    return lambda call, row: holds(evaluate(call.args[0], row))


FORMS: dict[str, Callable[[Call, Row], Value]] = {
    "case": case,
    "coalesce": coalesce,
    "and": conjunction,
    "or": disjunction,
    "least": extreme(-1),
    "greatest": extreme(1),
    "concat": concat,
    "struct": lambda call, row: tuple(evaluate(arg, row) for arg in call.args),
    "list": lambda call, row: [evaluate(arg, row) for arg in call.args],
    "in": among,
    "nullif": nullif,
    "is_distinct": distinct,
    "is_not_distinct": lambda call, row: not distinct(call, row),
    "is_null": test(lambda v: v is None),
    "is_not_null": test(lambda v: v is not None),
    "is_true": test(lambda v: v is True),
    "is_not_true": test(lambda v: v is not True),
    "is_false": test(lambda v: v is False),
    "is_not_false": test(lambda v: v is not False),
}
"""The forms that look at NULL themselves, or that do not compute all of their arguments."""
