"""Whatever happens between backfills, the days are those of a fresh one, and little is computed."""

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
from bighead.planner.backfill.backfill import Job, Summary, backfill, planned
from tests.planner.backfill.shop import days, ignore, job_of

START = datetime(2025, 1, 1, tzinfo=UTC)
FEATURES = {
    "total": "SUM(x) OVER (LAST '3d')",
    "n": "COUNT(*) OVER (LAST '36h')",
    "ratio": "SUM(x) OVER (LAST '1d') / COUNT(y) OVER (LAST '1d')",
    "newest": "LAST(y)",
    "top": "MAX(y) FILTER (WHERE x > 2.0) OVER (LAST '2d')",
}


@dataclass
class World:
    """A project on the disk that changes, and the folder of its backfills."""

    folder: Path
    choose: random.Random
    features: dict[str, str] = field(default_factory=lambda: dict(list(FEATURES.items())[:3]))
    where: str = "x >= 0.0"
    kind: str = "LEFT"
    end: date | None = date(2025, 1, 6)
    files: int = 0
    sorted_from: int = 0
    """Every source is kept sorted."""

    def add_events(self, first: float, last: float, rows: int = 30, more: bool = False) -> None:
        """A file of events between two days."""
        times = sorted(self.choose.uniform(first, last) for _ in range(rows))
        columns: dict[str, Any] = {
            "k": pa.array([self.choose.choice([1, 2, 3, None]) for _ in times], pa.int64()),
            "x": [float(self.choose.randrange(9)) for _ in times],
            "y": [self.choose.choice([1.5, -2.0, None]) for _ in times],
            "ts": moments(times),
        }
        if more:
            columns["z"] = pa.array([1] * rows)
        self._write("e", pa.table(columns))

    def add_spine(self, first: float, last: float, rows: int = 40) -> None:
        """A file of the spine between two days."""
        times = [self.choose.uniform(first, last) for _ in range(rows)]
        keys = [self.choose.choice([1, 2, 4]) for _ in times]
        self._write("q", pa.table({"id": range(rows), "k": keys, "ts": moments(times)}))

    def _write(self, source: str, rows: pa.Table) -> None:
        folder = self.folder / source
        folder.mkdir(exist_ok=True)
        self.files += 1
        path = folder / f"{self.files:03}.parquet"
        pq.write_table(rows, path)
        os.utime(path, ns=(self.files, self.files))

    def session(self) -> Session:
        """The definitions and the data as they are."""
        made = Session(folder=self.folder)
        made.sql(
            "CREATE EVENT SOURCE e (k BIGINT, x DOUBLE, y DOUBLE, ts TIMESTAMP) EVENT TIME ts "
            "WITH (batch = 'e/*.parquet');"
            "CREATE EVENT SOURCE q (id BIGINT, k BIGINT, ts TIMESTAMP) EVENT TIME ts "
            "WITH (batch = 'q/*.parquet')"
        )
        items = ", ".join(f"{sql} AS {name}" for name, sql in self.features.items())
        made.sql(f"CREATE FEATURE SET f AS SELECT k, {items} FROM e WHERE {self.where} GROUP BY k")
        made.sql(
            f"CREATE TRAINING SET t ID (id) AS SELECT q.id, q.ts, f.* FROM q ASOF {self.kind} JOIN "
            "f MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k"
        )
        return made

    def job(self, made: Session, output: Path) -> Job:
        rows = self.choose.choice([25, 10_000])
        return job_of(made, output, self.end, rows_per_run=rows, sorted_from=self.sorted_from)

    def fill(self, output: str = "out") -> Summary:
        made = self.session()
        job = self.job(made, self.folder / output)
        foreseen = planned(job, made.compute_with)
        summary = backfill(job, made.compute_with, ignore)
        assert summary.values_computed <= foreseen.values
        if not any(d.spine for d in foreseen.days):
            assert summary.values_computed == foreseen.values
        return summary


def moments(times: list[float]) -> pa.Array[Any]:
    return pa.array([START.replace(tzinfo=None) + timedelta(days=t) for t in times],
                    pa.timestamp("us"))  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, random.Random(7))
    for day in (0, 2, 4):
        made.add_events(day, day + 1.9)
        made.add_spine(day, day + 2)
    made.fill()
    return made


