"""Definitions follow their data: columns that were widened, came or went."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner import Session
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError, SchemaError

TIMES = {"ts": pa.array([1_000_000, 2_000_000], pa.timestamp("us"))}
ROWS: dict[str, Any] = {
    "k": pa.array([1, 2], pa.int64()),
    "n": pa.array([3, 4], pa.int32()),
    "x": pa.array([0.5, 1.5], pa.float32()),
    "d": pa.array([None, None], pa.decimal128(6, 2)),
    "day": pa.array([0, 1], pa.date32()),
    **TIMES,
}
SOURCE = (
    "CREATE EVENT SOURCE e (k BIGINT, n INTEGER, x FLOAT, d DECIMAL(6, 2), day DATE, ts TIMESTAMP) "
    "EVENT TIME ts WITH (batch = 'e/*.parquet'{});"
)
SETS = (
    "CREATE EVENT SOURCE q (id BIGINT, k BIGINT, ts TIMESTAMP) EVENT TIME ts "
    "WITH (batch = 'q.parquet');"
    "CREATE FEATURE SET f AS SELECT k, SUM(n) OVER (LAST '1d', '2d') AS n, MAX(x) AS x, "
    "COUNT(*) AS c FROM e GROUP BY k;"
    "CREATE TRAINING SET t ID (id) AS SELECT q.id, q.ts, f.*, f.n_1d + 1 AS more, f.c AS again "
    "FROM q ASOF LEFT JOIN f MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k"
)


def write(folder: Path, name: str, **changes: Any) -> None:
    """A file of events; a column that is None is left out."""
    (folder / "e").mkdir(exist_ok=True)
    columns = {n: a for n, a in {**ROWS, **changes}.items() if a is not None}
    pq.write_table(pa.table(columns), folder / "e" / f"{name}.parquet")
    os.utime(folder / "e" / f"{name}.parquet", ns=(1, 1))


def session(folder: Path, options: str = "", sets: str = SETS) -> Session:
    later = pa.array([9_000_000, 9_000_000], pa.timestamp("us"))
    pq.write_table(pa.table({"id": [1, 2], "k": [1, 2], "ts": later}), folder / "q.parquet")
    made = Session(folder=folder)
    made.sql(SOURCE.format(options) + sets)
    return made


def features(made: Session, name: str = "f") -> dict[str, str]:
    found = made.definitions.get(name)
    assert isinstance(found, FeatureSet | TrainingSet)
    return {f.name: str(f.type) for f in found.schema}


def test_nothing_changes_where_the_data_is_as_declared(tmp_path: Path) -> None:
    write(tmp_path, "1")
    made = session(tmp_path)
    before = made.definitions
    assert made.evolve() == ()
    assert made.definitions is before


def test_a_widened_column_widens_its_source_and_what_reads_it(tmp_path: Path) -> None:
    write(tmp_path, "1")
    write(
        tmp_path,
        "2",
        n=pa.array([2**40, 4], pa.int64()),
        x=pa.array([0.1, 0.2], pa.float64()),
        d=pa.array([None, None], pa.decimal128(9, 4)),
        day=pa.array([0, 1], pa.timestamp("us")),
    )
    made = session(tmp_path)
    with pytest.raises(SchemaError, match="is BIGINT and is declared INTEGER, which cannot hold"):
        made.sql("SELECT * FROM t").to_arrow()
    (change,) = made.evolve()
    assert {n: str(t) for n, t in change.drift.widened.items()} == {
        "n": "int64",
        "x": "double",
        "d": "decimal128(9, 4)",
        "day": "timestamp[us]",
    }
    assert change.dropped == {}
    assert features(made)["x"] == "double"
    rows = made.sql("SELECT n_1d, x, c FROM t").to_arrow().to_pylist()
    assert rows == [
        {"n_1d": 2**40 + 3, "x": 0.5, "c": 2},
        {"n_1d": 8, "x": 1.5, "c": 2},
    ]


def test_a_file_older_than_a_column_has_null_in_it(tmp_path: Path) -> None:
    write(tmp_path, "1", x=None)
    write(tmp_path, "2")
    made = session(tmp_path)
    assert made.evolve() == ()
    assert made.sql("SELECT x, c FROM t").to_arrow().to_pylist() == [
        {"x": 0.5, "c": 2},
        {"x": 1.5, "c": 2},
    ]
    assert made.sql("SELECT x FROM e WHERE x IS NULL").to_arrow().num_rows == 2


def test_no_file_may_be_without_what_the_clauses_read(tmp_path: Path) -> None:
    write(tmp_path, "1", ts=None)
    write(tmp_path, "2")
    made = session(tmp_path)
    with pytest.raises(SchemaError, match=r"1\.parquet has no column 'ts'"):
        made.sql("SELECT * FROM t").to_arrow()


def test_a_column_that_came_is_told_of_and_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "1", z=pa.array(["a", "b"]))
    made = session(tmp_path)
    before = made.definitions
    (change,) = made.evolve()
    assert list(change.drift.added) == ["z"]
    assert made.definitions is before


def test_a_column_that_nothing_needs_goes_without_a_word(tmp_path: Path) -> None:
    write(tmp_path, "1")
    write(tmp_path, "2", d=None)
    made = session(tmp_path)
    assert made.sql("SELECT c FROM t").to_arrow().num_rows == 2  # it is not read
    (change,) = made.evolve()
    assert change.drift.removed == ("d",)
    assert "d" not in made.definitions.get("e").schema.names


def test_a_column_that_features_need_is_missed_by_their_names(tmp_path: Path) -> None:
    write(tmp_path, "1")
    write(tmp_path, "2", n=None, m=ROWS["n"])
    made = session(tmp_path)
    with pytest.raises(SchemaError) as error:
        made.evolve()
    assert str(error.value) == (
        f"e has the column 'n' no more ({tmp_path}/e/2.parquet is without), and f.n_1d, f.n_2d, "
        "t.n_1d, t.n_2d, t.more need that; bring it back, remove what needs it, or state "
        "WITH (on_schema_change = 'apply') on e to drop that in a new version"
    )
    assert list(features(made)) == ["n_1d", "n_2d", "x", "c"]


def test_apply_drops_what_needs_a_column_that_is_gone(tmp_path: Path) -> None:
    write(tmp_path, "1", n=None)
    made = session(tmp_path, ", on_schema_change = 'apply'")
    (change,) = made.evolve()
    assert change.dropped == {"f": ("n_1d", "n_2d"), "t": ("n_1d", "n_2d", "more")}
    assert list(features(made)) == ["x", "c"]
    assert list(features(made, "t")) == ["id", "ts", "x", "c", "again"]
    assert made.sql("SELECT * FROM t").to_arrow().num_rows == 2
    assert made.evolve() == ()


@pytest.mark.parametrize(
    ("sets", "reason"),
    {
        SETS.replace("FROM e GROUP", "FROM e WHERE n > 0 GROUP"): "every column of f needs",
        SETS.replace("GROUP BY k;", "GROUP BY k, n;"): "every column of f needs",
        SETS.replace("ID (id)", "ID (more)"): "t would not go on working",
    }.items(),
)
def test_what_cannot_be_dropped_alone_is_an_error(tmp_path: Path, sets: str, reason: str) -> None:
    write(tmp_path, "1", n=None)
    if "GROUP BY k, n" in sets:
        sets = sets.replace("SELECT k,", "SELECT k, n,").replace("AS n,", "AS m,")
        sets = sets.replace("f.n_1d + 1", "f.m_1d + 1").replace("= q.k", "= q.k AND f.n = q.id")
    made = session(tmp_path, ", on_schema_change = 'apply'", sets)
    with pytest.raises(BigheadError, match=reason):
        made.evolve()


def test_a_source_cannot_be_without_its_event_time(tmp_path: Path) -> None:
    write(tmp_path, "1", ts=None)
    made = session(tmp_path, ", on_schema_change = 'apply'")
    with pytest.raises(SchemaError, match="e cannot be without 'ts', which its own clauses read"):
        made.evolve()


def test_a_renamed_column_is_suggested(tmp_path: Path) -> None:
    sets = SETS.replace("MAX(x) AS x", "MAX(price) AS x")
    write(tmp_path, "1", x=None, prices=ROWS["x"])
    made = Session(folder=tmp_path)
    made.sql(SOURCE.format("").replace("x FLOAT", "price FLOAT") + sets)
    with pytest.raises(SchemaError, match=r"need that; did you mean 'prices'\? bring it back"):
        made.evolve()


COPIES = (
    "CREATE EVENT SOURCE e (k BIGINT, n INTEGER, x FLOAT, d DECIMAL(6, 2), day DATE, ts TIMESTAMP) "
    "EVENT TIME ts IDENTITY (k) WITH (batch = 'e/*.parquet');"
)


def test_copies_are_compared_by_the_columns_that_are_left(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", d=None, day=None)  # the same rows again, with fewer columns
    made = session_of_copies(tmp_path)
    query = made.sql("SELECT id, n_2d, c, x FROM t")
    assert query.to_arrow().to_pylist() == [
        {"id": 1, "n_2d": 3, "c": 1, "x": 0.5},
        {"id": 2, "n_2d": 4, "c": 1, "x": 1.5},
    ]
    before = query.to_arrow()
    made.evolve()
    assert made.sql("SELECT id, n_2d, c, x FROM t").to_arrow() == before
    assert "day" not in made.sql("DESCRIBE e").to_arrow().column(0).to_pylist()
    write(tmp_path, "b", d=None, day=None, n=pa.array([3, 5], pa.int32()))
    with pytest.raises(BigheadError, match="identity"):
        session_of_copies(tmp_path).sql("SELECT id, c FROM t").to_arrow()


def session_of_copies(folder: Path) -> Session:
    made = session(folder)
    made.sql(COPIES.replace("CREATE", "CREATE OR REPLACE"))
    return made


def test_what_is_read_and_gone_is_missed_where_copies_are_compared_too(tmp_path: Path) -> None:
    write(tmp_path, "a", x=None)
    with pytest.raises(SchemaError, match="no column 'x'"):
        session_of_copies(tmp_path).sql("SELECT x FROM t").to_arrow()
    assert session_of_copies(tmp_path).sql("SELECT c FROM t").to_arrow().num_rows == 2


def test_entities_are_held_to_their_data_too(tmp_path: Path) -> None:
    for day, city in (("2024-01-01", None), ("2024-01-02", ["Oslo"])):
        folder = tmp_path / "s" / f"ds={day}"
        folder.mkdir(parents=True)
        at = pa.array([1_000_000], pa.timestamp("us"))
        columns: dict[str, Any] = {"k": [1], "beds": pa.array([2], pa.int64()), "at": at}
        pq.write_table(
            pa.table(columns if city is None else {**columns, "city": city}),
            folder / "1.parquet",
        )
    made = Session(folder=tmp_path)
    made.sql(
        "CREATE ENTITY SOURCE l (k BIGINT, beds INTEGER, hosts BIGINT, at TIMESTAMP) "
        "PRIMARY KEY (k) CHANGED AT at WITH (snapshot = 's/', on_schema_change = 'apply')"
    )
    (change,) = made.evolve()
    assert list(change.drift.added) == ["city"]
    assert {n: str(t) for n, t in change.drift.widened.items()} == {"beds": "int64"}
    assert change.drift.removed == ("hosts",)


def test_the_option_takes_two_words(tmp_path: Path) -> None:
    with pytest.raises(BigheadError, match="on_schema_change takes 'refuse' or 'apply'"):
        session(tmp_path, ", on_schema_change = 'ignore'")
