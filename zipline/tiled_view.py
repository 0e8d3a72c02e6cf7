"""Which states a store's tiles hold for a view, and which of them each feature is made of."""

from __future__ import annotations

from dataclasses import replace

from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Aggregate, Feature, View
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


def tiled_view(view: View) -> TiledView:
    """The view as tiles serve it: features share states, whatever their windows.

    A feature whose window is cut to a number of rows is made of none: it is computed from rows.
    """
    wanted = [_wanted(f) for f in view.features]
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
        view.events,
        view.keys,
        view.features,
        view.tail,
        LEVELS,
        tuple(named.values()),
        tuple(tuple(named[replace(s, k=None)].name for s in states) for states in wanted),
    )


def _wanted(feature: Feature) -> tuple[Partial, ...]:
    """The states that a feature needs, unnamed; none where it is computed from rows."""
    return () if feature.window.rows is not None else states_of(feature.aggregate)


def states_of(aggregate: Aggregate) -> tuple[Partial, ...]:
    """The states that an aggregate is made of, unnamed; the first alone tells its value."""
    states = STATES[aggregate.function] if aggregate.user is None else _USER
    return tuple(_partial(aggregate, state) for state in states)


def _partial(aggregate: Aggregate, state: State) -> Partial:
    args: tuple[Expr, ...] = aggregate.args
    k = (aggregate.k or 1) if state in KEEPS else None
    user = None if aggregate.user is None else f"{aggregate.function}@{aggregate.user}"
    half_life = aggregate.half_life
    return Partial("", state, args, k, aggregate.filter, aggregate.bucket, half_life, user)
