"""The nodes of a plan: typed records that check themselves.

A docstring's first line says what a row of the node is. Every node has a `schema` of uniquely named
columns: below a join the columns of an operand are called `alias.column`. Order is part of the
meaning: rows come in the order of the input, and in that of the spine above a join.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal as OneOf

import pyarrow as pa

from bighead.zipline.ir.expr import Expr, columns_of
from bighead.zipline.ir.sources import Source, is_added
from bighead.zipline.windows import ALL_HISTORY, Window

JoinKind = OneOf["left", "inner"]


@dataclass(frozen=True, slots=True)
class Node:
    """A row of what this node describes."""

    @property
    def schema(self) -> pa.Schema:
        """The names and types of the columns."""
        raise NotImplementedError

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes that this one reads, in the order of its fields."""
        return ()


@dataclass(frozen=True, slots=True)
class Reach:
    """How far from the spine's times an event can still matter; None: without end.

    An event matters when its time lies in `[first spine time - back, last spine time + ahead]`.
    """

    back: int | None
    ahead: int | None


@dataclass(frozen=True, slots=True)
class Scan(Node):
    """A row is a row of a source, with the columns that are read."""

    source: Source
    columns: tuple[str, ...]
    predicate: Expr | None = None
    """Rows for which this is not true are not read; over all columns of the source."""
    reach: Reach | None = None
    """Events beyond this reach of the spine need not be read; NULL times always are."""
    newest: bool = False
    """Of the events, only one of the greatest time has to be read."""

    def __post_init__(self) -> None:
        known = self.source.scanned.names
        for name in (*self.columns, *columns_of(self.predicate)):
            assert name in known, f"{self.source.name} has no column {name}"

    @property
    def schema(self) -> pa.Schema:
        scanned = self.source.scanned
        return pa.schema([scanned.field(c) for c in self.columns])


@dataclass(frozen=True, slots=True)
class OfInput(Node):
    """A row is a row of the input, with its columns."""

    input: Node

    @property
    def schema(self) -> pa.Schema:
        return self.input.schema

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.input,)


@dataclass(frozen=True, slots=True)
class Filter(OfInput):
    """A row is an input row for which the predicate is true."""

    predicate: Expr

    def __post_init__(self) -> None:
        assert pa.types.is_boolean(self.predicate.type)
        _check_reads(self.input.schema, self.predicate)


@dataclass(frozen=True, slots=True)
class Project(Node):
    """A row is an input row's expressions, under new names."""

    input: Node
    columns: tuple[tuple[str, Expr], ...]

    def __post_init__(self) -> None:
        _check_reads(self.input.schema, *(e for _, e in self.columns))
        _check_names(n for n, _ in self.columns)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(name, e.type) for name, e in self.columns])

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.input,)


@dataclass(frozen=True, slots=True)
class Relational(Node):
    """A row is a row of plain SQL over named inputs.

    `sql` is DataFusion's SQL and reads the inputs as tables of these names; all the rules of the
    dialect (checked integers, exact division, duplicate names, order of rows) are written into it.
    Every column that it reads is named in double quotes.
    """

    sql: str
    tables: tuple[tuple[str, Node], ...]
    columns: pa.Schema
    """What the statement returns. Output names may repeat only at the root of a plan."""

    @property
    def schema(self) -> pa.Schema:
        return self.columns

    @property
    def inputs(self) -> tuple[Node, ...]:
        return tuple(node for _, node in self.tables)


@dataclass(frozen=True, slots=True)
class Events(OfInput):
    """A row is an event: the columns of its input, when it happened, and when it was known.

    WHERE lies below (in `input`), so that only rows that pass it are looked at for NULL times and
    for copies. Rows equal in `identity` (all of it not NULL) count once.
    """

    source: str
    """The source's name, for messages."""
    event_time: Expr
    known_at: Expr | None = None
    sequence: Expr | None = None
    identity: tuple[str, ...] = ()
    skip_null_times: bool = False

    def __post_init__(self) -> None:
        assert pa.types.is_timestamp(self.event_time.type)
        assert self.known_at is None or pa.types.is_timestamp(self.known_at.type)
        _check_reads(self.input.schema, self.event_time, self.known_at, self.sequence)
        assert set(self.identity) <= set(self.input.schema.names)


