"""Change logs and daily snapshots of entities, as files: what they say and what they refuse."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner.session import Session
from bighead.zipline.errors import DataError, SchemaError, SourceError

T = datetime(2013, 1, 1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STAMP = pa.timestamp("us")
COLUMNS = "listing BIGINT, host BIGINT, price DOUBLE, at TIMESTAMP"


@pytest.fixture(params=("reference", "datafusion"))
def s(request: pytest.FixtureRequest, tmp_path: Path) -> Session:
    return Session(engine=request.param, folder=tmp_path)


def micros(time: datetime) -> int:
    """Microseconds since 1970."""
    return (time - datetime(1970, 1, 1)) // timedelta(microseconds=1)


def asked(s: Session, times: list[datetime]) -> None:
    """The spine `q` of listing 5 at these times."""
    columns: dict[str, Any] = {
        "n": pa.array(range(len(times)), pa.int64()),
        "listing": pa.array([5] * len(times), pa.int64()),
        "ts": pa.array(times, STAMP),
    }
    s.register("q", pa.table(columns))


def found(s: Session, column: str = "price") -> list[Any]:
    """A column of listing 5 for each row of the spine."""
    table = s.sql(
        f"SELECT q.n, c.{column} AS x FROM q ASOF LEFT JOIN c "
        "MATCH_CONDITION (q.ts > c.event_time) ON c.listing = q.listing"
    ).to_arrow()
    return list(table["x"].to_pylist())


def counted(s: Session) -> list[Any]:
    """How many listings are valid for each row of the spine."""
    table = s.sql(
        "SELECT q.n, b.x FROM q ASOF LEFT JOIN (SELECT COUNT(*) AS x FROM c) AS b "
        "MATCH_CONDITION (q.ts > b.event_time)"
    ).to_arrow()
    return list(table["x"].to_pylist())


# Operations in a column.


def test_operations_come_from_a_column_of_the_log(s: Session, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(
        "listing,host,price,at,op\n"
        "5,1,10.0,2013-01-01 00:00:00,Insert\n"
        "5,1,4.0,2013-01-01 02:00:00,u\n"
        "5,,,2013-01-01 04:00:00,DELETE\n"
    )
    s.sql(
        f"CREATE ENTITY SOURCE c ({COLUMNS}, op VARCHAR) PRIMARY KEY (listing) CHANGED AT at "
        "WITH (batch = 'c.csv', op = 'OP')"
    )
    asked(s, [T + HOUR, T + 3 * HOUR, T + 5 * HOUR])
    assert found(s) == [10.0, 4.0, None]
    assert found(s, "op") == ["Insert", "u", None]
    assert counted(s) == [1, 1, 0]


# Debezium.


def envelope(
    op: str, before: Any, after: Any, time: datetime | None, lsn: int | None = None
) -> dict[str, Any]:
    """A change event as Debezium writes it, with fields that nobody reads."""
    source = {"connector": "postgresql", "lsn": lsn, "schema": "public"}
    if time is not None:
        source |= {"ts_us": micros(time), "ts_ms": micros(time) // 1000}
    return {"before": before, "after": after, "source": source, "op": op, "ts_ms": 0}


def row(listing: int, price: float, at: datetime) -> dict[str, Any]:
    """An image of a listing."""
    return {"listing": listing, "host": 1, "price": price, "at": at.isoformat(), "more": [1]}


def debezium(s: Session, folder: Path, lines: list[Any], clauses: str = "CHANGED AT at") -> None:
    """The source `c` over a file of these lines."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / "c.jsonl").write_text(text + "\n")
    s.sql(
        f"CREATE ENTITY SOURCE c ({COLUMNS}) PRIMARY KEY (listing) {clauses} "
        "WITH (batch = 'c.jsonl', format = 'debezium-json')"
    )


def test_images_of_debezium_are_changes(s: Session, tmp_path: Path) -> None:
    first, second = row(5, 10.0, T), row(5, 4.0, T + 2 * HOUR)
    debezium(
        s,
        tmp_path,
        [
            envelope("r", None, first, T + 9 * HOUR),
            {"schema": {"type": "struct"}, "payload": envelope("u", first, second, None)},
            envelope("d", second, None, T + 4 * HOUR),
            "null",
            {"schema": None, "payload": None},
            envelope("m", None, None, T),
        ],
    )
    asked(s, [T + HOUR, T + 3 * HOUR, T + 5 * HOUR])
    assert found(s) == [10.0, 4.0, None]
    assert counted(s) == [1, 1, 0]


