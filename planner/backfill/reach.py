"""What a plan can see of its sources on a day: which files can change a value, and which cannot.

An event at e is seen by windows of length w from e up to e + w, so a file whose times lie in [a, b]
reaches the days from a to b + w. Whatever is not understood here reaches every day: to compute too
much is a delay, to compute too little a wrong value.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bighead.planner.passes.prune_times import reach_of
from bighead.zipline.ir.expr import Call, Expr, Literal, substitute
from bighead.zipline.ir.nodes import (
    Events,
    Filter,
    Lookup,
    Node,
    Project,
    Reach,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
    walk,
)
from bighead.zipline.ir.sources import EntitySource, EventSource, Source
from bighead.zipline.windows import DAY

Times = tuple[int, int]
"""The least and the greatest of some times, in microseconds; least > greatest: there are none."""

ALWAYS: Times = (-(2**63), 2**63 - 1)
"""Every time."""


@dataclass(frozen=True, slots=True)
class Sight:
    """The times of a source that rows of a day can see, in microseconds from its midnight.

    None is without end. A day that begins at s sees the times in `[s + first, s + last]`.
    """

    source: Source
    first: int | None = None
    last: int | None = None

    def sees(self, times: Times | None, first: int, last: int) -> bool:
        """Whether rows of the days from one midnight to another can see some row of these times.

        None: the times are not known.
        """
        low, high = ALWAYS if times is None else times
        return low <= high and high >= self.span(first)[0] and low <= self.span(last)[1]

    def span(self, midnight: int) -> Times:
        """The times that rows of a day can see."""
        first = ALWAYS[0] if self.first is None else midnight + self.first
        return first, ALWAYS[1] if self.last is None else midnight + self.last


def sights(plan: Node, time: Expr) -> tuple[Sight, ...]:
    """What rows of a day can see of each source; `time`, over the spine, is what days are made of.

    A source that is read several times is named several times.
    """
    return tuple(dict.fromkeys(_sights(plan, time)))


def event_time_of(source: Source) -> Expr | None:
    """The time of a source's rows that windows and look-ups go by; None where there is none."""
    if isinstance(source, EventSource):
        return source.event_time
    return source.changed if isinstance(source, EntitySource) else None


def _sights(node: Node, time: Expr) -> Iterator[Sight]:
    match node:
        case Project() | Filter() if _is_chain(node):
            yield from _sights(node.inputs[0], time)
        case TemporalJoin():
            shift = shift_of(_over_spine(node.spine, node.time), time)
            yield from _right(node.right, shift)
            yield from _sights(node.spine, time)
        case StaticJoin():
            yield from _whole(node.entity)
            yield from _sights(node.spine, time)
        case _:
            yield from _spine(node, time)


def _is_chain(node: Node) -> bool:
    while isinstance(node, Filter | Project):
        node = node.inputs[0]
    return isinstance(node, TemporalJoin | StaticJoin)


def _right(right: Node, shift: int | None) -> Iterator[Sight]:
    """What lies right of a join whose time is that of the day and `shift` (None: any time)."""
    if type(right) not in (View, Lookup) or shift is None:
        yield from _whole(right)
        return
    assert isinstance(right, View | Lookup)
    events = right.events
    parts = events.events if isinstance(events, UnionAll) else (events,)
    for part in parts:
        scan = _scan_below(part.input) if type(part) in (Events, Versions) else None
        reach = reach_of(right)
        if isinstance(part, Versions):
            # A version holds until the next one, however long ago it began.
            reach = Reach(None, reach.ahead)
        if scan is None or event_time_of(scan.source) is None or reach.ahead is None:
            yield from _whole(part)
            continue
        yield Sight(
            scan.source,
            None if reach.back is None else shift - reach.back,
            shift + DAY - 1 + reach.ahead,
        )


def _spine(node: Node, time: Expr) -> Iterator[Sight]:
    """A base spine: its rows of a day have times of that day, where it is a scan of events."""
    scan = _scan_below(node)
    if scan is not None and isinstance(scan.source, EventSource):
        shift = shift_of(_over_scan(node, time), scan.source.event_time)
        if shift is not None:  # time = event time + shift
            yield Sight(scan.source, -shift, DAY - 1 - shift)
            return
    yield from _whole(node)


def _whole(node: Node) -> Iterator[Sight]:
    yield from (Sight(n.source) for n in walk(node) if isinstance(n, Scan))


def _scan_below(node: Node) -> Scan | None:
    while isinstance(node, Filter | Project):
        node = node.input
    return node if isinstance(node, Scan) else None


def _over_spine(node: Node, expr: Expr) -> Expr:
    """An expression over the rows of some joins as one over the rows of the base spine."""
    while isinstance(node, TemporalJoin | StaticJoin) or _is_chain(node):
        if isinstance(node, Project):
            expr = substitute(expr, dict(node.columns))
        node = node.inputs[0]
    return expr


def _over_scan(node: Node, expr: Expr) -> Expr:
    while isinstance(node, Filter | Project):
        if isinstance(node, Project):
            expr = substitute(expr, dict(node.columns))
        node = node.input
    return expr


def shift_of(expr: Expr, time: Expr) -> int | None:
    """How many microseconds `expr` lies after `time`; None where that is not always the same.

    >>> import pyarrow as pa
    >>> from bighead.zipline.ir.expr import Column
    >>> at = Column("at", pa.timestamp("us"))
    >>> hour = Literal(3_600_000_000, pa.duration("us"))
    >>> shift_of(Call("subtract", (at, hour), at.type), at)
    -3600000000
    """
    if expr == time:
        return 0
    if isinstance(expr, Call) and expr.function in ("add", "subtract") and len(expr.args) == 2:
        base, by = expr.args
        if isinstance(base, Literal) and expr.function == "add":
            base, by = by, base
        if isinstance(by, Literal) and isinstance(by.value, int) and _is_duration(by):
            inner = shift_of(base, time)
            if inner is not None:
                return inner + (by.value if expr.function == "add" else -by.value)
    return None


def _is_duration(literal: Literal) -> bool:
    return str(literal.type).startswith("duration")
