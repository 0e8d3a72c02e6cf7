"""Events too far from the spine's times to matter are not read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bighead.zipline.ir.common import Common, Within, above, commons, put
from bighead.zipline.ir.expr import Expr, Literal, columns_of, substitute
from bighead.zipline.ir.nodes import (
    Aggregate,
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
)
from bighead.zipline.ir.rewrite import with_inputs
from bighead.zipline.ir.sources import EntitySource, EventSource
from bighead.zipline.windows import ALL_HISTORY, END_OF_TIME


def prune_times(plan: Node) -> Node:
    """Give the scans below a temporal join the reach of its longest window or its tolerance.

    A reach is a distance from the spine's first and last time, which are known when the plan runs;
    rows without a time are always read, because they are errors. Folders `ds=` are left out by it
    only where the source declares its `partition_lag`.

    Shared rows (`Common`) have the reach that any of their readers needs, counted from the spine of
    the outermost join: through a chain of sets, the widths add up. A spine among the events of a
    join is then cut to the times that are asked for (`Within`), because the events of earlier rows
    need not be there. Where nothing but the newest time of a source is asked
    for, as `open_labels` does, little more than the rows that have it is read.

        └─ TemporalJoin left b: t = ts                 └─ TemporalJoin left b: t = ts
           ├─ Scan requests: listing, ts                  ├─ Scan requests: listing, ts
           └─ View by listing                      ->     └─ View by listing
              │  nights_7d  SUM(n_nights)  LAST '7d'         │  nights_7d  SUM(n_nights)  LAST '7d'
              └─ Events bookings: time ts                    └─ Events bookings: time ts
                 └─ Scan bookings: listing, ...                 └─ Scan bookings: listing, ...
                                                                     within [first t - 7d, last t]
    """
    pruned = _Pruning().whole(plan)
    return plan if pruned == plan else pruned


ALL = Reach(None, None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of rows that are events, or the spine among them."""

    near: Reach
    """From the times of the nearest spine."""
    base: Reach
    """From those of the outermost one."""
    time: Expr | None
    """Over the rows; None: it is not known."""
    joined: bool = False
    """They are read through a join."""
    cut: bool = False
    """What lies beyond `base` has to go."""


@dataclass(slots=True)
class _Pruning:
    """One plan; by its number, what is asked of each Common."""

    asked: dict[int, list[tuple[Expr | None, Reach]]] = field(default_factory=dict)

    def whole(self, plan: Node) -> Node:
        """The plan, its shared rows after all that read them."""
        root = self.rows(plan)
        parts: dict[int, Common] = {}
        for common in reversed(commons(plan)):
            reach, time = self.hull(common.number)
            below = self.limited(common.input, _Asked(reach, reach, time))
            kept = None if reach == ALL else reach
            if below is not common.input or kept != common.reach:
                common = replace(common, input=below, reach=kept)
            parts[common.number] = common
        made: dict[int, Node] = {}
        for number in sorted(parts):
            common = parts[number]
            made[number] = with_inputs(common, (put(common.input, made),))
        return put(root, made)

    def hull(self, number: int) -> tuple[Reach, Expr | None]:
        """The reach that holds all that is asked of a Common, and by which time."""
        times = {time for time, _ in self.asked[number]}
        if len(times) > 1 or None in times:
            return ALL, None
        reaches = [reach for _, reach in self.asked[number]]
        back, ahead = reaches[0].back, reaches[0].ahead
        for reach in reaches[1:]:
            back, ahead = _farther(back, reach.back), _farther(ahead, reach.ahead)
        reach = Reach(back, ahead)
        return reach, None if reach == ALL else times.pop()

    def rows(self, node: Node) -> Node:
        """Rows that are no events of a join, and are wanted whole."""
        if isinstance(node, Common):
            self.asked.setdefault(node.number, []).append((None, ALL))
            return node
        if not isinstance(node, TemporalJoin):
            return with_inputs(node, tuple(self.rows(below) for below in node.inputs))
        reach = reach_of(node.right)
        if isinstance(node.time, Literal) and node.time.value == END_OF_TIME:
            reach = Reach(reach.back, None)  # nothing comes after it
        right = self.right(node.right, reach, reach)
        if _asks_newest(node):
            (events,) = right.inputs
            (scan,) = events.inputs
            if isinstance(scan, Scan) and not scan.newest:
                newest = with_inputs(events, (replace(scan, newest=True),))
                right = with_inputs(right, (newest,))
        return with_inputs(node, (self.rows(node.spine), right))

    def right(self, right: View | Lookup, near: Reach, base: Reach) -> Node:
        """The right side of a join, whose events are asked for within these reaches."""
        events = right.events
        parts = events.events if isinstance(events, UnionAll) else (events,)
        limited = []
        for part in parts:
            time = None if isinstance(part, Versions) else part.event_time
            limited.append(with_inputs(part, (self.limited(part.input, _Asked(near, base, time)),)))
        below = with_inputs(events, tuple(limited)) if isinstance(events, UnionAll) else limited[0]
        return with_inputs(right, (below,))

    def limited(self, node: Node, asked: _Asked) -> Node:
        """Events, or the rows that they are made of, with the reach given to their scan.

        Below the joins of a set that is a source, it is that of the spine, if the rows have its
        times.
        """
        match node:
            case Filter():
                return with_inputs(node, (self.limited(node.input, asked),))
            case Project():
                time = None if asked.time is None else substitute(asked.time, dict(node.columns))
                return with_inputs(node, (self.limited(node.input, replace(asked, time=time)),))
            case TemporalJoin():
                return self.joined(node, asked)
            case StaticJoin():
                return with_inputs(
                    node, (self.limited(node.spine, _joined(asked, node)), node.entity)
                )
            case Within():
                below = replace(asked, cut=False)
                return with_inputs(node, (self.limited(node.input, below),))
            case Common():
                self.asked.setdefault(node.number, []).append((asked.time, asked.base))
                found: Node = node
            case Scan():
                found = _scan(node, asked)
            case _:
                found = self.rows(node)
        if asked.cut and asked.time is not None:
            return Within(found, asked.time, asked.base)
        return found

    def joined(self, node: TemporalJoin, asked: _Asked) -> Node:
        """A join whose rows are events: what it joins lies further from the outermost spine."""
        near = reach_of(node.right)
        base = ALL
        if asked.time == node.time:
            base = Reach(_sum(asked.base.back, near.back), _sum(asked.base.ahead, near.ahead))
        right = self.right(node.right, near, base)
        cut = base != ALL and any(isinstance(below, Common) for below in above(right))
        below = replace(_joined(asked, node), cut=asked.cut or cut)
        return with_inputs(node, (self.limited(node.spine, below), right))