def check(world: World, fresh: str = "fresh") -> None:
    """The days are those of a fresh backfill, to the byte, and hold the rows of a query."""
    world.fill(fresh)
    assert days(world.folder / "out") == days(world.folder / fresh)
    rows = world.session().sql("SELECT * FROM t").to_arrow()
    end = START.replace(tzinfo=None) + timedelta(
        days=(world.end - date(2025, 1, 1)).days if world.end else 10_000
    )
    wanted = sorted(map(str, (r for r in rows.to_pylist() if r["ts"] < end)))
    parts = sorted((world.folder / "out").glob("ds=*/*.parquet"))
    found = [r for p in parts for r in pq.ParquetFile(p).read().to_pylist()]
    assert sorted(map(str, found)) == wanted


def test_a_new_feature_computes_its_column_alone(world: World) -> None:
    world.features["top"] = FEATURES["top"]
    summary = world.fill()
    assert summary.columns_computed == ("top",)
    assert summary.values_computed == summary.rows
    check(world)


def test_a_dropped_feature_and_its_return_compute_nothing(world: World) -> None:
    gone = world.features.pop("total")
    assert world.fill().values_computed == 0
    check(world)
    world.features = {"total": gone, **world.features}
    assert world.fill().values_computed == 0
    check(world, "again")


def test_a_changed_filter_computes_what_depends_on_it(world: World) -> None:
    world.features["top"] = FEATURES["top"]
    world.fill()
    world.features["top"] = FEATURES["top"].replace("2.0", "3.0")
    assert world.fill().columns_computed == ("top",)
    world.where = "x >= 1.0"
    assert world.fill().columns_computed == ("total", "n", "ratio", "top")
    check(world)


def test_more_history_computes_the_new_days(world: World) -> None:
    before = world.fill().days
    world.add_spine(6, 9)
    world.end = date(2025, 1, 10)
    summary = world.fill()
    assert (summary.days, summary.computed) == (before + 4, 4)
    check(world)


def test_a_late_file_reaches_the_days_that_can_see_it(world: World) -> None:
    world.add_events(1.2, 1.4)  # on the second day: seen for 1, 1.5 and 3 days from then on
    made = world.session()
    plan = planned(world.job(made, world.folder / "out"), made.compute_with)
    by_day = {d.day.day: d.columns for d in plan.days if not d.idle}
    assert by_day == {
        2: ("total", "n", "ratio"),
        3: ("total", "n", "ratio"),
        4: ("total",),
        5: ("total",),
    }
    world.fill()
    check(world)


def test_all_history_is_reached_from_a_late_file_on(world: World) -> None:
    world.features["newest"] = FEATURES["newest"]
    world.fill()
    world.add_events(3.2, 3.4)
    made = world.session()
    plan = planned(world.job(made, world.folder / "out"), made.compute_with)
    assert [d.day.day for d in plan.days if "newest" in d.columns] == [4, 5]
    world.fill()
    check(world)


def test_a_column_that_came_to_the_data_changes_nothing_but_its_files(world: World) -> None:
    world.add_events(5.5, 5.6, more=True)
    assert world.fill().values_computed == 0  # the range ends the day before
    check(world)


def test_late_rows_of_the_spine_leave_other_days_alone(world: World) -> None:
    world.add_spine(2.1, 2.3, rows=5)
    summary = world.fill()
    assert summary.computed == 1
    check(world)


def carry_on(world: World, steps: int) -> None:
    """Changes at random, with a backfill after each."""
    for _ in range(steps):
        step = world.choose.randrange(6)
        if step == 0:
            name = world.choose.choice(list(FEATURES))
            world.features.pop(name) if name in world.features and len(world.features) > 1 else (
                world.features.update({name: FEATURES[name]})
            )
        elif step == 1:
            world.where = f"x >= {world.choose.randrange(4)}.0"
        elif step == 2:
            at = world.choose.uniform(0, 6)
            world.add_events(at, at + world.choose.random(), rows=5)
        elif step == 3:
            at = world.choose.uniform(0, 5)
            world.add_spine(at, at + 0.5, rows=4)
        elif step == 4:
            world.kind = world.choose.choice(["LEFT", "INNER"])
        else:
            world.end = date(2025, 1, world.choose.randrange(5, 8))
        world.fill()
    world.end = date(2025, 1, 8)
    world.fill()


@pytest.mark.parametrize("seed", range(2))
def test_any_changes_end_with_the_bytes_of_a_fresh_backfill(world: World, seed: int) -> None:
    world.choose = random.Random(seed)
    carry_on(world, 5)
    check(world)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 130))
def test_many_changes_end_with_the_bytes_of_a_fresh_backfill(world: World, seed: int) -> None:
    world.choose = random.Random(seed)
    carry_on(world, 12)
    check(world)
