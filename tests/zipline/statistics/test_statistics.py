"""Profiles of columns, and how far two have drifted."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighead.zipline.errors import BigheadError
from bighead.zipline.statistics import ColumnProfile, Thresholds, drift, profile
from bighead.zipline.statistics.drift import divergence, stability
from bighead.zipline.statistics.profile import BARS, OTHERS

FLOATS = st.lists(st.one_of(st.none(), st.floats()), max_size=50)


def of(values: list[Any], kind: pa.DataType | None = None) -> ColumnProfile:
    (found,) = profile(pa.table({"x": pa.array(values, kind)}))
    return found


@given(FLOATS)
def test_every_value_is_in_a_bar_or_missing_or_infinite(values: list[float | None]) -> None:
    found = of(values, pa.float64())
    missing = sum(v is None or math.isnan(v) for v in values)
    assert (found.rows, found.nulls) == (len(values), missing)
    held = sum(bar.count for bar in found.histogram)
    assert held + found.infinities + found.nulls == found.rows
    assert len(found.histogram) <= BARS
    there = [v for v in values if v is not None and not math.isnan(v)]
    assert found.distinct == len(set(there))
    assert found.least == (min(there) if there else None)


def test_quantiles_are_linear_between_ranks() -> None:
    values = np.random.default_rng(1).normal(size=1000)
    found = of(values.tolist())
    for p, value in found.quantiles:
        assert value == np.quantile(values, p)
    assert found.mean == pytest.approx(values.mean())
    assert found.deviation == pytest.approx(values.std(ddof=1))


def test_the_largest_doubles_have_a_mean_and_quantiles() -> None:
    found = of([1.7e308, -1.7e308] * 50)
    assert (found.mean, dict(found.quantiles)[0.5]) == (0.0, 0.0)
    assert found.deviation == pytest.approx(1.7e308 * math.sqrt(100 / 99))
    one = of([1.7e308, 1.7e308])
    assert (one.mean, one.deviation) == (1.7e308, 0.0)
    assert of([1.7e308, -1.7e308]).deviation == math.inf


def test_whole_numbers_in_a_small_range_have_a_bar_each() -> None:
    found = of([1, 1, 3], pa.int64())
    assert [bar.count for bar in found.histogram] == [2, 0, 1]
    assert len(of(list(range(1000)), pa.int64()).histogram) == BARS


@pytest.mark.parametrize(
    ("values", "kind", "measured"),
    [
        ([Decimal("1.50"), None], pa.decimal128(10, 2), "number"),
        ([date(2026, 1, 1)], pa.date32(), "time"),
        ([datetime(2026, 1, 1)], pa.timestamp("ms"), "time"),
        ([timedelta(seconds=3)], pa.duration("us"), "number"),
        ([True, None], pa.bool_(), "category"),
        (["a"], pa.string(), "category"),
        ([b"\x00"], pa.binary(), "category"),
        ([[1, 2]], pa.list_(pa.int64()), "length"),
        ([[("a", 1)]], pa.map_(pa.string(), pa.int64()), "length"),
        ([{"a": 1}], pa.struct([("a", pa.int64())]), "category"),
        ([None], pa.float64(), "number"),
        ([], pa.string(), "category"),
    ],
)
def test_every_type_has_a_profile(values: list[Any], kind: pa.DataType, measured: str) -> None:
    found = of(values, kind)
    assert found.kind == measured
    assert found.nulls == sum(v is None for v in values)
    assert sum(bar.count for bar in found.histogram) == len(values) - found.nulls


def test_maps_are_measured_by_their_entries_and_structs_by_their_text() -> None:
    entries = [[("a", 1), ("b", 2)], None, [], [("c", 3)]]
    kind: Any = pa.map_(pa.string(), pa.int64())
    parts: list[list[Any]] = [[entries], [entries[:2], entries[2:]], [[]]]
    for chunks in parts:
        column: Any = pa.chunked_array([pa.array(chunk, kind) for chunk in chunks], kind)
        (found,) = profile(pa.table({"x": column.slice(min(1, len(column)))}))
        assert [bar.count for bar in found.histogram] == ([1, 1] if len(column) else [])
    texts = [bar.label for bar in of([{"a": 1, "b": None}, {"a": 1, "b": "x"}]).histogram]
    assert texts == ['{"a": 1, "b": "x"}', '{"a": 1, "b": null}']


def test_rare_categories_share_a_bar() -> None:
    found = of([f"c{i:02}" for i in range(30)] + ["c00"])
    assert (found.histogram[0].label, found.histogram[0].count) == ("c00", 2)
    assert (found.histogram[-1].label, found.histogram[-1].count) == (OTHERS, 30 - BARS)


@given(FLOATS, FLOATS)
def test_drift_is_finite_and_shares_are_whole(one: list[Any], two: list[Any]) -> None:
    (found,) = drift(
        pa.table({"x": pa.array(one, pa.float64())}), pa.table({"x": pa.array(two, pa.float64())})
    )
    if found.psi is None or found.js is None:
        return
    assert found.psi >= 0
    assert -1e-12 <= found.js <= 1 + 1e-12
    assert sum(s.before for s in found.shares) == pytest.approx(1)
    assert sum(s.after for s in found.shares) == pytest.approx(1)


@given(FLOATS)
def test_nothing_drifts_from_itself(values: list[Any]) -> None:
    table = pa.table(
        {"x": pa.array(values, pa.float64()), "s": pa.array([str(v) for v in values], pa.string())}
    )
    assert not any(found.drifted for found in drift(table, table))


def test_the_index_and_the_divergence_are_their_definitions() -> None:
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.4, 0.4, 0.2])
    assert stability(p, q) == pytest.approx(
        0.2 * math.log(2) + 0.1 * math.log(4 / 3) - 0.3 * math.log(0.4)
    )
    middle = (p + q) / 2
    each = [sum(x * math.log2(x / m) for x, m in zip(s, middle, strict=True)) for s in (p, q)]
    assert divergence(p, q) == pytest.approx(sum(each) / 2)


def test_what_is_past_a_threshold_is_said() -> None:
    before = pa.table({"x": [1.0, 2.0, 3.0, 4.0] * 25, "gone": [1] * 100, "kind": [1] * 100})
    after = pa.table({"x": [4.0, None] * 50, "kind": ["a"] * 100, "new": [1] * 100})
    x, gone, kind, new = drift(before, after)
    assert [r.split()[0] for r in x.reasons] == ["PSI", "JS", "NULLs"]
    assert gone.reasons == ("the column is gone",)
    assert new.reasons == ("the column is new",)
    assert kind.reasons == ("the type was BIGINT and is VARCHAR",)
    assert not drift(before.select(["x"]), after.select(["x"]), Thresholds(99, 1, 1))[0].drifted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([5] * 100, [7] * 100),
        ([0] * 95 + [1, 2, 3, 4, 5], [0] * 10 + [1, 2, 3] * 30),
        ([0] * 25 + [9] * 75, [8] * 25 + [9] * 75),
        ([-math.inf] * 50 + [1.0] * 50, [0.5] * 50 + [1.0] * 50),
        ([0] * 15 + [*range(1, 86)], [1, 2, 3, 4, 4] * 3 + [*range(1, 86)]),
        ([*range(1, 91)] + [99] * 10, [*range(1, 91)] + [100] * 10),
    ],
)
def test_a_frequent_value_has_a_bin_of_its_own(before: list[Any], after: list[Any]) -> None:
    (found,) = drift(pa.table({"x": before}), pa.table({"x": after}))
    assert found.drifted
    alone = [s for s in found.shares if s.low is not None and s.low == s.high]
    assert max(s.before for s in alone) == max(before.count(v) for v in before) / 100


def test_a_side_without_values_is_said() -> None:
    empty, full = pa.table({"x": pa.nulls(3, pa.int64())}), pa.table({"x": [1, 2, 3]})
    assert drift(full, empty)[0].reasons == ("NULLs 0.0% -> 100.0%", "no values after")
    assert drift(empty, full)[0].reasons == ("NULLs 100.0% -> 0.0%", "no values before")


@pytest.mark.parametrize("name", ["psi", "js", "nulls"])
def test_a_threshold_is_a_number_from_0_on(name: str) -> None:
    with pytest.raises(BigheadError, match=f"the threshold {name} is nan"):
        Thresholds(**{name: math.nan})
