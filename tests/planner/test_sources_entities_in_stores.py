"""Entities whose snapshots and changes lie in an object store, beside the same ones as files."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto.server import ThreadedMotoServer

from bighead.planner import Session
from bighead.planner.sources.mirror import Mirror
from bighead.planner.sources.store import ObjectStore, Remote
from bighead.zipline.errors import DataError, SourceError

T = datetime(2024, 1, 1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
COLUMNS = "listing BIGINT, host BIGINT, price DOUBLE, at TIMESTAMP"


class Bucket:
    """A bucket that a test writes to."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=store.endpoint,
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket="deltas")

    def put(self, key: str, body: bytes) -> None:
        self.client.put_object(Bucket="deltas", Key=key, Body=body)

    def clear(self) -> None:
        for found in self.client.list_objects_v2(Bucket="deltas").get("Contents", []):
            self.client.delete_object(Bucket="deltas", Key=found["Key"])


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Bucket(ObjectStore("us-east-1", "key", "secret", endpoint=f"http://{host}:{port}"))
    server.stop()


@pytest.fixture
def bucket(server: Bucket) -> Bucket:
    server.clear()
    return server


def parquet(rows: list[tuple[Any, ...]], *names: str) -> bytes:
    sink = io.BytesIO()
    columns = {n: [r[i] for r in rows] for i, n in enumerate(names)}
    table = pa.table(columns)
    at = table["at"].cast(pa.timestamp("us"))
    pq.write_table(table.set_column(names.index("at"), "at", at), sink)
    return sink.getvalue()


def day(number: int, rows: list[tuple[Any, ...]]) -> tuple[str, bytes]:
    names = ("listing", "host", "price", "at")
    return f"days/ds=2024-01-0{number}/part.parquet", parquet(rows, *names)


DAYS = [
    day(1, [(5, 1, 10.0, T), (6, 1, 20.0, T + HOUR)]),
    day(2, [(5, 2, 11.0, T + DAY), (6, 1, 20.0, T + HOUR)]),
    day(3, [(5, 2, 11.0, T + DAY)]),
]
LOG = parquet(
    [
        (5, 1, 10.0, T, "insert"),
        (6, 1, 20.0, T + HOUR, "INSERT"),
        (5, 2, 11.0, T + DAY, "update"),
        (7, 1, 30.0, T + 2 * DAY, "insert"),
        (6, 1, 20.0, T + 2 * DAY + HOUR, "delete"),
    ],
    "listing", "host", "price", "at", "op",
)  # fmt: skip


def envelope(op: str, before: Any, after: Any, at: timedelta) -> str:
    micros = int((T + at - datetime(1970, 1, 1)) / timedelta(microseconds=1))
    return json.dumps({"op": op, "before": before, "after": after, "source": {"ts_us": micros}})


def row(listing: int, host: int, price: float, at: timedelta) -> dict[str, Any]:
    return {"listing": listing, "host": host, "price": price, "at": str(T + at)}


ENVELOPES = "\n".join(
    [
        envelope("c", None, row(5, 1, 10.0, DAY * 0), DAY * 0),
        envelope("c", None, row(6, 1, 20.0, HOUR), HOUR),
        envelope("u", row(5, 1, 10.0, DAY * 0), row(5, 2, 11.0, DAY), DAY),
        envelope("d", row(6, 1, 20.0, HOUR), None, 2 * DAY),
    ]
).encode()


def answer(s: Session, options: str, columns: str = COLUMNS) -> list[Any]:
    """How many listings each host has, and their mean price, hour by hour."""
    s.sql(
        f"CREATE OR REPLACE ENTITY SOURCE c ({columns}) PRIMARY KEY (listing) CHANGED AT at "
        f"WITH ({options})"
    )
    times = [T + i * 7 * HOUR for i in range(20)]
    s.register("q", pa.table({"host": [1, 2] * 10, "ts": times}), event_time="ts")
    return (
        s.sql(
            "SELECT q.ts, b.n, b.price FROM q ASOF LEFT JOIN (SELECT host, COUNT(*) AS n, "
            "AVG(price) AS price FROM c GROUP BY host) AS b MATCH_CONDITION (q.ts > b.event_time) "
            "ON b.host = q.host"
        )
        .to_arrow()
        .to_pylist()
    )


