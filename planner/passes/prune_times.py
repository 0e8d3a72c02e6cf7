"""Events too far from the spine's times to matter are not read."""

from __future__ import annotations

from dataclasses import replace

from bighead.zipline.ir.expr import Expr, Literal, substitute
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
)
from bighead.zipline.ir.rewrite import transform_plan, with_inputs
from bighead.zipline.ir.sources import EntitySource, EventSource
from bighead.zipline.windows import END_OF_TIME


def prune_times(plan: Node) -> Node:
    """Give the scans below a temporal join the reach of its longest window or its tolerance.

    A reach is a distance from the spine's first and last time, which are known when the plan runs;
    rows without a time are always read, because they are errors. Folders `ds=` are left out by it
    only where the source declares its `partition_lag`.

        └─ TemporalJoin left b: t = ts                 └─ TemporalJoin left b: t = ts
           ├─ Scan requests: listing, ts                  ├─ Scan requests: listing, ts
           └─ View by listing                      ->     └─ View by listing
              │  nights_7d  SUM(n_nights)  LAST '7d'         │  nights_7d  SUM(n_nights)  LAST '7d'
              └─ Events bookings: time ts                    └─ Events bookings: time ts
                 └─ Scan bookings: listing, ...                 └─ Scan bookings: listing, ...
                                                                     within [first t - 7d, last t]
    """
    pruned = transform_plan(plan, _join)
    return plan if pruned == plan else pruned


def _join(node: Node) -> Node:
    if not isinstance(node, TemporalJoin):
        return node
    reach = reach_of(node.right)
    if isinstance(node.time, Literal) and node.time.value == END_OF_TIME:
        reach = Reach(reach.back, None)  # nothing comes after it
    if reach == Reach(None, None):
        return node
    events = node.right.events
    parts = events.events if isinstance(events, UnionAll) else (events,)
    limited = tuple(with_inputs(part, (_limit(part.input, reach, part),)) for part in parts)
    below = with_inputs(events, limited) if isinstance(events, UnionAll) else limited[0]
    return with_inputs(node, (node.spine, with_inputs(node.right, (below,))))


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


def _limit(node: Node, reach: Reach, events: Events | Versions) -> Node:
    """The reach given to the scan of these events.

    Below the joins of a set that is a source, it is that of the spine, if the rows have its times.
    """
    time: Expr | None = None if isinstance(events, Versions) else events.event_time
    return _limited(node, reach, time, joined=False)


def _limited(node: Node, reach: Reach, time: Expr | None, joined: bool) -> Node:
    if isinstance(node, Filter):
        return with_inputs(node, (_limited(node.input, reach, time, joined),))
    if isinstance(node, Project):
        time = None if time is None else substitute(time, dict(node.columns))
        return with_inputs(node, (_limited(node.input, reach, time, joined),))
    if isinstance(node, TemporalJoin | StaticJoin):
        spine = _limited(node.spine, reach, time, joined=True)
        return with_inputs(node, (spine, node.inputs[1]))
    if isinstance(node, Scan) and _timed(node) and node.reach is None:
        if not joined or (isinstance(node.source, EventSource) and time == node.source.event_time):
            return replace(node, reach=reach)
    return node


def _timed(scan: Scan) -> bool:
    source = scan.source
    return isinstance(source, EventSource) or (
        isinstance(source, EntitySource) and not source.static
    )
