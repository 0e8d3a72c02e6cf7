"""What a request for a set has to be given, and what it gets: the set as it is served.

A feature set is asked for its key. A training set is asked for those columns of its spine that ON,
MATCH_CONDITION and derived columns read; its WHERE, which chooses rows to train on, its labels and
the other columns of its spine have no part in it. Each join is a *group*, whose right side a store
keeps; the time is the one left side of the MATCH_CONDITIONs.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import UnsupportedError
from bighead.zipline.ir.expr import Column, Expr, Literal, columns_of, rename
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.labels import looks_ahead, without_labels
from bighead.zipline.ir.nodes import (
    Events,
    Lookup,
    Node,
    Project,
    Scan,
    StaticJoin,
    TemporalJoin,
    View,
    walk,
)
from bighead.zipline.ir.types import TIMESTAMP

EVER = 1
"""The time as of which rows are looked up that never change: their own time is 0."""


@dataclass(frozen=True, slots=True)
class Input:
    """A column that a request gives."""

    name: str
    """As a request calls it: without the alias of the spine."""
    column: str
    """As the expressions of the set call it."""
    type: pa.DataType
    optional: bool = False
    """It tells the time alone: the request may state that instead."""


@dataclass(frozen=True, slots=True)
class Group:
    """What one join brings, or a feature set: its columns are called `name.column`."""

    name: str
    right: View | Lookup
    keys: tuple[Expr, ...]
    """Over the inputs and the groups before this one, as many as `right` has."""
    inclusive: bool = False
    """Rows at the time itself are seen."""
    timeless: bool = False
    """Its rows never change: it is asked as of EVER."""

    @property
    def reads(self) -> tuple[Expr, ...]:
        """What it reads of the inputs and of the groups before it."""
        residual = self.right.residual if isinstance(self.right, Lookup) else None
        return self.keys if residual is None else (*self.keys, residual)


@dataclass(frozen=True, slots=True)
class Serving:
    """A set as it is served."""

    name: str
    inputs: tuple[Input, ...]
    groups: tuple[Group, ...]
    columns: tuple[tuple[str, Expr], ...]
    """What a request gets, in the set's order: over the inputs and the columns of the groups."""
    time: Expr | None
    """Over the inputs; None: only the request tells it."""

    @property
    def schema(self) -> pa.Schema:
        """The names and types of what a request gets."""
        return pa.schema([pa.field(name, e.type) for name, e in self.columns])

    def groups_of(self, expr: Expr) -> tuple[str, ...]:
        """The names of the groups that an expression reads, in their order."""
        read = set(columns_of(expr))
        return tuple(
            g.name
            for g in self.groups
            if any(f"{g.name}.{c}" in read for c in g.right.schema.names)
        )

    def read_of(self, group: Group) -> tuple[str, ...]:
        """The columns of a group that anything reads, in the group's order."""
        exprs = [e for _, e in self.columns]
        for other in self.groups:
            exprs += other.reads
        read = set(columns_of(*exprs))
        return tuple(c for c in group.right.schema.names if f"{group.name}.{c}" in read)

    def made_of(self, names: set[str]) -> tuple[str, ...]:
        """What a request gets that is made, through however many groups, of these columns."""
        names = set(names)
        for group in self.groups:
            if names.intersection(columns_of(*group.reads)):
                names.update(f"{group.name}.{c}" for c in group.right.schema.names)
        return tuple(name for name, e in self.columns if names.intersection(columns_of(e)))


def serving(definition: FeatureSet | TrainingSet) -> Serving:
    """The set as it is served.

    Raises UnsupportedError where it is offline only, and says why: it holds labels alone, its joins
    are as of different times, or its spine is a training set itself.
    """
    if isinstance(definition, FeatureSet):
        return _of_feature_set(definition)
    return _of_training_set(definition)