OP = f"{COLUMNS}, op VARCHAR"
CASES = {
    "daily snapshots": ("snapshot = '{}/days'", COLUMNS),
    "a log": ("batch = '{}/log/*.parquet', op = 'op'", OP),
    "a log of one object": ("batch = '{}/log/one.parquet', op = 'op'", OP),
    "snapshots and a log": ("snapshot = '{}/days/', batch = '{}/log/', op = 'op'", OP),
    "envelopes": ("batch = '{}/cdc/*.jsonl', format = 'debezium-json'", COLUMNS),
}


@pytest.mark.parametrize("case", CASES)
def test_a_store_is_read_as_files_are(bucket: Bucket, tmp_path: Path, case: str) -> None:
    objects = dict(DAYS) | {"log/one.parquet": LOG, "cdc/a.jsonl": ENVELOPES, "cdc/_x": b"no"}
    for key, body in objects.items():
        bucket.put(key, body)
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    options, columns = CASES[case]
    there = answer(Session(store=bucket.store), options.replace("{}", "s3://deltas"), columns)
    here = answer(Session(), options.replace("{}", str(tmp_path)), columns)
    assert there == here
    assert {r["n"] for r in there} >= {0, 1, 2}


def test_a_new_day_counts_and_a_day_that_went_does_not(bucket: Bucket) -> None:
    s = Session(store=bucket.store)
    bucket.put(*DAYS[0])
    before = answer(s, "snapshot = 's3://deltas/days/'")
    bucket.put(*DAYS[1])
    assert answer(s, "snapshot = 's3://deltas/days/'") != before
    bucket.client.delete_object(Bucket="deltas", Key=DAYS[1][0])
    assert answer(s, "snapshot = 's3://deltas/days/'") == before


def test_an_object_is_copied_once(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    fetch = Mirror._fetch

    def noted(self: Mirror, remote: Remote) -> None:
        copied.append(remote.key)
        fetch(self, remote)

    monkeypatch.setattr(Mirror, "_fetch", noted)
    s = Session(store=bucket.store)
    for key, body in DAYS:
        bucket.put(key, body)
    for _ in range(2):
        answer(s, "snapshot = 's3://deltas/days/'")
    assert sorted(copied) == [f"deltas/{key}" for key, _ in DAYS]


def test_what_is_wrong_names_the_object(bucket: Bucket) -> None:
    s = Session(store=bucket.store)
    options = "batch = 's3://deltas/cdc/a.jsonl', format = 'debezium-json'"
    with pytest.raises(SourceError, match="there is nothing to read at s3://deltas/cdc/a.jsonl"):
        answer(s, options)
    with pytest.raises(SourceError, match=r"s3://elsewhere"):
        answer(s, "snapshot = 's3://elsewhere/days'")
    bucket.put("cdc/a.jsonl", b'{"op": "t", "source": {}}\n')
    with pytest.raises(DataError, match="^s3://deltas/cdc/a.jsonl holds a change whose op is"):
        answer(s, options)
    bucket.put("days/part.parquet", DAYS[0][1])
    with pytest.raises(SourceError, match="s3://deltas/days/part.parquet lies in no folder ds="):
        answer(s, "snapshot = 's3://deltas/days'")
    with pytest.raises(SourceError, match="cannot be read from ftp://"):
        answer(s, "snapshot = 'ftp://deltas/days'")


def test_a_backfill_sees_objects_as_objects(bucket: Bucket) -> None:
    bucket.put(*DAYS[0])
    s = Session(store=bucket.store)
    answer(s, "snapshot = 's3://deltas/days'")
    source: Any = s.definitions.get("c")
    assert s.dataset(source).files == (f"s3://deltas/{DAYS[0][0]}",)
