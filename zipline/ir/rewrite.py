"""Plans changed piece by piece: the same node over other inputs, or with other expressions.

Everything here gives the same object back where nothing changed, so that `is` tells whether a pass
had anything to do, and unchanged parts of a plan stay shared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Aggregate, Feature, Node, Relational, UnionAll, View

N = TypeVar("N", bound=Node)

INPUT_FIELDS = ("input", "spine", "right", "entity", "events")
"""The fields that hold inputs, in the order of `Node.inputs`."""

EXPRESSION_FIELDS = (
    "predicate",
    "event_time",
    "known_at",
    "sequence",
    "changed_at",
    "deleted",
    "where",
    "residual",
    "time",
)
"""The fields that hold an expression or None."""


def with_inputs(node: N, inputs: tuple[Node, ...]) -> N:
    """The same node over other inputs, given in the order of `node.inputs`."""
    if all(new is old for new, old in zip(inputs, node.inputs, strict=True)):
        return node
    change: dict[str, Any] = {}
    if isinstance(node, Relational):
        names = (name for name, _ in node.tables)
        change["tables"] = tuple(zip(names, inputs, strict=True))
    elif isinstance(node, UnionAll):
        change["events"] = inputs
    else:
        fields = [f for f in INPUT_FIELDS if hasattr(node, f)]
        change.update(zip(fields, inputs, strict=True))
    return replace(node, **change)


def transform_plan(node: Node, change: Callable[[Node], Node]) -> Node:
    """`change` applied to every node once, each after its inputs."""
    made: dict[int, Node] = {}

    def transformed(node: Node) -> Node:
        if id(node) not in made:
            inputs = tuple(transformed(below) for below in node.inputs)
            made[id(node)] = change(with_inputs(node, inputs))
        return made[id(node)]

    return transformed(node)


def map_expressions(node: N, change: Callable[[Expr], Expr]) -> N:
    """`change` applied to every expression of this node alone.

    `change` must keep the type of an expression.
    """
    changed: dict[str, Any] = {}
    for name in EXPRESSION_FIELDS:
        expr = getattr(node, name, None)
        if expr is not None:
            changed[name] = change(expr)
    for name in ("keys", "columns"):
        parts = getattr(node, name, None)
        if isinstance(parts, tuple):
            changed[name] = tuple(_map_part(part, change) for part in parts)
    if isinstance(node, View):
        changed["features"] = tuple(_map_feature(f, change) for f in node.features)
    changed = {name: new for name, new in changed.items() if not _same(new, getattr(node, name))}
    return replace(node, **changed) if changed else node


def _map_part(part: Any, change: Callable[[Expr], Expr]) -> Any:
    """A name, an expression, or a named expression."""
    if isinstance(part, str):
        return part
    if isinstance(part, tuple):
        name, expr = part
        new = change(expr)
        return part if new is expr else (name, new)
    return change(part)


def _map_feature(feature: Feature, change: Callable[[Expr], Expr]) -> Feature:
    aggregate = map_aggregate(feature.aggregate, change)
    return feature if aggregate is feature.aggregate else replace(feature, aggregate=aggregate)


def map_aggregate(aggregate: Aggregate, change: Callable[[Expr], Expr]) -> Aggregate:
    """`change` applied to the arguments, the filter and the bucket of an aggregate."""
    args = tuple(change(a) for a in aggregate.args)
    kept = None if aggregate.filter is None else change(aggregate.filter)
    bucket = None if aggregate.bucket is None else change(aggregate.bucket)
    new = (*args, kept, bucket)
    old = (*aggregate.args, aggregate.filter, aggregate.bucket)
    if all(a is b for a, b in zip(new, old, strict=True)):
        return aggregate
    return replace(aggregate, args=args, filter=kept, bucket=bucket)


def _same(new: Any, old: Any) -> bool:
    if isinstance(new, tuple):
        return all(a is b for a, b in zip(new, old, strict=True))
    return new is old
