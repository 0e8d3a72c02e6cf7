"""What is asked of an ingester that runs: dead letters, new sets, going back."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.storage.fetch.served import offers
from bighead.storage.following import beside_a_writer
from bighead.storage.store import Store
from tests.services.cli.shell import SCRIPT, run

SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id) WITH (stream = 'in/*.jsonl', batch = 'batch/*.parquet');
CREATE FEATURE SET stays WITH (online = true) AS
SELECT listing, SUM(nights) OVER (LAST '30d') AS nights FROM bookings GROUP BY listing;
"""
LONGER = SQL.replace("LAST '30d'", "LAST '90d'")
MORE = SQL.replace("AS nights FROM", "AS nights, COUNT(*) OVER (LAST '30d') AS bookings FROM")
ANEW = SQL.replace("nights BIGINT", "nights DOUBLE, room VARCHAR").replace("in/", "new/")
MARCH_31 = 1_743_379_200_000_000


def line(number: int, nights: object, day: int) -> str:
    row = {"id": number, "listing": 7, "nights": nights, "ts": f"2025-03-{day:02} 10:00:00"}
    return json.dumps(row) + "\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose stream has a poisoned line."""
    for folder in ("features", "in", "new", "batch"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bighead.toml").write_text('name = "homes"\n')
    lines = [line(1, 2, 5), line(2, "two", 6), line(3, 5, 7)]
    (tmp_path / "in" / "a.jsonl").write_text("".join(lines))
    apply(tmp_path, SQL)
    assert run(tmp_path, "store", "define", "online").code == 0
    return tmp_path


def apply(project: Path, sql: str) -> None:
    (project / "features" / "all.sql").write_text(sql)
    applied = run(project, "apply", "--yes")
    assert applied.code == 0, applied.err


@contextmanager
def ingesting(project: Path) -> Iterator[subprocess.Popen[str]]:
    command = [str(SCRIPT), "ingest", "run", "online", "--report-every", "0.1"]
    process = subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        assert "2 rows taken" in process.stderr.readline()
        yield process
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def answers(project: Path, name: str) -> dict[str, object]:
    """As of the end of March, also while the ingester runs."""
    with beside_a_writer(project / "online") as store:
        held = offers(store.database)[name].sets["stays"]
        at = pa.array([MARCH_31], pa.int64())
        found: dict[str, object] = store.fetch(held, [pa.array([7])], at).table.to_pylist()[0]
    return found


def until(project: Path, name: str, expected: dict[str, object]) -> None:
    end = time.monotonic() + 20
    while (found := answers(project, name)) != expected:
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_dead_letters_are_replayed_and_dropped_while_it_runs(project: Path) -> None:
    with ingesting(project):
        (letter,) = run(project, "ingest", "dead-letters", "list", "online", "--json").json
        again = run(project, "ingest", "dead-letters", "replay", "online")
        assert (again.code, again.err) == (1, "0 dead letters were taken; 1 stay\n")
        both = ("online", letter["number"], "--source", "bookings")
        for verb in ("replay", "drop"):
            refused = run(project, "ingest", "dead-letters", verb, *both)
            assert refused.code == 2
            assert "--source chooses among all dead letters" in refused.err
        twice = (letter["number"], f"0{letter['number']}")
        gone = run(project, "ingest", "dead-letters", "drop", "online", *twice)
        assert (gone.code, gone.err) == (0, "1 dead letters are forgotten\n")
        with (project / "in" / "a.jsonl").open("a") as file:
            file.write(line(4, 10, 8))
        until(project, "stays", {"nights": 17})


def test_a_longer_window_is_read_at_once_while_it_runs(project: Path) -> None:
    with ingesting(project):
        apply(project, LONGER)
        defined = run(project, "store", "define", "online")
        assert "stays@2; it reads stays@2 from what it keeps of stays@1" in defined.err
        until(project, "stays", {"nights": 7})
        with (project / "in" / "a.jsonl").open("a") as file:
            file.write(line(4, 10, 8))
        until(project, "stays@1", {"nights": 17})
        assert answers(project, "stays") == {"nights": 17}


def test_a_new_aggregate_has_batch_and_stream_without_a_gap_while_it_runs(project: Path) -> None:
    held = [json.loads(line(n, 1, 2)) for n in (100, 101)] + [json.loads(line(1, 2, 5))]
    table = pa.Table.from_pylist(held)
    ts = table["ts"].cast(pa.timestamp("us"))
    pq.write_table(table.set_column(3, "ts", ts), project / "batch" / "a.parquet")
    with ingesting(project):
        apply(project, MORE)
        made = run(project, "upload", "stays@2", "--as-of", "2025-03-06")
        assert made.code == 0, made.err
        # Of the batch ids 100, 101 and 1; of the stream 3, which came before the set was kept.
        assert answers(project, "stays") == {"nights": 9, "bookings": 4}
        with (project / "in" / "a.jsonl").open("a") as file:
            file.write(line(4, 10, 8) + line(1, 2, 5))
        until(project, "stays", {"nights": 19, "bookings": 5})
        back = run(project, "upload", "stays@2", "--back")
        assert back.err.endswith("stays@2 is generation 1 again, of streams alone\n"), back.err
        assert answers(project, "stays") == {"nights": 10, "bookings": 1}


def test_a_source_that_is_declared_anew_is_read_beside_the_old_one(project: Path) -> None:
    with ingesting(project):
        apply(project, ANEW)
        defined = run(project, "store", "define", "online", "--beside")
        assert "stays@2; it keeps stays@2 for it" in defined.err
        (project / "new" / "a.jsonl").write_text(line(1, 2.5, 5) + line(3, 5, 7))
        until(project, "stays@2", {"nights": 7.5})
        assert answers(project, "stays") == {"nights": 7}
        with (project / "in" / "a.jsonl").open("a") as file:
            file.write(line(4, 10, 8))
        until(project, "stays", {"nights": 17})
        switched = run(project, "store", "define", "online", "stays@2")
        assert switched.code == 0, switched.err
        assert answers(project, "stays") == {"nights": 7.5}
        assert answers(project, "stays@1") == {"nights": 17}
    with Store.open(project / "online") as store:
        assert store.offset("bookings@2", "nothing") == 0


def test_a_window_longer_than_what_is_kept_says_from_when_on_rows_are_kept(project: Path) -> None:
    with Store.open(project / "online") as store:
        store.sweep("stays@1", MARCH_31)
    apply(project, LONGER.replace("'90d'", "'9000d'"))
    defined = run(project, "store", "define", "online")
    assert "it keeps stays@2 for it" in defined.err
    assert (
        "stays@2 counts further back than 2025-03-31T00:00:00Z, from which on rows of stays@1 are "
        "kept: upload it, or wait"
    ) in " ".join(defined.err.split())


def test_the_point_at_which_streams_take_over_from_batch_is_recorded(project: Path) -> None:
    held = pa.Table.from_pylist([json.loads(line(1, 2, 5))])
    ts = held["ts"].cast(pa.timestamp("us"))
    pq.write_table(held.set_column(3, "ts", ts), project / "batch" / "a.parquet")
    assert run(project, "upload", "stays", "--as-of", "2025-03-06").code == 0
    (stats,) = run(project, "store", "stats", "online", "--json").json["sets"]
    assert stats["generation"] == 2
    assert stats["upload"]["as_of"] == MARCH_31 - 25 * 86_400_000_000
    assert (
        0
        < stats["upload"]["since"]
        < run(project, "store", "stats", "online", "--json").json["commit"]
    )
