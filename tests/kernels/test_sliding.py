"""Sliding windows cost what enters and leaves, not what they hold."""

from __future__ import annotations

import time
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


def seconds(late: bool, kind: str, declared: dict[str, Any], width: int) -> float:
    rng = np.random.default_rng(7)
    n, m = 200_000, 20_000
    event_time = np.sort(rng.integers(0, 10_000_000, n))
    known = event_time + (rng.random(n) < 0.1) * rng.integers(0, 100_000, n)
    values: pa.Array[Any] = pa.array(np.round(rng.lognormal(3, 1, n), 2))
    if kind.startswith("vector"):
        values = pa.FixedSizeListArray.from_arrays(pa.array(rng.normal(0, 1, 4 * n)), 4)
    timeline = Timeline(
        encode([], [], spine_rows=m, event_rows=n),
        pa.array(rng.integers(0, 10_000_000, m)),
        pa.array(event_time),
        pa.array(known) if late else None,
        threads=1,
    )
    args = () if kind == "decayed_count" else (0,)
    spec = Spec(kind, args, (Window(width),), **declared)
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        timeline.aggregate([values], [spec])
        best = min(best, time.perf_counter() - started)
    return best


@pytest.mark.soak
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_window_a_hundred_times_longer_costs_less_than_twice(kind: str, late: bool) -> None:
    short, long = (seconds(late, kind, KINDS[kind], width) for width in (20_000, 2_000_000))
    assert long < 2 * short, f"{short * 1e3:.1f} ms, then {long * 1e3:.1f} ms"
