"""Rows in memory: whatever holds them, they come out under the plan's types."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bighead.planner.sources.dataset import Size
from bighead.planner.sources.opener import Place, open_source
from bighead.zipline.errors import DataError, SchemaError, SourceError
from bighead.zipline.ir.expr import Call, Column, Literal
from bighead.zipline.ir.types import BIGINT, BOOLEAN, DATE, DOUBLE, TIMESTAMP, TIMESTAMPTZ, VARCHAR
from tests.schemas import schema

PLACE = Place()


def read(data: object, declared: pa.Schema | None = None) -> pa.Table:
    dataset = open_source(data, "bookings", PLACE, declared)
    return dataset.scan(dataset.schema.names)


class Stream:
    """Speaks the Arrow C stream and nothing else, and only once."""

    def __init__(self, table: pa.Table) -> None:
        self.reader: pa.RecordBatchReader | None = table.to_reader()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        assert self.reader is not None, "read twice"
        reader, self.reader = self.reader, None
        return reader.__arrow_c_stream__(requested_schema)  # type: ignore[no-untyped-call]


TABLE = pa.table({"x": [1, 2], "s": ["a", None]})


@pytest.mark.parametrize(
    "data",
    [
        TABLE,
        TABLE.to_batches()[0],
        TABLE.to_batches(),
        {"x": [1, 2], "s": ["a", None]},
        [{"x": 1, "s": "a"}, {"x": 2, "s": None}],
        pd.DataFrame({"x": [1, 2], "s": ["a", None]}),
        pl.DataFrame({"x": [1, 2], "s": ["a", None]}),
        pl.LazyFrame({"x": [1, 2], "s": ["a", None]}),
    ],
    ids=lambda d: type(d).__name__,
)
def test_whatever_holds_rows_is_a_table(data: object) -> None:
    found = read(data)
    assert found.schema == schema(x=BIGINT, s=VARCHAR)
    assert found.to_pylist() == TABLE.to_pylist()


@pytest.mark.parametrize("once", [lambda: TABLE.to_reader(), lambda: Stream(TABLE)])
def test_a_stream_is_read_once_and_kept(once: object) -> None:
    dataset = open_source(once(), "bookings", PLACE)  # type: ignore[operator]
    assert dataset.scan(["x"])["x"].to_pylist() == [1, 2]
    assert dataset.scan(["s", "x"]).to_pylist() == TABLE.select(["s", "x"]).to_pylist()
    assert dataset.size() == Size(2, TABLE.nbytes)


def test_a_table_is_scanned_without_a_copy() -> None:
    found = open_source(TABLE, "bookings", PLACE).scan(["x"])
    ours, theirs = (np.asarray(t["x"].chunk(0)) for t in (found, TABLE))
    assert np.shares_memory(ours, theirs)


def test_types_are_brought_to_those_of_a_plan() -> None:
    data = pa.table(
        {
            "d": pa.array(["a", "b", None]).dictionary_encode(),
            "dv": pa.DictionaryArray.from_arrays(
                pa.array([0, 1, None], pa.uint32()), pa.array(["a", "b"], pa.string_view())
            ),
            "v": pa.array(["a", "b", None], pa.string_view()),
            "l": pa.array(["a", "b", None], pa.large_string()),
            "z": pa.array([0, 1, None], pa.timestamp("s", "Asia/Tokyo")),
            "day": pa.array([86_400_000, -86_400_000, None], pa.date64()),
            "f": pa.array([np.float16(1.5), None, None], pa.float16()),
            "list": pa.array([[1], None, []], pa.large_list(pa.timestamp("ns"))),
            "map": pa.array([[("a", 1)], None, []], pa.map_(pa.large_string(), pa.int8())),
            "st": pa.array([{"a": -1}, None, {"a": None}], pa.struct([("a", pa.timestamp("ns"))])),
        }
    )
    found = read(data)
    assert found.schema == schema(
        d=VARCHAR,
        dv=VARCHAR,
        v=VARCHAR,
        l=VARCHAR,
        z=TIMESTAMPTZ,
        day=DATE,
        f=pa.float32(),
        list=pa.list_(TIMESTAMP),
        map=pa.map_(VARCHAR, pa.int8()),
        st=pa.struct([("a", TIMESTAMP)]),
    )
    assert found["d"].to_pylist() == found["v"].to_pylist() == found["l"].to_pylist()
    assert found["dv"].to_pylist() == ["a", "b", None]
    assert found["z"].cast(BIGINT).to_pylist() == [0, 1_000_000, None]
    assert [str(d) for d in found["day"].to_pylist()] == ["1970-01-02", "1969-12-31", "None"]
    assert found["list"].to_pylist() == [[datetime(1970, 1, 1)], None, []]
    assert found["map"].to_pylist() == [[("a", 1)], None, []]
    assert found["st"].to_pylist() == [
        {"a": datetime(1969, 12, 31, 23, 59, 59, 999_999)},
        None,
        {"a": None},
    ]


def test_durations_are_intervals_and_columns_of_nulls_are_text() -> None:
    data = pa.table({"d": pa.array([-1, 1_500, None], pa.duration("ns")), "n": pa.nulls(3)})
    found = read(data)
    assert found.schema.types == [pa.duration("us"), VARCHAR]
    assert found["d"].cast(BIGINT).to_pylist() == [-1, 1, None]
    assert found["n"].to_pylist() == [None, None, None]


def test_nanoseconds_are_floored_before_1970_too() -> None:
    nanos = pa.array([-1, -1_000, -1_001, 999, 1_000, None], pa.timestamp("ns"))
    found = read(pa.table({"ts": nanos}).slice(1))
    assert found["ts"].cast(BIGINT).to_pylist() == [-1, -2, 0, 1, None]


def test_a_time_that_microseconds_cannot_tell_is_an_error() -> None:
    with pytest.raises(DataError, match="column 'ts' of bookings holds a value that is no TIMEST"):
        read(pa.table({"ts": pa.array([2**62], pa.timestamp("s"))}))


def test_pandas_nan_is_null_and_a_named_index_is_a_column() -> None:
    frame = pd.DataFrame({"price": [1.0, float("nan")]}, index=pd.Index([7, 8], name="listing"))
    assert read(frame).to_pylist() == [
        {"listing": 7, "price": 1.0},
        {"listing": 8, "price": None},
    ]
    unnamed = pd.DataFrame({"price": [1.0]}, index=[7])
    assert read(unnamed).schema.names == ["price"]
    timed = pd.DataFrame({"price": [1.0]}, index=pd.to_datetime(["2024-01-01"]))
    with pytest.raises(SchemaError, match="bookings .* its index holds times and has no name"):
        read(timed)
    assert read(timed.rename_axis("ts")).schema.names == ["ts", "price"]


def test_declared_types_are_checked_when_the_data_is_given() -> None:
    with pytest.raises(SchemaError, match="column 'x' of bookings is BIGINT and is declared INTEG"):
        read(TABLE, schema(x=pa.int32()))
    with pytest.raises(SchemaError, match="bookings has no column 'y'; there are: s, x"):
        read(TABLE, schema(y=BIGINT))
    assert read(TABLE, schema(S=VARCHAR)).schema.names == ["S"]


def test_a_column_of_nulls_may_stand_for_any_type() -> None:
    found = read(pa.table({"x": pa.nulls(2)}), schema(x=DOUBLE))
    assert found["x"].to_pylist() == [None, None]


def test_columns_that_no_plan_can_hold_are_named() -> None:
    with pytest.raises(SchemaError, match="column 't' of bookings is of type time64"):
        read(pa.table({"t": pa.array([1], pa.time64("us"))}))
    with pytest.raises(SchemaError, match="bookings has the column 'a' twice"):
        read(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]))
    with pytest.raises(SchemaError, match="bookings cannot be read as a table: "):
        read(pd.DataFrame({"mixed": [1, "a", object()]}))


@pytest.mark.parametrize("data", [42, None, object(), [], [1, 2]])
def test_what_holds_no_rows_is_refused(data: object) -> None:
    with pytest.raises(
        SourceError, match=r"cannot be read from \w+ objects; give a path, a list of"
    ):
        read(data)


def test_a_predicate_keeps_the_rows_for_which_it_is_true() -> None:
    predicate = Call("greater", (Column("x", BIGINT), Literal(1, BIGINT)), BOOLEAN)
    chunked = pa.concat_tables([TABLE, pa.table({"x": [None, 5], "s": ["c", "d"]})])
    found = open_source(chunked, "bookings", PLACE).scan(["s"], predicate)
    assert found["s"].to_pylist() == [None, "d"]


def batches() -> Iterator[pa.RecordBatch]:
    yield from TABLE.to_batches()
    raise OSError("the line is down")


def test_a_stream_that_breaks_is_an_error_of_ours() -> None:
    broken = pa.RecordBatchReader.from_batches(TABLE.schema, batches())
    with pytest.raises(SchemaError, match="bookings cannot be read as a table: .*the line is down"):
        read(broken)