def test_a_delete_takes_its_time_from_the_source_and_not_from_the_old_row(
    s: Session, tmp_path: Path
) -> None:
    old = row(5, 10.0, T)
    gone = envelope("d", old, None, None)
    gone["ts_ms"] = micros(T + 4 * HOUR) // 1000
    debezium(s, tmp_path, [envelope("c", None, old, T), gone])
    asked(s, [T + 3 * HOUR, T + 5 * HOUR])
    assert found(s) == [10.0, None]


def test_an_update_of_the_primary_key_ends_the_old_row(s: Session, tmp_path: Path) -> None:
    old, new = row(5, 10.0, T), row(6, 10.0, T + 2 * HOUR)
    debezium(s, tmp_path, [envelope("c", None, old, T), envelope("u", old, new, T + 2 * HOUR)])
    asked(s, [T + HOUR, T + 3 * HOUR])
    assert found(s) == [10.0, None]
    assert counted(s) == [1, 1]


def test_time_and_sequence_may_come_from_the_source(s: Session, tmp_path: Path) -> None:
    time = T + HOUR
    lines = [
        envelope("u", None, row(5, 2.0, T), time, 8),
        envelope("c", None, row(5, 1.0, T), time, 7),
        envelope("d", row(5, 2.0, T), None, T + 3 * HOUR, 9),
    ]
    debezium(s, tmp_path, lines, "CHANGED AT source.ts_us SEQUENCE source.lsn")
    asked(s, [T + HOUR / 2, T + 2 * HOUR, T + 4 * HOUR])
    assert found(s) == [None, 2.0, None]
    shown = str(s.sql("DESCRIBE c"))
    assert "changed at is source.ts_us" in shown
    assert "sequence is source.lsn" in shown
    assert "warning" not in shown


def test_describe_warns_of_two_clocks(s: Session, tmp_path: Path) -> None:
    debezium(s, tmp_path, [])
    assert "warning: upserts take CHANGED AT from at and deletes from source.ts_us" in str(
        s.sql("DESCRIBE c")
    )


@pytest.mark.parametrize(
    ("line", "error", "reason"),
    [
        ({"before": None, "after": row(5, 1.0, T)}, DataError, "holds a line without op"),
        (envelope("t", None, row(5, 1.0, T), T), DataError, "op is 't'; those known are c, u"),
        ("{", SourceError, "is no JSON object"),
        (envelope("c", None, {**row(5, 1.0, T), "at": 7}, T), SchemaError, "declared TIMESTAMP"),
        (envelope("c", None, {"host": 1, "at": "2013-01-01"}, T), DataError, "primary key"),
        (row(5, 1.0, T), DataError, "holds a line without op; .* are read without that format"),
        ({"schema": {}, "payload": row(5, 1.0, T)}, DataError, "holds a line without op"),
        (envelope("d", None, None, T), DataError, "a delete whose row before it has no listing"),
        (envelope("d", {"host": 1}, None, T), DataError, "let the connector write the row before"),
        (envelope("u", row(5, 1.0, T), None, T), DataError, "without the row after it"),
    ],
)
def test_what_is_no_change_is_an_error(
    s: Session, tmp_path: Path, line: Any, error: type[Exception], reason: str
) -> None:
    debezium(s, tmp_path, [line])
    asked(s, [T + HOUR])
    with pytest.raises(error, match=reason):
        counted(s)


# Snapshots.


def snapshot(folder: Path, day: int, rows: list[tuple[int, float, datetime]]) -> None:
    """The state at the end of a day of January 2013: listing, price, changed."""
    path = folder / "days" / f"ds=2013-01-{day:02}"
    path.mkdir(parents=True)
    columns: dict[str, Any] = {
        "listing": pa.array([r[0] for r in rows], pa.int64()),
        "host": pa.array([1] * len(rows), pa.int64()),
        "price": pa.array([r[1] for r in rows], pa.float64()),
        "at": pa.array([r[2] for r in rows], STAMP),
    }
    pq.write_table(pa.table(columns), path / "part.parquet")


