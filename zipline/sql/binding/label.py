"""LABEL LEFT JOIN: what lies ahead of t, kept away from all that a model is given.

A label counts rows whatever their knowledge time, because it is looked at afterwards. It is closed
once nothing can arrive any more that would change it: where what it looks at lies below the times
for which its sources are complete, the newest event of a source less its `complete`.
"""

from __future__ import annotations

from dataclasses import replace

from bighead.zipline.aggregates import aggregate
from bighead.zipline.expressions import call, cast
from bighead.zipline.ir.expr import Column, Expr, Literal, columns_of, conjunction, rename
from bighead.zipline.ir.labels import looks_ahead
from bighead.zipline.ir.nodes import (
    Events,
    Feature,
    Filter,
    Lookup,
    Node,
    Scan,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
    walk,
)
from bighead.zipline.ir.sources import EventSource
from bighead.zipline.ir.types import BOOLEAN, INTERVAL, TIMESTAMP
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.match import Match
from bighead.zipline.sql.binding.on import Ahead, Chain
from bighead.zipline.sql.binding.right import Right
from bighead.zipline.sql.binding.scope import Context
from bighead.zipline.windows import END_OF_TIME, MAX_MICROSECONDS, parse_duration

NEWEST = "newest"


def check_side(chain: Chain, node: tree.TemporalJoin, right: Right) -> None:
    """Labels look ahead and features do not. Raises SqlError."""
    ahead = right.view is not None and looks_ahead(right.view)
    if node.method != "LABEL":
        if ahead:
            raise chain.error(
                node.this,
                f"{right.alias} looks ahead (NEXT), and no feature may see the future",
                "join it by LABEL LEFT JOIN",
            )
        return
    if node.kind == "INNER":
        raise chain.error(
            node.this,
            "a label does not choose rows: they would be picked by what happens later",
            "write LABEL LEFT JOIN, and filter what reads the set",
        )
    if isinstance(right.rows, Versions):
        raise chain.error(
            node.this, f"a label looks ahead at events, and {right.rows.source} is an entity"
        )
    if right.view is not None and not ahead:
        what = "is the last row of a key" if isinstance(right.view, Lookup) else "looks back"
        raise chain.error(
            node.this,
            f"{right.alias} {what}, and a label looks ahead",
            "write OVER (NEXT '7d'), or join the bare source",
        )


def check_times(chain: Chain, node: tree.TemporalJoin, matched: Match) -> None:
    """An event at t itself is seen by features or by labels, not by both. Raises SqlError."""
    label = node.method == "LABEL"
    others = [j for j in chain.inclusive if (j.method == "LABEL") != label]
    if matched.inclusive and others:
        raise chain.error(
            node.args["match_condition"],
            "an event at t itself would be seen by a feature and by a label: both say 'or equal'",
            "write > in one of the two",
        )


def without_knowledge(right: Right) -> Right:
    """The same rows, which count whenever they became known."""
    rows = right.rows
    assert not isinstance(rows, Versions)
    rows = _undated(rows)
    view = None if right.view is None else replace(right.view, events=rows)
    return replace(right, rows=rows, view=view)


def _undated(rows: Events | UnionAll) -> Events | UnionAll:
    if isinstance(rows, UnionAll):
        return UnionAll(tuple(replace(e, known_at=None) for e in rows.events))
    return replace(rows, known_at=None)


def with_its_time(lookup: Lookup) -> Lookup:
    """The look-up that also brings what the time of its row is made of."""
    more = columns_of(_time_of(lookup.events))
    return replace(lookup, columns=tuple(dict.fromkeys((*lookup.columns, *more))))


def _time_of(events: Node) -> Expr | None:
    """The event time, where all parts have the same."""
    parts = events.events if isinstance(events, UnionAll) else (events,)
    times = {part.event_time for part in parts if isinstance(part, Events)}
    return times.pop() if len(times) == 1 else None


