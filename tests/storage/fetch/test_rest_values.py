"""Values between JSON and columns: there and back, and what is refused."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighead.storage.fetch.rest import reading
from bighead.storage.fetch.rest.bodies import FetchBody
from bighead.storage.fetch.rest.door import _question
from bighead.storage.fetch.rest.reading import read_column
from bighead.storage.fetch.rest.writing import _column, dumped
from bighead.zipline.expressions.arrow import make
from bighead.zipline.spelling import plain_column

MOMENT = pa.timestamp("us")
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))
TYPES: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.string(): st.text(st.characters(codec="utf-8")),
    pa.binary(): st.binary(),
    pa.date32(): st.dates(),
    MOMENT: MOMENTS,
    pa.timestamp("us", "UTC"): MOMENTS.map(lambda t: t.replace(tzinfo=UTC)),
    pa.decimal128(12, 3): st.integers(-(10**12) + 1, 10**12 - 1).map(lambda n: Decimal(n) / 1000),
    pa.list_(pa.int64()): st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    pa.struct([("at", MOMENT), ("n", pa.int64())]): st.fixed_dictionaries(
        {"at": MOMENTS, "n": st.integers(-9, 9)}
    ),
    pa.map_(pa.int64(), pa.float64()): st.dictionaries(
        st.integers(-9, 9), st.floats(allow_nan=False)
    ).map(lambda d: list(d.items())),
}


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_a_column_that_was_written_is_read_as_it_was(kind: pa.DataType) -> None:
    @given(st.lists(st.none() | TYPES[kind], min_size=1, max_size=5))
    def check(values: list[Any]) -> None:
        column = make(values, kind)
        read, bad = read_column("x", json.loads(dumped(_column(column))), kind)
        assert bad == {}
        assert read.equals(column)

    check()


def test_a_float_is_the_same_double_by_row_and_by_column() -> None:
    column = pa.array([0.1, 3.5], pa.float32())
    assert json.loads(dumped(_column(column))) == plain_column(column) == column.to_pylist()


def test_nan_and_the_infinities_have_names() -> None:
    column = pa.array([float("nan"), float("inf"), -float("inf"), 0.5])
    assert json.loads(dumped(_column(column))) == ["NaN", "Infinity", "-Infinity", 0.5]
    read, bad = read_column("x", ["NaN", "-Infinity"], pa.float64())
    assert (str(read.to_pylist()), bad) == ("[nan, -inf]", {})


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (pa.int64(), 1.0, "'x' is BIGINT, and 1.0 is none"),
        (pa.int64(), 2**63, "'x' is BIGINT, and 9223372036854775808 does not fit"),
        (pa.int64(), "1.5", "'x' is BIGINT, and \"1.5\" is none"),
        (pa.float64(), 2**53 + 1, "'x' is DOUBLE, and 9007199254740993 does not fit"),
        (pa.string(), 7, "'x' is VARCHAR, and 7 is none"),
        (pa.bool_(), 1, "'x' is BOOLEAN, and 1 is none"),
        (pa.binary(), "xy", "'x' is BINARY, and \"xy\" is none"),
        (pa.date32(), "2025-13-01", "'x' is DATE, and \"2025-13-01\" is none"),
        (pa.decimal128(4, 2), 1.5,
         "'x' is DECIMAL(4, 2), and 1.5 is none; write it as text, which has all of its digits"),
        (pa.list_(pa.int64()), [1, "a"], "'x' is BIGINT[], and [1, \"a\"] is none"),
        (pa.struct([("a", pa.int64())]), {"b": 1},
         "'x' is STRUCT(a BIGINT), and {\"b\": 1} is none"),
    ],
)  # fmt: skip
def test_what_is_no_value_of_the_type_is_told(kind: pa.DataType, value: Any, reason: str) -> None:
    good = None
    read, bad = read_column("x", [good, value, good], kind)
    assert (bad, read.null_count, read.type) == ({1: reason}, 3, kind)


def test_texts_stand_for_numbers_and_moments_as_in_sql() -> None:
    for kind, text, value in (
        (pa.int64(), "9007199254740993", 9007199254740993),
        (pa.decimal128(6, 2), "-12.50", Decimal("-12.50")),
        (pa.bool_(), "true", True),
        (pa.date32(), "2025-02-01", date(2025, 2, 1)),
        (MOMENT, "2025-02-01T00:00:00+01:00", datetime(2025, 1, 31, 23)),
        (MOMENT, 1_000_000, datetime(1970, 1, 1, 0, 0, 1)),
    ):
        read, bad = read_column("x", [text, None], kind)
        assert (read.to_pylist(), bad) == ([value, None], {})


@pytest.mark.parametrize("kind", TYPES, ids=str)
def test_values_of_many_kinds_are_read_as_each_alone(kind: pa.DataType) -> None:
    odd: list[Any] = [None, True, 7, 2**70, 0.5, "7", "true", "2025-02-01", "zz", [1], {"n": 1}]

    @given(st.lists(st.sampled_from(odd), max_size=8))
    def check(values: list[Any]) -> None:
        read, bad = read_column("x", values, kind)
        alone = [read_column("x", [value], kind) for value in values]
        assert read.type == kind
        assert read.to_pylist() == [array.to_pylist()[0] for array, _ in alone]
        assert bad == {e: wrong[0] for e, (_, wrong) in enumerate(alone) if wrong}

    check()


@pytest.mark.parametrize(
    ("odd", "most"), [("x", 3), (True, 3), (2**63, 3), ([1], 3), (1.5, 3), ("2", 3)], ids=str
)
def test_a_value_unlike_the_others_costs_them_nothing(
    odd: Any, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    whole = reading._whole

    def counted(name: str, given: Any, wanted: pa.DataType) -> Any:
        calls.append(len(given))
        return whole(name, given, wanted)

    monkeypatch.setattr(reading, "_whole", counted)
    read, bad = read_column("x", [*range(1000), odd, *range(1000)], pa.int64())
    assert len(calls) <= most
    assert read.null_count == len(bad) == (odd != "2")


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (pa.int64(), range(2**63, 2**63 + 10_000)),
        (pa.float64(), range(2**53 + 1, 2**53 + 10_001)),
        (pa.decimal128(12, 3), range(10**9, 10**9 + 10_000)),
        (pa.binary(), [f"{i}x" for i in range(10_000)]),
    ],
    ids=str,
)
def test_values_that_all_do_not_fit_are_looked_at_once(
    kind: pa.DataType, values: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    whole = reading._whole

    def counted(name: str, given: Any, wanted: pa.DataType) -> Any:
        calls.append(len(given))
        return whole(name, given, wanted)

    monkeypatch.setattr(reading, "_whole", counted)
    read, bad = read_column("x", list(values), kind)
    assert len(calls) <= 3
    assert read.null_count == len(bad) == 10_000
    assert bad[9_999] == read_column("x", [values[9_999]], kind)[1][0]


def test_rows_become_columns_only_where_a_set_wants_them() -> None:
    rows = [{f"c{i}": i} for i in range(1000)]
    body = FetchBody(sets=["x"], rows=rows)
    tracemalloc.start()
    question = _question(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000, "a million cells would take eight"
    assert (len(question.columns), "c7" in question.columns, "d" in question.columns) == (
        1000, True, False,
    )  # fmt: skip
    assert question.columns["c7"] == [7 if i == 7 else None for i in range(1000)]
