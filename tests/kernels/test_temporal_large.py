"""Sizes at which keys are dealt to threads, hot keys are split and tables grow, against numpy."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from bighead.kernels.temporal import Spec, Timeline, Window, encode
from tests.kernels.cases import taken

Ints = NDArray[np.int64]
SPAN = 1 << 40


def keys_of(style: str, rng: np.random.Generator, n: int) -> Ints:
    if style == "one":
        return np.zeros(n, np.int64)
    if style == "heavy":
        return np.where(rng.random(n) < 0.7, 3, rng.integers(0, 5000, n))
    return rng.integers(0, 20_000, n)


@pytest.mark.parametrize("style", ["one", "heavy", "even"])
@pytest.mark.parametrize("arrival", ["sorted", "shuffled", "outlier", "arranged"])
def test_large_groups_equal_numpy(style: str, arrival: str) -> None:
    rng = np.random.default_rng(11)
    n, m = 400_000, 30_000
    event_keys, spine_keys = keys_of(style, rng, n), keys_of(style, rng, m)
    event_time, spine_time = rng.integers(0, SPAN, n), rng.integers(0, SPAN, m)
    if arrival == "sorted":
        event_time.sort()
    if arrival == "arranged":  # by key and then by time
        by_key = np.lexsort((event_time, event_keys))
        event_keys, event_time = event_keys[by_key], event_time[by_key]
    values = rng.integers(-1000, 1000, n)
    order = np.lexsort((event_time, event_keys))
    if arrival == "outlier":
        event_time[order[0]] = -(1 << 62)
    at = event_keys[order] * (1 << 44) + np.maximum(event_time[order], -1)
    sums = np.concatenate([[0], np.cumsum(values[order])])
    high = np.searchsorted(at, spine_keys * (1 << 44) + spine_time)
    windows = (Window(SPAN // 50), Window(SPAN // 3), Window(), Window(rows=7))
    lows = [
        np.searchsorted(at, spine_keys * (1 << 44) + np.maximum(spine_time - SPAN // 50, 0)),
        np.searchsorted(at, spine_keys * (1 << 44) + np.maximum(spine_time - SPAN // 3, 0)),
        np.searchsorted(at, spine_keys * (1 << 44) - 1),
        np.searchsorted(at, spine_keys * (1 << 44) - 1),
    ]
    lows[3] = np.maximum(lows[3], high - 7)
    columns = [pa.array(values), pa.array(values * 0.25)]
    specs = [Spec(kind, (0,), windows) for kind in ("count", "sum", "last", "max")]
    specs.append(Spec("sum", (1,), windows))
    for threads in (1, 2, 3):
        encoding = encode([pa.array(spine_keys)], [pa.array(event_keys)], threads)
        timeline = Timeline(encoding, pa.array(spine_time), pa.array(event_time), threads=threads)
        counts, totals, lasts, greatest, floats = (
            [taken(window) for window in result] for result in timeline.aggregate(columns, specs)
        )
        for w, low in enumerate(lows):
            full = high > low
            assert np.array_equal(counts[w].to_numpy(), high - low)
            expected = np.where(full, sums[high] - sums[low], 0)
            assert np.array_equal(totals[w].fill_null(0).to_numpy(), expected)
            assert np.array_equal(totals[w].is_valid().to_numpy(False), full)
            assert np.array_equal(floats[w].fill_null(0).to_numpy(), expected * 0.25)
            newest = order[np.maximum(high - 1, 0)]
            found = lasts[w].fill_null(0).to_numpy()
            same_time = event_time[found] == event_time[newest]
            assert np.all(same_time | ~full)
            for j in rng.integers(0, m, 50):
                if full[j]:
                    rows = order[low[j] : high[j]]
                    assert values[greatest[w][j].as_py()] == values[rows].max()


@pytest.mark.parametrize("style", ["one", "heavy", "even"])
def test_late_knowledge_at_size(style: str) -> None:
    rng = np.random.default_rng(5)
    n, m = 200_000, 2000
    event_keys, spine_keys = keys_of(style, rng, n), keys_of(style, rng, m)
    event_time, spine_time = rng.integers(0, SPAN, n), rng.integers(0, SPAN, m)
    late = rng.random(n) < 0.1
    known = event_time + np.where(late, rng.integers(0, SPAN // 4, n), 0)
    values = rng.uniform(0, 100, n)
    windows = (Window(SPAN // 10), Window(), Window(SPAN // 2, rows=5))
    kinds = ("count", "sum", "max", "last")
    answers = []
    for threads in (1, 2):
        encoding = encode([pa.array(spine_keys)], [pa.array(event_keys)], threads)
        timeline = Timeline(
            encoding, pa.array(spine_time), pa.array(event_time), pa.array(known), threads=threads
        )
        assert not timeline.ordered
        results = timeline.aggregate([pa.array(values)], [Spec(k, (0,), windows) for k in kinds])
        answers.append([[taken(window) for window in result] for result in results])
    assert answers[0] == answers[1]
    counts, sums, greatest, last = answers[0]
    for j in rng.integers(0, m, 40):
        t = spine_time[j]
        rows = np.flatnonzero((event_keys == spine_keys[j]) & (event_time < t) & (known < t))
        inside = [rows[event_time[rows] >= t - SPAN // 10], rows]
        half = rows[event_time[rows] >= t - SPAN // 2]
        inside.append(half[np.argsort(event_time[half])][-5:])
        for w, held in enumerate(inside):
            assert counts[w][j].as_py() == len(held)
            if len(held) == 0:
                continue
            assert sums[w][j].as_py() == pytest.approx(values[held].sum(), rel=1e-12)
            assert values[greatest[w][j].as_py()] == values[held].max()
            assert event_time[last[w][j].as_py()] == event_time[held].max()


@pytest.mark.parametrize("style", ["one", "heavy", "even"])
def test_rows_that_end_at_size(style: str) -> None:
    rng = np.random.default_rng(8)
    n, m = 200_000, 2000
    event_keys, spine_keys = keys_of(style, rng, n), keys_of(style, rng, m)
    event_time, spine_time = rng.integers(0, SPAN, n), rng.integers(0, SPAN, m)
    known = event_time + np.where(rng.random(n) < 0.5, rng.integers(0, SPAN // 4, n), 0)
    until = known + rng.integers(0, SPAN // 2, n)
    ends, undated = rng.random(n) < 0.9, rng.random(n) < 0.05
    values = rng.uniform(0, 100, n)
    windows = (Window(SPAN // 10), Window(whenever=True), Window(SPAN // 2, rows=5), Window())
    kinds = ("count", "sum", "max", "last")
    answers = []
    for threads in (1, 2):
        encoding = encode([pa.array(spine_keys)], [pa.array(event_keys)], threads)
        timeline = Timeline(
            encoding,
            pa.array(spine_time),
            pa.array(event_time, mask=undated),
            pa.array(known),
            threads=threads,
            until=pa.array(until, mask=~ends),
        )
        results = timeline.aggregate([pa.array(values)], [Spec(k, (0,), windows) for k in kinds])
        answers.append([[taken(window) for window in result] for result in results])
        answers[-1].append([taken(timeline.lookup())])
    assert answers[0] == answers[1]
    counts, sums, greatest, last, [nearest] = answers[0]
    for j in rng.integers(0, m, 40):
        t = spine_time[j]
        mine = (event_keys == spine_keys[j]) & (known < t) & ~(ends & (until < t))
        rows = np.flatnonzero(mine & ~undated & (event_time < t))
        inside = [rows[event_time[rows] >= t - SPAN // 10], np.flatnonzero(mine)]
        half = rows[event_time[rows] >= t - SPAN // 2]
        inside.extend([half[np.argsort(event_time[half])][-5:], rows])
        for w, held in enumerate(inside):
            assert counts[w][j].as_py() == len(held)
            if len(held) == 0:
                continue
            assert sums[w][j].as_py() == pytest.approx(values[held].sum(), rel=1e-12)
            assert values[greatest[w][j].as_py()] == values[held].max()
            newest = np.where(undated[held], -1, event_time[held]).max()
            assert undated[last[w][j].as_py()] or event_time[last[w][j].as_py()] == newest
        found = nearest[j].as_py()
        assert (found is None) == (len(rows) == 0)
        assert found is None or event_time[found] == event_time[rows].max()


@pytest.mark.parametrize("spine", [20_000, 400_000])
def test_the_sums_of_a_hot_key_are_exact(spine: int) -> None:
    """Not each row has a prefix sum: some rows are added up, or a running sum is kept."""
    rng = np.random.default_rng(3)
    n = 1_500_000
    # Of some seventy bits on the least exponent, so that squares fill three limbs.
    values = np.ldexp(rng.integers(1 << 52, 1 << 53, n) * 1.0, rng.integers(-60, -43, n))
    event_time, spine_time = np.arange(n), np.sort(rng.integers(0, n, spine))
    timeline = Timeline(
        encode([pa.array(np.zeros(spine, np.int64))], [pa.array(np.zeros(n, np.int64))]),
        pa.array(spine_time),
        pa.array(event_time),
    )
    windows = (Window(900), Window(500_000))
    specs = [Spec("sum", (0,), windows), Spec("var_pop", (0,), windows)]
    sums, variances = timeline.aggregate([pa.array(values)], specs)
    for w, window in enumerate(windows):
        assert window.width is not None
        totals, spread = taken(sums[w]), taken(variances[w])
        for j in rng.integers(1, spine, 6):
            inside = values[max(0, spine_time[j] - window.width) : spine_time[j]]
            assert totals[j].as_py() == math.fsum(inside)
            assert spread[j].as_py() == pytest.approx(float(np.var(inside)), rel=1e-9)


@pytest.mark.parametrize("style", ["one", "heavy", "even"])
@pytest.mark.parametrize("late", [False, True])
def test_columns_of_many_events_read_as_those_of_few(style: str, late: bool) -> None:
    """Many events are dealt into parts and their columns with them; few are read in place."""
    rng = np.random.default_rng(17)
    n, m, few = 400_000, 2000, 1 << 18  # hot keys are dealt a second time
    event_keys, spine_keys = (
        keys_of(style, rng, n),
        keys_of("heavy" if style == "one" else style, rng, m),
    )
    event_time, spine_time = rng.integers(0, 1 << 20, n), rng.integers(0, 1 << 20, m)
    known = event_time + np.where(rng.random(n) < 0.1, rng.integers(0, 5000, n), 0)
    sequence, gone = rng.integers(0, 3, n), rng.random(n) < 0.1
    columns = [
        pa.array(np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)), mask=gone),
        pa.array(rng.integers(-100, 100, n).astype(np.int16)),
        pa.array(rng.integers(0, 1 << 40, n), mask=gone).cast(pa.decimal128(20, 0)),
        pa.array(rng.random(n) < 0.6, mask=rng.random(n) < 0.1),
        pa.array(rng.integers(0, 9, n).astype(str)),
    ]
    windows = (Window(1 << 12), Window(1 << 15), Window(1 << 17, rows=4))
    values = [
        Spec("sum", (0,), windows, filter=3),
        Spec("avg", (2,), windows),
        Spec("max", (0,), windows, values=True),
        Spec("stddev_pop", (1,), windows),
        Spec("quantile", (2,), windows, p=(1, 3)),
        Spec("bool_or", (3,), windows),
        Spec("count", (4,), windows, filter=3),
    ]
    rows = [Spec("last", (1,), windows, filter=3), Spec("max", (4,), windows)]

    def answers(events: Ints, spine: Ints) -> list[list[Any]]:
        timeline = Timeline(
            encode([pa.array(spine_keys[spine])], [pa.array(event_keys[events])]),
            pa.array(spine_time[spine]),
            pa.array(event_time[events]),
            pa.array(known[events], mask=gone[events]) if late else None,
            pa.array(sequence[events]),
        )
        taken_columns = [column.take(pa.array(events)) for column in columns]
        results = timeline.aggregate(taken_columns, [*values, *rows])
        return [[taken(window) for window in result] for result in results]

    whole = answers(np.arange(n), np.arange(m))
    for begin in range(0, 1 << 20, 1 << 18):
        spine = np.flatnonzero((spine_time >= begin) & (spine_time < begin + (1 << 18)))
        reach = (event_time >= begin - (1 << 17)) & (event_time < begin + (1 << 18))
        events = np.flatnonzero(reach)
        assert len(events) < few <= n
        part = answers(events, spine)
        for s in range(len(whole)):
            for w in range(len(windows)):
                expected = part[s][w]
                if s >= len(values):
                    expected = pa.array(events).take(expected)
                assert whole[s][w].take(pa.array(spine)).equals(expected)


@pytest.mark.parametrize("late", [False, True])
def test_rows_that_lie_in_order_answer_as_those_that_are_sorted(late: bool) -> None:
    """In order they are copied, keys of nobody's and none left out, a key's rows by two threads."""
    rng = np.random.default_rng(23)
    n, m = 100_000, 3000
    event_keys, event_time = rng.integers(0, 40, n), rng.integers(0, 1 << 14, n)
    order = np.lexsort((event_time, event_keys))
    event_keys, event_time = event_keys[order], event_time[order]
    spine_keys, spine_time = rng.integers(0, 20, m) * 2, rng.integers(0, 1 << 14, m)
    known = event_time + np.where(rng.random(n) < 0.1, rng.integers(0, 500, n), 0)
    sequence, gone = rng.integers(0, 3, n), rng.random(n) < 0.1
    values = rng.normal(size=n)
    windows = (Window(1 << 9), Window(), Window(rows=4))
    specs = [Spec(kind, (0,), windows) for kind in ("sum", "last", "max")]

    def answers(rows: Ints, threads: int) -> list[Any]:
        timeline = Timeline(
            encode([pa.array(spine_keys)], [pa.array(event_keys[rows], mask=gone[rows])], threads),
            pa.array(spine_time),
            pa.array(event_time[rows]),
            pa.array(known[rows]) if late else None,
            pa.array(sequence[rows]),
            threads=threads,
        )
        sums, *chosen = timeline.aggregate([pa.array(values[rows])], specs)
        found = [taken(window) for window in sums]
        for result in chosen:  # a row of many may be told by its value alone
            found += [pa.array(values[rows]).take(taken(window)) for window in result]
        return [*found, pa.array(event_time[rows]).take(taken(timeline.lookup()))]

    expected = answers(rng.permutation(n), 1)
    for threads in (1, 2, 3):
        assert answers(np.arange(n), threads) == expected


@pytest.mark.parametrize("spine", [100, 30_000])
def test_few_results_are_those_of_many(spine: int) -> None:
    """Results lie side by side in lines as wide as they are: of 8 bytes up to several of 64."""
    rng = np.random.default_rng(29)
    n = 50_000
    events, asked = rng.integers(0, 50, n), rng.integers(0, 55, spine)  # some find nothing
    timeline = Timeline(
        encode([pa.array(asked)], [pa.array(events)]),
        pa.array(rng.integers(0, SPAN, spine)),
        pa.array(rng.integers(0, SPAN, n)),
    )
    whole = rng.integers(-9, 9, n)
    columns = [pa.array(whole), pa.array(whole * 0.5), pa.array(whole).cast(pa.decimal128(21, 2))]
    columns.append(pa.array(whole > 0))
    specs = [
        Spec(kind, (column,), (Window(SPAN // 7),))
        for kind, column in (
            ("sum", 0), ("avg", 1), ("sum", 2), ("bool_or", 3), ("count", 0), ("last_k", 1),
            ("last", 0), ("sum", 1), ("avg", 2), ("bool_and", 3), ("max", 1), ("min", 2),
        )
    ]  # fmt: skip
    specs[5] = replace(specs[5], k=2)
    expected = [taken(result) for [result] in timeline.aggregate(columns, specs)]
    for first in range(len(specs)):
        for count in (1, 2, 3, 5):
            some = timeline.aggregate(columns, specs[first : first + count])
            assert [taken(result) for [result] in some] == expected[first : first + count]
