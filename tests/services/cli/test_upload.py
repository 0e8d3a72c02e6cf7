"""`bighead upload`."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.storage.fetch.served import offers
from bighead.storage.following import beside_a_writer
from bighead.storage.store import Store
from bighead.storage.upload.package import packages
from bighead.storage.upload.uploads import adopt_waiting
from tests.services.cli.shell import SCRIPT, run, spawn
from tests.storage.shop import START

DAY = 86_400_000_000
BOOKINGS = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id)
    WITH (batch = 'bookings/*.parquet', stream = 'kafka://bookings');
CREATE FEATURE SET nights WITH (online = true) AS
SELECT listing, SUM(nights) OVER (LAST '30d') AS nights FROM bookings GROUP BY listing;
"""


def rows(first: int, nights: list[int]) -> pa.Table:
    """A booking a day of one listing."""
    count = range(first, first + len(nights))
    times = pa.array([START + i * DAY for i in count], pa.int64()).cast(pa.timestamp("us"))
    return pa.table(
        {
            "id": pa.array(count, pa.int64()),
            "listing": pa.array([7] * len(nights), pa.int64()),
            "nights": pa.array(nights, pa.int64()),
            "ts": times,
        }
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with ten days of bookings, and a store that keeps the set and is empty."""
    (tmp_path / "bighead.toml").write_text('name = "homes"\n')
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "bookings.sql").write_text(BOOKINGS)
    (tmp_path / "bookings").mkdir()
    pq.write_table(rows(0, [1] * 10), tmp_path / "bookings" / "a.parquet")
    assert run(tmp_path, "apply", "--yes").code == 0
    assert run(tmp_path, "store", "define", "online").code == 0
    return tmp_path


def nights(project: Path, day: int) -> int | None:
    """What the store says as of the beginning of a day."""
    with Store.open(project / "online", create=False) as store:
        (name,) = store.sets
        at = pa.array([START + day * DAY], pa.int64())
        fetched = store.fetch(name, [pa.array([7], pa.int64())], at)
    found: int | None = fetched.table["nights"][0].as_py()
    return found


def test_an_upload_brings_the_batch_and_going_back_takes_it_away(project: Path) -> None:
    as_of = "2013-01-06T00:00:00"
    made = run(project, "upload", "nights", "--as-of", as_of)
    assert (made.code, made.out) == (0, "")
    assert made.err.endswith(
        "nights@1 is generation 2: 5 rows of batch as of 2013-01-06T00:00:00Z\n"
    )
    assert nights(project, 30) == 5
    with Store.open(project / "online") as store:
        store.ingest("bookings", rows(3, [1, 1, 100]))  # two of them are in the batch
    assert nights(project, 30) == 105
    back = run(project, "upload", "nights", "--back")
    assert back.err.endswith("nights@1 is generation 1 again, of streams alone\n")
    assert nights(project, 30) == 102
    assert run(project, "upload", "nights", "--back").code == 0
    assert nights(project, 30) == 105
    assert packages(project / "online") == []


def test_what_cannot_be_uploaded_is_said(project: Path) -> None:
    unknown = run(project, "upload", "night")
    assert unknown.code == 1
    assert unknown.err == "error: no set 'night'; did you mean 'nights'?\n"
    back = run(project, "upload", "nights", "--back")
    assert back.err == "error: nights@1 has no generation before this one; upload it\n"
    nowhere = run(project, "upload", "nights", "--store", "nowhere")
    assert "there is no store in nowhere" in nowhere.err


def test_unequal_rows_of_one_identity_are_an_error_and_change_nothing(project: Path) -> None:
    pq.write_table(rows(5, [9]), project / "bookings" / "b.parquet")
    made = run(project, "upload", "nights")
    assert made.code == 1
    assert "bookings holds two different rows of the identity (id = 5)" in made.err
    assert nights(project, 30) is None
    (project / "bookings" / "b.parquet").unlink()
    assert run(project, "upload", "nights").code == 0
    assert nights(project, 30) == 10


def test_whoever_writes_the_store_takes_an_upload_in(project: Path) -> None:
    path = project / "online"
    with Store.open(path):
        made = run(project, "upload", "nights", "--patience", "1s", "--store", str(path))
    assert made.code == 1
    assert "the process that writes the store has not taken it in" in made.err
    assert len(packages(project / "online")) == 1
    with Store.open(path) as store:
        while adopt_waiting(store, path):
            pass
    assert nights(project, 30) == 10
    assert packages(project / "online") == []


def test_a_new_version_is_served_once_it_has_batch_and_stream(project: Path) -> None:
    assert run(project, "upload", "nights", "--as-of", "2013-01-06").code == 0
    with Store.open(project / "online") as store:
        store.ingest("bookings", rows(3, [1, 1, 100]))
    text = BOOKINGS.replace(
        "AS nights FROM", "AS nights, COUNT(*) OVER (LAST '30d') AS bookings FROM"
    )
    (project / "features" / "bookings.sql").write_text(text)
    assert run(project, "apply", "--yes").code == 0
    made = run(project, "upload", "nights@2", "--as-of", "2013-01-05")
    assert made.err.endswith(
        "nights@2 is generation 2: 4 rows of batch as of 2013-01-05T00:00:00Z\n"
    )
    with Store.open(project / "online") as store:
        served = offers(store.database)["nights"]
        assert (served.version, dict(served.sets)) == (2, {"nights": "nights@2"})
        at = pa.array([START + 30 * DAY], pa.int64())
        fetched = store.fetch("nights@2", [pa.array([7], pa.int64())], at)
    # Days 0 to 3 are of the batch, 4 and 5 of the stream, which came before the version was kept.
    assert fetched.table.to_pylist() == [{"nights": 105, "bookings": 6}]


def test_an_ingester_that_runs_takes_an_upload_in(project: Path) -> None:
    declared = BOOKINGS.replace("kafka://bookings", "stream/*.jsonl")
    (project / "features" / "bookings.sql").write_text(declared.replace("SET nights", "SET stays"))
    (project / "stream").mkdir()
    streamed = [
        {"id": i, "listing": 7, "nights": 1 if i < 10 else 100, "ts": f"2013-01-{i + 1:02}"}
        for i in range(8, 12)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in streamed)
    (project / "stream" / "a.jsonl").write_text(lines)
    assert run(project, "apply", "--yes").code == 0
    assert run(project, "store", "define", "fresh", "stays").code == 0
    ingester = subprocess.Popen(
        [SCRIPT, "ingest", "run", "fresh"], cwd=project, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while newest(project / "fresh") is None and time.monotonic() < until:
            time.sleep(0.1)
        made = spawn(project, "upload", "stays", "--store", "fresh", "--patience", "60s")
        assert made.code == 0, made.err
        assert ingester.poll() is None
    finally:
        ingester.terminate()
        ingester.wait()
    with Store.open(project / "fresh", create=False) as store:
        (name,) = store.sets
        assert store.sets[name].generation == 2
        at = pa.array([START + 30 * DAY], pa.int64())
        fetched = store.fetch(name, [pa.array([7], pa.int64())], at)
    assert fetched.table["nights"].to_pylist() == [210]


def newest(path: Path) -> int | None:
    """Up to which time rows have come."""
    with beside_a_writer(path) as store:
        return store.newest(next(iter(store.sets)))
