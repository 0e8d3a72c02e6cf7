"""The columns of a training set, each with the address of its meaning.

The address of a stored value is made of what the column means (the serialised plan, without names
that other columns have a say in), the stored rows of the spine that it reads, and the files that
the day can see. Whatever changes a value changes its address; nothing else does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

import pyarrow as pa

from bighead.planner.backfill import spine
from bighead.planner.backfill.days import midnight
from bighead.planner.backfill.inputs import Inputs
from bighead.planner.backfill.reach import ALWAYS, Sight, Times, sights
from bighead.planner.passes.prune_columns import prune_columns
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.ir.address import address
from bighead.zipline.ir.expr import Call, Column, Expr, Literal, columns_of, rename
from bighead.zipline.ir.nodes import (
    Events,
    Feature,
    Lookup,
    Node,
    Project,
    Scan,
    StaticJoin,
    TemporalJoin,
    View,
    walk,
)
from bighead.zipline.ir.rewrite import transform_plan
from bighead.zipline.ir.sources import DEBEZIUM, Table

MEANING = 1
"""Raised when the same plan comes to mean other values, so that stored ones are computed anew."""

NOT_ROWS = frozenset({"batch", "stream", "format", "cut", "partition_lag", "on_schema_change"})
"""Options that say where rows come from or go to, not what they are; see also address.REMARKS."""

LENGTH = 32
"""Hexadecimal digits of an address: 128 bits."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Something that is computed for each row of a day and stored."""

    name: str
    meaning: str
    """The address of its plan."""
    reads: tuple[str, ...]
    """The columns of the stored spine that it reads."""
    sights: tuple[Sight, ...]
    stored: str | None = None
    """The column of the stored spine that it is, where it is nothing else."""


@dataclass(slots=True)
class Marks:
    """The files that rows of a day can see, looked up once for all columns that see alike."""

    inputs: Inputs
    day: date | None = None
    """The day that was asked for last; those of other days are forgotten."""
    known: dict[tuple[object, ...], str] = field(default_factory=dict)
    files: dict[str, list[tuple[str, Times]]] = field(default_factory=dict)
    """By source, the mark of each file and the times that it may hold."""

    def seen(self, column: Computed, day: date) -> str:
        """The address of all files that rows of the day can see, and of the column's meaning."""
        if day != self.day:
            self.day = day
            self.known.clear()
        sees = tuple((s.source.name, s.first, s.last) for s in column.sights)
        marks = self.known.get(sees)
        if marks is None:
            marks = self.known[sees] = digest(*sorted(self._found(column.sights, midnight(day))))
        return digest(column.meaning, marks)

    def _found(self, sights: tuple[Sight, ...], start: int) -> set[str]:
        found: set[str] = set()
        for sight in sights:
            first, last = sight.span(start)
            files = self._files(sight.source.name)
            found.update(mark for mark, (low, high) in files if high >= first and low <= last)
        return found

    def _files(self, source: str) -> list[tuple[str, Times]]:
        files = self.files.get(source)
        if files is None:
            files = self.files[source] = [
                (
                    f"{source}\0{file.name}\0{file.mark}",
                    ALWAYS if file.times is None else file.times,
                )
                for file in self.inputs.get(source, ())
                if file.times is None or file.times[0] <= file.times[1]
            ]
        return files


