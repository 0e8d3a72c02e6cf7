"""Column lineage: which columns of what a definition reads does each of its columns come from.

A walk up the plan carries, for each column of a node, the columns it comes from, each with its
role: the value is made of it, or it decides which rows count (a filter), for whom (a key), or when
(a time). It stops where the plan is that of another definition, so that the lineage of a training
set names the columns of the feature sets that it joins, and theirs those of the sources.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bighead.zipline.catalog import Definition, FeatureSet, TrainingSet
from bighead.zipline.ir.common import Common, Within
from bighead.zipline.ir.expr import Call, Column, Expr, rename
from bighead.zipline.ir.nodes import (
    Aggregate,
    Events,
    Filter,
    Keys,
    Lookup,
    Node,
    Project,
    Relational,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
)
from bighead.zipline.ir.sources import DELETED
from bighead.zipline.ir.tiled import TiledView

Role = Literal["value", "filter", "key", "time"]
ROLES: tuple[Role, ...] = ("value", "key", "time", "filter")


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """A column that something comes from, and what it does there."""

    name: str
    """Of the source or the set, as it is read: 'bookings', 'listing_bookings@3'."""
    column: str
    role: Role = "value"


Origins = frozenset[Origin]
NOTHING: Origins = frozenset()


@dataclass(frozen=True, slots=True)
class _Flow:
    """Where the columns of a node come from, and what decides which rows there are."""

    columns: Mapping[str, Origins]
    rows: Origins = NOTHING
    named: tuple[tuple[Expr, Origin], ...] = ()
    """Expressions over the node's columns that are columns of another definition."""
    beside: Mapping[str, Origins] = field(default_factory=dict)
    """What the columns of a join come from besides their value: its key, its time, its filters."""

    def value(self, expr: Expr | None) -> Origins:
        """What an expression over the node's columns comes from."""
        if expr is None:
            return NOTHING
        for known, origin in self.named:
            if expr == known:
                return frozenset({origin}).union(*(self.beside.get(c, ()) for c in _reads(expr)))
        if isinstance(expr, Column):
            return self.columns[expr.name]
        if isinstance(expr, Call):
            return self.values(expr.args)
        return NOTHING

    def values(self, exprs: Iterable[Expr | None]) -> Origins:
        """What expressions come from together."""
        return NOTHING.union(*(self.value(e) for e in exprs))

    def all(self) -> Origins:
        """Everything."""
        return self.rows.union(*self.columns.values())


Inputs = Mapping[str, Definition]


def lineage(definition: Definition, inputs: Inputs) -> dict[str, tuple[Origin, ...]]:
    """For each column of a definition the columns it comes from, sorted; none for a source's.

    `inputs` are the definitions that it uses, by the name under which it does. A column of a source
    that lies below one of them is not named; one that is reached on no such way is named itself.
    """
    if isinstance(definition, FeatureSet):
        flow = _flow(definition.view, _Tracing(inputs))
        found = {name: flow.value(e) | flow.rows for name, e in definition.columns}
    elif isinstance(definition, TrainingSet):
        flow = _flow(definition.plan, _Tracing(inputs))
        found = {name: flow.columns[name] | flow.rows for name in definition.schema.names}
    else:
        found = dict.fromkeys(definition.schema.names, NOTHING)
    return {name: _sorted(origins) for name, origins in found.items()}


def _sorted(origins: Origins) -> tuple[Origin, ...]:
    return tuple(sorted(origins, key=lambda o: (ROLES.index(o.role), o.name, o.column)))


def _as(role: Role, origins: Origins) -> Origins:
    """The same columns in another role; what already only decides about rows goes on doing so."""
    return frozenset(replace(o, role=role) if o.role == "value" else o for o in origins)


def _reads(expr: Expr) -> Iterable[str]:
    if isinstance(expr, Column):
        yield expr.name
    elif isinstance(expr, Call):
        for arg in expr.args:
            yield from _reads(arg)