@dataclass(frozen=True, slots=True)
class UnionAll(Node):
    """A row is an event of one of the inputs, which have the same columns in the same order."""

    events: tuple[Events, ...]

    def __post_init__(self) -> None:
        assert len(self.events) > 1
        assert all(e.schema.equals(self.events[0].schema) for e in self.events)

    @property
    def schema(self) -> pa.Schema:
        return self.events[0].schema

    @property
    def inputs(self) -> tuple[Node, ...]:
        return self.events


@dataclass(frozen=True, slots=True)
class Versions(Node):
    """A row is a change of an entity: what its primary key holds from then on, or a delete.

    As of t a primary key has the version of its greatest change by (changed, sequence, deletes
    first, whole row) among those changed and known before t, and none where that is a delete. This
    choice comes first, so that nothing is filtered below; `where` is asked of what was chosen.
    """

    input: Node
    source: str
    primary_key: tuple[str, ...]
    changed_at: Expr
    known_at: Expr | None = None
    sequence: Expr | None = None
    event_time: Expr | None = None
    """What windows go by, and the order of versions in them; None: `changed_at`."""
    deleted: Expr | None = None
    """Whether a change is a delete; None: none is."""
    where: Expr | None = None
    """A chosen version counts where this is true."""

    def __post_init__(self) -> None:
        assert pa.types.is_timestamp(self.changed_at.type)
        assert self.event_time is None or pa.types.is_timestamp(self.event_time.type)
        assert self.deleted is None or pa.types.is_boolean(self.deleted.type)
        _check_reads(self.input.schema, *self.chooses, self.event_time)
        _check_reads(self.schema, self.where)
        assert set(self.primary_key) <= set(self.schema.names)

    @property
    def chooses(self) -> tuple[Expr | None, ...]:
        """The expressions by which a version is chosen."""
        return (self.changed_at, self.known_at, self.sequence, self.deleted)

    @property
    def time(self) -> Expr:
        """What windows go by."""
        return self.changed_at if self.event_time is None else self.event_time

    @property
    def schema(self) -> pa.Schema:
        """The declared columns; what a reader of changes adds to them is no part of a row."""
        return pa.schema([f for f in self.input.schema if not is_added(f.name)])

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.input,)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate of the algebra over expressions of an event.

    `type` is the type of the result, without the MAP that `bucket` puts around it.
    """

    function: str
    """Its name in `bighead.zipline.aggregates`: 'sum', 'count_rows', 'last_k', ..."""
    args: tuple[Expr, ...]
    type: pa.DataType
    k: int | None = None
    p: Decimal | None = None
    """The quantile as it was written."""
    filter: Expr | None = None
    bucket: Expr | None = None
    half_life: int | None = None
    """Of a decayed aggregate, in microseconds."""
    user: str | None = None
    """Of a user-defined aggregate, the version of its class; None: one of the algebra."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the event that it reads."""
        return columns_of(*self.args, self.filter, self.bucket)


@dataclass(frozen=True, slots=True)
class Feature:
    """A named aggregate over one window."""

    name: str
    aggregate: Aggregate
    window: Window = ALL_HISTORY

    @property
    def type(self) -> pa.DataType:
        """The type of the column; a bucketed one is MAP<bucket, value>, ordered by key."""
        bucket = self.aggregate.bucket
        return self.aggregate.type if bucket is None else pa.map_(bucket.type, self.aggregate.type)


@dataclass(frozen=True, slots=True)
class View(Node):
    """A row is, for a key and a time, the features over the events visible then.

    Over Versions it is over the rows valid then: those of all history whatever their event time,
    those of other windows by it.
    """

    events: Events | UnionAll | Versions
    keys: tuple[Expr, ...]
    """Over the events; none: one global key."""
    features: tuple[Feature, ...]
    tail: int | None = None
    """The grid in microseconds to which lower bounds are rounded down; None: exact."""

    def __post_init__(self) -> None:
        _check_names(f.name for f in self.features)
        schema = self.events.schema
        for f in self.features:
            _check_reads(schema, *f.aggregate.args, f.aggregate.filter, f.aggregate.bucket)
        _check_reads(schema, *self.keys)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(f.name, f.type) for f in self.features])

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.events,)


