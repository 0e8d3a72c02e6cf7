"""Objects in a store that speaks S3: a server of moto's on loopback stands for it."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from bighead.planner import Session
from bighead.planner.backfill.inputs import inputs_of
from bighead.planner.sources.dataset import Dataset, Lag, Size, Span
from bighead.planner.sources.learned import Learned
from bighead.planner.sources.opener import Place, open_source
from bighead.planner.sources.schemas import Drift, drift_of
from bighead.planner.sources.store import ObjectStore
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import DataError, SchemaError, SourceError
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.types import BIGINT, DATE, DOUBLE, TIMESTAMP, VARCHAR
from bighead.zipline.windows import DAY

COLUMNS: list[pa.Field[Any]] = [
    pa.field("x", BIGINT),
    pa.field("ts", TIMESTAMP),
    pa.field("ds", DATE),
]
DAYS = pa.schema(COLUMNS)


def parquet(*values: int) -> bytes:
    sink = io.BytesIO()
    times = pa.array([v * 1_000_000_000 for v in values], pa.timestamp("ns"))
    pq.write_table(pa.table({"x": values, "ts": times}), sink)
    return sink.getvalue()


def of_columns(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


OBJECTS = {
    "days/ds=2024-01-01/b.parquet": parquet(2),
    "days/ds=2024-01-01/a.parquet": parquet(1),
    "days/ds=2024-01-02/a.parquet": parquet(3, 4),
    "one.parquet": parquet(5),
    "one.csv": b"x,ts\n1,1970-01-01T00:00:01Z\n,\n",
    "one.jsonl": b'{"x": 1, "ts": "1970-01-01 00:00:01"}\n{"x": 2}\n',
    "bad.parquet": b"this is no parquet file",
    "bad.csv": b"x,ts\nmany,1970-01-01\n",
    "one.xlsx": b"",
    "grown/1.parquet": of_columns(x=pa.array([1], pa.int32()), gone=[1.0]),
    "grown/2.parquet": of_columns(x=[2], came=["a"]),
}


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    store = ObjectStore("us-east-1", "key", "secret", endpoint=f"http://{host}:{port}")
    client = boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="warehouse")
    for key, body in OBJECTS.items():
        client.put_object(Bucket="warehouse", Key=key, Body=body)
    yield store
    server.stop()


def typed(**types: pa.DataType) -> pa.Schema:
    return pa.schema(list(types.items()))


def read(store: ObjectStore, path: str, declared: pa.Schema | None = None) -> pa.Table:
    dataset = open_source(f"s3://warehouse/{path}", "bookings", Place(store=store), declared)
    return dataset.scan(dataset.schema.names)


def test_one_object_is_read_under_the_types_of_a_plan(store: ObjectStore) -> None:
    found = read(store, "one.parquet")
    assert found.schema == pa.schema([("x", BIGINT), ("ts", TIMESTAMP)])
    assert found["x"].to_pylist() == [5]


@pytest.mark.parametrize("path", ["days/", "days/ds=*/*.parquet"])
def test_a_folder_is_read_in_the_order_of_its_names(store: ObjectStore, path: str) -> None:
    found = read(store, path, DAYS)
    assert found["x"].to_pylist() == [1, 2, 3, 4]
    assert [str(d) for d in found["ds"].to_pylist()] == ["2024-01-01"] * 2 + ["2024-01-02"] * 2


def test_globs_and_several_paths_mean_what_they_do_for_files(store: ObjectStore) -> None:
    assert read(store, "da*/ds=*/a.parquet", DAYS)["x"].to_pylist() == [1, 3, 4]
    assert read(store, "da*/ds=2024-01-01", DAYS)["x"].to_pylist() == [1, 2]
    assert read(store, "**/b.parquet")["x"].to_pylist() == [2]
    paths = [f"s3://warehouse/{p}" for p in ("one.parquet", "days/ds=2024-01-02/a.parquet")]
    several = open_source(paths, "bookings", Place(store=store), pa.schema(COLUMNS[:2]))
    assert several.scan(["x"])["x"].to_pylist() == [5, 3, 4]


def test_sizes_and_schemas_of_objects_are_known_before_they_are_read(store: ObjectStore) -> None:
    def opened(path: str, declared: pa.Schema) -> Dataset:
        return open_source(f"s3://warehouse/{path}", "bookings", Place(store=store), declared)

    bytes_ = sum(len(body) for key, body in OBJECTS.items() if key.startswith("days/"))
    assert opened("days/", DAYS).size() == Size(4, bytes_)
    declared = typed(x=pa.int32(), gone=DOUBLE)
    drift = drift_of(declared, opened("grown/", declared))
    assert drift == Drift(
        "s3://warehouse/grown/2.parquet",
        added={"came": VARCHAR},
        widened={"x": BIGINT},
        removed=("gone",),
    )


def test_an_object_may_lack_a_column_that_the_newest_one_has(store: ObjectStore) -> None:
    declared = typed(x=BIGINT, came=VARCHAR)
    assert read(store, "grown/", declared)["came"].to_pylist() == [None, "a"]
    with pytest.raises(SchemaError, match=r"grown/2\.parquet has no column 'gone'"):
        read(store, "grown/", typed(x=BIGINT, gone=DOUBLE))


def test_columns_of_text_objects_are_those_declared(store: ObjectStore) -> None:
    declared = pa.schema([("ts", TIMESTAMP), ("x", BIGINT)])
    for path, second in (("one.csv", None), ("one.jsonl", 2)):
        found = read(store, path, declared)
        assert found.schema == declared
        assert found["x"].to_pylist() == [1, second]
        assert found["ts"].cast(BIGINT).to_pylist() == [1_000_000, None]


def test_the_span_limits_what_is_read(store: ObjectStore) -> None:
    dataset = open_source("s3://warehouse/days/", "bookings", Place(store=store), DAYS)
    found = dataset.scan(["x"], span=Span(Column("ts", TIMESTAMP), 3_000_000, None))
    assert set(found["x"].to_pylist()) == {3, 4}


@pytest.mark.parametrize("arrow", [DATE, VARCHAR])
def test_days_are_pruned_by_the_declared_lag_and_rows_checked(
    store: ObjectStore, arrow: pa.DataType
) -> None:
    declared = pa.schema([*COLUMNS[:2], pa.field("ds", arrow)])
    time = Column("ts", TIMESTAMP)

    def lagging(days: int) -> Dataset:
        place = Place(store=store)
        return open_source(
            "s3://warehouse/days/", "bookings", place, declared, Lag(time, days * DAY)
        )

    # The rows lie in January 1970, so that only a lag of 54 years lets them into 2024.
    assert lagging(20_000).scan(["x"])["x"].to_pylist() == [1, 2, 3, 4]
    with pytest.raises(
        DataError, match=r"a row of s3://warehouse/days/.* has the time 1970-01-01 .* ds=2024-01-01"
    ):
        lagging(2).scan(["x"])
    beyond = Span(time, 19_724 * DAY, None)
    assert lagging(2).scan(["x"], span=beyond).num_rows == 0, "the folder of that day is not read"


def test_a_session_reads_it_in_sql(store: ObjectStore) -> None:
    session = Session(store=store)
    session.register("e", "s3://warehouse/one.parquet", event_time="ts")
    assert session.sql("SELECT x FROM e").to_arrow()["x"].to_pylist() == [5]


def test_credentials_come_from_the_environment(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    assert store.endpoint is not None
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.endpoint)
    assert read(ObjectStore(), "one.parquet")["x"].to_pylist() == [5]


def test_what_is_not_there_or_damaged_is_named(store: ObjectStore) -> None:
    with pytest.raises(SourceError, match="nothing to read at s3://warehouse/none/"):
        read(store, "none/")
    with pytest.raises(SourceError, match=r"s3://warehouse/none\.parquet"):
        read(store, "none.parquet")
    with pytest.raises(SourceError, match=r"s3://warehouse/bad\.parquet is no Parquet file"):
        read(store, "bad.parquet")
    with pytest.raises(SourceError, match="tells no format"):
        read(store, "one.xlsx")
    with pytest.raises(SourceError, match="no-such-bucket"):
        open_source("s3://no-such-bucket/a.parquet", "b", Place(store=store))


def test_declared_columns_are_checked(store: ObjectStore) -> None:
    with pytest.raises(SchemaError, match="has no column 'price'"):
        read(store, "one.parquet", pa.schema([("price", BIGINT)]))
    with pytest.raises(SchemaError, match="is BIGINT and is declared INTEGER"):
        read(store, "one.parquet", pa.schema([("x", pa.int32())]))
    with pytest.raises(SchemaError, match=r"'x' of s3://warehouse/bad\.csv holds 'many'"):
        read(store, "bad.csv", pa.schema([("x", BIGINT), ("ts", TIMESTAMP)]))


def test_what_a_store_cannot_do_is_refused(store: ObjectStore) -> None:
    with pytest.raises(SourceError, match="cannot be read from gs://; files and s3:// can"):
        open_source("gs://b/x.parquet", "bookings", Place(store=store))


def put(store: ObjectStore, key: str, *values: int) -> None:
    client = boto3.client("s3", endpoint_url=store.endpoint, aws_access_key_id="key",
                          aws_secret_access_key="secret", region_name="us-east-1")  # fmt: skip
    client.put_object(Bucket="warehouse", Key=key, Body=parquet(*values))


def test_a_footer_is_read_once_while_its_object_stays(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    keep = Learned.keep

    def counted(self: Learned, version: Any, what: Any, bytes_: int) -> None:
        kept.append(version[0])
        keep(self, version, what, bytes_)

    monkeypatch.setattr(Learned, "keep", counted)
    place = Place(store=store)
    for _ in range(2):
        dataset = open_source("s3://warehouse/days/", "bookings", place, DAYS)
        assert (dataset.size().rows, dataset.scan(["x"]).num_rows) == (4, 4)
    assert sorted(kept) == sorted(f"warehouse/{key}" for key in OBJECTS if key.startswith("days/"))


def test_an_object_that_changes_after_it_was_found_is_read_as_it_is(store: ObjectStore) -> None:
    put(store, "again/a.parquet", 1, 2)
    dataset = open_source("s3://warehouse/again/", "bookings", Place(store=store))
    assert dataset.size().rows == 2
    put(store, "again/a.parquet", 7, 8)  # of the same size, within the second
    late = Span(Column("ts", TIMESTAMP), 5_000_000, None)
    assert dataset.scan(["x"], span=late)["x"].to_pylist() == [7, 8]


def looked_at(store: ObjectStore, path: str) -> dict[str, tuple[str, object]]:
    """The objects of a source as a backfill looks at them: name to mark and times."""
    made = Session(store=store)
    made.sql(
        f"CREATE EVENT SOURCE e (x BIGINT, ts TIMESTAMP) EVENT TIME ts WITH (batch = '{path}');"
        "CREATE TRAINING SET t ID (x) AS SELECT e.x FROM e"
    )
    definition = made.definitions.get("t")
    assert isinstance(definition, TrainingSet)
    (files,) = inputs_of(definition, made.dataset, Path()).values()
    return {f.name: (f.mark, f.times) for f in files}


def test_an_object_that_changes_is_noticed_by_its_version(store: ObjectStore) -> None:
    put(store, "look/a.parquet", 1, 2)
    put(store, "look/b.parquet", 5)
    before = looked_at(store, "s3://warehouse/look/")
    assert list(before) == ["s3://warehouse/look/a.parquet", "s3://warehouse/look/b.parquet"]
    assert [times for _, times in before.values()] == [
        (1_000_000, 2_000_000),
        (5_000_000, 5_000_000),
    ]
    assert looked_at(store, "s3://warehouse/look/*.parquet") == before
    put(store, "look/a.parquet", 1, 3)  # of the same size, within the second
    put(store, "look/c.parquet", 9)
    after = looked_at(store, "s3://warehouse/look/")
    assert len(after) == 3
    assert after["s3://warehouse/look/b.parquet"] == before["s3://warehouse/look/b.parquet"]
    a = after["s3://warehouse/look/a.parquet"]
    assert (a[0] != before["s3://warehouse/look/a.parquet"][0], a[1]) == (
        True,
        (1_000_000, 3_000_000),
    )
