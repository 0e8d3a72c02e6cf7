"""A set as the source of a feature set: its rows are events, each with what the set held then.

The events of a feature set are those of its own source: as of each one's time, strictly before it,
the set is asked for that event's key. A row of a training set is a row of its spine as of its own
MATCH_CONDITION; its labels stay behind. Nothing in such a row was known later than the row itself,
so it is known when its event is. In the plan this is a join below `Events`, to any depth.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.expressions import call, common_type
from bighead.zipline.ir.expr import Column, Expr, Literal, substitute
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.labels import looks_ahead, without_labels
from bighead.zipline.ir.nodes import (
    Filter,
    Node,
    Project,
    Relational,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
)
from bighead.zipline.ir.sources import EventSource
from bighead.zipline.sql.binding.events import Origin, bind_origin
from bighead.zipline.sql.binding.scope import Barred, Context, no_renaming
from bighead.zipline.sql.binding.stamped import Stamp, stamp_of, stamped, typed


def bind_rows(node: exp.Expr, context: Context, purpose: str) -> Origin:
    """FROM of a feature set: a source, several, or another set. Raises SqlError."""
    found = context.find(node) if isinstance(node, exp.Table) else None
    if isinstance(found, FeatureSet):
        no_renaming(context, node)
        return _of_feature_set(found, node, context)
    if isinstance(found, TrainingSet):
        no_renaming(context, node)
        return _of_training_set(found, node, context)
    return bind_origin(node, context, purpose)


# -- feature sets ---------------------------------------------------------------------------------


def _of_feature_set(found: FeatureSet, node: exp.Expr, context: Context) -> Origin:
    view = found.view
    rows = view.events
    if looks_ahead(view):
        raise context.error(
            node, f"{found.name} holds labels (NEXT), and no feature may see the future"
        )
    if isinstance(rows, Versions):
        raise context.error(
            node,
            f"{found.name} reads the entity {rows.source}, whose rows are no events",
            "read an event source, and join the entity to a training set",
        )
    parts = rows.events if isinstance(rows, UnionAll) else (rows,)
    alias = f"#{found.name}"
    held: dict[str, Expr] = {f.name: Column(f"{alias}.{f.name}", f.type) for f in view.schema}
    columns = [
        *zip(found.keys, view.keys, strict=True),
        *((name, substitute(expr, held)) for name, expr in found.columns),
    ]
    stamps = [stamp_of(part) for part in parts]
    made = []
    for i, part in enumerate(parts):
        join = TemporalJoin(part.input, view, alias, view.keys, part.event_time)
        made.append(stamped(found.name, join, columns, stamps, i))
    offered = tuple(name for name, _ in columns)
    whole = UnionAll(tuple(made)) if len(made) > 1 else made[0]
    return Origin(whole, _alias(node), (), (found.name,), offered)


def _alias(node: exp.Expr) -> str:
    return node.alias or node.name


# -- training sets --------------------------------------------------------------------------------


def _of_training_set(found: TrainingSet, node: exp.Expr, context: Context) -> Origin:
    plan = found.plan
    assert isinstance(plan, Project), "a training set is a projection"
    body = without_labels(plan.input)
    time = _time(found, body, node, context)
    outputs = tuple((n, e) for n, e in plan.columns if n not in found.labels)
    if isinstance(_spine_of(body)[-1], Relational):
        raise context.error(
            node,
            f"the spine of {found.name} unites sources, each with its own times",
            "make a set from each of them",
        )
    source = _source(body)
    if source is None:
        below, stamp = body, Stamp(time)
    else:
        below, stamp = _stamped(body, source, time)
    events = stamped(found.name, below, outputs, [stamp], 0)
    secret = f"is a label of {found.name}, and nothing else may read it"
    barred: tuple[Barred, ...] = tuple(
        (Column(n, plan.schema.field(n).type), f"'{n}' {secret}") for n in found.labels
    )
    offered = tuple(name for name, _ in outputs)
    times = tuple(name for name, expr in outputs if expr == time)[:1]
    return Origin(events, _alias(node), times, (found.name,), offered, barred)


def _time(found: TrainingSet, body: Node, node: exp.Expr, context: Context) -> Expr:
    """The time as of which a row's features are: the one left side of the MATCH_CONDITIONs."""
    times: list[Expr] = []
    below = body
    while isinstance(below, TemporalJoin | StaticJoin):
        if isinstance(below, TemporalJoin) and below.time not in times:
            times.append(below.time)
        below = below.spine
    if len(times) > 1:
        named = " and ".join(sorted(format_expr(t) for t in times))
        raise context.error(
            node,
            f"the joins of {found.name} are as of different times, {named}, so its rows have no"
            " one time",
            "give its MATCH_CONDITIONs one left side",
        )
    if any(isinstance(n, TemporalJoin) for n in _spine_of(below)):
        raise context.error(
            node,
            f"the spine of {found.name} is a training set itself, with times of its own",
            f"make {found.name} from an event source",
        )
    time = times[0] if times else found.time
    if time is None:
        raise context.error(
            node,
            f"the rows of {found.name} have no time: its spine is no event source and it joins no"
            " feature set",
            "declare its spine by CREATE EVENT SOURCE",
        )
    return time