def marked(chain: Chain, node: tree.TemporalJoin) -> Chain:
    """The chain whose last join is a label: nothing but a label may read its columns."""
    join = chain.node
    assert isinstance(join, TemporalJoin)
    right = join.right
    assert not isinstance(right.events, Versions)
    relation = chain.scope.relations[-1]
    barred = tuple(
        (expr, f"'{name}' is a label, and nothing else may read it")
        for name, expr in relation.columns
    )
    if isinstance(right, View):
        # A label always has a width: NEXT takes nothing but durations.
        reach = max((f.window.width or MAX_MICROSECONDS for f in right.features), default=None)
        found = None
    else:
        reach = right.tolerance
        time = _time_of(right.events)
        found = None if time is None else rename(time, lambda name: f"{join.alias}.{name}")
    ahead = Ahead(node, join.alias, join.time, join.inclusive, right.events, reach, found)
    scope = replace(chain.scope, forbidden=(*chain.scope.forbidden, *barred))
    return replace(chain, scope=scope, ahead=(*chain.ahead, ahead))


# -- closing --------------------------------------------------------------------------------------


def closed(context: Context, chain: Chain) -> tuple[Node, Expr]:
    """The chain with the newest time of each label's sources beside it, and whether all are closed.

    Raises SqlError where a source does not say how complete it is.
    """
    node = chain.node
    conditions: list[Expr] = []
    newest: dict[str, Expr] = {}
    for ahead in chain.ahead:
        if ahead.reach is None and ahead.found is None:
            raise context.error(
                ahead.place,
                f"the rows of {ahead.alias} have times of different columns, so no label over them "
                "is known to be closed",
                "add TOLERANCE INTERVAL '7' DAY",
            )
        for source in _sources(ahead.events):
            lag = source.option("complete")
            if not isinstance(lag, str):
                raise context.error(
                    ahead.place,
                    f"{source.name} does not say up to when it is complete, so no label over it is "
                    "known to be closed",
                    f"declare {source.name} WITH (complete = '3d')",
                )
            if source.name not in newest:
                node = _beside_newest(node, source)
                kind = node.schema.field(f"#{source.name}.{NEWEST}").type
                newest[source.name] = Column(f"#{source.name}.{NEWEST}", kind)
            conditions.append(_closed(ahead, newest[source.name], parse_duration(lag)))
    both = conjunction(tuple(conditions))
    assert both is not None, "there is a label to be closed"
    return node, call("COALESCE", (both, Literal(False, BOOLEAN)))


def _sources(events: Events | UnionAll) -> list[EventSource]:
    """The sources that a label is made of, each once."""
    scans = (n.source for n in walk(events) if isinstance(n, Scan))
    return list(dict.fromkeys(s for s in scans if isinstance(s, EventSource)))


def _beside_newest(node: Node, source: EventSource) -> Node:
    """Beside each row the newest time of a source: what it holds as of the end of time."""
    scan = Scan(source, tuple(source.schema.names))
    skips = source.skip_null_times
    events = Events(scan, source.name, source.event_time, skip_null_times=skips)
    newest = Feature(NEWEST, aggregate("max", (source.event_time,)))
    view = View(events, (), (newest,))
    return TemporalJoin(
        node, view, f"#{source.name}", (), Literal(END_OF_TIME, TIMESTAMP), inclusive=True
    )


def _closed(ahead: Ahead, newest: Expr, lag: int) -> Expr:
    """What is before `newest - lag` has arrived, and the label needs nothing after it."""
    newest = _as(newest, ahead.time)
    ways: list[Expr] = []
    if ahead.found is not None:
        ways.append(call("<", (_as(ahead.found, ahead.time), _before(newest, lag))))
        inside = "<"  # a row at the far end of a tolerance is taken
    else:
        inside = "<=" if ahead.inclusive else "<"
    if ahead.reach is not None:
        limit = _before(newest, min(lag + ahead.reach, MAX_MICROSECONDS))
        ways.append(call(inside, (ahead.time, limit)))
    return ways[0] if len(ways) == 1 else call("OR", tuple(ways))


def _before(time: Expr, distance: int) -> Expr:
    return call("-", (time, Literal(distance, INTERVAL)))


def _as(time: Expr, like: Expr) -> Expr:
    return time if time.type == like.type else cast(time, like.type)


def closing(context: Context, chain: Chain, asked: str) -> tuple[Node, Expr | None]:
    """What `open_labels` makes of a chain: its node, and the column that marks where it was asked.

    'keep' leaves all as it is, 'drop' leaves out rows with an open label, 'mark' marks them.
    """
    if asked == "keep":
        return chain.node, None
    node, done = closed(context, chain)
    if asked == "drop":
        return Filter(node, done), None
    return node, done
