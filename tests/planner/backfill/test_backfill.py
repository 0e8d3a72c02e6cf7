"""What a backfilled folder holds, and what makes a backfill refuse or repair it."""

import fcntl
import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner.backfill.backfill import Progress, backfill, prune
from bighead.planner.backfill.days import Days
from bighead.planner.backfill.plan import Day, runs_of
from bighead.planner.backfill.spine import TIME, rows_of
from bighead.zipline.errors import BigheadError, UnsupportedError
from bighead.zipline.ir.nodes import Project
from bighead.zipline.windows import DAY
from tests.planner.backfill.shop import (
    ORDERS,
    at,
    days,
    engine,
    files,
    fill,
    ids,
    ignore,
    inputs,
    job,
    orders,
    with_early,
)


def test_a_row_lies_in_the_day_of_its_time_and_midnight_begins_one(tmp_path: Path) -> None:
    fill(tmp_path, orders([at(0), at(0, DAY - 1), at(1), at(2)]))
    assert ids(tmp_path, "2025-01-01") == [0, 1]
    assert ids(tmp_path, "2025-01-02") == [2]
    assert ids(tmp_path, "2025-01-03") == [3]


def test_rows_of_a_day_keep_the_order_of_the_spine(tmp_path: Path) -> None:
    fill(tmp_path, orders([at(1, 5), at(0, 9), at(1, 3), at(0, 1), at(1, 5)]))
    assert ids(tmp_path, "2025-01-01") == [1, 3]
    assert ids(tmp_path, "2025-01-02") == [0, 2, 4]


def test_times_before_1970_lie_in_their_own_day(tmp_path: Path) -> None:
    fill(tmp_path, orders([-1, 0, -DAY]))
    assert ids(tmp_path, "1969-12-31") == [0, 2]
    assert ids(tmp_path, "1970-01-01") == [1]


def test_a_day_without_rows_is_an_empty_file_and_done(tmp_path: Path) -> None:
    table = orders([at(0), at(3)])
    assert fill(tmp_path, table).days == 4
    empty = pq.read_table(tmp_path / "ds=2025-01-02" / "part-0.parquet", partitioning=None)
    assert empty.num_rows == 0
    assert empty.schema.names == ["id", "note", "late"]
    again = fill(tmp_path, table)
    assert (again.computed, again.runs, again.rows) == (0, 0, 2)


def test_the_whole_folder_reads_as_one_dataset(tmp_path: Path) -> None:
    fill(tmp_path, orders([at(d) for d in range(10)]), rows_per_run=3)
    whole = pq.read_table(tmp_path)
    assert whole.num_rows == 10
    assert set(whole.schema.names) == {"id", "note", "late", "ds"}


def test_start_is_inclusive_and_end_is_not(tmp_path: Path) -> None:
    table = orders([at(d, DAY - 1) for d in range(5)])
    summary = fill(tmp_path, table, start=date(2025, 1, 2), end=date(2025, 1, 4))
    assert (summary.days, summary.rows) == (2, 2)
    assert sorted(days(tmp_path)) == [
        "ds=2025-01-02/part-0.parquet",
        "ds=2025-01-03/part-0.parquet",
    ]


def test_a_wider_range_later_computes_the_new_days_only(tmp_path: Path) -> None:
    table = orders([at(d) for d in range(5)])
    fill(tmp_path, table, start=date(2025, 1, 2), end=date(2025, 1, 3))
    wider = fill(tmp_path, table)
    assert (wider.days, wider.computed, wider.rows, wider.values_computed) == (5, 4, 5, 4)


def test_bytes_do_not_depend_on_how_many_days_a_run_takes(tmp_path: Path) -> None:
    table = orders([at(i % 7, i) for i in range(1000)])
    for rows_per_run in (1, 150, 10**6):
        fill(tmp_path / str(rows_per_run), table, rows_per_run=rows_per_run)
    one, few, all_ = (files(tmp_path / n) for n in ("1", "150", "1000000"))
    assert one == few == all_


