"""Sources as rows with times: in FROM of a feature set, or on the right of an as-of join.

A source becomes `Events` (or `UnionAll` of them, or `Versions` of an entity) over a `Scan`; its
WHERE lies below, as the definition of `Events` asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.catalog import KINDS, FeatureSet, TrainingSet
from bighead.zipline.expressions import cast, common_type, implicit_cast
from bighead.zipline.ir.expr import Column, Expr, conjunction, conjuncts, rename, transform
from bighead.zipline.ir.nodes import Events, Filter, Node, Project, Scan, UnionAll, Versions
from bighead.zipline.ir.sources import CHANGED, EntitySource, EventSource, is_added
from bighead.zipline.ir.types import sql_name
from bighead.zipline.sql.binding.scope import (
    Barred,
    Context,
    Relation,
    Scope,
    dotted,
    match,
    no_renaming,
    of_schema,
)
from bighead.zipline.sql.binding.stamped import TIME, stamp_of, stamped

Timed = Events | UnionAll | Versions


@dataclass(frozen=True, slots=True)
class Origin:
    """A table factor that has times: its rows, its name, and what its time is called."""

    rows: Timed
    alias: str
    times: tuple[str, ...]
    """The column that is its event time (or CHANGED AT), where it is a plain column."""
    uses: tuple[str, ...]
    offered: tuple[str, ...] | None = None
    """The columns that it shows, where it has others beside them."""
    barred: tuple[Barred, ...] = ()
    """Columns that it has and that may not be read."""
    relations: tuple[Relation, ...] = ()
    """What it offers after joins, by the alias of each; none: one relation."""
    merged: tuple[str, ...] = ()
    """The columns of USING."""

    def scope(self, context: Context) -> Scope:
        """What may be named of it."""
        relations = self.relations or (self.relation,)
        return Scope(context, relations, self.merged, self.barred)

    @property
    def relation(self) -> Relation:
        """Its columns under their own names."""
        if len(self.relations) == 1:
            return self.relations[0]
        whole = of_schema(self.alias, self.rows.schema)
        if self.offered is None:
            return whole
        shown = tuple((n, e) for n, e in whole.columns if n in self.offered)
        hidden = tuple((e.name, e) for e, _ in self.barred if isinstance(e, Column))
        return Relation(self.alias, (*shown, *hidden), features=self.offered)

    def where(self, predicate: Expr) -> Origin:
        """Only the rows that pass; of an entity, those of the chosen versions."""
        if isinstance(self.rows, Versions):
            both = conjunction((*conjuncts(self.rows.where), predicate))
            return replace(self, rows=replace(self.rows, where=both))
        if isinstance(self.rows, UnionAll):
            parts = tuple(_filtered(events, predicate) for events in self.rows.events)
            return replace(self, rows=UnionAll(parts))
        return replace(self, rows=_filtered(self.rows, predicate))


def _filtered(events: Events, predicate: Expr) -> Events:
    return replace(events, input=Filter(events.input, predicate))


def bind_origin(node: exp.Expr, context: Context, purpose: str) -> Origin:
    """A table factor as rows with times. Raises SqlError where it has none.

    `purpose` says what it is wanted for ("a feature set reads event sources").
    """
    no_renaming(context, node)
    if not isinstance(node, exp.Table):
        raise context.error(node, purpose, "name a source")
    found = context.find(node)
    alias = node.alias or node.name
    if isinstance(found, EventSource):
        return Origin(_events(found), alias, _time_column(found.event_time), (found.name,))
    if isinstance(found, EntitySource) and not found.static:
        assert found.changed_at is not None
        versions = _versions(found)
        return Origin(versions, alias, times_of(versions), (found.name,))
    if isinstance(found, EntitySource):
        raise context.error(
            node,
            f"{found.name} is STATIC and has no times",
            "join it by LEFT JOIN ... ON its whole primary key",
        )
    if isinstance(found, FeatureSet | TrainingSet):
        advice = "join it by its own name" if isinstance(found, FeatureSet) else ""
        raise context.error(node, f"{found.name} is a {KINDS[type(found)]}, and {purpose}", advice)
    raise context.error(
        node,
        f"{found.name} is a table without times, and {purpose}",
        "declare it by CREATE EVENT SOURCE",
    )


def times_of(rows: Timed) -> tuple[str, ...]:
    """What the time of rows is called, where it is one plain column."""
    if isinstance(rows, Versions):
        changed = rows.changed_at
        if Column(CHANGED, changed.type) in getattr(changed, "args", ()):
            changed = changed.args[1]  # type: ignore[union-attr]
        return tuple(name for name in _time_column(changed) if not is_added(name))
    parts = rows.events if isinstance(rows, UnionAll) else (rows,)
    names = {name for part in parts for name in _time_column(part.event_time)}
    # Rows that were joined or made have names of the plan's own.
    return tuple(n for n in names if len(names) == 1 and n != TIME and "." not in n)


def _time_column(time: Expr) -> tuple[str, ...]:
    """The name of the column that alone makes a time, through casts and units."""
    names = {part.name for part in _parts(time)}
    return (next(iter(names)),) if len(names) == 1 and _is_plain(time) else ()


def _parts(expr: Expr) -> list[Column]:
    if isinstance(expr, Column):
        return [expr]
    return [c for a in getattr(expr, "args", ()) for c in _parts(a)]


def _is_plain(expr: Expr) -> bool:
    """A column, or one brought from DATE or integers to a time, and nothing more."""
    if isinstance(expr, Column):
        return True
    function = getattr(expr, "function", "")
    if function == "cast":
        return _is_plain(expr.args[0])  # type: ignore[union-attr]
    return function == "add" and getattr(expr.args[0], "value", None) == 0  # type: ignore[union-attr]


def _sequence(source: EventSource | EntitySource) -> Expr | None:
    if source.sequence is None:
        return None
    return Column(source.sequence, source.scanned.field(source.sequence).type)


def _versions(source: EntitySource) -> Versions:
    changed = source.changed
    assert changed is not None
    return Versions(
        Scan(source, tuple(source.scanned.names)),
        source.name,
        source.primary_key,
        changed,
        source.known,
        _sequence(source),
        source.event_time,
        source.deleted,
    )


def _events(source: EventSource) -> Events:
    return Events(
        Scan(source, tuple(source.schema.names)),
        source.name,
        source.event_time,
        source.known_at,
        _sequence(source),
        source.identity,
        source.skip_null_times,
    )


def unite(
    node: exp.Expr, tables: Sequence[exp.Expr], origins: Sequence[Origin], context: Context
) -> Origin:
    """The rows of several sources as those of one, matched by the names of their columns.

    The first one's order of columns counts. `tables` are the places of `origins`.
    """
    for part, origin in zip(tables, origins, strict=True):
        if isinstance(origin.rows, Versions):
            raise context.error(part, "only event sources are united by UNION ALL")
    first, *schemas = (shown(origin) for origin in origins)
    names = first.names
    types = [f.type for f in first]
    for part, schema in zip(tables[1:], schemas, strict=True):
        _check_columns(context, part, _called(tables[0]), names, schema)
        for i, name in enumerate(names):
            other = schema.field(_same(name, schema)).type
            both = common_type(types[i], other)
            if both is None:
                raise context.error(
                    part,
                    f"the column '{name}' is {sql_name(types[i])} in {_called(tables[0])} "
                    f"and {sql_name(other)} in {_called(part)}",
                )
            types[i] = both
    if all(isinstance(o.rows, Events) and o.offered is None for o in origins):
        parts = tuple(_conform(o.rows, names, types) for o in origins if isinstance(o.rows, Events))
        offered = None
    else:
        parts, offered = _of_sets(origins, names, types), tuple(names)
    _check_sequences(context, node, parts)
    alias = node.alias or tables[0].alias_or_name
    times = {t for o in origins for t in o.times}
    return Origin(
        UnionAll(parts),
        alias,
        tuple(times) if len(times) == 1 else (),
        tuple(dict.fromkeys(u for o in origins for u in o.uses)),
        offered,
        tuple(barred for o in origins for barred in o.barred),
    )


def shown(origin: Origin) -> pa.Schema:
    """The columns that may be named."""
    schema = origin.rows.schema
    return schema if origin.offered is None else pa.schema(map(schema.field, origin.offered))


def _of_sets(
    origins: Sequence[Origin], names: list[str], types: list[pa.DataType]
) -> tuple[Events, ...]:
    """The rows of sets, and of sources beside them, each with what it shows and its own times."""
    parts = [
        (origin, part)
        for origin in origins
        for part in (origin.rows.events if isinstance(origin.rows, UnionAll) else (origin.rows,))
        if isinstance(part, Events)
    ]
    stamps = [stamp_of(part) for _, part in parts]
    made = []
    for i, (origin, part) in enumerate(parts):
        schema = shown(origin)
        columns = []
        for name, kind in zip(names, types, strict=True):
            own = _same(name, schema)
            inner: Expr = Column(own, schema.field(own).type)
            columns.append((name, inner if inner.type == kind else implicit_cast(inner, kind)))
        made.append(stamped(part.source, part.input, columns, stamps, i))
    return tuple(made)


def _called(node: exp.Expr) -> str:
    """What a united source is called."""
    return dotted(node) if isinstance(node, exp.Table) else node.alias_or_name


def _same(name: str, schema: pa.Schema) -> str:
    """The column of a schema that has this name, in whatever case."""
    return match(exp.to_identifier(name), schema.names)[0]


def _check_columns(
    context: Context, part: exp.Expr, first: str, names: list[str], schema: pa.Schema
) -> None:
    ours, theirs = {n.casefold() for n in names}, {n.casefold() for n in schema.names}
    if ours != theirs:
        lacking = sorted(ours - theirs) or sorted(theirs - ours)
        who = _called(part) if ours - theirs else first
        raise context.error(
            part,
            f"UNION ALL needs the same columns on both sides, and {who} has no '{lacking[0]}'",
        )


def _conform(events: Events, names: list[str], types: list[pa.DataType]) -> Events:
    """The same events with these columns, in this order and of these types."""
    from_name = {name: _same(name, events.schema) for name in names}
    if list(from_name.values()) == events.schema.names == names and types == [
        f.type for f in events.schema
    ]:
        return events
    back = {theirs: ours for ours, theirs in from_name.items()}
    columns: list[tuple[str, Expr]] = []
    for name, kind in zip(names, types, strict=True):
        inner: Expr = Column(from_name[name], events.schema.field(from_name[name]).type)
        columns.append((name, inner if inner.type == kind else implicit_cast(inner, kind)))
    # Times and identities are over the source's own columns; where a type widens, they widen along.
    project: Node = Project(events.input, tuple(columns))
    kinds = dict(zip(names, types, strict=True))

    def over(expr: Expr | None) -> Expr | None:
        return None if expr is None else _retyped(rename(expr, back.__getitem__), kinds)

    event_time = over(events.event_time)
    assert event_time is not None
    return replace(
        events,
        input=project,
        event_time=event_time,
        known_at=over(events.known_at),
        sequence=over(events.sequence),
        identity=tuple(back[n] for n in events.identity),
    )


def _retyped(expr: Expr, kinds: dict[str, pa.DataType]) -> Expr:
    def change(part: Expr) -> Expr:
        if isinstance(part, Column) and part.type != kinds[part.name]:
            return cast(Column(part.name, kinds[part.name]), part.type)
        return part

    return transform(expr, change)


def _check_sequences(context: Context, node: exp.Expr, parts: tuple[Events, ...]) -> None:
    kinds = {p.sequence.type for p in parts if p.sequence is not None}
    if len(kinds) > 1:
        named = " and ".join(sorted(sql_name(k) for k in kinds))
        raise context.error(node, f"the SEQUENCEs of the united sources are of {named}")
