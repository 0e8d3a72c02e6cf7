"""A training set's plan, narrowed to the spine rows of some days.

What a spine row gets does not depend on the other rows of the spine, so a filter on the spine is a
filter on the result; the passes push it into the scan, and prune the events by the span that is
left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bighead.planner.backfill.days import Days, midnight
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.nodes import Filter, Node, Project, StaticJoin, TemporalJoin
from bighead.zipline.ir.types import BOOLEAN

TIME = "__backfill_time"
"""The column by which the rows of a run are told apart; no result keeps it."""


def time_of(training_set: TrainingSet) -> Expr:
    """The time by whose day the rows are partitioned."""
    if training_set.time is None:
        raise BigheadError(
            f"{training_set.name} has no time to divide it by: its spine is no event source and "
            "it joins no feature set; read it whole, with "
            f"bighead query 'SELECT * FROM {training_set.name}'"
        )
    return training_set.time


def times(training_set: TrainingSet, days: Days | None) -> Node:
    """A row is a spine row's time: of those days and NULL ones, or of all."""
    time = time_of(training_set)
    spine = spine_of(training_set.plan)
    if days is not None:
        missing = Call("is_null", (time,), BOOLEAN)
        spine = Filter(spine, Call("or", (_within(time, days), missing), BOOLEAN))
    return Project(spine, ((TIME, time),))


def rows_of(training_set: TrainingSet, days: Days) -> Node:
    """A row is a row of the training set whose time lies in those days, with its time as `TIME`."""
    time = time_of(training_set)
    plan = training_set.plan
    assert isinstance(plan, Project), "a training set is a projection"
    below = _change_spine(plan.input, lambda spine: Filter(spine, _within(time, days)))
    return Project(below, (*plan.columns, (TIME, time)))


def spine_of(plan: Node) -> Node:
    """What lies below the lowest join (or below the projection, where there is none)."""
    found: list[Node] = []

    def keep(spine: Node) -> Node:
        found.append(spine)
        return spine

    assert isinstance(plan, Project), "a training set is a projection"
    _change_spine(plan.input, keep)
    return found[0]


def _change_spine(node: Node, change: Callable[[Node], Node]) -> Node:
    if isinstance(node, TemporalJoin | StaticJoin):
        return replace(node, spine=_change_spine(node.spine, change))
    if isinstance(node, Filter | Project) and _joins_below(node):
        return replace(node, input=_change_spine(node.input, change))
    return change(node)


def _joins_below(node: Node) -> bool:
    while isinstance(node, Filter | Project):
        node = node.input
    return isinstance(node, TemporalJoin | StaticJoin)


def _within(time: Expr, days: Days) -> Expr:
    first, end = (Literal(midnight(day), time.type) for day in (days.start, days.end))
    at_least = Call("greater_equal", (time, first), BOOLEAN)
    return Call("and", (at_least, Call("less", (time, end), BOOLEAN)), BOOLEAN)