def _spine_of(node: Node) -> list[Node]:
    """A node and what its rows come from, down to a scan."""
    found = [node]
    while isinstance(node, Filter | Project | TemporalJoin | StaticJoin):
        node = node.spine if isinstance(node, TemporalJoin | StaticJoin) else node.input
        found.append(node)
    return found


def _source(body: Node) -> EventSource | None:
    last = _spine_of(body)[-1]
    source = last.source if isinstance(last, Scan) else None
    return source if isinstance(source, EventSource) else None


def _stamped(body: Node, source: EventSource, time: Expr) -> tuple[Node, Stamp]:
    """The rows with what their source says of each, and what makes them events.

    A row that asks as of another time than it happened shows its own columns, so it is not known
    before it happened.
    """
    columns: dict[str, Expr] = {}
    happened = source.event_time
    known = source.known_at
    if _resolved(time, body) != happened:
        known = happened if known is None else _later(known, happened)
    if known is not None:
        columns["#known_at"] = known
    if source.sequence is not None:
        columns["#in_sequence"] = Column(source.sequence, source.schema.field(source.sequence).type)
    for i, name in enumerate(source.identity):
        columns[f"#id{i}"] = Column(name, source.schema.field(name).type)
    below = _carried(body, tuple(columns.items()))

    def brought(name: str) -> Expr | None:
        return Column(name, columns[name].type) if name in columns else None

    identity = tuple(
        Column(f"#id{i}", columns[f"#id{i}"].type) for i in range(len(source.identity))
    )
    stamp = Stamp(
        time, brought("#known_at"), brought("#in_sequence"), identity, source.skip_null_times
    )
    return below, stamp


def _later(known: Expr, happened: Expr) -> Expr:
    """When a row was known and had happened; NULL, for never, where it is not known."""
    kind = common_type(known.type, happened.type)
    assert kind is not None, "both are times"
    known, happened = typed(known, kind), typed(happened, kind)
    never = call("is_null", (known,))
    return call("case", (never, Literal(None, kind), call(">", (known, happened)), known, happened))


def _resolved(expr: Expr, node: Node) -> Expr:
    """An expression over a node's columns as one over the columns of the scan below."""
    for below in _spine_of(node):
        if isinstance(below, Project):
            expr = substitute(expr, dict(below.columns))
    return expr


def _carried(node: Node, columns: tuple[tuple[str, Expr], ...]) -> Node:
    """The node with further columns of its scan beside its own."""
    if not columns:
        return node
    through = tuple((name, Column(name, e.type)) for name, e in columns)
    if isinstance(node, Scan):
        own = tuple((f.name, Column(f.name, f.type)) for f in node.schema)
        return Project(node, (*own, *columns))
    if isinstance(node, Project):
        return Project(_carried(node.input, columns), (*node.columns, *through))
    if isinstance(node, Filter):
        return replace(node, input=_carried(node.input, columns))
    assert isinstance(node, TemporalJoin | StaticJoin), "a spine of other rows has no source"
    return replace(node, spine=_carried(node.spine, columns))
