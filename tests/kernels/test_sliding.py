"""Sliding windows cost what enters and leaves, not what they hold."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.kernels.temporal import Spec, Timeline, Window, encode

KINDS: dict[str, dict[str, Any]] = {
    "skewness": {},
    "kurtosis": {},
    "array_agg_distinct": {"k": 5},
    "approx_count_distinct": {},
    "approx_quantile": {"p": (1, 2)},
    "approx_top_k": {"k": 5},
    "decayed_sum": {"half_life": 5000},
    "decayed_count": {"half_life": 5000},
    "vector_sum": {},
    "vector_avg": {},
    "quantile": {"p": (1, 2)},
    "count_distinct": {},
    "histogram": {"k": 5},
    "top_k": {"k": 5},
    "max": {},
    "sum": {},
    "var_samp": {},
}
SPAN = 10_000_000


def seconds(timeline: Timeline, values: pa.Array[Any], spec: Spec) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        timeline.aggregate([values], [spec])
        best = min(best, time.process_time() - started)
    return best


def grown(spec: Spec, late: bool, keys: int, widths: tuple[int, int]) -> tuple[float, float]:
    """Seconds of this process with a window of each width."""
    rng = np.random.default_rng(7)
    n, m = (200_000, 20_000) if keys == 1 else (2_000_000, 200_000)
    event_time = np.sort(rng.integers(0, SPAN, n))
    known = event_time + (rng.random(n) < 0.1) * rng.integers(0, 100_000, n)
    values: pa.Array[Any] = pa.array(np.round(rng.lognormal(3, 1, n), 2))
    if spec.kind.startswith("vector"):
        values = pa.FixedSizeListArray.from_arrays(pa.array(rng.normal(0, 1, 4 * n)), 4)
    timeline = Timeline(
        encode([pa.array(rng.integers(0, keys, m))], [pa.array(rng.integers(0, keys, n))]),
        pa.array(rng.integers(0, SPAN, m)),
        pa.array(event_time),
        pa.array(known) if late else None,
        threads=1,
    )
    short, long = (
        seconds(timeline, values, replace(spec, windows=(Window(width),))) for width in widths
    )
    return short, long


@pytest.mark.soak
@pytest.mark.parametrize("keys", [1, 10_000])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_window_a_hundred_times_longer_costs_less_than_twice(
    kind: str, late: bool, keys: int
) -> None:
    spec = Spec(kind, () if kind == "decayed_count" else (0,), (Window(),), **KINDS[kind])
    # Hundreds or tens of thousands of events are inside; of many keys one or a hundred.
    short, long = grown(spec, late, keys, (20_000, 2_000_000) if keys == 1 else (50_000, 5_000_000))
    assert long < 2 * short, f"{short * 1e3:.1f} ms, then {long * 1e3:.1f} ms"


@pytest.mark.soak
def test_a_histogram_of_long_windows_costs_little_beside_writing_it() -> None:
    """Values differ, so that a list of a window's rows is half of what its histogram writes."""
    widths = (50_000, 5_000_000)
    short, long = grown(Spec("histogram", (0,), (Window(),)), False, 10_000, widths)
    listed = Spec("last_k", (0,), (Window(),), k=1 << 30)
    short_list, long_list = grown(listed, False, 10_000, widths)
    written = 2 * (long_list - short_list)
    assert long - written < 2 * short, f"{short:.3f} s, then {long:.3f} s, {written:.3f} s to write"
