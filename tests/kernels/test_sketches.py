"""The stated bounds of the sketches, and that windows and states give one estimate."""

from __future__ import annotations

import math
import struct
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.kernels.aggregates import States
from bighead.kernels.temporal import Spec, Timeline, Window, encode
from tests.kernels.cases import taken

STANDARD_ERROR = 1.04 / 64


def of(kind: str, values: pa.Array[Any], **declared: Any) -> States:
    states = States(kind, [values.type], **declared)
    states.add(pa.array(np.zeros(len(values), np.int64)), [values])
    return states


def answer(states: States) -> Any:
    return taken(states.finish())[0].as_py()


@pytest.mark.parametrize(
    ("text", "hash_"),
    [
        ("", 0xEF46DB3751D8E999),
        ("a", 0xD24EC4F1A98C6E5B),
        ("abc", 0x44BC2CF5AD770999),
        ("Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_hashes_are_those_of_xxh64(text: str, hash_: int) -> None:
    [state] = taken(of("approx_count_distinct", pa.array([text])).to_binary()).to_pylist()
    assert struct.unpack("<Q", state[-8:]) == (hash_,)


def test_up_to_256_distinct_values_are_counted_exactly() -> None:
    for n in (0, 1, 64, 255, 256):
        assert (
            answer(of("approx_count_distinct", pa.array([f"v{i % n}" for i in range(3 * n)]))) == n
        )


def test_distinct_counts_are_within_their_standard_error() -> None:
    rng = np.random.default_rng(3)
    errors = []
    for n in (257, 300, 1000, 5000, 20_000, 100_000, 300_000):
        for _ in range(4):
            values = pa.array(rng.integers(0, 1 << 62, n))
            errors.append(answer(of("approx_count_distinct", values)) / n - 1)
    assert max(abs(error) for error in errors) < 4 * STANDARD_ERROR
    assert math.sqrt(sum(e * e for e in errors) / len(errors)) < 1.3 * STANDARD_ERROR


@pytest.mark.parametrize("p", [(0, 1), (1, 100), (1, 2), (99, 100), (1, 1)])
def test_quantiles_are_within_one_in_129(p: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    draws = (
        rng.lognormal(3, 2, 5000),
        rng.normal(0, 1, 5000),
        -rng.pareto(1, 5000),
        np.concatenate([rng.normal(0, 1, 10), [np.inf, -np.inf, 0.0, 1e308, -1e-300]]),
    )
    for values in draws:
        got = answer(of("approx_quantile", pa.array(values), p=p))
        exact = np.sort(values)[math.floor(p[0] * (len(values) - 1) / p[1])]
        assert got == exact or abs(got - exact) <= abs(exact) / 129 * (1 + 1e-12)


def test_the_most_frequent_are_within_their_bound_however_merged() -> None:
    rng = np.random.default_rng(5)
    values = rng.zipf(1.2, 60_000) % 20_000
    truth = Counter(values.tolist())
    k, c = 5, 256
    parts = [of("approx_top_k", pa.array(part), k=k) for part in np.array_split(values, 7)]
    for order in (parts, parts[::-1]):
        states = States("approx_top_k", [pa.int64()], k=k)
        for part in order:
            states.merge(part)
        [found] = taken(states.finish()).to_pylist()
        assert len(taken(states.to_binary())[0].as_py()) < 2 * c * 12
        for item in found:
            missing = truth[item["value"]] - item["count"]
            assert 0 <= missing <= len(values) / (c + 1)
        assert [item["value"] for item in found[:3]] == [v for v, _ in truth.most_common(3)]


@pytest.mark.parametrize("late", [False, True])
def test_sliding_windows_give_the_estimate_of_their_rows(late: bool) -> None:
    rng = np.random.default_rng(6)
    n, m = 6000, 40
    values = pa.array(rng.lognormal(3, 2, n).round(1))
    times = np.arange(n)
    known = times + (rng.random(n) < 0.2) * rng.integers(0, 500, n) if late else times
    spine = np.sort(rng.integers(0, n, m))
    encoding = encode([], [], spine_rows=m, event_rows=n)
    timeline = Timeline(encoding, pa.array(spine), pa.array(times), pa.array(known))
    assert timeline.ordered is not late
    windows = (Window(700), Window(4000), Window(rows=400))
    kinds: list[dict[str, Any]] = [
        {"kind": "approx_count_distinct"},
        {"kind": "approx_quantile", "p": (9, 10)},
    ]
    specs = [Spec(args=(0,), windows=windows, **kind) for kind in kinds]
    results = timeline.aggregate([values], specs)
    for kind, result in zip(kinds, results, strict=True):
        for window, column in zip(windows, result, strict=True):
            got = taken(column).to_pylist()
            for j, t in enumerate(spine):
                inside = (times < t) & (known < t)
                if window.width is not None:
                    inside &= times >= t - window.width
                rows = np.flatnonzero(inside)[-(window.rows or n) :]
                declared = {key: value for key, value in kind.items() if key != "kind"}
                want = answer(of(kind["kind"], values.take(pa.array(rows, pa.int64())), **declared))
                assert got[j] == want
