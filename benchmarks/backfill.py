"""`python -m benchmarks.backfill`: what one more feature costs, against all fifty of a set.

A project with daily files is made and backfilled by the command line, in a process of its own, with
fifty features; then one is added, applied, and backfilled, several times over. Both are measured
whole: the start of the process, its imports, reading, computing, writing and syncing. It prints
wall time and CPU time of both, and their ratio. Two kinds of features are taken: `plain`, ten
aggregates over five windows each, which the kernel computes together, and `mixed`, with filters,
buckets, quantiles and distinct counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAY = 86_400_000_000
START = 1_735_689_600_000_000
"""2025-01-01: the first day of labels."""
BEFORE = 60
"""Days of events before it."""
WINDOWS = "'1d', '3d', '7d', '14d', '30d'"

SOURCES = """
CREATE EVENT SOURCE events (listing BIGINT, nights BIGINT, price DOUBLE, room VARCHAR, ts TIMESTAMP)
  EVENT TIME ts WITH (batch = 'events/*.parquet');
CREATE EVENT SOURCE requests (id BIGINT, listing BIGINT, ts TIMESTAMP)
  EVENT TIME ts WITH (batch = 'requests/*.parquet');
"""

SET = """
CREATE FEATURE SET activity AS SELECT listing, {features}
FROM events GROUP BY listing WINDOW w AS (LAST {windows});
CREATE TRAINING SET risk ID (id) AS SELECT q.id, q.ts, a.* FROM requests AS q
ASOF LEFT JOIN activity AS a MATCH_CONDITION (q.ts > a.event_time) ON a.listing = q.listing;
"""

PLAIN = (
    "COUNT(*)", "SUM(nights)", "AVG(nights)", "MIN(nights)", "MAX(nights)",
    "SUM(price)", "AVG(price)", "MIN(price)", "MAX(price)", "STDDEV(price)",
)  # fmt: skip
MIXED = (
    "COUNT(*) FILTER (WHERE nights > 3)", "SUM(nights) FILTER (WHERE price > 100)", "MEDIAN(price)",
    "QUANTILE(price, 0.9)", "COUNT(DISTINCT nights)", "SUM(nights) BY room", "AVG(price)",
    "LAST(price)", "TOP_K(price, 3)", "APPROX_COUNT_DISTINCT(room)",
)  # fmt: skip
KINDS = {"plain": PLAIN, "mixed": MIXED}

COMMAND = "from bighead.platform.cli.main import main; main()"

ADDED = (
    "SUM(price) OVER (LAST '10d')",
    "AVG(nights) OVER (LAST '21d')",
    "MAX(price) FILTER (WHERE nights > 2) OVER (LAST '5d')",
)
"""The features that are added, one after the other."""


@dataclass(frozen=True, slots=True)
class Case:
    """A project of some size."""

    kind: str
    events: int
    labels: int
    days: int

    def __str__(self) -> str:
        return f"{self.kind}, {self.events:,} events, {self.labels:,} labels, {self.days} days"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took."""

    wall: float
    cpu: float


