"""Row look-ups and their candidates against the naive model."""

import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernels.cases import TYPES, Drawn, taken
from tests.kernels.model import nearest


def whole_row(drawn: Drawn) -> tuple[int, ...]:
    return tuple(c for c, name in enumerate(drawn.names) if name in TYPES)


def check(seed: int) -> None:
    drawn = Drawn(random.Random(seed))
    r = drawn.r
    tie = whole_row(drawn) if r.random() < 0.7 else ()
    arrays = [drawn.arrays[c] for c in tie]
    tolerance = r.choice((None, None, 0, 2, drawn.span // 2, (1 << 63) - 1))
    for forward in (False, True):
        want = nearest(drawn.case, tie, tolerance, forward)

        def order(i: int) -> object:
            """What tells rows apart: without ties, equal rows are interchangeable."""
            values = tuple(str(drawn.case.columns[c][i]) for c in tie)
            sequence = None if drawn.case.sequence is None else drawn.case.sequence[i]
            return (
                drawn.case.event_time[i],
                sequence,
                tuple(v.replace("-0.0", "0.0") for v in values),
            )

        for threads in (1, 2):
            timeline = drawn.timeline(threads)
            found = taken(timeline.lookup(arrays, tolerance, forward)).to_pylist()
            assert [None if i is None else order(i) for i in found] == [
                order(rows[0]) if rows else None for rows in want
            ], (seed, forward)
        candidates = timeline.candidates(arrays, tolerance, forward)
        got: list[list[int]] = [[] for _ in want]
        active, limit = list(range(len(want))), 1
        while active:
            spine, events = candidates.take(pa.array(active, pa.int64()), limit)
            pairs = list(zip(taken(spine).to_pylist(), taken(events).to_pylist(), strict=True))
            for j, i in pairs:
                got[j].append(i)
            active = sorted({j for j, _ in pairs})
            limit = r.randint(1, 3)
        assert [[order(i) for i in rows] for rows in got] == [
            [order(i) for i in rows] for rows in want
        ], (seed, forward)
        assert all(len(set(rows)) == len(rows) for rows in got)


@settings(derandomize=True, deadline=None, max_examples=400)
@given(st.integers(0, 2**32))
def test_look_ups_equal_the_model(seed: int) -> None:
    check(seed)


@pytest.mark.soak
@pytest.mark.parametrize("start", range(0, 40_000, 1000))
def test_look_ups_equal_the_model_at_length(start: int) -> None:
    for seed in range(start, start + 1000):
        check(seed)
