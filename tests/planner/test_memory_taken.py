"""What a query takes of memory, measured in a process of its own, against what it may take."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner import Session

EVENTS, LABELS, KEYS = 1_000_000, 100_000, 5_000

QUERY = """
import json, re, sys
from pathlib import Path
from bighead.planner import Session

folder, memory, features, rows = sys.argv[1:]


def resident(what):
    status = Path("/proc/self/status").read_text()
    return int(re.search(what + r":\\s+([0-9]+) kB", status)[1]) << 10


def asked(session, events):
    session.register("events", folder + "/" + events, event_time="ts")
    session.register("labels", folder + "/labels.parquet", event_time="t")
    return session.sql(
        "CREATE OR REPLACE FEATURE SET f AS SELECT k, " + features + " FROM events GROUP BY k "
        "WINDOW w AS (LAST '1h', '1d');"
        "SELECT l.id, a.* FROM labels AS l "
        "ASOF LEFT JOIN f AS a MATCH_CONDITION (l.t > a.event_time) ON a.k = l.k"
    )


asked(Session(), "few.parquet").write_parquet(rows)  # loads what a query loads
session = Session(memory=memory, spill_folder=folder + "/spill")
query = asked(session, "events.parquet")
foreseen = "goes to disk" in query.explain("physical")
Path("/proc/self/clear_refs").write_text("5")  # the highest is counted from here
before = resident("VmRSS")
query.write_parquet(rows)
print(json.dumps({"taken": resident("VmHWM") - before, "disk": foreseen}))
"""

FEATURES = {
    "one": "SUM(a) OVER w AS x",
    "many columns": ", ".join(f"SUM({c}) OVER w AS {c}, MAX({c}) OVER w AS m{c}" for c in "abcdef"),
    "computed": "SUM(a * b) OVER w AS x, AVG(c + d) FILTER (WHERE e > 0) OVER w AS y",
    "the last": "LAST(a) OVER w AS x, MIN_BY(b, c) OVER w AS y",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("taken")
    rng = np.random.default_rng(5)

    def table(n: int, time: str) -> pa.Table:
        times = pa.array(rng.integers(0, 10**12, n), pa.timestamp("us"))
        return pa.table({"k": pa.array(rng.integers(0, KEYS, n)), time: times})

    def events(n: int) -> pa.Table:
        rows = table(n, "ts")
        for name in "abcdef":
            rows = rows.append_column(name, pa.array(rng.normal(0.0, 1.0, n)))
        return rows

    pq.write_table(events(EVENTS), folder / "events.parquet")
    pq.write_table(events(1000), folder / "few.parquet")
    labels = table(LABELS, "t").append_column("id", pa.array(np.arange(LABELS)))
    pq.write_table(labels, folder / "labels.parquet")
    return folder


def taken(data: Path, memory: str, features: str) -> tuple[int, bool]:
    """Bytes that a query took at most, and whether it went to disk."""
    done = subprocess.run(
        [sys.executable, "-c", QUERY, str(data), memory, features, str(data / "rows.parquet")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return found["taken"], found["disk"]


def foreseen(data: Path, memory: str, features: str) -> bool:
    """Whether the query would go to disk."""
    session = Session(memory=memory)
    session.register("events", str(data / "events.parquet"), event_time="ts")
    session.register("labels", str(data / "labels.parquet"), event_time="t")
    found = session.sql(
        f"CREATE FEATURE SET f AS SELECT k, {FEATURES[features]} FROM events GROUP BY k "
        "WINDOW w AS (LAST '1h', '1d');"
        "SELECT l.id, a.* FROM labels AS l "
        "ASOF LEFT JOIN f AS a MATCH_CONDITION (l.t > a.event_time) ON a.k = l.k"
    )
    return "goes to disk" in found.explain("physical")


@pytest.mark.parametrize("features", FEATURES)
def test_what_is_held_takes_no_more_than_was_foreseen(data: Path, features: str) -> None:
    """Just enough, by the estimate, that nothing goes to disk."""
    low, high = 50, 1600
    while high - low > 8:
        middle = (low + high) // 2
        low, high = (
            (low, middle) if not foreseen(data, f"{middle}MiB", features) else (middle, high)
        )
    bytes_, disk = taken(data, f"{high}MiB", FEATURES[features])
    assert not disk
    assert bytes_ <= high * 2**20


def test_what_goes_to_disk_stays_within_the_limit(data: Path) -> None:
    bytes_, disk = taken(data, "160MiB", FEATURES["many columns"])
    assert disk
    assert bytes_ <= 160 * 2**20
