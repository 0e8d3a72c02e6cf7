"""Expressions of a plan: a column, a literal, or a call of a function of the closed list.

Everything is typed when it is built; what a function means, and for which types, is said in
`bighead.zipline.expressions`. CASE, CAST, IN, AND and the operators are calls too
(`case(when, then, ..., else)`, `cast(x)` to the call's own type, `in(x, a, b)`), so that one
evaluator, one formatter and one serialiser serve all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import pyarrow as pa

Scalar = bool | int | float | str | bytes | Decimal | None
"""The value of a literal: times and intervals are whole microseconds, dates whole days."""


@dataclass(frozen=True, slots=True)
class Column:
    """The value of a column of the input row."""

    name: str
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; `None` is NULL of its type."""

    value: Scalar
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the closed list applied to arguments; `function` is its name there."""

    function: str
    args: tuple[Expr, ...]
    type: pa.DataType


Expr = Column | Literal | Call

_CHAIN = 64
"""Longer conjunctions are halved, so that no walk over one goes deep."""

TRUE = Literal(True, pa.bool_())


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all its parts, outermost first."""
    yield expr
    if isinstance(expr, Call):
        for arg in expr.args:
            yield from walk(arg)


def columns_of(*exprs: Expr | None) -> tuple[str, ...]:
    """The names of the columns that are read, each once, in the order of first use."""
    found: dict[str, None] = {}
    for expr in exprs:
        if expr is not None:
            found.update((e.name, None) for e in walk(expr) if isinstance(e, Column))
    return tuple(found)


def transform(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """`change` applied to every part, innermost first; the same object where nothing changed."""
    if isinstance(expr, Call):
        args = tuple(transform(a, change) for a in expr.args)
        if any(new is not old for new, old in zip(args, expr.args, strict=True)):
            expr = replace(expr, args=args)
    return change(expr)


def rename(expr: Expr, names: Callable[[str], str]) -> Expr:
    """The same expression over renamed columns."""

    def change(part: Expr) -> Expr:
        if isinstance(part, Column) and names(part.name) != part.name:
            return Column(names(part.name), part.type)
        return part

    return transform(expr, change)


def substitute(expr: Expr, values: dict[str, Expr]) -> Expr:
    """The same expression with columns replaced by the expressions that make them."""
    return transform(expr, lambda e: values.get(e.name, e) if isinstance(e, Column) else e)


def conjuncts(predicate: Expr | None) -> tuple[Expr, ...]:
    """The parts of a conjunction, in order; none for None."""
    if predicate is None:
        return ()
    if isinstance(predicate, Call) and predicate.function == "and":
        return tuple(c for arg in predicate.args for c in conjuncts(arg))
    return (predicate,)


def conjunction(parts: tuple[Expr, ...]) -> Expr | None:
    """One predicate that holds where all parts hold; None for no parts."""
    if not parts:
        return None
    if len(parts) > _CHAIN:
        half = len(parts) // 2
        both = (conjunction(parts[:half]), conjunction(parts[half:]))
        return Call("and", tuple(p for p in both if p is not None), pa.bool_())
    whole = parts[0]
    for part in parts[1:]:
        whole = Call("and", (whole, part), pa.bool_())
    return whole
