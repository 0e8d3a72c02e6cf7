"""Columns go out and come back the same, whatever their type, their NULLs and where they begin."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.fetch.fitting import fit
from bighead.storage.fetch.packing import pack, unpack
from bighead.zipline.errors import DataError
from bighead.zipline.ir.types import NAMES

VALUES: dict[str, list[Any]] = {
    "BOOLEAN": [True, False],
    "FLOAT": [1.5, -0.0, float("inf")],
    "DOUBLE": [1e300, -0.0, float("nan")],
    "VARCHAR": ["", "é", "long " * 20],
    "BINARY": [b"", b"\xff\x00"],
    "DATE": [date(1969, 12, 31), date(2024, 2, 29)],
    "TIMESTAMP": [datetime(1969, 1, 1), datetime(2024, 1, 1, 1, 1, 1, 7)],
    "TIMESTAMPTZ": [datetime(2024, 1, 1, tzinfo=UTC)],
    "INTERVAL": [timedelta(days=-3, microseconds=1)],
}
OTHERS: list[tuple[pa.DataType, list[Any]]] = [
    (pa.decimal128(38, 4), [Decimal("-99999999999999999999.1234"), Decimal(0)]),
    (pa.list_(pa.int64()), [[1, None], [], [2]]),
    (pa.map_(pa.string(), pa.float64()), [[("a", 1.5)], []]),
    (pa.struct([("x", pa.int64()), ("y", pa.list_(pa.string()))]), [{"x": 1, "y": ["b", None]}]),
    (pa.null(), [None]),
]
COLUMNS = [(arrow, VALUES.get(name, [0, 1, 100])) for name, arrow in NAMES.items()] + OTHERS


@pytest.mark.parametrize(("arrow", "values"), COLUMNS, ids=[str(t) for t, _ in COLUMNS])
def test_a_column_comes_back_as_it_was(arrow: Any, values: list[Any]) -> None:
    many = [None, *values, *values, None, *values * 4]
    for column in (pa.array(many, arrow), pa.array(values, arrow), pa.array([], arrow)):
        for first in (0, 1, 3, 8):
            part = column.slice(first)
            message = pb.Column.FromString(pack("c", part).SerializeToString())
            back = unpack(message, len(part))
            assert back.type == part.type
            assert repr(back.to_pylist()) == repr(part.to_pylist())  # NaN and -0.0 too


def test_offsets_that_lie_outside_are_refused() -> None:
    column = pack("c", pa.array(["ab", "c"]))
    for offsets in ((0, 5, 3), (0, 2, 9), (-1, 2, 3)):
        column.offsets = b"".join(o.to_bytes(4, "little", signed=True) for o in offsets)
        with pytest.raises(DataError, match="do not lie in its values"):
            unpack(column, 2)


def test_a_nested_column_that_is_no_stream_is_refused() -> None:
    column = pack("c", pa.array([[1]]))
    for wrong in (b"", b"\x00" * 40, column.values[:-20], column.values[: len(column.values) // 2]):
        broken = pb.Column(name="c", type=column.type, values=wrong)
        with pytest.raises(DataError, match=r"is no Arrow stream|has \d+ values for"):
            unpack(broken, 1)
    with pytest.raises(DataError, match="the column 'c' has 1 values for 2 entities"):
        unpack(column, 2)


@pytest.mark.parametrize(
    ("given", "wanted", "value"),
    [
        (pa.array([7], pa.int8()), pa.int64(), 7),
        (pa.array([7], pa.uint64()), pa.int32(), 7),
        (pa.array([2**53]), pa.float64(), float(2**53)),
        (pa.array([7]), pa.decimal128(10, 2), Decimal("7.00")),
        (pa.array([1.5], pa.float32()), pa.float64(), 1.5),
        (pa.array([Decimal("1.5")]), pa.decimal128(10, 3), Decimal("1.500")),
        (pa.array([date(2024, 1, 2)]), pa.timestamp("us"), datetime(2024, 1, 2)),
        (pa.array([datetime(2024, 1, 2)]), pa.timestamp("us", "UTC"),
         datetime(2024, 1, 2, tzinfo=UTC)),
        (pa.array([-1], pa.timestamp("ns")), pa.timestamp("us"),
         datetime(1969, 12, 31, 23, 59, 59, 999_999)),
        (pa.array([None]), pa.string(), None),
        (pa.array(["a"], pa.large_string()), pa.string(), "a"),
        (pa.array(["a"]).dictionary_encode(), pa.string(), "a"),
    ],
)  # fmt: skip
def test_a_value_fits_where_it_is_the_same(given: Any, wanted: Any, value: object) -> None:
    made, bad = fit("c", given, wanted)
    assert (made.type, made.to_pylist(), bad) == (wanted, [value], {})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (pa.array([300]), pa.int8()),
        (pa.array([-1]), pa.uint64()),
        (pa.array([2**53 + 1]), pa.float64()),
        (pa.array([10**9]), pa.decimal128(10, 2)),
        (pa.array([Decimal("1.55")]), pa.decimal128(10, 1)),
    ],
)
def test_a_value_that_is_not_the_same_is_bad(given: Any, wanted: Any) -> None:
    made, bad = fit("c", pa.concat_arrays([given, given.slice(1), given]), wanted)
    assert made.to_pylist() == [None, None]
    assert sorted(bad) == [0, 1]
    assert all("does not fit" in reason for reason in bad.values())


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (pa.array([1.0]), pa.int64()),
        (pa.array([1.0]), pa.float32()),
        (pa.array(["1"]), pa.int64()),
        (pa.array([1]), pa.string()),
        (pa.array([1]), pa.timestamp("us")),
        (pa.array([True]), pa.int64()),
        (pa.array([[1]]), pa.int64()),
    ],
)
def test_a_type_that_could_only_fit_by_luck_is_refused(given: Any, wanted: Any) -> None:
    with pytest.raises(DataError, match="^'c' is .*, and .* was given$"):
        fit("c", given, wanted)