@dataclass(frozen=True, slots=True)
class Lookup(Node):
    """A row is, for a key and a time, the nearest row before that time (or after: `forward`).

    Over Events, `residual` filters the candidates before the nearest is chosen; over Versions the
    version is chosen first, and dropped where `residual` is not true. It reads the columns of the
    spine under their names and those of the looked-up row as `alias.column`.
    """

    events: Events | UnionAll | Versions
    keys: tuple[Expr, ...]
    columns: tuple[str, ...]
    """The columns that the join appends."""
    forward: bool = False
    tolerance: int | None = None
    """The greatest distance in microseconds from t, inclusive."""
    residual: Expr | None = None

    def __post_init__(self) -> None:
        assert set(self.columns) <= set(self.events.schema.names)
        _check_reads(self.events.schema, *self.keys)
        assert self.tolerance is None or self.tolerance >= 0

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([self.events.schema.field(c) for c in self.columns])

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.events,)


@dataclass(frozen=True, slots=True)
class TemporalJoin(Node):
    """A row is a row of `spine`, in its order, with what `right` holds for its key as of its time.

    `left` keeps every row; `inner` those where some window holds a row (after WHERE, before
    FILTER), or where a row is found. NULL in a key or in the time is an empty window.
    """

    spine: Node
    right: View | Lookup
    alias: str
    """The right side's columns come as `alias.name`."""
    keys: tuple[Expr, ...]
    """Over the spine, equal in number and type to those of `right`."""
    time: Expr
    """A timestamp over the spine: t."""
    inclusive: bool = False
    """Sees events at t itself (`>=`; for a forward look-up `<=`)."""
    kind: JoinKind = "left"

    def __post_init__(self) -> None:
        assert pa.types.is_timestamp(self.time.type)
        _check_reads(self.spine.schema, self.time, *self.keys)
        assert len(self.keys) == len(self.right.keys)
        for ours, theirs in zip(self.keys, self.right.keys, strict=True):
            assert ours.type == theirs.type, f"{ours.type} = {theirs.type}"
        _check_names(self.schema.names)

    @property
    def schema(self) -> pa.Schema:
        right = [f.with_name(f"{self.alias}.{f.name}") for f in self.right.schema]
        return pa.schema([*self.spine.schema, *right])

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.spine, self.right)


@dataclass(frozen=True, slots=True)
class StaticJoin(Node):
    """A row is a row of `spine`, in its order, with the static entity's row of its primary key."""

    spine: Node
    entity: Node
    """A Scan of a STATIC entity, or a projection of one; its primary key must not repeat."""
    alias: str
    keys: tuple[Expr, ...]
    """Over the spine, one for each column of `primary_key`."""
    primary_key: tuple[str, ...]
    columns: tuple[str, ...]
    """The columns that the join appends as `alias.column`."""
    kind: JoinKind = "left"
    residual: Expr | None = None
    """The row is as good as absent where this is not true; reads like Lookup's."""

    def __post_init__(self) -> None:
        _check_reads(self.spine.schema, *self.keys)
        assert len(self.keys) == len(self.primary_key)
        assert {*self.columns, *self.primary_key} <= set(self.entity.schema.names)
        _check_names(self.schema.names)

    @property
    def schema(self) -> pa.Schema:
        right = (self.entity.schema.field(c).with_name(f"{self.alias}.{c}") for c in self.columns)
        return pa.schema([*self.spine.schema, *right])

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.spine, self.entity)


@dataclass(frozen=True, slots=True)
class Keys(Node):
    """A row is a distinct key of the events, none of it NULL, in canonical order."""

    events: Events | UnionAll | Versions
    keys: tuple[tuple[str, Expr], ...]

    def __post_init__(self) -> None:
        _check_reads(self.events.schema, *(e for _, e in self.keys))
        _check_names(n for n, _ in self.keys)

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(name, e.type) for name, e in self.keys])

    @property
    def inputs(self) -> tuple[Node, ...]:
        return (self.events,)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, each before its inputs and once, however many nodes read it."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += reversed(node.inputs)


def _check_reads(schema: pa.Schema, *exprs: Expr | None) -> None:
    known = set(schema.names)
    for name in columns_of(*exprs):
        assert name in known, f"no column {name} among {sorted(known)}"


def _check_names(names: Iterator[str] | list[str]) -> None:
    listed = list(names)
    assert len(set(listed)) == len(listed), f"names repeat: {listed}"
