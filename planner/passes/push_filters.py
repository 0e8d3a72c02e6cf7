"""Filters go as near to the data as they can without changing a row or raising a new error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bighead.zipline.ir.common import Common, apart
from bighead.zipline.ir.expr import Call, Expr, columns_of, conjunction, conjuncts, substitute, walk
from bighead.zipline.ir.nodes import Filter, Node, Project, Scan, StaticJoin, TemporalJoin
from bighead.zipline.ir.rewrite import with_inputs

Conditions = tuple[Expr, ...]

NEVER_FAIL = frozenset(
    {
        "and",
        "or",
        "not",
        "equal",
        "not_equal",
        "less",
        "less_equal",
        "greater",
        "greater_equal",
        "is_null",
        "is_not_null",
        "is_distinct",
        "is_not_distinct",
        "in",
        "case",
        "coalesce",
        "nullif",
        "try_cast",
    }
)
"""Functions that raise for no row. Only conditions made of these may meet rows that an inner join
or another filter would have dropped before."""


def push_filters(plan: Node) -> Node:
    """Move conditions below projections and joins and into scans.

    Conditions over the spine alone pass below its joins, left and inner alike. A filter never
    passes below a choice of versions nor below the checks of times and identities (`Events`), and
    the candidates' condition of a look-up stays where it is: both would change what is seen. It
    stays above rows that others read too (`Common`).

        Filter q.amount > 5 AND b.nights > 0           Filter b.nights > 0
        └─ TemporalJoin left b                         └─ TemporalJoin left b
           ├─ Project amount AS q.amount           ->     ├─ Project amount AS q.amount
           │  └─ Scan requests                            │  └─ Scan requests where amount > 5
           └─ ...                                         └─ ...
    """
    return apart(plan, _pushed)


def _pushed(plan: Node) -> Node:
    # A condition that may fail waits above a filter, and goes on once that has moved.
    while (pushed := _push(plan, ())) != plan:
        plan = pushed
    return plan


def never_fails(expr: Expr) -> bool:
    """No row makes the expression raise."""
    return all(e.function in NEVER_FAIL for e in walk(expr) if isinstance(e, Call))


def _push(node: Node, conditions: Conditions) -> Node:
    """The node with the conditions applied, at it or below."""
    if isinstance(node, Filter):
        # What may fail must not meet rows that this filter drops.
        below, here = _split(conditions, never_fails)
        return _filter(_push(node.input, (*conjuncts(node.predicate), *below)), here)
    if isinstance(node, Project):
        values = dict(node.columns)
        moved = tuple(substitute(c, values) for c in conditions)
        return with_inputs(node, (_push(node.input, moved),))
    if isinstance(node, TemporalJoin | StaticJoin):
        return _push_through_join(node, conditions)
    if isinstance(node, Scan):
        return _into_scan(node, conditions)
    if isinstance(node, Common):
        return _filter(node, conditions)
    inputs = tuple(_push(below, ()) for below in node.inputs)
    return _filter(with_inputs(node, inputs), conditions)


def _push_through_join(join: TemporalJoin | StaticJoin, conditions: Conditions) -> Node:
    spine = set(join.spine.schema.names) if conditions else set()

    def passes(condition: Expr) -> bool:
        allowed = join.kind == "left" or never_fails(condition)
        return allowed and spine.issuperset(columns_of(condition))

    below, here = _split(conditions, passes)
    if here:
        # What may fail is not shown rows on which another part of the condition is not true.
        below, here = _split(conditions, lambda c: c in below and never_fails(c))
    inputs = (_push(join.spine, below), _push(join.inputs[1], ()))
    return _filter(with_inputs(join, inputs), here)


def _into_scan(scan: Scan, conditions: Conditions) -> Node:
    below: Conditions = conditions
    here: Conditions = ()
    if scan.predicate is not None:
        below, here = _split(conditions, never_fails)
    if below:
        predicate = conjunction((*conjuncts(scan.predicate), *below))
        scan = replace(scan, predicate=predicate)
    return _filter(scan, here)


def _filter(node: Node, conditions: Conditions) -> Node:
    predicate = conjunction(conditions)
    return node if predicate is None else Filter(node, predicate)


def _split(conditions: Conditions, passes: Callable[[Expr], bool]) -> tuple[Conditions, Conditions]:
    """Those that pass, and the others."""
    chosen = [passes(c) for c in conditions]
    return (
        tuple(c for c, yes in zip(conditions, chosen, strict=True) if yes),
        tuple(c for c, yes in zip(conditions, chosen, strict=True) if not yes),
    )