def entity(s: Session, options: str = "", columns: str = COLUMNS) -> None:
    """The source `c` over the days, and perhaps a log."""
    s.sql(
        f"CREATE OR REPLACE ENTITY SOURCE c ({columns}) PRIMARY KEY (listing) CHANGED AT at "
        f"WITH (snapshot = 'days/'{options})"
    )


def facts(s: Session) -> list[str]:
    """What EXPLAIN ANALYZE says of disagreements."""
    plan = str(
        s.sql(
            "EXPLAIN ANALYZE SELECT q.n, b.x FROM q ASOF LEFT JOIN (SELECT COUNT(*) AS x FROM c) "
            "AS b MATCH_CONDITION (q.ts > b.event_time)"
        )
    )
    return [line.removeprefix("-- c: ") for line in plan.splitlines() if line.startswith("-- c: ")]


def test_a_row_that_a_snapshot_lacks_was_deleted_at_the_end_of_its_day(
    s: Session, tmp_path: Path
) -> None:
    snapshot(tmp_path, 1, [(5, 1.0, T), (6, 2.0, T)])
    snapshot(tmp_path, 2, [(6, 2.0, T)])
    snapshot(tmp_path, 4, [])
    entity(s)
    asked(s, [T, T + HOUR, T + 2 * DAY, T + 2 * DAY + HOUR, T + 4 * DAY, T + 5 * DAY])
    # The second day ends, exclusively, as the third begins.
    assert found(s) == [None, 1.0, 1.0, None, None, None]
    assert counted(s) == [0, 2, 2, 1, 1, 0]
    assert facts(s) == []


def test_a_changed_row_counts_from_its_own_time(s: Session, tmp_path: Path) -> None:
    snapshot(tmp_path, 1, [(5, 1.0, T)])
    snapshot(tmp_path, 2, [(5, 2.0, T + DAY + 3 * HOUR)])
    entity(s)
    asked(s, [T + DAY + 2 * HOUR, T + DAY + 4 * HOUR])
    assert found(s) == [1.0, 2.0]


def test_a_row_that_comes_back_unchanged_came_back_at_the_end_of_the_day(
    s: Session, tmp_path: Path
) -> None:
    snapshot(tmp_path, 1, [(5, 1.0, T)])
    snapshot(tmp_path, 2, [])
    snapshot(tmp_path, 3, [(5, 1.0, T)])
    snapshot(tmp_path, 4, [(5, 1.0, T)])
    entity(s)
    asked(s, [T + DAY, T + 2 * DAY + HOUR, T + 3 * DAY + HOUR, T + 9 * DAY])
    assert found(s) == [1.0, None, 1.0, 1.0]
    assert facts(s) == [
        "1 row came back in a snapshot without a new time, such as listing = 5 in ds=2013-01-03"
    ]


def test_of_a_key_that_is_twice_in_a_snapshot_the_newest_row_is_taken(
    s: Session, tmp_path: Path
) -> None:
    snapshot(tmp_path, 1, [(5, 1.0, T)])
    snapshot(tmp_path, 2, [])
    snapshot(tmp_path, 3, [(5, 2.0, T + 2 * DAY + HOUR), (5, 1.0, T), (6, 3.0, T)])
    entity(s)
    asked(s, [T + HOUR, T + 2 * DAY, T + 2 * DAY + HOUR, T + 2 * DAY + 2 * HOUR, T + 9 * DAY])
    assert found(s) == [1.0, 1.0, None, 2.0, 2.0]
    (fact,) = facts(s)
    assert fact == (
        "1 row left out, because its key is there twice in one snapshot and the newest is taken, "
        "such as listing = 5 in ds=2013-01-03"
    )


def log(s: Session, folder: Path, rows: list[tuple[int, float, datetime, str]]) -> None:
    """A log of operations beside the snapshots."""
    columns: dict[str, Any] = {
        "listing": pa.array([r[0] for r in rows], pa.int64()),
        "host": pa.array([1] * len(rows), pa.int64()),
        "price": pa.array([r[1] for r in rows], pa.float64()),
        "at": pa.array([r[2] for r in rows], STAMP),
        "op": pa.array([r[3] for r in rows], pa.string()),
    }
    pq.write_table(pa.table(columns), folder / "log.parquet")
    entity(s, ", batch = 'log.parquet', op = 'op'", f"{COLUMNS}, op VARCHAR")


