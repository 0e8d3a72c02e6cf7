"""What SHOW and DESCRIBE print: names and kinds, what a set holds, and what to know of it.

DESCRIBE gives a table of columns (`name`, `type`, `about`) and a text that also says the rules in
force: keys, times, bounds, how exact the values are, and which of them cost more as data grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa

from bighead.planner.catalog import Definitions, used_by
from bighead.planner.result import Result
from bighead.zipline.aggregates import declared
from bighead.zipline.catalog import KINDS, Definition, FeatureSet, TrainingSet
from bighead.zipline.errors import UnsupportedError
from bighead.zipline.ir.expr import Expr, columns_of
from bighead.zipline.ir.format import align, bounds
from bighead.zipline.ir.format_expr import format_aggregate, format_expr, format_name
from bighead.zipline.ir.labels import looks_ahead
from bighead.zipline.ir.nodes import (
    Events,
    Feature,
    Lookup,
    Project,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
    walk,
)
from bighead.zipline.ir.sources import EntitySource, EventSource, OptionValue, Table, is_added
from bighead.zipline.ir.types import sql_name
from bighead.zipline.serving import serving
from bighead.zipline.windows import format_duration

SHOWN: dict[str, Callable[[Definition], bool]] = {
    "EVENT SOURCES": lambda d: isinstance(d, EventSource),
    "ENTITY SOURCES": lambda d: isinstance(d, EntitySource),
    "SOURCES": lambda d: isinstance(d, EventSource | EntitySource),
    "FEATURE SETS": lambda d: isinstance(d, FeatureSet),
    "TRAINING SETS": lambda d: isinstance(d, TrainingSet),
    "TABLES": lambda d: type(d) is Table,
}
"""Which definitions SHOW lists."""

_TEXT = pa.string()
_SHOWN = pa.schema([(n, _TEXT) for n in ("name", "kind", "owner", "description")])
_DESCRIBED = pa.schema([(n, _TEXT) for n in ("name", "type", "about")])

STRICT = "strict: as of t it sees event times before t; a join with >= sees t itself"

AHEAD = "labels: only a LABEL JOIN reads them, by >= as printed; by > the window is (t, t + w]"

Row = tuple[str, str, str]


def show(what: str, definitions: Definitions) -> Result:
    """The definitions of a kind, in the order in which they were defined."""
    rows = [
        {
            "name": d.name,
            "kind": KINDS[type(d)],
            "owner": _option(d, "owner"),
            "description": _option(d, "description"),
        }
        for d in definitions
        if SHOWN[what](d)
    ]
    return Result.of(pa.Table.from_pylist(rows, schema=_SHOWN))


def describe(definition: Definition, definitions: Definitions) -> Result:
    """What a definition holds, and what to know of it."""
    if isinstance(definition, FeatureSet):
        rows, notes = _feature_set(definition)
    elif isinstance(definition, TrainingSet):
        rows, notes = _training_set(definition)
    else:
        rows, notes = _source(definition)
    notes += _options(definition)
    users = used_by(definition.name, definitions)
    if users:
        notes.append(users)
    lines = [f"{KINDS[type(definition)]} {definition.name}"]
    lines += [f"  {line}" for line in align(rows)]
    lines += [f"- {note}" for note in notes]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    table = pa.table([pa.array(c, _TEXT) for c in columns], schema=_DESCRIBED)
    return Result.of(table, "\n".join(lines))


def _source(source: Table) -> tuple[list[Row], list[str]]:
    roles: dict[str, list[str]] = {}
    notes: list[str] = []

    def role(names: Iterable[str], text: str) -> None:
        for name in names:
            roles.setdefault(name, []).append(text)

    def time(clause: str, expr: Expr | None) -> None:
        if expr is None:
            return
        role(columns_of(expr), clause)
        if columns_of(expr) != (format_expr(expr),):
            notes.append(f"{clause} is {format_expr(expr)}")

    if isinstance(source, EventSource):
        time("event time", source.event_time)
        time("known at", source.known_at)
        role([source.sequence] if source.sequence else [], "sequence")
        role(source.identity, "identity")
        if source.known_at is None:
            notes.append("a row is known when it happens")
        if source.identity:
            notes.append("rows of equal identity count once; two unequal ones are an error")
        skipped = "left out and counted" if source.skip_null_times else "an error"
        notes.append(f"a row without an event time is {skipped}")
    if isinstance(source, EntitySource):
        role(source.primary_key, "primary key")
        time("changed at", source.changed_at)
        time("event time", source.event_time)
        time("known at", source.known_at)
        role([source.sequence] if source.sequence else [], "sequence")
        operation = source.option("op")
        role([operation] if isinstance(operation, str) else [], "operation")
        notes += _entity_notes(source)
        if source.static:
            notes.append("STATIC: its rows never change, and a primary key occurs once")
    rows = [
        (name, sql_name(arrow), ", ".join(roles.get(name, [])))
        for name, arrow in zip(source.schema.names, source.schema.types, strict=True)
    ]
    return rows, notes


def _entity_notes(source: EntitySource) -> list[str]:
    """Where deletes come from, and what to beware of."""
    notes: list[str] = []
    if source.changed_at is None:
        return notes
    if source.sequence is not None and is_added(source.sequence):
        notes.append(f"sequence is {format_name(source.sequence)}")
    if source.option("snapshot") is not None:
        notes.append("a row that a snapshot lacks was deleted at the end of that day")
    if not source.debezium:
        return notes
    notes.append("a delete takes its time from source.ts_us, else ts_ms")
    stamps = {f"#source.{name}" for name in ("ts_us", "ts_ms")}
    if not stamps.issuperset(columns_of(source.changed_at)):
        notes.append(
            f"warning: upserts take CHANGED AT from {format_expr(source.changed_at)} and deletes "
            "from source.ts_us, so that a delete and an upsert may change places; CHANGED AT "
            "source.ts_us takes both from one clock"
        )
    return notes


def _feature_set(feature_set: FeatureSet) -> tuple[list[Row], list[str]]:
    view = feature_set.view
    rows: list[Row] = [
        (name, sql_name(expr.type), "key")
        for name, expr in zip(feature_set.keys, view.keys, strict=True)
    ]
    if isinstance(view, Lookup):
        rows += [
            (name, sql_name(expr.type), f"{format_expr(expr)} of the last row, exact")
            for name, expr in feature_set.columns
        ]
        return rows, ["the last row a key", STRICT]
    features = {f.name: f for f in view.features}
    for name, expr in feature_set.columns:
        parts = [features[c] for c in columns_of(expr)]
        rows.append((name, sql_name(expr.type), _about(expr, parts, view)))
    notes = ["one row a key" if view.keys else "one global key"]
    chained = dict.fromkeys(e.source for e in _events(view) if _is_joined(e))
    notes += [f"its rows are those of {name}, each as of its own time" for name in chained]
    notes += _view_notes(view)
    return rows, notes


def _about(expr: Expr, parts: Sequence[Feature], view: View) -> str:
    """What a column is computed from, over which times, and how exactly."""
    if len(parts) == 1 and columns_of(expr) == (format_expr(expr),):
        (feature,) = parts
        # A label is mostly joined by >=, and a feature by >.
        window = bounds(
            feature.window,
            inclusive=feature.window.forward,
            tail=view.tail,
            versions=isinstance(view.events, Versions),
        )
        return f"{format_aggregate(feature.aggregate)} over {window}, {_accuracy(parts)}"
    return f"{format_expr(expr)}, {_accuracy(parts)}"


def _accuracy(parts: Sequence[Feature]) -> str:
    order = ("exact", "rounded", "approximate")
    found = {declared(f.aggregate).accuracy for f in parts}
    return max(found, key=order.index, default="exact")


def _view_notes(view: View) -> list[str]:
    """Times, the error of a tail, and what grows."""
    notes = [AHEAD if looks_ahead(view) else STRICT]
    if view.tail is not None:
        tail = format_duration(view.tail)
        notes.append(
            f"tail '{tail}': the lower bound of a window is rounded down to {tail}, so a window "
            f"may hold rows that are less than {tail} too old"
        )
    unbounded = [f.name for f in view.features if f.window.width is None and f.window.rows is None]
    if unbounded:
        notes.append(f"over all history, so all events are read: {_few(unbounded)}")
    grows = [f.name for f in view.features if not declared(f.aggregate).bounded]
    if grows:
        notes.append(f"state grows with the distinct values or rows of a window: {_few(grows)}")
    buckets = [f.name for f in view.features if f.aggregate.bucket is not None]
    if buckets:
        notes.append(f"state grows with the number of buckets: {_few(buckets)}")
    if unbounded and any(e.identity for e in _events(view)):
        notes.append("identities are remembered for ever, because of what is over all history")
    return notes


def _events(view: View) -> list[Events]:
    parts = view.events.events if isinstance(view.events, UnionAll) else (view.events,)
    return [part for part in parts if isinstance(part, Events)]


def _is_joined(events: Events) -> bool:
    """The events are the rows of a set."""
    return any(isinstance(node, TemporalJoin) for node in walk(events.input))


def _training_set(training_set: TrainingSet) -> tuple[list[Row], list[str]]:
    roles: dict[str, list[str]] = {}
    for name in training_set.id:
        roles.setdefault(name, []).append("id")
    for name in training_set.labels:
        roles.setdefault(name, []).append("label")
    expressions = dict(training_set.plan.columns) if isinstance(training_set.plan, Project) else {}
    rows = []
    for name, arrow in zip(training_set.schema.names, training_set.schema.types, strict=True):
        expr = expressions.get(name)
        source = "" if expr is None or format_expr(expr) == name else format_expr(expr)
        about = ", ".join([*roles.get(name, []), *([source] if source else [])])
        rows.append((name, sql_name(arrow), about))
    joins = [
        n
        for n in walk(training_set.plan)
        if isinstance(n, TemporalJoin) and not n.alias.startswith("#")
    ]
    notes = [_join_note(j) for j in reversed(joins)]
    notes += [
        f"{n.alias}: {n.kind.upper()} JOIN of a STATIC entity on its primary key"
        for n in walk(training_set.plan)
        if isinstance(n, StaticJoin)
    ]
    notes += _label_notes(training_set, joins)
    times = {format_expr(j.time) for j in joins if not looks_ahead(j.right)}
    if len(times) > 1:
        notes.append(
            f"offline only: its joins are as of different times ({', '.join(sorted(times))})"
        )
    if training_set.time is not None:
        notes.append(f"a backfill divides it by the day of {format_expr(training_set.time)}")
    notes.append(f"reads {', '.join(training_set.uses)}")
    return rows, notes


def _label_notes(training_set: TrainingSet, joins: Sequence[TemporalJoin]) -> list[str]:
    """What becomes of rows whose labels may still change."""
    if not any(looks_ahead(j.right) for j in joins):
        return []
    asked = dict(training_set.options).get("open_labels", "keep")
    if asked == "keep":
        note = "labels may be open: events to come can still change those of the newest rows;"
        return [f"{note} open_labels = 'mark' or 'drop' tells them apart"]
    what = "marked by labels_closed = false" if asked == "mark" else "left out"
    return [f"rows with an open label, which events to come can still change, are {what}"]


def _join_note(join: TemporalJoin) -> str:
    seen = "at or before" if join.inclusive else "before"
    what = "features of the events" if isinstance(join.right, View) else "the last row"
    if isinstance(join.right, View) and looks_ahead(join.right):
        what, seen = "labels of the events", "at or after" if join.inclusive else "after"
    if isinstance(join.right, View) and isinstance(join.right.events, Versions):
        what = "features of the rows valid"
    if isinstance(join.right, Lookup):
        if isinstance(join.right.events, Versions):
            what = "the row as it was"
        elif join.right.forward:
            what, seen = "the next row", "at or after" if join.inclusive else "after"
    return f"{join.alias}: {join.kind.upper()} JOIN, {what} {seen} t = {format_expr(join.time)}"


def _options(definition: Definition) -> list[str]:
    return [
        _online(definition) if name == "online" and value is True else f"{name} = {_spelled(value)}"
        for name, value in definition.options
    ]


def _online(definition: Definition) -> str:
    """What a request for it is given."""
    assert isinstance(definition, FeatureSet | TrainingSet), "sources are not served"
    try:
        inputs = serving(definition).inputs
    except UnsupportedError as error:
        return f"online is asked for in vain: {error}"
    needed = [i.name for i in inputs if not i.optional]
    telling = [i.name for i in inputs if i.optional]
    as_of = f"{', '.join(telling)}, else its time" if telling else "its time"
    given = f"gives {', '.join(needed)}" if needed else "needs give nothing"
    return f"online: a request {given}, and is as of {as_of}, else now"


def _spelled(value: OptionValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_spelled, value))}]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _option(definition: Definition, name: str) -> str | None:
    value = dict(definition.options).get(name)
    return value if isinstance(value, str) else None


def _few(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
