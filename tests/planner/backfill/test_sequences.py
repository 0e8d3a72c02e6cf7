"""Any sequence of changes, kills and prunes, over all that a training set may be made of.

After each step the days are those of a fresh backfill, to the byte; what was computed is what the
plan said; and steps that change no value compute none.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner import Session
from bighead.planner.backfill.backfill import Job, Summary, backfill, planned, prune
from bighead.planner.backfill.manifest import read_manifest
from tests.planner.backfill.shop import days, ignore, job_of
from tests.planner.backfill.test_kills import run_killed

START = datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None)
FEATURES = {
    "total": "SUM(x) OVER (LAST '3d')",
    "n": "COUNT(*) OVER (LAST '36h')",
    "spread": "STDDEV_SAMP(x) OVER (LAST '2d')",
    "newest": "LAST(y)",
    "top": "MAX(x) FILTER (WHERE y > {least}) OVER (LAST '2d')",
    "kinds": "SUM(y) BY k OVER (LAST '1d')",
}
SOURCES = """
CREATE EVENT SOURCE e (k BIGINT, x {x}, y INTEGER, ts TIMESTAMP, seen TIMESTAMP) EVENT TIME ts
KNOWN AT seen WITH (batch = 'e/*.parquet', on_schema_change = 'apply');
CREATE EVENT SOURCE q (id BIGINT, k BIGINT, ts TIMESTAMP) EVENT TIME ts
WITH (batch = 'q/*.parquet');
CREATE EVENT SOURCE r (k BIGINT, ts TIMESTAMP) EVENT TIME ts
WITH (batch = 'r/*.parquet', complete = '6h');
CREATE ENTITY SOURCE l (host BIGINT, k BIGINT, beds BIGINT, at TIMESTAMP) PRIMARY KEY (host)
CHANGED AT at WITH (batch = 'l/*.parquet');
"""
SETS = """
CREATE FEATURE SET f AS SELECT k, {features} FROM e WHERE x >= {floor} GROUP BY k;
CREATE FEATURE SET g AS SELECT k, SUM(beds) AS beds, COUNT(*) AS hosts FROM l GROUP BY k;
CREATE FEATURE SET c AS SELECT k, MAX(n) OVER (LAST '2d') AS busiest FROM f GROUP BY k;
CREATE FEATURE SET y AS SELECT k, COUNT(*) OVER (NEXT '1d') AS back FROM r GROUP BY k;
CREATE TRAINING SET t ID (id) {options} AS
SELECT q.id, q.ts, f.*, g.beds, g.hosts, l.beds AS own, {chained} y.back
FROM q
ASOF {kind} JOIN f MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k
ASOF LEFT JOIN g MATCH_CONDITION (q.ts > g.event_time) ON g.k = q.k
ASOF LEFT JOIN l MATCH_CONDITION (q.ts > l.at) ON l.k = q.k
{chain}
LABEL LEFT JOIN y MATCH_CONDITION (y.event_time >= q.ts) ON y.k = q.k
"""


@dataclass
class World:
    """A lake and its definitions, which change, and the folder of their backfill."""

    folder: Path
    choose: random.Random
    features: list[str] = field(default_factory=lambda: ["total", "n", "spread"])
    floor: float = 0.0
    least: int = 2
    kind: str = "LEFT"
    labels: str = "keep"
    chained: bool = False
    end: date = date(2025, 1, 5)
    wide: bool = False
    more: bool = False
    files: int = 0

    def write(self, source: str, first: float, last: float, rows: int, name: str = "") -> None:
        """A file of rows between two days, of the columns that its source has by now."""
        times = [self.choose.uniform(first, last) for _ in range(rows)]
        keys = pa.array([self.choose.choice([1, 2, 3, None]) for _ in times], pa.int64())
        moments = pa.array([START + timedelta(days=t) for t in times], pa.timestamp("us"))
        columns: dict[str, Any] = {"k": keys, "ts": moments}
        if source == "e":
            late = [START + timedelta(days=t + self.choose.choice([0, 0, 0.4])) for t in times]
            numbers = [self.choose.randrange(8) + 0.5 for _ in times]
            columns["x"] = pa.array(numbers, pa.float64() if self.wide else pa.float32())
            columns["y"] = pa.array([self.choose.choice([1, 4, None]) for _ in times], pa.int32())
            columns["seen"] = pa.array(late, pa.timestamp("us"))
            if self.more:
                columns["z"] = pa.array([1] * rows)
        elif source == "q":
            columns["id"] = pa.array([self.choose.randrange(1000) for _ in times], pa.int64())
        elif source == "l":
            columns = {"host": pa.array([self.choose.randrange(6) for _ in times], pa.int64()),
                       "k": keys, "beds": pa.array([self.choose.randrange(5) for _ in times]),
                       "at": moments}  # fmt: skip
        self.files += 1
        path = self.folder / source / (name or f"{self.files:04}.parquet")
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), path)
        os.utime(path, ns=(self.files, self.files))

    def session(self) -> Session:
        """The definitions, as the data has let them become."""
        made = Session(folder=self.folder)
        items = ", ".join(f"{FEATURES[n]} AS {n}".format(least=self.least) for n in self.features)
        join = "ASOF LEFT JOIN c MATCH_CONDITION (q.ts > c.event_time) ON c.k = q.k"
        made.sql(SOURCES.format(x="FLOAT"))
        made.sql(
            SETS.format(
                features=items,
                floor=self.floor,
                kind=self.kind,
                options=f"WITH (open_labels = '{self.labels}')",
                chained="c.busiest," if self.chained else "",
                chain=join if self.chained else "",
            )
        )
        made.evolve()
        return made

    def job(self, made: Session, output: Path) -> Job:
        rows, kept = self.choose.choice([30, 10_000]), self.choose.choice([0, 10_000])
        return job_of(made, output, self.end, rows_per_run=rows, sorted_from=kept)

    def fill(self, output: str = "out") -> Summary:
        made = self.session()
        return backfill(self.job(made, self.folder / output), made.compute_with, ignore)

    def check(self, silent: bool) -> None:
        """The folder after a backfill of what there is now; `silent`: nothing is to be computed."""
        made = self.session()
        out = self.folder / "out"
        job = self.job(made, out)
        foreseen = planned(job, made.compute_with)
        summary = backfill(job, made.compute_with, ignore)
        assert summary.values_computed <= foreseen.values
        if not any(d.spine for d in foreseen.days):
            assert summary.values_computed == foreseen.values
        if silent:
            assert summary.values_computed == 0
        again = self.fill()
        assert (again.runs, again.swept, again.values_computed) == (0, 0, 0)
        self.fill("fresh")
        ours, theirs = days(out), days(self.folder / "fresh")
        wanted = {n for n in ours if n < f"ds={self.end}"}
        assert {n: ours[n] for n in wanted} == theirs
        remove(self.folder / "fresh")


def remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, random.Random(5))
    for source in "eqrl":
        for day in (0, 2):
            made.write(source, day, day + 2.5, 25)
    return made


def step(world: World) -> bool:
    """One change, chosen at random; whether no value depends on it."""
    choose = world.choose
    match choose.randrange(11):
        case 0:
            missing = [n for n in FEATURES if n not in world.features]
            world.features += missing[: choose.randrange(1, 3)]
        case 1:
            gone = [n for n in world.features if n != "n"]
            if len(gone) > 1:
                world.features.remove(choose.choice(gone))
                return True
        case 2:
            world.floor, world.least = choose.randrange(3) + 0.0, choose.randrange(1, 4)
        case 3:
            world.end += timedelta(days=choose.choice([-1, 1]))
        case 4:
            at = choose.uniform(-1, 5)
            world.write(choose.choice("eqrl"), at, at + choose.random(), rows=5)
        case 5:
            source = choose.choice("eqr")
            old = choose.choice(sorted((world.folder / source).iterdir())).name
            world.write(source, 0.5, 3.5, rows=20, name=old)
        case 6:
            world.wide = True
            world.write("e", 2, 2.5, rows=3)
        case 7:
            world.more = not world.more
            world.write("e", 30, 31, rows=3)  # beyond all days
            return world.more and not world.chained
        case 8:
            world.kind = choose.choice(["LEFT", "INNER"])
            world.labels = choose.choice(["keep", "drop", "mark"])
        case 9:
            world.chained = not world.chained
        case _:
            if read_manifest(world.folder / "out") is not None:
                prune(world.folder / "out")
    return False


def carry_on(world: World, steps: int) -> None:
    world.fill()
    world.check(silent=True)
    for _ in range(steps):
        silent = step(world)
        if world.choose.random() < 0.4:
            silent = False  # what a killed run did is there
            run_killed(lambda _: world.fill(), world.folder, world.choose.randrange(1, 300))
        world.check(silent)


@pytest.mark.parametrize("seed", range(2))
def test_any_sequence_ends_with_the_bytes_of_a_fresh_backfill(world: World, seed: int) -> None:
    world.choose = random.Random(seed)
    carry_on(world, 5)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 140))
def test_long_sequences_end_with_the_bytes_of_a_fresh_backfill(world: World, seed: int) -> None:
    world.choose = random.Random(seed)
    carry_on(world, 15)