def test_snapshot_and_log_that_agree_are_one_history(s: Session, tmp_path: Path) -> None:
    snapshot(tmp_path, 1, [(5, 1.0, T)])
    snapshot(tmp_path, 2, [])
    log(s, tmp_path, [(5, 1.0, T, "insert"), (5, 1.0, T + DAY + HOUR, "delete")])
    asked(s, [T + HOUR, T + DAY + HOUR / 2, T + DAY + 2 * HOUR])
    assert found(s) == [1.0, 1.0, None]
    assert facts(s) == []


def test_lists_that_snapshot_and_log_agree_about_are_no_conflict(
    s: Session, tmp_path: Path
) -> None:
    columns: dict[str, Any] = {
        "listing": pa.array([5], pa.int64()),
        "at": pa.array([T], STAMP),
        "tags": pa.array([["a", None]], pa.list_(pa.string())),
    }
    for day in (1, 2):
        path = tmp_path / "days" / f"ds=2013-01-{day:02}"
        path.mkdir(parents=True)
        pq.write_table(pa.table(columns), path / "part.parquet")
    pq.write_table(pa.table(columns | {"op": ["insert"]}), tmp_path / "log.parquet")
    columns_declared = "listing BIGINT, at TIMESTAMP, tags VARCHAR[], op VARCHAR"
    entity(s, ", batch = 'log.parquet', op = 'op'", columns_declared)
    asked(s, [T + HOUR])
    assert facts(s) == []
    assert s.sql("SELECT COUNT(*) AS n FROM c").to_arrow()["n"].to_pylist() == [2]


def test_what_snapshot_and_log_disagree_about_is_counted(s: Session, tmp_path: Path) -> None:
    snapshot(tmp_path, 1, [(5, 1.0, T), (6, 2.0, T), (7, 3.0, T)])
    snapshot(tmp_path, 2, [(5, 1.0, T), (6, 2.0, T), (7, 3.0, T)])
    log(
        s,
        tmp_path,
        [
            (5, 9.0, T + DAY + HOUR, "update"),  # the snapshot of that day still has the old price
            (6, 2.0, T + DAY + HOUR, "delete"),  # and the row that is gone
            (8, 4.0, T + DAY + HOUR, "insert"),  # and not the new one
        ],
    )
    asked(s, [T + DAY + 2 * HOUR, T + 3 * DAY])
    assert found(s) == [9.0, 9.0]
    assert counted(s) == [3, 2]
    assert sorted(facts(s)) == [
        "1 row deleted in the log but still in the snapshot, such as listing = 6 in ds=2013-01-02",
        "1 row in the log but not in the snapshot, such as listing = 8 in ds=2013-01-02",
        "1 row other in the log than in the snapshot, such as listing = 5 in ds=2013-01-02",
    ]


def test_the_day_itself_may_say_when_a_row_changed(s: Session, tmp_path: Path) -> None:
    for day, price in ((1, 1.0), (2, 2.0)):
        path = tmp_path / "days" / f"ds=2013-01-{day:02}"
        path.mkdir(parents=True)
        (path / "part.csv").write_text(f"listing,price\n5,{price}\n")
    s.sql(
        "CREATE ENTITY SOURCE c (listing BIGINT, price DOUBLE, ds DATE) PRIMARY KEY (listing) "
        "CHANGED AT ds + INTERVAL '1' DAY WITH (snapshot = 'days')"
    )
    asked(s, [T + DAY, T + DAY + HOUR, T + 2 * DAY + HOUR])
    assert found(s) == [None, 1.0, 2.0]


@pytest.mark.parametrize(
    ("folder", "error", "reason"),
    [
        ("days/part", SourceError, "lies in no folder ds="),
        ("days/ds=first", SchemaError, "ds=first .* is no day"),
    ],
)
def test_snapshots_lie_in_folders_of_days(
    s: Session, tmp_path: Path, folder: str, error: type[Exception], reason: str
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "a.csv").write_text("listing,host,price,at\n")
    entity(s)
    asked(s, [T])
    with pytest.raises(error, match=reason):
        counted(s)


def test_an_entity_without_data_says_how_to_give_it_some(s: Session) -> None:
    s.sql(
        f"CREATE ENTITY SOURCE c ({COLUMNS}, op VARCHAR) PRIMARY KEY (listing) CHANGED AT at "
        "WITH (op = 'op')"
    )
    asked(s, [T])
    with pytest.raises(SourceError, match="c has no data; state WITH"):
        counted(s)
