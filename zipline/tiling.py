"""Covers: an interval of time as whole tiles of a few sizes and two edges of single rows.

A tile of size s with number n holds the events of `[n * s, (n + 1) * s)`, for negative n too: tiles
floor towards minus infinity. Each size divides the next, so that tiles nest, and a cover takes the
largest tiles that fit: it is exact, its parts do not overlap, and no cover has fewer tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from bighead.zipline.windows import DAY, HOUR, MINUTE

LEVELS = (5 * MINUTE, HOUR, DAY, 32 * DAY)
"""The sizes of tiles in microseconds, each a multiple of the one before."""


@dataclass(frozen=True, slots=True)
class Run:
    """Tiles of one size side by side: numbers `first` to `last`, exclusive."""

    size: int
    first: int
    last: int

    def __post_init__(self) -> None:
        assert self.first < self.last

    @property
    def start(self) -> int:
        """Where the first of them starts."""
        return self.first * self.size

    @property
    def end(self) -> int:
        """Where the last of them ends, exclusive."""
        return self.last * self.size

    @property
    def count(self) -> int:
        """How many tiles there are."""
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Cover:
    """The parts of an interval, in order of time: rows, tiles that grow, tiles that shrink, rows.

    Without tiles there is one edge, `head`.
    """

    head: tuple[int, int]
    """Half-open; may be empty."""
    runs: tuple[Run, ...]
    tail: tuple[int, int]
    """Half-open; may be empty."""

    @property
    def tiles(self) -> int:
        """How many tiles are merged."""
        return sum(run.count for run in self.runs)


def tile(time: int, size: int) -> int:
    """The number of the tile that holds a time.

    >>> tile(0, 10), tile(-1, 10)
    (0, -1)
    """
    return time // size


def cover(start: int, end: int, levels: tuple[int, ...] = LEVELS) -> Cover:
    """The tiles and rows that make up `[start, end)`, microseconds; empty where end <= start.

    >>> cover(3, 47, levels=(5, 20))
    Cover(head=(3, 5), runs=(Run(size=5, first=1, last=4), Run(size=20, first=1, last=2), \
Run(size=5, first=8, last=9)), tail=(45, 47))
    """
    check_levels(levels)
    end = max(start, end)
    low, high = _inside(start, end, levels[0])
    if low >= high:
        return Cover((start, end), (), (end, end))
    return Cover((start, low), tuple(_runs(low, high, levels)), (high, end))


def _runs(low: int, high: int, levels: tuple[int, ...]) -> Iterator[Run]:
    """Tiles for an interval whose ends lie on the grid of the smallest size."""
    size, larger = levels[0], levels[1:]
    if larger:
        first, last = _inside(low, high, larger[0])
        if first < last:
            if low < first:
                yield Run(size, low // size, first // size)
            yield from _runs(first, last, larger)
            if last < high:
                yield Run(size, last // size, high // size)
            return
    yield Run(size, low // size, high // size)


def _inside(start: int, end: int, size: int) -> tuple[int, int]:
    """The part of an interval between the first and the last multiple of `size` in it."""
    return -(-start // size) * size, end // size * size


def most_tiles(
    width: int, levels: tuple[int, ...] = LEVELS, grid: int | None = None
) -> tuple[int, ...]:
    """How many tiles of each size the cover of an interval of this width can take at most.

    With `grid` the interval starts at a multiple of it, up to that much earlier.

    >>> most_tiles(7 * DAY)
    (22, 46, 7, 0)
    >>> most_tiles(7 * DAY, grid=HOUR)
    (11, 46, 7, 0)
    """
    check_levels(levels)
    counts = []
    for size, larger in zip(levels, (*levels[1:], None), strict=True):
        fits = (width + (grid or 0)) // size
        if larger is not None:
            # A tile of the larger size is missed only on either side of those that are taken, and
            # not where the interval starts on the grid.
            sides = 1 if grid is not None and grid % larger == 0 else 2
            fits = min(fits, sides * (larger // size - 1))
        counts.append(fits)
    return tuple(counts)


def check_levels(levels: tuple[int, ...]) -> None:
    """Sizes that nest: positive, growing, each a multiple of the one before."""
    if not levels or levels[0] <= 0:
        raise ValueError(f"the sizes of tiles are at least 1 microsecond, not {levels}")
    for small, large in pairwise(levels):
        if large <= small or large % small:
            raise ValueError(f"a tile of {large} us is not a whole number of tiles of {small} us")
