"""Views as a store of tiles serves them: from partial aggregates that features share."""

from __future__ import annotations

from bighead.zipline.ir.nodes import Node, Versions, View
from bighead.zipline.ir.rewrite import transform_plan
from bighead.zipline.tiled_view import tiled_view


def to_tiles(plan: Node) -> Node:
    """Say for each view which states its tiles hold, and which of them each feature is made of.

    Windows that are cut to a number of rows are computed from rows; views that look ahead (labels)
    and those over the rows of an entity, which end, stay as they are.

        View by listing                                View by listing, from tiles of 5m, 1h, ...
        │  n     SUM(nights)    LAST '7d'              │  p1  sum(nights)
        │  mean  AVG(nights)    LAST '30d'     ->      │  p2  count(nights)
        └─ Events bookings: time ts                    │  n     p1, p2  SUM(nights)  LAST '7d'
                                                       │  mean  p1, p2  AVG(nights)  LAST '30d'
                                                       └─ Events bookings: time ts
    """
    tiled = transform_plan(plan, _tile)
    return plan if tiled == plan else tiled


def _tile(node: Node) -> Node:
    if type(node) is not View or any(f.window.forward for f in node.features):
        return node
    if isinstance(node.events, Versions):
        return node
    return tiled_view(node)
