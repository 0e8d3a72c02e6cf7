"""Views as a store of tiles serves them: from partial aggregates that features share."""

from __future__ import annotations

from dataclasses import replace

from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Aggregate, Feature, Node, Versions, View
from bighead.zipline.ir.rewrite import transform_plan
from bighead.zipline.ir.tiled import Partial, State, TiledView
from bighead.zipline.tiling import LEVELS

STATES: dict[str, tuple[State, ...]] = {
    "count_rows": ("rows",),
    "count": ("count",),
    # A sum alone could not tell an empty window from one that adds up to nothing.
    "sum": ("sum", "count"),
    "avg": ("sum", "count"),
    "var_pop": ("moments",),
    "var_samp": ("moments",),
    "stddev_pop": ("moments",),
    "stddev_samp": ("moments",),
    "min": ("least",),
    "max": ("greatest",),
    "bottom_k": ("least",),
    "top_k": ("greatest",),
    "first": ("oldest",),
    "last": ("newest",),
    "first_k": ("oldest",),
    "last_k": ("newest",),
    "min_by": ("least_by",),
    "max_by": ("greatest_by",),
    "bool_and": ("flags",),
    "bool_or": ("flags",),
    "count_distinct": ("values",),
    "histogram": ("values",),
    "quantile": ("values",),
    "skewness": ("powers",),
    "kurtosis": ("powers",),
    "array_agg_distinct": ("distinct",),
    "approx_count_distinct": ("registers",),
    "approx_quantile": ("buckets",),
    "approx_top_k": ("values",),
    "decayed_sum": ("decayed",),
    "decayed_count": ("decayed",),
    "vector_sum": ("vectors",),
    "vector_avg": ("vectors",),
}
"""What tiles hold for each aggregate."""
_USER: tuple[State, ...] = ("user",)

KEEPS: frozenset[State] = frozenset({"least", "greatest", "oldest", "newest", "distinct"})
"""States of the k first values in some order: one of more values serves for fewer."""


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
    wanted = [_wanted(f) for f in node.features]
    partials: dict[Partial, int] = {}
    for states in wanted:
        for state in states:
            same = replace(state, k=None)
            partials[same] = max(partials.get(same, 0), state.k or 0)
    named = {
        partial: replace(partial, name=f"p{i}", k=k or None)
        for i, (partial, k) in enumerate(partials.items(), start=1)
    }
    return TiledView(
        node.events,
        node.keys,
        node.features,
        node.tail,
        LEVELS,
        tuple(named.values()),
        tuple(tuple(named[replace(s, k=None)].name for s in states) for states in wanted),
    )


def _wanted(feature: Feature) -> tuple[Partial, ...]:
    """The states that a feature needs, unnamed; none where it is computed from rows."""
    if feature.window.rows is not None:
        return ()
    aggregate = feature.aggregate
    states = STATES[aggregate.function] if aggregate.user is None else _USER
    return tuple(_partial(aggregate, state) for state in states)


def _partial(aggregate: Aggregate, state: State) -> Partial:
    args: tuple[Expr, ...] = aggregate.args
    k = (aggregate.k or 1) if state in KEEPS else None
    user = None if aggregate.user is None else f"{aggregate.function}@{aggregate.user}"
    half_life = aggregate.half_life
    return Partial("", state, args, k, aggregate.filter, aggregate.bucket, half_life, user)
