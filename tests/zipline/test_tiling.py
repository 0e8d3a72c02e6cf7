"""A cover is exact, disjoint and as small as can be, also before 1970 and at the ends of time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighead.zipline.tiling import LEVELS, Cover, check_levels, cover, most_tiles, tile
from bighead.zipline.windows import DAY, HOUR, MINUTE

NESTED = st.sampled_from([(1,), (5,), (2, 4), (5, 20, 60), (3, 6, 12, 120), LEVELS])
SMALL = st.integers(-500, 500)
TIMES = st.integers(-(2**63), 2**63 - 1) | st.integers(-40 * DAY, 40 * DAY)


def parts(found: Cover) -> list[tuple[int, int]]:
    return [found.head, *((run.start, run.end) for run in found.runs), found.tail]


def fewest(start: int, end: int, levels: tuple[int, ...]) -> int | None:
    """The fewest tiles that make up an interval between grid points, by trying all."""
    best: dict[int, int] = {start: 0}
    for at in range(start, end):
        if at in best:
            for size in levels:
                if at % size == 0 and at + size <= end:
                    best[at + size] = min(best.get(at + size, 10**9), best[at] + 1)
    return best.get(end)


@given(start=TIMES, end=TIMES, levels=NESTED)
def test_parts_follow_each_other_from_start_to_end(
    start: int, end: int, levels: tuple[int, ...]
) -> None:
    found = cover(start, end, levels)
    spans = parts(found)
    assert spans[0][0] == start
    assert spans[-1][1] == max(start, end)
    assert all(a[1] == b[0] for a, b in pairwise(spans))
    assert all(a <= b for a, b in spans)


@given(start=TIMES, end=TIMES, levels=NESTED)
def test_edges_hold_no_whole_tile(start: int, end: int, levels: tuple[int, ...]) -> None:
    found = cover(start, end, levels)
    for low, high in (found.head, found.tail):
        assert -(-low // levels[0]) * levels[0] + levels[0] > high


@given(start=SMALL, width=st.integers(0, 400), levels=NESTED)
def test_no_cover_has_fewer_tiles(start: int, width: int, levels: tuple[int, ...]) -> None:
    found = cover(start, start + width, levels)
    if found.runs:
        low, high = found.runs[0].start, found.runs[-1].end
        assert found.tiles == fewest(low, high, levels)


@given(start=TIMES, width=st.integers(1, 400 * DAY), levels=NESTED)
def test_most_tiles_is_a_bound(start: int, width: int, levels: tuple[int, ...]) -> None:
    bound = dict(zip(levels, most_tiles(width, levels), strict=True))
    found = cover(start, start + width, levels)
    for size in levels:
        assert sum(run.count for run in found.runs if run.size == size) <= bound[size]


@given(t=TIMES, width=st.integers(1, 400 * DAY), grid=st.sampled_from((5 * MINUTE, HOUR, DAY)))
def test_most_tiles_is_a_bound_from_a_grid(t: int, width: int, grid: int) -> None:
    bound = dict(zip(LEVELS, most_tiles(width, LEVELS, grid), strict=True))
    found = cover((t - width) // grid * grid, t)
    assert found.head[0] == found.head[1] or not found.runs
    for size in LEVELS:
        assert sum(run.count for run in found.runs if run.size == size) <= bound[size]


@given(start=SMALL, width=st.integers(1, 300))
def test_most_tiles_is_reached(start: int, width: int) -> None:
    levels = (5, 20, 60)
    bound = most_tiles(width, levels)
    taken = [0] * 3
    for shift in range(60):
        found = cover(start + shift, start + shift + width, levels)
        for i, size in enumerate(levels):
            count = sum(run.count for run in found.runs if run.size == size)
            taken[i] = max(taken[i], count)
    assert all(a <= b for a, b in zip(taken, bound, strict=True))
    assert taken[-1] == bound[-1]


@given(time=TIMES, size=st.sampled_from(LEVELS))
def test_tiles_floor_towards_minus_infinity(time: int, size: int) -> None:
    number = tile(time, size)
    assert number * size <= time < (number + 1) * size


def test_a_week_ending_off_the_grid() -> None:
    t = 400 * DAY + 13 * HOUR + 7 * MINUTE + 1
    found = cover(t - 7 * DAY, t)
    assert [(run.size, run.count) for run in found.runs] == [
        (5 * MINUTE, 10),
        (HOUR, 10),
        (DAY, 6),
        (HOUR, 13),
        (5 * MINUTE, 1),
    ]
    assert found.head == (t - 7 * DAY, t - 7 * DAY + 3 * MINUTE - 1)
    assert found.tail == (t - 2 * MINUTE - 1, t)


def test_an_interval_within_one_tile_is_an_edge_alone() -> None:
    assert cover(11, 14, (5,)) == Cover((11, 14), (), (14, 14))
    assert cover(14, 11, (5,)) == Cover((14, 14), (), (14, 14))


@pytest.mark.parametrize("levels", [(), (0,), (5, 7), (10, 5)])
def test_sizes_have_to_nest(levels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="tile"):
        check_levels(levels)