def _of_feature_set(found: FeatureSet) -> Serving:
    if looks_ahead(found.view):
        raise UnsupportedError(
            f"{found.name} holds labels (NEXT), which lie ahead of any request; fetch the features "
            "of another set"
        )
    # A key may be called like a column of the set behind the dot; an alias keeps them apart.
    inputs = tuple(
        Input(name, f"#.{name}", key.type)
        for name, key in zip(found.keys, found.view.keys, strict=True)
    )
    keys = tuple(Column(i.column, i.type) for i in inputs)
    columns = tuple((n, rename(e, lambda c: f"{found.name}.{c}")) for n, e in found.columns)
    return Serving(found.name, inputs, (Group(found.name, found.view, keys),), columns, None)


def _of_training_set(found: TrainingSet) -> Serving:
    plan = found.plan
    assert isinstance(plan, Project), "a training set is a projection"
    joins: list[TemporalJoin | StaticJoin] = []
    node = without_labels(plan.input)
    while isinstance(node, TemporalJoin | StaticJoin):
        joins.append(node)
        node = node.spine
    joins.reverse()
    _check_spine(found, node)
    spine = node.schema
    time = _time(found, joins, spine)
    columns = tuple(
        (name, expr)
        for name, expr in plan.columns
        if name not in found.labels and not (isinstance(expr, Column) and expr.name in spine.names)
    )
    if not columns:
        raise UnsupportedError(
            f"{found.name} has no feature and no derived column, so that there is nothing to fetch"
        )
    groups = tuple(map(_group, joins))
    exprs = [e for _, e in columns]
    for group in groups:
        exprs += group.reads
    needed = set(columns_of(*exprs))
    telling = set(columns_of(time))
    # A column that is the time itself needs not be given where the time is.
    optional = telling if isinstance(time, Column) else telling - needed
    inputs = tuple(
        Input(_behind_alias(f.name), f.name, f.type, f.name in optional)
        for f in spine
        if f.name in needed | telling
    )
    return Serving(found.name, inputs, groups, columns, time)


def _behind_alias(name: str) -> str:
    return name.partition(".")[2]


def _check_spine(found: TrainingSet, spine: Node) -> None:
    if any(isinstance(below, TemporalJoin | StaticJoin) for below in walk(spine)):
        raise UnsupportedError(
            f"the spine of {found.name} is a set of joined rows itself, so it is offline only; "
            f"join its sets in {found.name}"
        )


def _time(
    found: TrainingSet, joins: list[TemporalJoin | StaticJoin], spine: pa.Schema
) -> Expr | None:
    """The one left side of the MATCH_CONDITIONs."""
    times = list(dict.fromkeys(j.time for j in joins if isinstance(j, TemporalJoin)))
    if len(times) > 1:
        named = " and ".join(sorted(format_expr(t) for t in times))
        raise UnsupportedError(
            f"the joins of {found.name} are as of different times, {named}, so it is offline only; "
            "give its MATCH_CONDITIONs one left side"
        )
    if not times:
        return None
    looked_up = [name for name in columns_of(times[0]) if name not in spine.names]
    if looked_up:
        raise UnsupportedError(
            f"the time of {found.name} is looked up itself ({looked_up[0]}), so it is offline "
            "only; take it from the spine"
        )
    return times[0]


def _group(join: TemporalJoin | StaticJoin) -> Group:
    if isinstance(join, TemporalJoin):
        return Group(join.alias, join.right, join.keys, join.inclusive)
    return Group(join.alias, static_rows(join), join.keys, timeless=True)


def static_rows(join: StaticJoin) -> Lookup:
    """The rows of a STATIC entity as events of the time 0; their identity is the primary key."""
    entity = join.entity
    source = next(n.source for n in walk(entity) if isinstance(n, Scan))
    rows = Events(entity, source.name, Literal(0, TIMESTAMP), identity=join.primary_key)
    schema = entity.schema
    keys = tuple(Column(n, schema.field(n).type) for n in join.primary_key)
    return Lookup(rows, keys, join.columns, residual=join.residual)
