"""Backfills that go to disk: shown as they go on, and killed there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner import Session
from bighead.planner.backfill.backfill import Job, Progress, Summary, backfill
from bighead.planner.backfill.inputs import inputs_of
from bighead.planner.spill.folder import LOCK, PREFIX, File
from bighead.platform.cli.backfilling import Within
from bighead.zipline.catalog import TrainingSet
from tests.planner.backfill.shop import files, ignore

EVENTS, LABELS = 60_000, 6_000


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(4)

    def write(name: str, rows: int, column: str) -> None:
        columns: dict[str, Any] = {
            "k": rng.integers(0, 400, rows),
            "ts": pa.array(np.sort(rng.integers(0, 3 * 86_400_000_000, rows)), pa.timestamp("us")),
            column: rng.integers(0, 9, rows),
        }
        pq.write_table(pa.table(columns), folder / f"{name}.parquet", row_group_size=10_000)

    write("e", EVENTS, "v")
    write("q", LABELS, "id")
    return folder


def fill(
    data: Path,
    output: Path,
    spill: Path | None = None,
    report: Callable[[Progress], None] = ignore,
    steps: Callable[[str, int, int], None] | None = None,
) -> Summary:
    made = Session(folder=data)
    if spill is not None:
        made.limit("1MiB", None, spill)
    made.report = steps
    made.sql(
        "CREATE EVENT SOURCE e (k BIGINT, v BIGINT, ts TIMESTAMP) EVENT TIME ts "
        "WITH (batch = 'e.parquet');"
        "CREATE EVENT SOURCE q (id BIGINT, k BIGINT, ts TIMESTAMP) EVENT TIME ts "
        "WITH (batch = 'q.parquet');"
        "CREATE FEATURE SET f AS SELECT k, SUM(v) OVER w AS s, MAX(v) OVER w AS m FROM e "
        "GROUP BY k WINDOW w AS (LAST '1h', '1d');"
        "CREATE TRAINING SET t ID (id) AS SELECT q.id, q.ts, f.* FROM q "
        "ASOF LEFT JOIN f MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k"
    )
    found = made.definitions.get("t")
    assert isinstance(found, TrainingSet)
    inputs = inputs_of(found, made.dataset, data)
    job = Job(found, "sha256:1", inputs, output, date(1970, 1, 1), date(1970, 1, 4),
              rows_per_run=2_000, open_source=made.dataset, memory=made.memory)  # fmt: skip
    return backfill(job, made.compute_with, report)


def test_the_steps_of_a_run_that_goes_to_disk_are_shown(data: Path, tmp_path: Path) -> None:
    shown: list[Progress] = []
    within = Within(shown.append)
    fill(data, tmp_path / "out", tmp_path / "spill", within.run, within.step)
    said = [p.now for p in shown if "reading events" in p.now]
    assert said
    assert said[0].startswith("1970-01-0")
    assert said[-1].endswith(" %")
    assert {p.days for p in shown if "reading events" in p.now} == {3}


@pytest.mark.parametrize("writes", [1, 9, 40])
def test_a_backfill_killed_while_it_spills_goes_on_to_the_same_bytes(
    data: Path, tmp_path: Path, writes: int
) -> None:
    fill(data, tmp_path / "unbroken")
    spill = tmp_path / "spill"
    child = os.fork()
    if child == 0:
        made, write = 0, File.write

        def dying(self: File, batch: pa.RecordBatch) -> None:
            nonlocal made
            write(self, batch)
            made += 1
            if made == writes:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            File.write = dying  # type: ignore[method-assign]
            fill(data, tmp_path / "out", spill)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert [p for p in spill.iterdir() if p.name.startswith(PREFIX)]
    fill(data, tmp_path / "out", spill)
    assert [p.name for p in spill.iterdir()] == [LOCK]
    assert files(tmp_path / "out") == files(tmp_path / "unbroken")