def make(case: Case, folder: Path) -> None:
    """A project with data and no definitions yet."""
    rng = np.random.default_rng(1)
    (folder / "features").mkdir(parents=True)
    (folder / "bighead.toml").write_text('name = "bench"\n')
    keys = max(case.events // 100, 10)
    days = np.array_split(np.arange(case.events), case.days + BEFORE)
    for number, rows in enumerate(days):
        count = len(rows)
        first = START + (number - BEFORE) * DAY
        _put(folder / "events" / f"{number:04}.parquet", {
            "listing": pa.array(rng.integers(0, keys, count)),
            "nights": pa.array(rng.integers(1, 15, count)),
            "price": pa.array(np.round(rng.lognormal(4.0, 1.0, count), 2)),
            "room": pa.array(rng.choice(["private", "shared", "whole"], count)),
            "ts": pa.array(first + np.sort(rng.integers(0, DAY, count)), pa.timestamp("us")),
        })  # fmt: skip
    for number, rows in enumerate(np.array_split(np.arange(case.labels), case.days)):
        count = len(rows)
        times = START + number * DAY + np.sort(rng.integers(0, DAY, count))
        _put(folder / "requests" / f"{number:04}.parquet", {
            "id": pa.array(rows),
            "listing": pa.array(rng.integers(0, keys, count)),
            "ts": pa.array(times, pa.timestamp("us")),
        })  # fmt: skip


def _put(path: Path, columns: dict[str, pa.Array[Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path)


def define(case: Case, folder: Path, added: int) -> None:
    """Writes and applies the definitions, with so many features added."""
    features = [f"{sql} OVER w AS f{i}" for i, sql in enumerate(KINDS[case.kind])]
    features += [f"{sql} AS added_{i}" for i, sql in enumerate(ADDED[:added])]
    sql = SOURCES + SET.format(features=",\n  ".join(features), windows=WINDOWS)
    (folder / "features" / "all.sql").write_text(sql)
    run(folder, "apply", "--yes")


def run(folder: Path, *arguments: str) -> Cost:
    """Runs a command of this package on the project; what it took, its children included."""
    os.sync()  # what was written before is nobody's to wait for
    said = str(folder / "said.txt")
    mode = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    began = time.perf_counter()
    process = os.posix_spawn(
        sys.executable,
        [sys.executable, "-c", COMMAND, "--project", str(folder), *arguments],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, n, said, mode, 0o644) for n in (1, 2)],
    )
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - began
    if status:
        raise SystemExit(Path(said).read_text())
    return Cost(wall, used.ru_utime + used.ru_stime)


def measure(case: Case, folder: Path, repeat: int) -> tuple[Cost, list[Cost]]:
    """All fifty at once, the best of some; then one more each time."""
    make(case, folder)
    for file in sorted(folder.rglob("*.parquet")):
        file.read_bytes()  # into the file cache
    define(case, folder, 0)
    arguments = ("backfill", "risk", "--output", str(folder / "out"))
    whole = [run(folder, *arguments, *(["--restart"] if i else [])) for i in range(repeat)]
    more = []
    for added in range(1, len(ADDED) + 1):
        define(case, folder, added)
        more.append(run(folder, *arguments))
    return min(whole, key=lambda c: c.cpu), more


def lines(case: Case, whole: Cost, more: list[Cost]) -> Iterator[str]:
    """The table of a case."""
    yield f"{case}\n"
    yield f"{'':24}{'wall s':>10}{'CPU s':>10}{'wall ratio':>12}{'CPU ratio':>12}\n"
    yield f"  {'fifty features':22}{whole.wall:10.2f}{whole.cpu:10.2f}\n"
    for sql, cost in zip(ADDED, more, strict=True):
        yield (
            f"  {'one more':22}{cost.wall:10.2f}{cost.cpu:10.2f}{cost.wall / whole.wall:12.3f}"
            f"{cost.cpu / whole.cpu:12.3f}  {sql}\n"
        )
    wall, cpu = (statistics.median(getattr(c, n) for c in more) for n in ("wall", "cpu"))
    yield f"  {'median':22}{wall:10.2f}{cpu:10.2f}"
    yield f"{wall / whole.wall:12.3f}{cpu / whole.cpu:12.3f}\n"


def main() -> None:
    """Measure the cases that are asked for and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--labels", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=2, help="of all fifty; the best counts")
    parser.add_argument("--keep", type=Path, help="a folder to work in, which stays")
    args = parser.parse_args()
    for kind in args.kinds:
        case = Case(kind, args.events, args.labels, args.days)
        with tempfile.TemporaryDirectory() as temporary:
            folder = (args.keep or Path(temporary)) / kind
            for line in lines(case, *measure(case, folder, args.repeat)):
                sys.stdout.write(line)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