def _asks_newest(join: TemporalJoin) -> bool:
    """Nothing but the greatest time of some events is asked for."""
    right = join.right
    if not isinstance(right, View) or not isinstance(right.events, Events) or join.kind != "left":
        return False
    events = right.events
    greatest = [Aggregate("max", (events.event_time,), events.event_time.type)]
    return (
        isinstance(join.time, Literal)
        and join.time.value == END_OF_TIME
        and not right.keys
        and events.known_at is None
        and not events.identity
        and all(f.window == ALL_HISTORY and f.aggregate in greatest for f in right.features)
    )


def _joined(asked: _Asked, node: TemporalJoin | StaticJoin) -> _Asked:
    """What is asked of the spine of a join."""
    time = asked.time
    if time is not None and not set(node.spine.schema.names).issuperset(columns_of(time)):
        time = None
    return replace(asked, time=time, joined=True)


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _scan(node: Scan, asked: _Asked) -> Scan:
    source = node.source
    if asked.near == ALL or node.reach is not None or not _timed(node):
        return node
    plain = isinstance(source, EventSource) and asked.time == source.event_time
    return replace(node, reach=asked.near) if plain or not asked.joined else node


def reach_of(right: View | Lookup) -> Reach:
    """How far from t an event, or a change, can lie and still be seen.

    Of an entity the changes that are left out are older than all that are read, so that they are
    chosen only where the chosen one would lie in no window.
    """
    if isinstance(right, Lookup):
        return Reach(0, right.tolerance) if right.forward else Reach(right.tolerance, 0)
    back: int | None = 0
    ahead: int | None = 0
    events = right.events
    if isinstance(events, Versions) and events.event_time is not None:
        # A scan's reach is of CHANGED AT, and a row of any age may lie in a window.
        return Reach(None, ahead)
    for window in (f.window for f in right.features):
        if window.forward:
            ahead = _farther(ahead, window.width)
        elif window.width is None:
            back = None
        else:
            # A rounded lower bound lies less than one step of the grid further back.
            back = _farther(back, window.width + (right.tail or 0))
    return Reach(back, ahead)


def _farther(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else max(a, b)


def _timed(scan: Scan) -> bool:
    source = scan.source
    return isinstance(source, EventSource) or (
        isinstance(source, EntitySource) and not source.static
    )
