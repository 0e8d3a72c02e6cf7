"""The last week of the year once more, as it came: streamed into a store, and asked for live.

A project is made of the example's files, and `bighead up` brings it online in a process of its own,
with what had happened when the week began. Then the week is replayed, an hour at a time: the
flights that landed in it and its weather are written to the stream, and then each flight that
leaves two hours after a moment of this hour is asked for, as of that moment. What comes back is
compared with the training set, value by value.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bighead.planner import Session
from bighead.storage.fetch.client import Client
from bighead.storage.ingest.producer import Producer
from bighead.zipline.errors import BigheadError

HERE = Path(__file__).parent
SET = "flight_delays"
START = datetime(2013, 12, 25, tzinfo=UTC)
AHEAD, STEP = timedelta(hours=2), timedelta(hours=1)
COMMAND = "from bighead.platform.cli.main import main; main()"
QUICK = ["--no-sync", "--commit-every", "0.002"]
"""Each hour of the replay waits for its commits."""
KNOWN = "time_hour + (minute + dep_delay + air_time) * INTERVAL '1' MINUTE"
SCHED = "time_hour + minute * INTERVAL '1' MINUTE"

Report = Callable[[str, int, int], None]
"""Hears what is being done, how much of it is done, and of how much."""


@dataclass(slots=True)
class Replayed:
    """The week, as it went."""

    flights: int = 0
    rows: int = 0
    """Of flights and weather that were streamed."""
    features: tuple[str, ...] = ()
    different: dict[str, int] = field(default_factory=dict)
    """By feature, in how many flights it was not what training had."""
    requests: list[float] = field(default_factory=list)
    """Seconds that each took, of all flights of an hour."""
    uploaded: int = 0
    """Rows of batches."""
    upload_seconds: float = 0.0
    replay_seconds: float = 0.0

    @property
    def equal(self) -> bool:
        """Every feature of every flight."""
        return not self.different


def replay(
    folder: Path,
    data: Path,
    session: Session,
    training: pa.Table,
    report: Report,
    start: datetime = START,
) -> Replayed:
    """Bring the example online in a folder, replay what came from `start` on, and compare it.

    session, training: the example over the files in `data`, and its training set.
    """
    found = Replayed()
    with _online(project(folder, data), start, found, report) as (place, producers):
        began = time.perf_counter()
        answers = _replay(place, producers, session, start, found, report)
        found.replay_seconds = time.perf_counter() - began
    _compare(answers, training, found)
    return found


def project(folder: Path, data: Path) -> Path:
    """A folder that `bighead` commands know as a project, with the example's definitions."""
    features = folder / "features"
    features.mkdir(parents=True, exist_ok=True)
    for file in HERE.glob("*.sql"):
        shutil.copyfile(file, features / file.name)
    (folder / "bighead.toml").write_text(f'name = "flights"\ndata = {json.dumps(str(data))}\n')
    return folder


@contextmanager
def _online(
    folder: Path, start: datetime, found: Replayed, report: Report
) -> Iterator[tuple[str, str]]:
    """`bighead up` in a process; where it is asked, and where rows are written to."""
    began = time.perf_counter()
    ports = ["--listen", "127.0.0.1:0", "--producers", "127.0.0.1:0", "--rest", ""]
    words = ["up", str(folder.absolute()), "--fresh", "--json", "--as-of", start.isoformat()]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words, *QUICK, *ports],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        report("starting 'bighead up'", 0, 1)
        places: dict[str, str] = {}
        assert process.stderr is not None
        for line in process.stderr:
            told: dict[str, Any] = {"event": "", "text": line}
            if line.startswith("{"):
                told = json.loads(line)
            places |= told.get("addresses", {})
            if told["event"] == "uploading":
                report(f"uploading {told['set']}", 0, 1)
            found.uploaded += told.get("rows", 0) if told["event"] == "uploaded" else 0
            if told["event"] == "ready":
                break
            if told.get("level") == "error" or told["text"].startswith("error:"):
                raise BigheadError(f"'bighead up' could not begin: {told['text'].strip()}")
        found.upload_seconds = time.perf_counter() - began
        yield places["gRPC"], places["producers"]
    finally:
        process.terminate()
        process.communicate()


