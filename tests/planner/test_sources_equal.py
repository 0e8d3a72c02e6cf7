"""Equality of nested values, against Python's."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighead.planner.sources.equal import equal_rows, equal_values

NUMBERS = st.sampled_from([None, 0.0, -0.0, 1.0, math.nan])
LISTS = st.none() | st.lists(NUMBERS, max_size=3)
KINDS: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.float64(), NUMBERS),
    (pa.string(), st.sampled_from([None, "", "a"])),
    (pa.list_(pa.float64()), LISTS),
    (pa.list_(pa.float64(), 2), st.none() | st.lists(NUMBERS, min_size=2, max_size=2)),
    (pa.list_(pa.list_(pa.float64())), st.none() | st.lists(LISTS, max_size=3)),
    (
        pa.struct([("x", pa.float64()), ("l", pa.list_(pa.float64()))]),
        st.none() | st.fixed_dictionaries({"x": NUMBERS, "l": LISTS}),
    ),
    (
        pa.map_(pa.string(), pa.list_(pa.float64())),
        st.none() | st.lists(st.tuples(st.sampled_from("ab"), LISTS), max_size=2),
    ),
]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if isinstance(a, dict) and isinstance(b, dict):
        return all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@pytest.mark.parametrize(("kind", "values"), KINDS, ids=[str(k) for k, _ in KINDS])
def test_values_are_equal_as_they_are_in_python(
    kind: pa.DataType, values: st.SearchStrategy[Any]
) -> None:
    @given(st.lists(st.tuples(values, values), max_size=8), st.integers(0, 2))
    def holds(pairs: list[tuple[Any, Any]], start: int) -> None:
        # A slice, so that offsets do not begin at zero.
        one, two = (pa.array([p[i] for p in pairs], kind).slice(start) for i in (0, 1))
        expected = [same(a, b) for a, b in pairs[start:]]
        assert equal_values(one, two).tolist() == expected

    holds()


def test_rows_are_equal_in_all_columns() -> None:
    rows = pa.table({"a": [1, 2, 3], "l": [[1], [2], None]})
    others = pa.table({"a": [3, 2, 1], "l": [None, [3], [1]], "more": [1, 1, 1]})
    places = pa.array([0, 1, 2]).to_numpy(), pa.array([2, 1, 0]).to_numpy()
    assert equal_rows(rows, others, *places).tolist() == [True, False, True]