@dataclass(frozen=True, slots=True)
class _Tracing:
    """One question; what a set's rows are is met twice at every level of a chain."""

    inputs: Inputs
    flows: dict[int, _Flow] = field(default_factory=dict)
    """By the identities of nodes."""


def _flow(node: Node, tracing: _Tracing) -> _Flow:
    found = tracing.flows.get(id(node))
    if found is None:
        found = tracing.flows[id(node)] = _traced(node, tracing)
    return found


def _traced(node: Node, tracing: _Tracing) -> _Flow:
    for name, definition in tracing.inputs.items():
        if isinstance(definition, TrainingSet) and node == definition.plan:
            return _Flow({c: frozenset({Origin(name, c)}) for c in node.schema.names})
    rule = RULES.get(type(node))
    if rule is None:
        below = NOTHING.union(*(_flow(n, tracing).all() for n in node.inputs))
        return _Flow(dict.fromkeys(node.schema.names, below))
    return rule(node, tracing)


def _scan(node: Scan, tracing: _Tracing) -> _Flow:
    every = {c: frozenset({Origin(node.source.name, c)}) for c in node.source.schema.names}
    for added in node.source.scanned.names[len(every) :]:
        # What a reader of changes adds comes from a column of operations, or from no column.
        said = str(node.source.option("op")) if added == DELETED else ""
        every[added] = every.get(said, NOTHING)
    rows = _as("filter", _Flow(every).value(node.predicate))
    return _Flow({c: every[c] for c in node.columns}, rows)


def _filter(node: Filter, tracing: _Tracing) -> _Flow:
    below = _flow(node.input, tracing)
    return replace(below, rows=below.rows | _as("filter", below.value(node.predicate)))


def _same(node: Common | Within, tracing: _Tracing) -> _Flow:
    """What shares rows, or leaves out those that nobody asks for, changes none."""
    return _flow(node.input, tracing)


def _project(node: Project, tracing: _Tracing) -> _Flow:
    below = _flow(node.input, tracing)
    return _Flow({name: below.value(e) for name, e in node.columns}, below.rows)


def _relational(node: Relational, tracing: _Tracing) -> _Flow:
    """Plain SQL is not looked into: every column may come from every column."""
    below = NOTHING.union(*(_flow(n, tracing).all() for n in node.inputs))
    return _Flow(dict.fromkeys(node.schema.names, below))


def _events(node: Events, tracing: _Tracing) -> _Flow:
    below = _flow(node.input, tracing)
    times = below.values((node.event_time, node.known_at, node.sequence))
    copies = NOTHING.union(*(below.columns[c] for c in node.identity))
    return replace(below, rows=below.rows | _as("time", times) | _as("filter", copies))


def _union_all(node: UnionAll, tracing: _Tracing) -> _Flow:
    parts = [_flow(e, tracing) for e in node.events]
    columns = {c: NOTHING.union(*(p.columns[c] for p in parts)) for c in node.schema.names}
    return _Flow(columns, NOTHING.union(*(p.rows for p in parts)))


def _versions(node: Versions, tracing: _Tracing) -> _Flow:
    below = _flow(node.input, tracing)
    keys = NOTHING.union(*(below.columns[c] for c in node.primary_key))
    times = below.values((node.changed_at, node.known_at, node.sequence, node.event_time))
    kept = below.values((node.deleted, node.where))
    about = _as("key", keys) | _as("time", times) | _as("filter", kept)
    return replace(below, rows=below.rows | about)


def _view(node: View | TiledView, tracing: _Tracing) -> _Flow:
    below = _flow(node.events, tracing)
    about = below.rows | _as("key", below.values(node.keys))
    return _Flow({f.name: _aggregate(f.aggregate, below) | about for f in node.features})


def _aggregate(aggregate: Aggregate, below: _Flow) -> Origins:
    value = below.values(aggregate.args)
    bucket = _as("key", below.value(aggregate.bucket))
    return value | bucket | _as("filter", below.value(aggregate.filter))


