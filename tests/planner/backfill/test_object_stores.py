"""Backfills of sources in an object store: what is kept of them, and when it is made again."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from bighead.planner import Session
from bighead.planner.backfill import inputs
from bighead.planner.backfill.backfill import Job, Summary, backfill, planned
from bighead.planner.backfill.folder import PROJECTIONS
from bighead.planner.backfill.inputs import inputs_of
from bighead.planner.backfill.manifest import read_manifest
from bighead.planner.sources.store import ObjectStore
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.ir.address import address
from tests.planner.backfill.shop import ignore

DAY = timedelta(days=1)


@dataclass
class Lake:
    """A bucket of events and of a spine, and a folder of backfills."""

    client: Any
    store: ObjectStore
    output: Path
    features: dict[str, str] = field(default_factory=lambda: {"total": "SUM(x) OVER (LAST '2d')"})

    def put(self, key: str, first: int, **columns: list[Any]) -> None:
        """An object with rows of the keys 0, 1, 0, 1, ..., one each quarter of a day."""
        count = len(next(iter(columns.values())))
        times = [datetime(2025, 1, 1) + first * DAY + i * DAY / 4 for i in range(count)]
        table = pa.table({"k": [i % 2 for i in range(count)], **columns, "ts": times})
        sink = io.BytesIO()
        pq.write_table(table, sink)
        self.client.put_object(Bucket="backfilled", Key=key, Body=sink.getvalue())

    def job(self) -> tuple[Session, Job]:
        made = Session(store=self.store)
        made.sql(
            "CREATE EVENT SOURCE e (k BIGINT, x BIGINT, y DOUBLE, ts TIMESTAMP) EVENT TIME ts "
            "WITH (batch = 's3://backfilled/e/');"
            "CREATE EVENT SOURCE q (k BIGINT, id BIGINT, ts TIMESTAMP) EVENT TIME ts "
            "WITH (batch = 's3://backfilled/q/*.parquet')"
        )
        items = ", ".join(f"{sql} AS {name}" for name, sql in self.features.items())
        made.sql(
            f"CREATE FEATURE SET f AS SELECT k, {items} FROM e GROUP BY k;"
            "CREATE TRAINING SET t ID (id) AS SELECT q.id, q.ts, f.* FROM q "
            "ASOF LEFT JOIN f MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k"
        )
        definition = made.definitions.get("t")
        assert isinstance(definition, TrainingSet)
        known = read_manifest(self.output)
        inputs = inputs_of(definition, made.dataset, Path(), known.inputs if known else None)
        return made, Job(definition, address(definition), inputs, self.output,
                         open_source=made.dataset, sorted_from=0)  # fmt: skip

    def foreseen(self) -> dict[str, int]:
        """What would come to be kept sorted."""
        made, job = self.job()
        return dict(planned(job, made.compute_with).projections)

    def fill(self) -> Summary:
        """A backfill, whose days are the rows of a query."""
        made, job = self.job()
        summary = backfill(job, made.compute_with, ignore)
        rows = made.sql("SELECT * FROM t").to_arrow().to_pylist()
        parts = sorted(self.output.glob("ds=*/*.parquet"))
        found = [row for part in parts for row in pq.ParquetFile(part).read().to_pylist()]
        assert sorted(found, key=str) == sorted(rows, key=str)
        return summary

    def kept(self) -> set[str]:
        """The columns that are kept sorted, by folder and file."""
        folder = self.output / PROJECTIONS
        return {str(file.relative_to(folder)) for file in folder.rglob("*.arrow")}


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    store = ObjectStore("us-east-1", "key", "secret", endpoint=f"http://{host}:{port}")
    client: Any = boto3.client("s3", endpoint_url=store.endpoint, aws_access_key_id="key",
                               aws_secret_access_key="secret", region_name="us-east-1")  # fmt: skip
    client.create_bucket(Bucket="backfilled")
    made = Lake(client, store, tmp_path / "out")
    for day in range(3):
        made.put(f"e/{day}.parquet", day, x=[day, 1, 2, 3], y=[0.5] * 4)
        made.put(f"q/{day}.parquet", day, id=[4 * day + i for i in range(4)])
    yield made
    server.stop()


def test_a_source_in_a_store_is_kept_sorted_and_read_for_new_columns_alone(lake: Lake) -> None:
    assert lake.foreseen() == {"e": 12 * 8 * 4}  # row numbers, k, x, ts
    lake.fill()
    before = lake.kept()
    assert lake.foreseen() == {}
    lake.features["top"] = "MAX(y) OVER (LAST '1d')"
    assert lake.foreseen() == {"e": 12 * 8}
    assert lake.fill().columns_computed == ("top",)
    assert before < lake.kept()


def test_an_object_that_changes_is_read_again_with_the_days_that_see_it(lake: Lake) -> None:
    lake.fill()
    before = lake.kept()
    lake.put("e/2.parquet", 2, x=[9, 9, 9, 9], y=[0.5] * 4)
    assert lake.fill().computed == 1
    assert not before & lake.kept()
    assert lake.fill().values_computed == 0


class Looked:
    """How often the times of files were read from their rows."""

    def __init__(self, patched: pytest.MonkeyPatch) -> None:
        self.count = 0
        read = inputs._read

        def counted(*given: Any) -> Any:
            self.count += 1
            return read(*given)

        patched.setattr(inputs, "_read", counted)


def text_job(
    lake: Lake, session: Session | None = None, folder: str = "text", lag: str = ""
) -> tuple[Session, Any]:
    """A set over text in the store, and its files as they are now."""
    made = session or Session(store=lake.store)
    if session is None:
        made.sql(
            "CREATE EVENT SOURCE e (k BIGINT, ts TIMESTAMP) EVENT TIME ts "
            f"WITH (batch = 's3://backfilled/{folder}/'{lag});"
            "CREATE TRAINING SET t ID (k) AS SELECT e.k, e.ts FROM e;"
            "CREATE TRAINING SET u ID (k) AS SELECT e.k FROM e"
        )
    definition = made.definitions.get("t" if session is None else "u")
    assert isinstance(definition, TrainingSet)
    return made, inputs_of(definition, made.dataset, Path())


def test_text_in_a_store_is_read_for_its_times_once_a_session(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Looked(monkeypatch)
    for name in ("a", "b"):
        body = f"k,ts\n1,2025-01-0{1 + (name == 'b')} 10:00:00\n".encode()
        lake.client.put_object(Bucket="backfilled", Key=f"text/{name}.csv", Body=body)
    session, first = text_job(lake)
    assert looked.count == 2
    assert text_job(lake, session)[1] == first
    assert looked.count == 2
    body = b"k,ts\n1,2025-01-07 10:00:00\n"
    lake.client.put_object(Bucket="backfilled", Key="text/b.csv", Body=body)
    again = text_job(lake, session)[1]
    assert looked.count == 3
    assert again["e"][0] == first["e"][0]
    assert again["e"][1].times > first["e"][1].times


def test_text_of_days_that_promise_their_times_is_not_read_for_them(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = Looked(monkeypatch)
    body = b"k,ts\n1,2025-01-02 10:00:00\n"
    lake.client.put_object(Bucket="backfilled", Key="days/ds=2025-01-02/a.csv", Body=body)
    (file,) = text_job(lake, folder="days", lag=", partition_lag = '1d'")[1]["e"]
    assert looked.count == 0
    day = 86_400_000_000
    second = 20_090 * day  # 2025-01-02
    assert file.times == (second - day, second + day - 1)


def test_times_that_are_promised_follow_the_promise(lake: Lake) -> None:
    def job(lag: str, known: Any = None) -> tuple[Session, Any]:
        made = Session(store=lake.store)
        made.sql(
            "CREATE EVENT SOURCE e (k BIGINT, ts TIMESTAMP) EVENT TIME ts "
            f"WITH (batch = 's3://backfilled/days/'{lag});"
            "CREATE TRAINING SET t ID (k) AS SELECT e.k, e.ts FROM e"
        )
        definition = made.definitions.get("t")
        assert isinstance(definition, TrainingSet)
        return made, inputs_of(definition, made.dataset, Path(), known)

    body = b"k,ts\n1,2025-01-02 10:00:00\n"
    lake.client.put_object(Bucket="backfilled", Key="days/ds=2025-01-02/a.csv", Body=body)
    day, second = 86_400_000_000, 20_090 * 86_400_000_000  # 2025-01-02
    _, known = job(", partition_lag = '1d'")
    for lag in (2, 1, 3):
        _, known = job(f", partition_lag = '{lag}d'", known)
        assert known["e"][0].times == (second - lag * day, second + day - 1)
    _, known = job("", known)
    assert known["e"][0].times == (second + 10 * day // 24, second + 10 * day // 24)