@dataclass(frozen=True, slots=True)
class Shape:
    """A training set taken apart."""

    training_set: TrainingSet
    columns: tuple[Computed, ...]
    """In the order of the set."""
    spine: tuple[Computed, ...]
    """The columns of the spine that have to be stored, in its order."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(c.name for c in self.columns)

    def sights_of(self, names: Iterable[str]) -> tuple[Sight, ...]:
        """What some of the columns can see."""
        wanted = frozenset(names)
        found = (s for c in self.columns if c.name in wanted for s in c.sights)
        return tuple(dict.fromkeys(found))


def digest(*parts: str) -> str:
    """A short address of some texts."""
    return hashlib.sha256("\0\0".join(parts).encode()).hexdigest()[:LENGTH]


def shape_of(training_set: TrainingSet) -> Shape:
    """The columns of a training set and of its spine, with their addresses."""
    time = spine.time_of(training_set)
    values = dict(training_set.plan.columns) if isinstance(training_set.plan, Project) else {}
    base = spine.spine_of(training_set.plan)
    joined = spine.Joined.of(training_set)
    columns = []
    for name, expr in values.items():
        plan = joined.columns((name,))
        stored = expr.name if isinstance(expr, Column) and expr.name in base.schema.names else None
        reads = (stored,) if stored is not None else spine.reads_of(plan)
        columns.append(Computed(name, meaning_of(plan), reads, _others(sights(plan, time)), stored))
    needed = {c for column in columns for c in column.reads}
    stored_columns = []
    for name in (n for n in base.schema.names if n in needed):
        plan = spine.rows_of(training_set, (name,))
        stored_columns.append(Computed(name, meaning_of(plan), (), sights(plan, time), name))
    return Shape(training_set, tuple(columns), tuple(stored_columns))


def _others(found: Iterable[Sight]) -> tuple[Sight, ...]:
    return tuple(s for s in found if s.source.name != spine.STORED)


def meaning_of(plan: Node) -> str:
    """The address of a plan that gives one column, or one column and the time of its rows.

    The plan reads nothing that it does not need.
    """
    bare = _renamed(_one_name(plan))
    if any(isinstance(node, Events) and node.identity for node in walk(bare)):
        bare = prune_columns(transform_plan(bare, _unchecked))
    return digest(str(MEANING), address(transform_plan(bare, _narrow)))


def _one_name(plan: Node) -> Node:
    assert isinstance(plan, Project)
    return replace(plan, columns=tuple((f"#{i}", e) for i, (_, e) in enumerate(plan.columns)))


def _unchecked(node: Node) -> Node:
    """Copies of an identity are checked on whole rows, but only the identity says which count."""
    if not isinstance(node, Events) or not node.identity:
        return node
    said = f"{node.source} IDENTITY {', '.join(node.identity)}"
    return replace(node, source=said, identity=())


def _narrow(node: Node) -> Node:
    """A scan of its source as if that had only the columns that are read, and no remarks."""
    if not isinstance(node, Scan):
        return node
    source = node.source
    read = {*node.columns, *columns_of(node.predicate), *_declared(source)}
    schema = pa.schema([f for f in source.schema if f.name in read])
    said = {("format", DEBEZIUM)}  # whose images are rows that nothing else tells of
    options = tuple(o for o in source.options if o[0] not in NOT_ROWS or o in said)
    return replace(node, source=replace(source, schema=schema, options=options))


def _declared(source: Table) -> set[str]:
    """The columns that the clauses of a source read."""
    found: set[str] = set()
    for clause in fields(source):
        value = getattr(source, clause.name)
        if isinstance(value, Column | Literal | Call):
            found.update(columns_of(value))
        elif isinstance(value, str):
            found.add(value)
        elif isinstance(value, tuple):
            found.update(v for v in value if isinstance(v, str))
    return found


def _renamed(plan: Node) -> Node:
    """Features under names that do not depend on what else their set offers."""
    names: dict[str, str] = {}

    def call(expr: Expr) -> Expr:
        return rename(expr, lambda name: names.get(name, name))

    def down(node: Node) -> Node:
        if isinstance(node, TemporalJoin | StaticJoin):
            below = down(node.spine)
            if isinstance(node, StaticJoin):
                return _with(node, call, spine=below)
            right: Node = node.right
            if type(right) is View:
                assert isinstance(right, View)
                for i, feature in enumerate(right.features):
                    names[f"{node.alias}.{feature.name}"] = f"{node.alias}.#{i}"
                right = replace(right, features=tuple(_numbered(right.features)))
            elif isinstance(right, Lookup) and right.residual is not None:
                right = replace(right, residual=call(right.residual))
            return _with(node, call, spine=below, right=right)
        if isinstance(node, Project):
            below = down(node.input)
            return replace(node, input=below, columns=tuple((n, call(e)) for n, e in node.columns))
        return node

    return down(plan)


def _numbered(features: tuple[Feature, ...]) -> Iterable[Feature]:
    return (replace(f, name=f"#{i}") for i, f in enumerate(features))


def _with(node: Any, call: Callable[[Expr], Expr], **inputs: Node) -> Node:
    """A join over other inputs, its own expressions changed at the same time."""
    changed: dict[str, Any] = {"keys": tuple(call(k) for k in node.keys), **inputs}
    for name in ("time", "residual"):
        expr = getattr(node, name, None)
        if expr is not None:
            changed[name] = call(expr)
    result: Node = replace(node, **changed)
    return result
