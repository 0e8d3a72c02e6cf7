"""A case: tables, a plan over them, and the same as SQL for people to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.format import format_plan
from bighead.zipline.ir.format_expr import format_aggregate, format_expr, format_name
from bighead.zipline.ir.nodes import (
    Aggregate,
    Events,
    Filter,
    Lookup,
    Node,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
    walk,
)
from bighead.zipline.ir.sources import EntitySource, EventSource, Table
from bighead.zipline.ir.types import sql_name


@dataclass(frozen=True, slots=True)
class Case:
    """A plan, mostly one join of a spine with something temporal.

    `label` tells how to make it again.
    """

    label: str
    plan: Node
    tables: dict[str, pa.Table]

    @property
    def size(self) -> int:
        """How many cases it holds: one for each spine row and feature; a look-up is one feature."""
        views = (node.features for node in walk(self.plan) if isinstance(node, View))
        lookups = sum(isinstance(node, Lookup | StaticJoin) for node in walk(self.plan))
        return self.tables["spine"].num_rows * (sum(map(len, views)) + lookups)

    @property
    def sources(self) -> list[EventSource | EntitySource]:
        """The sources that are declared with times or keys."""
        found = (node.source for node in walk(self.plan) if isinstance(node, Scan))
        return [*dict.fromkeys(s for s in found if isinstance(s, EventSource | EntitySource))]

    def __str__(self) -> str:
        return f"-- {self.label}\n{self.script()}"

    def script(self) -> str:
        """The data as Python and the query as SQL, to be pasted into a session."""
        parts = [f"{name} = {_literal(table)}" for name, table in self.tables.items()]
        statements = [create(source) for source in self.sources]
        plan = self.plan
        query = sql(plan) if isinstance(plan, TemporalJoin) else format_plan(plan)
        return "\n".join([*parts, *statements, query])


def sql(join: TemporalJoin, label: bool = False) -> str:
    """The query over sources of these names; with `label` what looks ahead is a label."""
    sign = "=" if join.inclusive else ""
    forward = label or (isinstance(join.right, Lookup) and join.right.forward)
    sign = f"<{sign}" if forward else f">{sign}"
    on = [
        f"b.{format_expr(theirs)} = q.{format_expr(ours)}"
        for ours, theirs in zip(join.keys, join.right.keys, strict=True)
    ]
    if isinstance(join.right, Lookup):
        if join.right.residual is not None:
            on.append(format_expr(join.right.residual))
        wanted = ", ".join(f"b.{c}" for c in join.right.columns)
    else:
        wanted = "b.*"
    condition = f" ON {' AND '.join(on)}" if on else ""
    tolerance = ""
    if isinstance(join.right, Lookup) and join.right.tolerance is not None:
        tolerance = f" TOLERANCE INTERVAL '{join.right.tolerance}' MICROSECOND"
    return (
        f"SELECT q.*, {wanted} FROM spine AS q\n"
        f"{'LABEL' if label else 'ASOF'} {join.kind.upper()} JOIN {operand(join.right)} AS b\n"
        f"MATCH_CONDITION (q.{format_expr(join.time)} {sign} b.event_time)"
        f"{condition}{tolerance}"
    )


def create(source: EventSource | EntitySource) -> str:
    """The statement that declares a source."""
    columns = ", ".join(f"{format_name(f.name)} {sql_name(f.type)}" for f in source.schema)
    if isinstance(source, EntitySource):
        clauses = f"PRIMARY KEY ({', '.join(source.primary_key)})"
        clauses += f" CHANGED AT {format_expr(source.changed_at)}" if source.changed_at else ""
        clauses += f" EVENT TIME {format_expr(source.event_time)}" if source.event_time else ""
    else:
        clauses = f"EVENT TIME {format_expr(source.event_time)}"
    if source.known_at is not None:
        clauses += f" KNOWN AT {format_expr(source.known_at)}"
    if source.sequence is not None:
        clauses += f" SEQUENCE {source.sequence}"
    if isinstance(source, EventSource):
        if source.identity:
            clauses += f" IDENTITY ({', '.join(source.identity)})"
        if source.skip_null_times:
            clauses += " SKIP NULL TIMES"
    kind = "ENTITY" if isinstance(source, EntitySource) else "EVENT"
    if source.option("op") is not None:
        clauses += f" WITH (op = '{source.option('op')}')"
    return f"CREATE {kind} SOURCE {source.name} ({columns}) {clauses};"


def operand(right: View | Lookup) -> str:
    """What stands right of JOIN."""
    events = right.events
    source, where = _from(events)
    if isinstance(right, Lookup):
        return f"(SELECT * FROM {source}{where})" if where else source
    keys = [format_expr(k) for k in right.keys]
    features = [
        f"{format_aggregate(f.aggregate)} OVER ({f.window}) AS {f.name}"
        if str(f.window) != "ALL"
        else f"{format_aggregate(f.aggregate)} AS {f.name}"
        for f in right.features
    ]
    group = f" GROUP BY {', '.join(keys)}" if keys else ""
    inside = ",\n    ".join([*keys, *features])
    return f"(\n  SELECT\n    {inside}\n  FROM {source}{where}{group}\n)"


def _from(events: Events | UnionAll | Versions) -> tuple[str, str]:
    parts = events.events if isinstance(events, UnionAll) else (events,)
    names = " UNION ALL ".join(s.source.name for s in _scans(events))
    first = parts[0].input
    where = first.predicate if isinstance(first, Filter) else None
    if isinstance(events, Versions):
        where = events.where
    return names, f" WHERE {format_expr(where)}" if where is not None else ""


def _scans(events: Events | UnionAll | Versions) -> list[Scan]:
    parts = events.events if isinstance(events, UnionAll) else (events,)
    found = []
    for part in parts:
        node = part.input
        while not isinstance(node, Scan):
            (node,) = node.inputs
        found.append(node)
    return found


def _literal(table: pa.Table) -> str:
    """A table as Python; times and dates as whole numbers, cast where they are made."""
    lines = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        values = column
        whole = pa.types.is_temporal(column.type)
        if whole:
            values = column.cast(pa.int32() if pa.types.is_date(column.type) else pa.int64())
        kind = str(column.type)
        lines.append(f"    {name!r}: ({values.to_pylist()!r}, {kind!r}),")
    return "{  # column: (values, type)\n" + "\n".join(lines) + "\n}"


def declare(
    name: str,
    schema: pa.Schema,
    *,
    known: bool = False,
    sequence: str | None = None,
    identity: tuple[str, ...] = (),
    skip: bool = False,
) -> EventSource:
    """An event source whose event time is `ts`, and whose knowledge time, if any, is `known`."""
    return EventSource(
        name,
        schema,
        event_time=column(schema, "ts"),
        known_at=column(schema, "known") if known else None,
        sequence=sequence,
        identity=identity,
        skip_null_times=skip,
    )


def events(source: EventSource, where: Expr | None = None) -> Events:
    """The events of a source, for which `where` is true."""
    scan = Scan(source, tuple(source.schema.names))
    sequence = None if source.sequence is None else column(source.schema, source.sequence)
    return Events(
        scan if where is None else Filter(scan, where),
        source.name,
        source.event_time,
        source.known_at,
        sequence,
        source.identity,
        source.skip_null_times,
    )


def spine(schema: pa.Schema) -> Scan:
    """The table `spine`."""
    return Scan(Table("spine", schema), tuple(schema.names))


def column(schema: pa.Schema, name: str) -> Column:
    """A column of a schema."""
    return Column(name, schema.field(name).type)


def aggregate_type(function: str, args: tuple[Expr, ...]) -> pa.DataType:
    """The type of an aggregate's result."""
    if function in ("count", "count_rows", "count_distinct", "approx_count_distinct"):
        return pa.int64()
    if function == "decayed_count":
        return pa.float64()
    kind = args[0].type
    if function in ("sum", "avg") and pa.types.is_decimal(kind):
        return pa.decimal128(38, kind.scale if function == "sum" else min(kind.scale + 4, 38))
    if function == "sum" and pa.types.is_integer(kind):
        return pa.int64()
    if function in ("bool_and", "bool_or"):
        return pa.bool_()
    if function in ("first_k", "last_k", "top_k", "bottom_k", "array_agg_distinct"):
        return pa.list_(kind)
    if function in ("vector_sum", "vector_avg"):
        return pa.list_(pa.float64())
    if function == "approx_top_k":
        return pa.list_(pa.struct([("value", kind), ("count", pa.int64())]))
    if function == "histogram":
        return pa.map_(kind, pa.int64())
    if function in ("min", "max", "first", "last", "min_by", "max_by"):
        return kind
    return pa.float64()


def aggregate(function: str, *args: Expr, **more: Any) -> Aggregate:
    """An aggregate with its type."""
    return replace(Aggregate(function, args, aggregate_type(function, args)), **more)