def test_rows_without_a_time_are_counted_and_in_no_day(tmp_path: Path) -> None:
    summary = fill(tmp_path, orders([at(0), None, None]))
    assert (summary.no_time, summary.rows) == (2, 1)
    bounded = fill(
        tmp_path, orders([at(0), None, None]), start=date(2025, 1, 1), end=date(2025, 1, 2)
    )
    assert bounded.no_time == 2


def test_a_days_file_that_was_changed_or_lost_is_made_of_its_groups_again(tmp_path: Path) -> None:
    table = orders([at(d) for d in range(4)])
    fill(tmp_path, table)
    before = files(tmp_path)
    (tmp_path / "ds=2025-01-02" / "part-0.parquet").write_bytes(b"half")
    (tmp_path / "ds=2025-01-03" / "part-0.parquet").unlink()
    summary = fill(tmp_path, table)
    assert (summary.repaired, summary.stitched, summary.computed) == (2, 2, 0)
    assert files(tmp_path) == before


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    table = orders([at(0)])
    fill(tmp_path, table)
    path = tmp_path / "ds=2025-01-01" / "part-0.parquet"
    content = bytearray(path.read_bytes())
    content[10] ^= 1
    path.write_bytes(content)
    assert fill(tmp_path, table).repaired == 1


def test_a_damaged_group_is_computed_again_and_no_other(tmp_path: Path) -> None:
    table = orders([at(d) for d in range(3)])
    fill(tmp_path, table)
    before = files(tmp_path)
    broken, lost = groups(tmp_path, "2025-01-01", "late"), groups(tmp_path, "2025-01-02", "id")
    broken.write_bytes(b"half")
    lost.unlink()
    summary = fill(tmp_path, table)
    assert (summary.repaired, summary.computed, summary.values_computed) == (2, 2, 1)
    assert files(tmp_path) == before


def groups(output: Path, ds: str, column: str) -> Path:
    """The file of the group that holds a column."""
    folder = output / "_columns" / f"ds={ds}"
    (found,) = (f for f in folder.iterdir() if column in pq.read_schema(f).names)
    return found


def test_a_new_column_is_all_that_is_computed_and_an_old_one_is_kept(tmp_path: Path) -> None:
    table = orders([at(0), at(0, 1), at(1)])
    fill(tmp_path / "old", table)
    fill(tmp_path / "new", table, training_set=with_early(ORDERS))
    summary = fill(tmp_path / "old", table, training_set=with_early(ORDERS))
    assert (summary.columns_computed, summary.values_computed) == (("early",), 3)
    assert (summary.values, summary.unused_bytes) == (12, 0)
    assert days(tmp_path / "old") == days(tmp_path / "new")
    back = fill(tmp_path / "old", table)
    assert (back.values_computed, back.stitched) == (0, 2)
    assert back.unused_bytes > 0


def test_groups_that_no_day_needs_stay_until_they_are_pruned(tmp_path: Path) -> None:
    table = orders([at(0), at(1)])
    fill(tmp_path, table)
    plain = files(tmp_path)
    fill(tmp_path, table, training_set=with_early(ORDERS))
    unused = fill(tmp_path, table).unused_bytes
    assert prune(tmp_path) == (2, unused)
    assert files(tmp_path) == plain
    assert prune(tmp_path) == (0, 0)
    assert fill(tmp_path, table).values_computed == 0
    with pytest.raises(BigheadError, match="is no backfill"):
        prune(tmp_path / "_columns")


def test_restart_leaves_nothing_of_what_was_there(tmp_path: Path) -> None:
    table = orders([at(0), at(1)])
    fill(tmp_path, table)
    narrow = {"start": date(2025, 1, 1), "end": date(2025, 1, 2)}
    summary = fill(tmp_path, table, definition="sha256:2", restart=True, **narrow)
    assert (summary.computed, summary.values_computed) == (1, 1)
    assert not (tmp_path / "ds=2025-01-02").exists()
    assert not (tmp_path / "_columns" / "ds=2025-01-02").exists()
    assert json.loads((tmp_path / "_manifest.json").read_text())["definition"] == "sha256:2"


def test_another_training_set_is_refused_by_its_name(tmp_path: Path) -> None:
    table = orders([at(0)])
    fill(tmp_path, table)
    with pytest.raises(BigheadError, match=r"the training set order_notes; .* --restart"):
        fill(tmp_path, table, training_set=replace(ORDERS, name="b"), definition="sha256:b")