def _lookup(node: Lookup, tracing: _Tracing) -> _Flow:
    """`residual` reads the spine too, so it belongs to the join above."""
    below = _flow(node.events, tracing)
    about = below.rows | _as("key", below.values(node.keys))
    return _Flow({c: below.columns[c] | about for c in node.columns})


def _temporal_join(node: TemporalJoin, tracing: _Tracing) -> _Flow:
    spine = _flow(node.spine, tracing)
    right = _flow(node.right, tracing)
    chosen = _as("key", spine.values(node.keys)) | _as("time", spine.value(node.time))
    named: tuple[tuple[Expr, Origin], ...] = ()
    found = _set_of(node.right, tracing)
    if found is not None:
        name, feature_set = found
        offered = set(node.right.schema.names)
        named = tuple(
            (rename(e, lambda c: f"{node.alias}.{c}"), Origin(name, column))
            for column, e in feature_set.columns
            if offered.issuperset(_reads(e))
        )
    elif isinstance(node.right, Lookup) and node.right.residual is not None:
        rows = _flow(node.right.events, tracing)
        both = {**spine.columns, **{f"{node.alias}.{c}": o for c, o in rows.columns.items()}}
        chosen |= _as("filter", _Flow(both).value(node.right.residual))
    return _joined(spine, right, node.alias, chosen, node.kind == "inner", named)


def _static_join(node: StaticJoin, tracing: _Tracing) -> _Flow:
    spine = _flow(node.spine, tracing)
    entity = _flow(node.entity, tracing)
    theirs = NOTHING.union(*(entity.columns[c] for c in node.primary_key))
    chosen = _as("key", spine.values(node.keys) | theirs) | entity.rows
    both = {**spine.columns, **{f"{node.alias}.{c}": o for c, o in entity.columns.items()}}
    chosen |= _as("filter", _Flow(both).value(node.residual))
    right = _Flow({c: entity.columns[c] for c in node.columns})
    return _joined(spine, right, node.alias, chosen, node.kind == "inner", ())


def _joined(
    spine: _Flow,
    right: _Flow,
    alias: str,
    chosen: Origins,
    inner: bool,
    named: tuple[tuple[Expr, Origin], ...],
) -> _Flow:
    names = {c: f"{alias}.{c}" for c in right.columns}
    columns = {names[c]: origins | chosen for c, origins in right.columns.items()}
    rows = spine.rows
    if inner and named:
        rows |= chosen | frozenset(replace(o, role="filter") for _, o in named)
    elif inner:
        rows |= chosen | frozenset(o for o in right.all() if o.role != "value")
    return _Flow(
        {**spine.columns, **columns},
        rows,
        (*spine.named, *named),
        {**spine.beside, **dict.fromkeys(columns, chosen)},
    )


def _set_of(right: Node, tracing: _Tracing) -> tuple[str, FeatureSet] | None:
    """The feature set that a right side is, with all of its features or with some."""
    for name, definition in tracing.inputs.items():
        if isinstance(definition, FeatureSet):
            view = definition.view
            if isinstance(right, View) and isinstance(view, View):
                same = (right.events, right.keys, right.tail) == (view.events, view.keys, view.tail)
                if same and set(right.features) <= set(view.features):
                    return name, definition
            elif isinstance(right, Lookup) and isinstance(view, Lookup):
                if replace(right, columns=view.columns) == view:
                    return name, definition
    return None


def _keys(node: Keys, tracing: _Tracing) -> _Flow:
    below = _flow(node.events, tracing)
    return _Flow({name: below.value(e) for name, e in node.keys}, below.rows)


RULES: dict[type[Node], Callable[[Any, _Tracing], _Flow]] = {
    Scan: _scan,
    Filter: _filter,
    Project: _project,
    Relational: _relational,
    Events: _events,
    UnionAll: _union_all,
    Versions: _versions,
    View: _view,
    Lookup: _lookup,
    TemporalJoin: _temporal_join,
    StaticJoin: _static_join,
    Keys: _keys,
    TiledView: _view,
    Common: _same,
    Within: _same,
}
"""One rule a node; any other node's columns come from all columns below it."""
