"""Sources that are kept sorted: made once, added to, replaced, removed; and the same values."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bighead.planner.backfill.backfill import planned, prune
from bighead.planner.backfill.folder import PROJECTIONS
from bighead.planner.backfill.manifest import Projection, read_manifest
from bighead.planner.backfill.projection import ROWS, _file
from tests.planner.backfill.test_reuse import FEATURES, World, check


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path, random.Random(3), end=None)
    for day in (0, 2, 4):
        made.add_events(day, day + 1.9)
        made.add_spine(day, day + 2)
    made.choose = Whole(3)
    return made


class Whole(random.Random):
    """Chooses runs of all days."""

    def choice(self, seq):  # type: ignore[no-untyped-def]
        return seq[-1] if list(seq) == [25, 10_000] else super().choice(seq)


def kept(world: World) -> Projection:
    manifest = read_manifest(world.folder / "out")
    assert manifest is not None
    (projection,) = manifest.projections.values()
    return projection


def files(world: World) -> dict[str, int]:
    folder = world.folder / "out" / PROJECTIONS
    return {f.stem: f.stat().st_mtime_ns for f in folder.glob("*/*.arrow")}


def test_a_new_feature_adds_the_columns_that_it_reads(world: World) -> None:
    world.features = {"total": "SUM(x) OVER (LAST '3d')"}
    world.fill()
    before = files(world)
    assert set(before) == {_file(n) for n in (ROWS, "k", "x", "ts")}
    world.features["top"] = FEATURES["top"]
    world.fill()
    assert set(files(world)) - set(before) == {_file("y")}
    assert before.items() <= files(world).items()
    check(world)


def test_the_plan_counts_what_will_be_kept(world: World) -> None:
    def planned_bytes() -> dict[str, int]:
        made = world.session()
        return dict(planned(world.job(made, world.folder / "out"), made.compute_with).projections)

    rows = 90
    assert planned_bytes() == {"e": rows * 8 * 5}  # row numbers, k, x, y, ts
    world.fill()
    assert planned_bytes() == {}
    world.add_events(5.0, 5.5, rows=10)
    assert planned_bytes() == {"e": (rows + 10) * 8 * 5}


def test_other_files_make_another_one_that_takes_the_place(world: World) -> None:
    world.fill()
    before = kept(world)
    world.add_events(5.0, 5.5)
    world.fill()
    assert kept(world).marks != before.marks
    assert len(list((world.folder / "out" / PROJECTIONS).iterdir())) == 1
    check(world)


def test_one_that_is_out_of_date_is_pruned(world: World) -> None:
    world.fill()
    world.end = date(2025, 1, 2)
    world.add_events(5.0, 5.5)  # no day of the range sees it, so nothing is computed
    assert world.fill().unused_bytes >= kept(world).bytes
    prune(world.folder / "out")
    assert not (world.folder / "out" / PROJECTIONS).exists()


def test_a_damaged_column_is_made_again(world: World) -> None:
    world.fill()
    (first, *_), (gone, *_) = (
        sorted((world.folder / "out" / PROJECTIONS).glob(f"*/{_file(n)}.arrow"))
        for n in ("x", ROWS)
    )
    content = first.read_bytes()
    first.write_bytes(content[:200] + bytes(8) + content[208:])
    gone.unlink()
    world.features["top"] = FEATURES["top"].replace("2.0", "1.0")
    world.fill()
    assert first.read_bytes() == content
    check(world)


def test_what_a_kill_left_is_swept(world: World) -> None:
    world.fill()
    stray = world.folder / "out" / PROJECTIONS / "0123" / "4567.arrow"
    stray.parent.mkdir()
    stray.write_bytes(b"half")
    assert world.fill().swept == 1
    assert not stray.parent.exists()


def test_a_source_that_two_joins_read_in_two_orders_is_read_from_its_files(world: World) -> None:
    made = world.session()
    made.sql("CREATE FEATURE SET g AS SELECT COUNT(*) OVER (LAST '1d') AS every FROM e")
    made.sql(
        "CREATE OR REPLACE TRAINING SET t ID (id) AS SELECT q.id, q.ts, f.*, g.* FROM q "
        "ASOF LEFT JOIN f MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k "
        "ASOF LEFT JOIN g MATCH_CONDITION (q.ts > g.event_time)"
    )
    job = world.job(made, world.folder / "out")
    assert planned(job, made.compute_with).projections == {}


def test_little_memory_keeps_nothing(world: World) -> None:
    made = world.session()
    job = replace(world.job(made, world.folder / "out"), memory=1000)
    assert planned(job, made.compute_with).projections == {}
