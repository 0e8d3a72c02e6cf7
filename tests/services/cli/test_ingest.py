"""`bighead ingest`: a project's stream into a store, and what could not be taken."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import pyarrow as pa
import pytest

from bighead.storage.store import Store
from tests.services.cli.shell import SCRIPT, run

SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id) WITH (stream = '{stream}');
CREATE FEATURE SET listing_nights WITH (online = true) AS
SELECT listing, SUM(nights) OVER (LAST '7d') AS nights FROM bookings GROUP BY listing;
"""
GOOD = b'{"id": 1, "listing": 7, "nights": 2, "ts": "2025-03-01 10:00:00"}\n'
BAD = b'{"id": 2, "listing": 7, "nights": "two", "ts": "2025-03-01 11:00:00"}\n'
MORE = b'{"id": 3, "listing": 7, "nights": 5, "ts": "2025-03-01 12:00:00"}\n'
MARCH_3 = 1_740_960_000_000_000


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return made(tmp_path, "in/*.jsonl")


def made(folder: Path, stream: str) -> Path:
    """A project whose set is kept in `online`, with a file of its stream."""
    (folder / "features").mkdir()
    (folder / "in").mkdir()
    (folder / "bighead.toml").write_text('name = "homes"\n')
    (folder / "features" / "all.sql").write_text(SQL.format(stream=stream))
    (folder / "in" / "a.jsonl").write_bytes(GOOD + BAD + MORE)
    assert run(folder, "apply", "--yes").code == 0
    assert run(folder, "store", "define", "online").code == 0
    return folder


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def nights(project: Path) -> int | None:
    with Store.open(project / "online", create=False, read_only=True) as store:
        (name,) = store.sets
        fetched = store.fetch(name, [pa.array([7])], pa.array([MARCH_3]))
        found: int | None = fetched.table["nights"][0].as_py()
        return found


def test_a_stream_is_taken_once(project: Path) -> None:
    first = run(project, "ingest", "run", "online", "--once")
    assert first.code == 0, first.err
    assert first.out == ""
    assert "3 messages, 2 rows taken, 2 late, 1 dead letters" in first.err
    assert nights(project) == 7
    again = run(project, "ingest", "run", "online", "--once", "--no-sync")
    assert "0 messages, 0 rows taken" in again.err
    (at,) = run(project, "ingest", "offsets", "online", "--json").json
    assert at["source"] == "bookings"
    assert at["partition"].endswith("in/a.jsonl")
    assert at["offset"] == len(GOOD + BAD + MORE)
    shown = run(project, "ingest", "offsets", "online").out
    assert shown.splitlines()[0].split() == ["source", "partition", "offset"]


def test_dead_letters_are_shown_replayed_and_dropped(project: Path) -> None:
    run(project, "ingest", "run", "online", "--once")
    (found,) = run(project, "ingest", "dead-letters", "list", "online", "--json").json
    assert found["source"] == "bookings"
    assert found["position"] == len(GOOD)
    assert "column 'nights' of the message holds a string" in found["reason"]
    listed = run(project, "ingest", "dead-letters", "list", "online", "--source", "bookings")
    assert found["number"] in listed.out
    assert "1 of 1 dead letters" in listed.err
    shown = run(project, "ingest", "dead-letters", "show", "online", found["number"]).out
    assert shown.startswith(f"number: {found['number']}\nsource: bookings\n")
    assert shown.endswith(f"\n{BAD.decode()}".rstrip("\n") + "\n")
    replayed = run(project, "ingest", "dead-letters", "replay", "online")
    assert replayed.code == 1
    assert replayed.err == "0 dead letters were taken; 1 stay\n"
    assert run(project, "ingest", "dead-letters", "list", "online", "--json").json[0]["tries"] == 2
    dropped = run(project, "ingest", "dead-letters", "drop", "online", found["number"])
    assert dropped.err == "1 dead letters are forgotten\n"
    gone = run(project, "ingest", "dead-letters", "show", "online", found["number"])
    assert gone.code == 1
    assert f"there is no dead letter {found['number']}" in gone.err


def test_a_partition_is_forgotten(project: Path) -> None:
    run(project, "ingest", "run", "online", "--once")
    (at,) = run(project, "ingest", "offsets", "online", "--json").json
    wrong = run(project, "ingest", "forget", "online", "bookings", "in/a.jsonl")
    assert wrong.code == 1
    assert f"no 'in/a.jsonl' of bookings was read; there are: {at['partition']}" in wrong.err
    assert run(project, "ingest", "forget", "online", "bookings", at["partition"]).code == 0
    again = run(project, "ingest", "run", "online", "--once")
    assert "3 messages, 0 rows taken, 2 copies" in again.err
    assert nights(project) == 7


def test_it_follows_until_it_is_told_to_end(project: Path) -> None:
    port = free_port()
    command = [
        str(SCRIPT),
        "ingest",
        "run",
        "online",
        "--listen",
        "127.0.0.1:0",
        "--report-every",
        "0.2",
        "--metrics",
        str(port),
    ]
    process = subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert first.startswith("producers write to 127.0.0.1:")
        while "2 rows taken" not in (line := process.stderr.readline()):
            assert line, "it ended"
        more = json.dumps({"id": 9, "listing": 7, "nights": 10, "ts": "2025-03-01T13:00:00"})
        with (project / "in" / "a.jsonl").open("a") as file:
            file.write(more + "\n")
        while "1 rows taken" not in (line := process.stderr.readline()):
            assert line, "it ended"
        assert "messages/s" in line
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            told = answer.read().decode()
        assert 'bighead_ingest_rows_total{source="bookings"} 3.0' in told
        assert 'bighead_ingest_rejected_total{source="bookings"} 1.0' in told
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        assert process.wait(deadline - time.monotonic()) == 0
        assert "4 messages, 3 rows taken" in process.stderr.read()
    finally:
        process.kill()
        process.wait()
    assert nights(project) == 17


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (
            "kafka://bookings",
            "names the topic bookings and no broker; write kafka://host:port/topic",
        ),
        ("s3://bucket/x", "is s3://bucket/x, and only kafka:// and files are read from"),
        ("in/a.csv", "files that are followed end in .jsonl"),
    ],
)
def test_a_stream_that_is_not_read_is_an_error(tmp_path: Path, stream: str, reason: str) -> None:
    shown = run(made(tmp_path, stream), "ingest", "run", "online", "--once")
    assert shown.code == 1
    assert reason in shown.err


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    for command in (["run"], ["offsets"], ["dead-letters", "list"], ["dead-letters", "replay"]):
        shown = run(tmp_path, "ingest", *command, "nowhere")
        assert shown.code == 1
        assert "there is no store in nowhere" in shown.err
