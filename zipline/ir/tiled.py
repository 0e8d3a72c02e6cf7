"""Views as a store of tiles serves them: which states its tiles hold, and what is made of them.

A state is what can be merged: it is shared by all features that can be finished from it, whatever
their windows. The engines that compute whole tables do without tiles and run the `View`; this node
is what a store is laid out by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf
from typing import get_args

from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import View
from bighead.zipline.tiling import check_levels

State = OneOf[
    "rows",  # how many rows
    "count",  # how many values
    "sum",  # the exact sum
    "moments",  # count and exact sums of the values and their squares
    "flags",  # how many true, how many false
    "least",  # the k least values
    "greatest",
    "oldest",  # the k first values by (time, sequence, value)
    "newest",
    "least_by",  # the x of the least y
    "greatest_by",
    "values",  # each value and how often it occurs
    "powers",  # count and exact sums of the first four powers of the values
    "distinct",  # the k least distinct values
    "registers",  # of a HyperLogLog
    "buckets",  # of a DDSketch
    "decayed",  # the decayed sum and count as of a time
    "vectors",  # the exact sums of each element, and counts
    "user",  # what a user's class keeps
]
STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True)
class Partial:
    """A state that a tile holds for each of its keys, and for each bucket where there is one."""

    name: str
    state: State
    args: tuple[Expr, ...] = ()
    k: int | None = None
    """How many values are kept, where that is limited."""
    filter: Expr | None = None
    bucket: Expr | None = None
    half_life: int | None = None
    """Of a decayed state."""
    user: str | None = None
    """Of a user's class: its name and version, `name@version`."""

    def __post_init__(self) -> None:
        assert self.state in STATES


@dataclass(frozen=True, slots=True)
class TiledView(View):
    """A row is, for a key and a time, the features over the events visible then, from tiles."""

    levels: tuple[int, ...] = ()
    """The sizes of the tiles in microseconds."""
    partials: tuple[Partial, ...] = ()
    finishes: tuple[tuple[str, ...], ...] = ()
    """For each feature the partials that it is made of; none: it is computed from rows."""

    def __post_init__(self) -> None:
        View.__post_init__(self)
        check_levels(self.levels)
        names = [p.name for p in self.partials]
        assert len(set(names)) == len(names)
        assert len(self.finishes) == len(self.features)
        assert all(name in names for finish in self.finishes for name in finish)