def _replay(
    place: str,
    producers: str,
    session: Session,
    start: datetime,
    found: Replayed,
    report: Report,
) -> pa.Table:
    """What is answered for each flight."""
    # A flight that never landed is told of at its scheduled departure; it counts in no window.
    flights = _from(session, "flights", start, SCHED, f"*, COALESCE({KNOWN}, {SCHED}) AS arrives")
    weather = _from(session, "weather", start, "time_hour", "*, time_hour AS arrives")
    columns = f"flight_id, carrier, tailnum, origin, dest, {SCHED} AS sched"
    asked = _from(
        session, "flights", start, SCHED, f"{columns}, {SCHED} - INTERVAL '2' HOUR AS arrives"
    )
    last = pc.max(asked["arrives"]).as_py()
    hour, done = start - AHEAD, 0
    with (
        Client(place, timeout=30.0) as client,
        Producer(producers, "flights", "replay") as landed,
        Producer(producers, "weather", "replay") as measured,
    ):
        answers: list[pa.Table] = []
        while hour <= last:
            until = hour + STEP
            for producer, rows in ((landed, flights), (measured, weather)):
                new = _between(rows, hour, until).drop_columns(["arrives"])
                producer.write(new)
                found.rows += new.num_rows
            questions = _between(asked, hour, until)
            if questions.num_rows:
                began = time.perf_counter()
                answer = client.fetch(SET, questions.drop_columns(["arrives", "flight_id"]))
                found.requests.append(time.perf_counter() - began)
                assert not answer.errors, answer.errors[0]
                answers.append(answer.to_arrow().append_column("flight_id", questions["flight_id"]))
            done += questions.num_rows
            report(f"replaying {hour:%d %B, %H:%M} UTC", done, asked.num_rows)
            hour = until
    return pa.concat_tables(answers)


def _from(session: Session, source: str, start: datetime, time: str, columns: str) -> pa.Table:
    """Rows of the week, in the order in which they come, and when that is."""
    since = f"TIMESTAMPTZ '{start:%Y-%m-%d %H:%M:%S}+00:00'"
    sql = f"SELECT {columns} FROM {source} WHERE {time} >= {since} ORDER BY arrives"
    return session.sql(sql).to_arrow()


def _between(rows: pa.Table, start: datetime, end: datetime) -> pa.Table:
    """Those that come in an hour."""
    arrives: Any = rows["arrives"]
    return rows.filter(
        pc.and_(
            pc.greater_equal(arrives, pa.scalar(start, arrives.type)),
            pc.less(arrives, pa.scalar(end, arrives.type)),
        )
    )


def _compare(answers: pa.Table, training: pa.Table, found: Replayed) -> None:
    """Count the flights whose features are not, to the bit, what training had."""
    answers = answers.sort_by("flight_id")
    ids = answers["flight_id"].combine_chunks()
    trained = training.filter(pc.is_in(training["flight_id"], ids)).sort_by("flight_id")
    assert trained["flight_id"].combine_chunks().equals(ids), "each flight is asked for once"
    found.flights = len(ids)
    found.features = tuple(n for n in answers.column_names if n != "flight_id")
    for name in found.features:
        count = found.flights - int(same(answers[name], trained[name]).sum())
        if count:
            found.different[name] = count


def same(one: Any, other: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Where two columns of numbers hold the same, to the bit; NULL is the same as NULL.

    >>> nan = float("nan")
    >>> one, other = pa.chunked_array([[1.0, None, nan]]), pa.chunked_array([[1.0, None, None]])
    >>> same(one, other).tolist(), same(one, one).tolist()
    ([True, True, False], [True, True, True])
    """
    assert one.type == other.type, f"{one.type} is compared with {other.type}"
    left, right = one.combine_chunks(), other.combine_chunks()
    null = [np.asarray(column.is_null()) for column in (left, right)]
    bits = [
        np.asarray(column.fill_null(0).to_numpy(zero_copy_only=False)).view(np.int64)
        for column in (left, right)
    ]
    equal: np.ndarray[Any, np.dtype[np.bool_]] = (null[0] & null[1]) | (
        ~null[0] & ~null[1] & (bits[0] == bits[1])
    )
    return equal
