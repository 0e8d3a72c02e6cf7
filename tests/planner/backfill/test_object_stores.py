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
