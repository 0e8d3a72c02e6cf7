"""A backfill of a session's training set holds the rows that a query gives, day by day."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow.csv import write_csv

from bighead.planner import Session
from bighead.planner.backfill.backfill import Job, Summary, backfill
from bighead.planner.backfill.inputs import inputs_of
from bighead.planner.backfill.manifest import read_manifest
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.address import address
from tests.planner.backfill.shop import ignore

FEATURES = """
CREATE FEATURE SET f AS
SELECT k, SUM(x) OVER w AS total, COUNT(*) OVER w AS n, LAST(x) AS newest
FROM e GROUP BY k WINDOW w AS (LAST '1h', '3d');
"""
TRAINING = {
    "spine": "CREATE TRAINING SET s ID (id) AS SELECT q.id, q.ts, f.* FROM q "
    "ASOF LEFT JOIN f MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k",
    "filtered": "CREATE TRAINING SET s ID (id) AS SELECT q.id, f.n_3d FROM q "
    "ASOF INNER JOIN f MATCH_CONDITION (q.ts >= f.event_time) ON f.k = q.k WHERE q.id % 3 > 0",
    "united": "CREATE TRAINING SET s ID (id) AS SELECT q.id, q.ts, f.n_3d FROM ("
    "SELECT id, k, ts FROM q UNION ALL SELECT id + 1000, k, ts FROM q WHERE id < 40) AS q "
    "ASOF LEFT JOIN f MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k",
    "shifted": "CREATE TRAINING SET s ID (id) AS SELECT q.id, f.*, l.city FROM q "
    "ASOF LEFT JOIN f MATCH_CONDITION (q.ts - INTERVAL '2' HOUR > f.event_time) ON f.k = q.k "
    "LEFT JOIN l ON l.k = q.k",
}
START = datetime(1969, 12, 28, tzinfo=UTC)


def session(engine: str, zone: str | None, seed: int) -> Session:
    """Events and a spine around 1970, unsorted, some rows on the edges of days."""
    choose = random.Random(seed)

    def times(count: int) -> pa.Array[Any]:
        moments = [
            START + timedelta(days=choose.randrange(7), microseconds=choose.choice([-1, 0, 0, 1]))
            if choose.random() < 0.4
            else START + timedelta(seconds=choose.randrange(7 * 86_400))
            for _ in range(count)
        ]
        return pa.array([m if zone else m.replace(tzinfo=None) for m in moments],
                        pa.timestamp("us", zone))  # fmt: skip

    made = Session(engine)
    keys = [choose.choice([1, 2, 3, None]) for _ in range(300)]
    made.register(
        "e", pa.table({"k": keys, "x": [float(i) for i in range(300)], "ts": times(300)}), "ts"
    )
    spine = pa.table({"id": range(120), "k": keys[:120], "ts": times(120)})
    made.register("q", spine, "ts")
    made.register("l", pa.table({"k": [1, 2], "city": ["Oslo", "Rome"]}), primary_key="k")
    made.sql(FEATURES)
    return made


def fill(made: Session, output: Path, rows_per_run: int) -> Summary:
    definition = made.definitions.get("s")
    assert isinstance(definition, TrainingSet)
    job = Job(
        training_set=definition,
        definition=address(definition),
        inputs=inputs_of(definition, made.dataset, Path()),
        output=output,
        rows_per_run=rows_per_run,
    )
    return backfill(job, made.compute_with, ignore)


@pytest.mark.parametrize("engine", ["reference", "datafusion"])
@pytest.mark.parametrize("zone", [None, "UTC"])
@pytest.mark.parametrize("training", list(TRAINING))
def test_the_days_together_are_the_training_set(
    engine: str, zone: str | None, training: str, tmp_path: Path
) -> None:
    made = session(engine, zone, seed=len(training))
    made.sql(TRAINING[training])
    one = fill(made, tmp_path / "one", 10**6)
    few = fill(made, tmp_path / "few", 30)
    assert (one.runs, one.rows) == (1, few.rows)
    assert few.runs > 2
    whole = made.sql("SELECT * FROM s").to_arrow()
    assert one.rows == whole.num_rows
    times = made.sql("SELECT id, ts FROM q").to_arrow()
    day_of = dict(
        zip(times["id"].to_pylist(), times["ts"].cast(pa.date32()).to_pylist(), strict=True)
    )
    numbers: list[Any] = whole["id"].to_pylist()
    for path in sorted((tmp_path / "few").glob("ds=*/part-0.parquet")):
        day = date.fromisoformat(path.parent.name.removeprefix("ds="))
        ids = [i for i in numbers if day_of[i % 1000] == day]
        mine = pc.is_in(whole["id"], pa.array(ids, whole["id"].type))
        assert pq.ParquetFile(path).read().equals(whole.filter(mine))
        assert path.read_bytes() == (tmp_path / "one" / path.parent.name / path.name).read_bytes()


def test_the_inputs_are_the_files_of_every_source(tmp_path: Path) -> None:
    made = Session(folder=tmp_path)
    for name in ("q", "e"):
        rows = pa.table({"k": [1], "x": [1.0], "id": [1], "ts": pa.array([0], pa.timestamp("us"))})
        (tmp_path / name).mkdir()
        pq.write_table(rows, tmp_path / name / "a.parquet")
        made.register(name, f"{name}/*.parquet", "ts")
    made.sql(FEATURES)
    made.sql(TRAINING["spine"])
    definition = made.definitions.get("s")
    assert isinstance(definition, TrainingSet)
    found = inputs_of(definition, made.dataset, tmp_path)
    assert {source: [f.name for f in files] for source, files in found.items()} == {
        "q": ["q/a.parquet"],
        "e": ["e/a.parquet"],
    }
    (before,) = found["e"]
    assert before.times == (0, 0)
    (tmp_path / "e" / "a.parquet").touch()
    (after,) = inputs_of(definition, made.dataset, tmp_path)["e"]
    assert after.mark != before.mark


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_promise_that_was_broken_and_is_raised_leaves_no_day_as_it_was(
    kind: str, tmp_path: Path
) -> None:
    def put(ds: str, *times: datetime) -> None:
        file = tmp_path / "e" / f"ds={ds}" / f"a.{kind}"
        file.parent.mkdir(parents=True)
        table = pa.table({"x": [t.day for t in times], "ts": list(times)})
        write_csv(table, file) if kind == "csv" else pq.write_table(table, file)

    def filled(lag: str, last: int) -> tuple[int, list[int | None]]:
        made = Session()
        made.sql(
            "CREATE EVENT SOURCE e (x BIGINT, ts TIMESTAMP) EVENT TIME ts "
            f"WITH (batch = '{tmp_path / 'e'}', partition_lag = '{lag}');"
            "CREATE FEATURE SET f AS SELECT x % 1 AS k, SUM(x) OVER (LAST '1d') AS s FROM e "
            "GROUP BY x % 1"
        )
        noons = [datetime(2025, 1, day, 12) for day in range(1, 7)]
        made.register("q", pa.table({"k": [0] * 6, "ts": noons}), "ts")
        made.sql(
            "CREATE TRAINING SET t ID (k) AS SELECT q.k, q.ts, f.s FROM q "
            "ASOF LEFT JOIN f MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k"
        )
        definition = made.definitions.get("t")
        assert isinstance(definition, TrainingSet)
        output = tmp_path / "out"
        known = read_manifest(output)
        inputs = inputs_of(definition, made.dataset, Path(), known.inputs if known else None)
        start, end = date(2025, 1, 1), date(2025, 1, last + 1)
        job = Job(definition, address(definition), inputs, output, start=start, end=end)
        summary = backfill(job, made.compute_with, ignore)
        parts = sorted(output.glob("ds=*/*.parquet"))
        sums = [s for part in parts for s in pq.ParquetFile(part).read()["s"].to_pylist()]
        return summary.computed, sums

    for day in range(1, 4):
        put(f"2025-01-0{day}", datetime(2025, 1, day))
    put("2025-01-06", datetime(2025, 1, 2), datetime(2025, 1, 6))
    assert filled("1d", 3) == (3, [1, 2, 3])
    with pytest.raises(BigheadError, match="raise partition_lag, or move the row"):
        filled("1d", 6)
    assert filled("5d", 6) == (ANY, [1, 4, 3, None, None, 6])
    assert filled("6d", 6) == (0, [1, 4, 3, None, None, 6])
