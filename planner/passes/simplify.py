"""Constants are computed once, and conditions lose the parts that decide nothing."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from bighead.zipline.errors import DataError
from bighead.zipline.expressions import evaluate
from bighead.zipline.ir.expr import Call, Expr, Literal, conjunction, conjuncts, transform
from bighead.zipline.ir.nodes import (
    Aggregate,
    Feature,
    Filter,
    Lookup,
    Node,
    Scan,
    StaticJoin,
    Versions,
    View,
)
from bighead.zipline.ir.rewrite import map_aggregate, map_expressions, transform_plan
from bighead.zipline.ir.types import BIGINT, BOOLEAN

# Made so that Arrow does not load pandas to see whether these are its values.
_ONE_ROW = pa.RecordBatch.from_arrays([pa.nulls(1)], names=["row"])


def simplify(plan: Node) -> Node:
    """Fold constants; drop what is always true; a condition that is never true becomes FALSE.

    What cannot be computed stays as it is, and raises when a row needs it.

        Filter price > 10 * 2 AND TRUE         ->      Filter price > 20
        └─ Scan bookings: price                        └─ Scan bookings: price
    """
    simplified = transform_plan(plan, _simplify)
    return plan if simplified == plan else simplified


def fold(expr: Expr) -> Expr:
    """The expression with its constant parts computed; of the same type.

    >>> from bighead.zipline.ir.expr import Column
    >>> a, two = Column("a", BIGINT), Literal(2, BIGINT)
    >>> fold(Call("add", (a, Call("multiply", (two, two), BIGINT)), BIGINT)).args[1]
    Literal(value=4, type=DataType(int64))
    """
    return transform(expr, _fold)


def condition(predicate: Expr | None) -> Expr | None:
    """A condition without the parts that are always true; None where nothing is left.

    Rows pass where a condition is true, so NULL is as good as FALSE in it.
    """
    if predicate is None:
        return None
    kept: dict[Expr, None] = {}
    for part in conjuncts(fold(predicate)):
        if isinstance(part, Literal):
            if part.value is not True:
                return Literal(False, BOOLEAN)
        else:
            kept[part] = None
    return conjunction(tuple(kept))


def _simplify(node: Node) -> Node:
    if isinstance(node, View):
        features = tuple(_feature(f) for f in node.features)
        keys = tuple(fold(k) for k in node.keys)
        if (features, keys) == (node.features, node.keys):
            return node
        return replace(node, features=features, keys=keys)
    node = map_expressions(node, fold)
    if isinstance(node, Filter):
        predicate = condition(node.predicate)
        return node.input if predicate is None else _with(node, predicate=predicate)
    if isinstance(node, Scan):
        return _with(node, predicate=condition(node.predicate))
    if isinstance(node, Lookup | StaticJoin):
        return _with(node, residual=condition(node.residual))
    if isinstance(node, Versions):
        return _with(node, where=condition(node.where))
    return node


def _with(node: Filter | Scan | Lookup | StaticJoin | Versions, **change: Expr | None) -> Node:
    """The node with another condition; the same where it is the same."""
    ((name, expr),) = change.items()
    return node if getattr(node, name) == expr else replace(node, **change)  # type: ignore[arg-type]


def _feature(feature: Feature) -> Feature:
    old = feature.aggregate
    new: Aggregate = map_aggregate(old, fold)
    kept = condition(new.filter)
    if kept != new.filter:
        new = replace(new, filter=kept)
    if new is old:
        return feature
    if feature.window.rows is not None and new.reads != old.reads:
        # Rows that tie where a window is cut go by the columns that the aggregate reads.
        return feature
    return replace(feature, aggregate=new)


def _fold(expr: Expr) -> Expr:
    if not isinstance(expr, Call):
        return expr
    if expr.function in ("and", "or"):
        return _logic(expr)
    if expr.function == "case":
        expr = _case(expr)
    if not isinstance(expr, Call) or not all(isinstance(a, Literal) for a in expr.args):
        return expr
    return _computed(expr)


def _logic(call: Call) -> Expr:
    """AND without TRUE, OR without FALSE; decided where a part decides it alone."""
    neutral = call.function == "and"
    kept = []
    for arg in call.args:
        if isinstance(arg, Literal) and arg.value is not None:
            if arg.value is not neutral:
                return Literal(not neutral, BOOLEAN)
        elif arg not in kept:
            kept.append(arg)
    if not kept:
        return Literal(neutral, BOOLEAN)
    if len(kept) == 1:
        return kept[0]
    if all(isinstance(a, Literal) for a in kept):
        return _computed(replace(call, args=tuple(kept)))
    return call if len(kept) == len(call.args) else replace(call, args=tuple(kept))


def _case(call: Call) -> Expr:
    """CASE without branches that are never taken; a branch that always is ends it."""
    *pairs, otherwise = call.args
    kept: list[Expr] = []
    for when, then in zip(pairs[::2], pairs[1::2], strict=True):
        if isinstance(when, Literal):
            if when.value is True:
                otherwise = then
                break
        else:
            kept += (when, then)
    if not kept:
        return otherwise
    return call if len(kept) == len(pairs) else replace(call, args=(*kept, otherwise))


def _computed(call: Call) -> Expr:
    if pa.types.is_nested(call.type):
        return call
    try:
        array = evaluate(call, _ONE_ROW)
    except DataError:
        return call
    if pa.types.is_temporal(call.type):
        whole = pa.int32() if pa.types.is_date32(call.type) else BIGINT
        array = array.cast(whole)
    return Literal(array[0].as_py(), call.type)
