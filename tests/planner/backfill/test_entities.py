"""Backfills over entities: what changes of them reaches the days from then on, and no others."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner import Session
from bighead.planner.backfill.backfill import Job, Summary, backfill, planned
from tests.planner.backfill.shop import days, ignore, job_of

START = datetime(2025, 1, 1)
OPTIONS = {
    "snapshots": "WITH (snapshot = 'snapshots/')",
    "log": "WITH (batch = 'log/*.parquet', op = 'op')",
    "both": "WITH (snapshot = 'snapshots/', batch = 'log/*.parquet', op = 'op')",
    "debezium": "WITH (batch = 'debezium/*.json', format = 'debezium-json')",
    "memory": "",
}


def at(days: float) -> datetime:
    """So many days after the beginning, to the hour."""
    return START + timedelta(hours=round(days * 24))


@dataclass
class World:
    """A project on the disk: requests on each day, and listings that change."""

    folder: Path
    choose: random.Random
    kind: str
    clock: str = ""
    """Of two that the rows have, the one that says when they changed."""
    files: int = 0
    memory: pa.Table | None = None
    fresh: int = 0

    def add_requests(self) -> None:
        """Three on each of eight days."""
        times = [at(d / 3) for d in range(24)]
        rows = {"id": range(24), "k": [1 + d % 3 for d in range(24)], "ts": times}
        (self.folder / "requests").mkdir()
        pq.write_table(typed(rows), self.folder / "requests" / "all.parquet")

    def add_snapshot(self, day: int, changed: float | None = None) -> None:
        """The listings at the end of a day, one of which changed then, or whenever it says."""
        rows: list[dict[str, Any]] = []
        for key in (1, 2, 3):
            if self.choose.random() < 0.8:
                when = at(self.choose.uniform(0, day)) if changed is None else at(0)
                rows.append({"k": key, "beds": self.choose.randrange(3), "at": when})
        if changed is not None:
            rows = [{"k": 1, "beds": 100 + self.files, "at": at(changed)}]
        self.files += 1
        folder = self.folder / "snapshots" / f"ds={date(2025, 1, 1) + timedelta(day)}"
        folder.mkdir(parents=True, exist_ok=True)
        columns = {name: [row[name] for row in rows] for name in ("k", "beds", "at")}
        pq.write_table(typed(columns), folder / "part.parquet")

    def drop_snapshot(self) -> None:
        """One of several is gone."""
        there = sorted((self.folder / "snapshots").iterdir())
        if len(there) > 1:
            shutil.rmtree(self.choose.choice(there))

    def add_log(self, first: float, last: float, rows: int = 3) -> None:
        """A file of changes between two days."""
        times = sorted(self.choose.uniform(first, last) for _ in range(rows))
        found = [
            {
                "k": self.choose.choice([1, 2, 3]),
                "beds": self.choose.randrange(10),
                "at": at(t),
                "op": self.choose.choice(["insert", "update", "delete"]),
            }
            for t in times
        ]
        self.files += 1
        if self.kind == "debezium":
            folder = self.folder / "debezium"
            folder.mkdir(exist_ok=True)
            lines = "\n".join(json.dumps(envelope(row)) for row in found)
            (folder / f"{self.files:03}.json").write_text(lines)
            return
        table = typed({name: [row[name] for row in found] for name in found[0]})
        if self.kind == "memory":
            self.memory = table if self.memory is None else pa.concat_tables([self.memory, table])
            return
        (self.folder / "log").mkdir(exist_ok=True)
        pq.write_table(table, self.folder / "log" / f"{self.files:03}.parquet")

    def session(self) -> Session:
        """The definitions and the data as they are."""
        made = Session(folder=self.folder)
        clock = self.clock or "at"
        op = ", op VARCHAR" if "op = " in OPTIONS[self.kind] else ""
        made.sql(
            "CREATE EVENT SOURCE requests (id BIGINT, k BIGINT, ts TIMESTAMP) EVENT TIME ts "
            "WITH (batch = 'requests/*.parquet')"
        )
        if self.memory is not None:
            made.register("listings", self.memory, primary_key=["k"], changed_at="at", op="op")
        else:
            early = ", early TIMESTAMP" if self.clock else ""
            made.sql(
                f"CREATE ENTITY SOURCE listings (k BIGINT, beds BIGINT, at TIMESTAMP{op}{early}) "
                f"PRIMARY KEY (k) CHANGED AT {clock} {OPTIONS[self.kind]}"
            )
        made.sql(
            "CREATE FEATURE SET by_beds AS SELECT beds, COUNT(*) AS n FROM listings "
            "GROUP BY beds;"
            "CREATE TRAINING SET t ID (id) AS SELECT r.id, r.ts, l.beds, b.n FROM requests AS r "
            f"ASOF LEFT JOIN listings AS l MATCH_CONDITION (r.ts > l.{clock}) ON l.k = r.k "
            "ASOF LEFT JOIN by_beds AS b MATCH_CONDITION (r.ts > b.event_time) ON b.beds = r.k"
        )
        return made

    def job(self, made: Session, output: Path) -> Job:
        return job_of(made, output, date(2025, 1, 9))

    def fill(self, output: str = "out") -> Summary:
        made = self.session()
        return backfill(self.job(made, self.folder / output), made.compute_with, ignore)

    def reached(self) -> list[int]:
        """The days, from 0 on, on which something would be computed."""
        made = self.session()
        plan = planned(self.job(made, self.folder / "out"), made.compute_with)
        return [d.day.day - 1 for d in plan.days if d.columns]

    def check(self) -> None:
        """The days are those of a fresh backfill, to the byte."""
        self.fresh += 1
        self.fill(f"fresh{self.fresh}")
        assert days(self.folder / "out") == days(self.folder / f"fresh{self.fresh}")


def typed(columns: Mapping[str, Any]) -> pa.Table:
    time = pa.timestamp("us")
    kinds: dict[str, Any] = {"ts": time, "at": time, "early": time, "op": pa.string()}
    fields = [(name, kinds.get(name, pa.int64())) for name in columns]
    return pa.table(columns, schema=pa.schema(fields))


def envelope(row: Mapping[str, Any]) -> dict[str, Any]:
    """A change as Debezium tells it."""
    when = row["at"]
    image = {"k": row["k"], "beds": row["beds"], "at": when.isoformat()}
    source = {"ts_ms": round(when.replace(tzinfo=UTC).timestamp() * 1000)}
    if row["op"] == "delete":
        return {"before": image, "after": None, "op": "d", "source": source}
    return {"before": None, "after": image, "op": "c", "source": source}


def world_of(folder: Path, kind: str, seed: int = 1) -> World:
    world = World(folder, random.Random(seed), kind)
    world.add_requests()
    if "snapshot = " in OPTIONS[kind]:
        for day in range(4):
            world.add_snapshot(day)
    if kind != "snapshots":
        for day in range(4):
            world.add_log(day, day + 0.9)
    world.fill()
    return world


def test_a_new_snapshot_reaches_the_days_from_its_first_change_on(tmp_path: Path) -> None:
    world = world_of(tmp_path, "snapshots")
    world.add_snapshot(4, changed=4.5)
    # What it lacks went at its end, and what it says to have changed did so at noon.
    assert world.reached() == [4, 5, 6, 7]
    world.fill()
    world.check()
    assert world.reached() == []


def test_a_snapshot_that_shows_nothing_new_computes_nothing(tmp_path: Path) -> None:
    world = world_of(tmp_path, "snapshots")
    shutil.copytree(tmp_path / "snapshots/ds=2025-01-04", tmp_path / "snapshots/ds=2025-01-05")
    assert world.reached() == []
    world.check()


def test_a_snapshot_that_tells_of_an_early_change_reaches_back_to_it(tmp_path: Path) -> None:
    world = world_of(tmp_path, "snapshots")
    world.add_snapshot(4, changed=1.5)
    assert world.reached()[0] == 1
    world.fill()
    world.check()


def test_snapshots_are_read_anew_where_their_entity_is_declared_anew(tmp_path: Path) -> None:
    """What they show is another thing by another clock, though no file has changed."""
    (tmp_path / "snapshots" / "ds=2025-01-02").mkdir(parents=True)
    world = World(tmp_path, random.Random(1), "snapshots")
    world.add_requests()
    row = {"k": [1], "beds": [7], "early": [at(0.5)], "at": [at(20)]}
    path = tmp_path / "snapshots" / "ds=2025-01-02" / "part.parquet"
    pq.write_table(typed(row), path)
    world.clock = "at"
    world.fill()
    world.clock = "early"
    world.fill()
    world.check()
    pq.write_table(typed(row | {"early": [at(4)]}), path)
    world.fill()
    world.check()


@pytest.mark.parametrize("kind", ["log", "debezium"])
def test_a_file_of_changes_reaches_the_days_from_its_first_change_on(
    tmp_path: Path, kind: str
) -> None:
    world = world_of(tmp_path, kind)
    world.add_log(5.2, 5.8)
    assert world.reached() == [5, 6, 7]
    world.fill()
    world.check()


def test_changes_in_memory_are_told_by_their_values(tmp_path: Path) -> None:
    world = world_of(tmp_path, "memory")
    assert world.reached() == []
    world.add_log(5.2, 5.8)
    assert world.reached()
    world.fill()
    world.check()


def carry_on(world: World, steps: int) -> None:
    """Data that comes, changes and goes, with a backfill after each."""
    for _ in range(steps):
        snapshots = "snapshot = " in OPTIONS[world.kind]
        if snapshots and world.choose.random() < 0.6:
            if world.choose.random() < 0.3:
                world.drop_snapshot()
            else:
                world.add_snapshot(world.choose.randrange(8))
        elif world.kind != "snapshots":
            first = world.choose.uniform(0, 8)
            world.add_log(first, first + 1)
        world.fill()
        world.check()


@pytest.mark.parametrize("kind", OPTIONS)
def test_whatever_comes_of_an_entity_the_days_are_those_of_a_fresh_backfill(
    tmp_path: Path, kind: str
) -> None:
    carry_on(world_of(tmp_path, kind, seed=5), 3)


@pytest.mark.soak
@pytest.mark.parametrize("kind", OPTIONS)
@pytest.mark.parametrize("seed", range(100, 110))
def test_of_many_entities_the_days_are_those_of_a_fresh_backfill(
    tmp_path: Path, kind: str, seed: int
) -> None:
    carry_on(world_of(tmp_path, kind, seed), 8)