def test_a_changed_input_is_read_again_and_equal_rows_are_what_they_were(tmp_path: Path) -> None:
    table = orders([at(0), at(1)])
    fill(tmp_path, table)
    touched = fill(tmp_path, table, inputs=inputs(orders="2"))
    assert (touched.computed, touched.values_computed) == (2, 0)
    assert touched.unused_bytes == 0
    grown = orders([at(0), at(1), at(1, 5)])
    summary = fill(tmp_path, grown, inputs=inputs(orders="2", more="1"))
    assert summary.rows == 3
    assert ids(tmp_path, "2025-01-02") == [1, 2]


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for restart in (False, True):
        with pytest.raises(BigheadError, match="not empty and no backfill"):
            fill(tmp_path, orders([at(0)]), restart=restart)
    (tmp_path / ".thesis.tex.7.tmp").touch()
    with pytest.raises(BigheadError, match="not empty and no backfill"):
        fill(tmp_path, orders([at(0)]))
    assert sorted(f.name for f in tmp_path.iterdir()) == [".thesis.tex.7.tmp", "thesis.tex"]


def test_a_damaged_manifest_is_refused_and_restart_mends_it(tmp_path: Path) -> None:
    table = orders([at(0)])
    fill(tmp_path, table)
    (tmp_path / "_manifest.json").write_text('{"format": 1')
    with pytest.raises(BigheadError, match="is damaged"):
        fill(tmp_path, table)
    assert fill(tmp_path, table, restart=True).computed == 1


def test_a_manifest_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "_manifest.json").write_text('{"format": 99}')
    with pytest.raises(BigheadError, match="newer version"):
        fill(tmp_path, orders([at(0)]))


def test_two_at_once_are_refused_and_the_lock_ends_with_its_holder(tmp_path: Path) -> None:
    handle = os.open(tmp_path / "_lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(BigheadError, match="another run is writing"):
        fill(tmp_path, orders([at(0)]))
    os.close(handle)
    assert fill(tmp_path, orders([at(0)])).computed == 1


def test_leftovers_and_unrecorded_days_are_removed(tmp_path: Path) -> None:
    table = orders([at(0), at(1)])
    fill(tmp_path, table, end=date(2025, 1, 2))
    (tmp_path / "ds=2025-01-02").mkdir()
    (tmp_path / "ds=2025-01-02" / ".part-0.parquet.77.tmp").write_bytes(b"half")
    (tmp_path / "._manifest.json.77.tmp").write_bytes(b"half")
    (tmp_path / "ds=2025-02-01").mkdir()
    (tmp_path / "ds=2025-02-01" / "part-0.parquet").write_bytes(b"whole, but not recorded")
    assert fill(tmp_path, table).swept == 3
    assert sorted(f for f in files(tmp_path) if not f.startswith("_columns")) == [
        "_manifest.json",
        "ds=2025-01-01/part-0.parquet",
        "ds=2025-01-02/part-0.parquet",
    ]


def test_an_empty_spine_needs_the_days_stated(tmp_path: Path) -> None:
    with pytest.raises(BigheadError, match="has no rows"):
        fill(tmp_path / "a", orders([]))
    summary = fill(tmp_path / "b", orders([]), start=date(2025, 1, 1), end=date(2025, 1, 3))
    assert (summary.days, summary.rows) == (2, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": date(2025, 1, 2), "end": date(2025, 1, 1)}, "end before they start"),
        ({"rows_per_run": 0}, "at least 1 row"),
        ({"training_set": replace(ORDERS, time=None)}, "has no time to divide it by"),
    ],
)
def test_misuse_says_what_to_do(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BigheadError, match=message):
        fill(tmp_path, orders([at(0)]), **changes)


def test_an_output_that_is_no_local_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="local folders"):
        fill(Path("s3://bucket/rows"), orders([at(0)]))
    (tmp_path / "file").touch()
    with pytest.raises(BigheadError, match="is a file"):
        fill(tmp_path / "file", orders([at(0)]))


