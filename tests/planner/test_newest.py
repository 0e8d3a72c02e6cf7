"""What closes labels is the newest time of their source, for which little of it is read."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner.session import Session

START = datetime(2024, 1, 1)
DAYS = 40


@pytest.fixture
def groups_read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The row groups that are read, by file."""
    read: list[tuple[str, int]] = []
    plain = pq.ParquetFile.read_row_groups

    def noted(self: Any, groups: Any, *args: Any, **more: Any) -> Any:
        columns = more.get("columns")
        if columns == ["ts"]:  # the look for the newest time reads no other column
            read.extend((self.path, g) for g in groups)
        return plain(self, groups, *args, **more)

    opened = pq.ParquetFile.__init__

    def init(self: Any, source: Any, *args: Any, **more: Any) -> None:
        self.path = str(source)
        opened(self, source, *args, **more)

    monkeypatch.setattr(pq.ParquetFile, "__init__", init)
    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", noted)
    return read


def returns(day: int, rows: int = 100) -> pa.Table:
    times = [START + timedelta(days=day, seconds=864 * i) for i in range(rows)]
    return pa.table({"k": [1] * rows, "ts": pa.array(times, pa.timestamp("us"))})


def labelled(s: Session, batch: str, **more: Any) -> Any:
    s.register("returns", batch, event_time="ts", complete="2d", **more)
    asked = [START + timedelta(days=d) for d in (10, 30, DAYS)]
    s.register("q", pa.table({"n": [0, 1, 2], "k": [1, 1, 1], "ts": asked}), event_time="ts")
    s.sql(
        "CREATE OR REPLACE TRAINING SET t ID (n) WITH (open_labels = 'mark') AS SELECT q.n, y.x "
        "FROM q LABEL LEFT JOIN (SELECT k, COUNT(*) OVER (NEXT '7d') AS x FROM returns GROUP BY k) "
        "AS y MATCH_CONDITION (y.ts >= q.ts) ON y.k = q.k"
    )
    return s.sql("SELECT * FROM t").to_arrow()["labels_closed"].to_pylist()


CLOSED = [True, True, False]


def test_only_the_row_groups_with_the_newest_time_are_read(
    tmp_path: Path, groups_read: list[tuple[str, int]]
) -> None:
    for day in range(DAYS):
        pq.write_table(returns(day), tmp_path / f"{day:02}.parquet", row_group_size=25)
    s = Session()
    assert labelled(s, f"{tmp_path}/*.parquet") == CLOSED
    assert groups_read == [(str(tmp_path / f"{DAYS - 1}.parquet"), 3)]
    assert "only the newest" in s.sql("SELECT * FROM t").explain()


def test_days_that_are_promised_to_be_older_are_not_opened(
    tmp_path: Path, groups_read: list[tuple[str, int]]
) -> None:
    for day in range(DAYS):
        folder = tmp_path / f"ds={START + timedelta(days=day):%Y-%m-%d}"
        folder.mkdir()
        pq.write_table(returns(day), folder / "part.parquet")
    s = Session()
    assert labelled(s, str(tmp_path), partition_lag="1d") == CLOSED
    assert len(groups_read) == 1


def test_rows_without_a_time_and_files_without_statistics_are_read(
    tmp_path: Path, groups_read: list[tuple[str, int]]
) -> None:
    pq.write_table(returns(DAYS - 1), tmp_path / "a.parquet", write_statistics=False)
    pq.write_table(returns(3), tmp_path / "b.parquet")
    assert labelled(Session(), f"{tmp_path}/*.parquet") == CLOSED
    assert {Path(path).name for path, _ in groups_read} == {"a.parquet", "b.parquet"}


def test_text_tells_no_times_and_is_read(tmp_path: Path) -> None:
    lines = "\n".join(f"1,{START + timedelta(days=d):%Y-%m-%d}T00:00:00" for d in range(DAYS))
    (tmp_path / "returns.csv").write_text(f"k,ts\n{lines}\n")
    assert labelled(Session(), str(tmp_path / "returns.csv")) == [True, True, False]
