"""A training set's plan taken apart: the rows of its spine, and what is computed for each of them.

What a spine row gets does not depend on the other rows of the spine. So the rows are chosen once a
day and stored, in order; a row's position there is its id, and each column is computed for the
stored rows alone. Inner joins and filters above joins choose rows, and belong to the spine; over
its stored rows they have nothing left to choose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from bighead.planner.backfill.days import Days, midnight
from bighead.planner.passes.prune_columns import prune_columns
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.nodes import Filter, Node, Project, Scan, StaticJoin, TemporalJoin, walk
from bighead.zipline.ir.rewrite import transform_plan
from bighead.zipline.ir.sources import Table
from bighead.zipline.ir.types import BOOLEAN

TIME = "__backfill_time"
"""The column by which the rows of a run are told apart; no result keeps it."""

STORED = "__backfill_spine"
"""The name under which a plan reads the stored rows."""


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
        spine = Filter(spine, Call("or", (within(time, days), missing), BOOLEAN))
    return prune_columns(Project(spine, ((TIME, time),)))


def rows_of(training_set: TrainingSet, columns: Iterable[str], days: Days | None = None) -> Node:
    """A row is a row of the training set, with columns of its spine and its time as `TIME`.

    days: only rows whose time lies in them.
    """
    time = time_of(training_set)
    plan = _projection(training_set)
    below = plan.input
    if days is not None:
        below = _change_spine(below, lambda spine: Filter(spine, within(time, days)))
    types = {field.name: field.type for field in spine_of(plan).schema}
    kept = tuple((name, Column(name, types[name])) for name in columns)
    chosen = Project(below, (*kept, (TIME, time)))
    if not any(isinstance(node, StaticJoin) for node in walk(plan.input)):
        return prune_columns(chosen)
    every = over_stored(training_set, [name for name, _ in plan.columns])
    read = {node.alias for node in walk(every) if isinstance(node, StaticJoin)}
    # That a static entity's key does not repeat is found out where a column reads it, else here.
    return _without_joins(prune_columns(chosen), read)


def of_days(training_set: TrainingSet, days: Days) -> Node:
    """A row is a row of the training set whose time lies in the days."""
    time = time_of(training_set)
    plan = _projection(training_set)
    below = _change_spine(plan.input, lambda spine: Filter(spine, within(time, days)))
    return replace(plan, input=below)


def over_stored(training_set: TrainingSet, columns: Iterable[str]) -> Node:
    """A row is a stored row of the spine, with columns of the training set computed for it."""
    return Joined.of(training_set).columns(columns)


@dataclass(frozen=True, slots=True)
class Joined:
    """The joins of a training set over its stored spine, from which columns are taken."""

    values: Mapping[str, Expr]
    joins: Node

    @staticmethod
    def of(training_set: TrainingSet) -> Joined:
        """Those of a training set."""
        plan = _projection(training_set)
        base = spine_of(plan)
        stored = Scan(Table(STORED, base.schema), tuple(base.schema.names))
        return Joined(dict(plan.columns), _all_rows(plan.input, base, stored))

    def columns(self, names: Iterable[str]) -> Node:
        """A row is a stored row of the spine, with these columns computed for it."""
        below = Project(self.joins, tuple((name, self.values[name]) for name in names))
        pruned = _narrowed(_without_joins(prune_columns(below), None))
        assert isinstance(pruned, Project)
        return pruned


def reads_of(plan: Node) -> tuple[str, ...]:
    """The columns of the stored spine that a plan reads."""
    for node in walk(plan):
        if isinstance(node, Scan) and node.source.name == STORED:
            return node.columns
    return ()


def spine_of(plan: Node) -> Node:
    """What lies below the lowest join (or below the projection, where there is none)."""
    assert isinstance(plan, Project), "a training set is a projection"
    return _base(plan.input)


def _base(node: Node) -> Node:
    if isinstance(node, TemporalJoin | StaticJoin):
        return _base(node.spine)
    if isinstance(node, Filter | Project) and _joins_below(node):
        return _base(node.input)
    return node


def _projection(training_set: TrainingSet) -> Project:
    assert isinstance(training_set.plan, Project), "a training set is a projection"
    return training_set.plan


def _all_rows(node: Node, base: Node, stored: Node) -> Node:
    """The joins over the stored rows; those that chose rows keep all that were chosen."""
    if node is base:
        return stored
    if isinstance(node, Filter):
        return _all_rows(node.input, base, stored)
    if isinstance(node, Project):
        return replace(node, input=_all_rows(node.input, base, stored))
    assert isinstance(node, TemporalJoin | StaticJoin)
    return replace(node, spine=_all_rows(node.spine, base, stored), kind="left")


def _narrowed(plan: Node) -> Node:
    """The stored spine declared with the columns that are read."""

    def change(node: Node) -> Node:
        if isinstance(node, Scan) and node.source.name == STORED:
            return replace(node, source=Table(STORED, node.schema))
        return node

    return transform_plan(plan, change)


def _without_joins(plan: Node, aliases: set[str] | None) -> Node:
    """The plan without left static joins of which nothing is read; `aliases`: only these."""

    def change(node: Node) -> Node:
        if not isinstance(node, StaticJoin) or node.kind != "left" or node.columns:
            return node
        return node.spine if aliases is None or node.alias in aliases else node

    if not any(isinstance(node, StaticJoin) for node in walk(plan)):
        return plan
    while (fewer := prune_columns(transform_plan(plan, change))) != plan:
        plan = fewer
    return plan


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


def within(time: Expr, days: Days) -> Expr:
    """Whether a time lies in the days."""
    assert pa.types.is_timestamp(time.type)
    first, end = (Literal(midnight(day), time.type) for day in (days.start, days.end))
    at_least = Call("greater_equal", (time, first), BOOLEAN)
    return Call("and", (at_least, Call("less", (time, end), BOOLEAN)), BOOLEAN)