def test_progress_counts_days_and_rows_up_to_all(tmp_path: Path) -> None:
    seen: list[Progress] = []
    table = orders([at(d) for d in range(6)])
    backfill(job(tmp_path, rows_per_run=2), engine(table), seen.append)
    assert [(p.days_done, p.rows_done, p.rows) for p in seen[1:] if not p.within] == [
        (0, 0, 6), (2, 2, 6), (4, 4, 6), (6, 6, 6),
    ]  # fmt: skip
    assert seen[1].now == "2025-01-01 to 2025-01-02"


def test_progress_tells_the_steps_of_a_run(tmp_path: Path) -> None:
    seen: list[Progress] = []
    backfill(job(tmp_path), engine(orders([at(d) for d in range(6)])), seen.append)
    steps = [p for p in seen if p.within]
    assert {(p.days_done, p.days, p.rows_done, p.rows) for p in steps} == {(0, 6, 0, 6)}
    told = [p.now.removeprefix("2025-01-01 to 2025-01-06, ") for p in steps]
    assert told[:2] == ["reading the spine", "computing 1 column of 6 rows"]
    assert told[2:] == [f"{done} of 6 days written" for done in range(1, 7)]


def test_a_failing_run_keeps_what_was_finished(tmp_path: Path) -> None:
    table = orders([at(d) for d in range(4)])
    good = engine(table)
    calls = 0

    def failing(node: Any, given: Any) -> pa.Table:
        nonlocal calls
        calls += 1
        if calls == 4:  # the first counts, then there are two a day: rows, and their columns
            raise BigheadError("the disk of the source is gone")
        return good(node, given)

    with pytest.raises(BigheadError, match="is gone"):
        backfill(job(tmp_path, rows_per_run=1), failing, ignore)
    assert fill(tmp_path, table).computed == 3


def test_a_range_is_computed_in_few_runs() -> None:
    def runs(rows: dict[date, int], most: int) -> list[list[Day]]:
        return runs_of([Day(d, n, columns=("late",)) for d, n in rows.items()], most)

    days = [date.fromordinal(date(2025, 1, 1).toordinal() + i) for i in range(365)]
    rows = dict.fromkeys(days, 1000)
    assert len(runs(rows, 500_000)) == 1
    assert len(runs(rows, 50_000)) == 8
    heavy = rows | {days[3]: 10**9}
    assert [len(r) for r in runs(heavy, 500_000)] == [3, 1, 361]


def test_days_of_other_work_or_none_end_a_run() -> None:
    days = [Day(date(2025, 1, d), 1, columns=("late",)) for d in range(1, 7)]
    days[2] = replace(days[2], columns=("late", "early"))
    days[4] = replace(days[4], columns=())
    assert [len(r) for r in runs_of(days, 100)] == [2, 1, 1, 1]


def test_the_spine_is_filtered_below_the_projection() -> None:
    plan = rows_of(ORDERS, ["id"], Days(date(2025, 1, 1), date(2025, 1, 2)))
    assert isinstance(plan, Project)
    assert plan.schema.names == ["id", TIME]


def test_pruning_takes_columns_out_of_groups_that_are_needed_in_part(tmp_path: Path) -> None:
    table = orders([at(d, i) for d in range(2) for i in range(50)])
    plan = ORDERS.plan
    assert isinstance(plan, Project)
    fewer = replace(ORDERS, plan=replace(plan, columns=(plan.columns[0], plan.columns[2])))
    fill(tmp_path, table)
    fill(tmp_path, table, training_set=fewer)
    before = days(tmp_path)
    groups = {f: f.stat().st_size for f in (tmp_path / "_columns").rglob("*.parquet")}
    count, saved = prune(tmp_path)
    left = {f: f.stat().st_size for f in (tmp_path / "_columns").rglob("*.parquet")}
    assert (count, saved) == (0, sum(groups.values()) - sum(left.values()))
    assert saved > 0
    assert not any("note" in pq.read_schema(f).names for f in left)
    assert prune(tmp_path) == (0, 0)
    assert fill(tmp_path, table, training_set=fewer).values_computed == 0
    assert days(tmp_path) == before
    fill(tmp_path, table)  # what was pruned is read again
    fill(tmp_path / "fresh", table)
    assert days(tmp_path) == days(tmp_path / "fresh")
