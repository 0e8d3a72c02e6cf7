"""What a tile holds, as a plain frozen record, and how blocks come and go.

Columns are named by their position, blocks of a key by their level and number.
"""

from collections.abc import Callable
from dataclasses import dataclass

Get = Callable[[int, int], bytes | None]
"""The block of a level and number of one key; None: there is none."""
Changes = list[tuple[int, int, bytes | None]]
"""Blocks to write, by level and number; None: to be dropped."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A state that each tile holds, once or for each value of its bucket.

    kind: the aggregate whose state it is, a name in `bighead.kernels.aggregates.KINDS`.
    args, filter, bucket: positions of columns; rows where the filter is not true do not count, and
        with a bucket neither do those where that is NULL or NaN.
    k, half_life: as in `bighead.kernels.aggregates.States`.
    """

    kind: str
    args: tuple[int, ...] = ()
    filter: int | None = None
    bucket: int | None = None
    k: int | None = None
    half_life: int | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """What a feature shows: a state in a window, as an aggregate that the state serves.

    partial: the position of the state. ring: that of the window.
    kind, k, half_life: of the aggregate. p: of a quantile, as numerator and denominator.
    name: of the field that it is, where it has no buckets.
    """

    partial: int
    ring: int
    kind: str
    k: int | None = None
    p: tuple[int, int] | None = None
    half_life: int | None = None
    name: str = ""
