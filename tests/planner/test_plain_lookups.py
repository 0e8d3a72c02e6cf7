"""Look-ups of rows whose time only the query names, and of entities by more than their key.

DuckDB answers the same questions over plain tables; where rows tie, it says nothing of which one is
taken, so times are distinct for a key.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.errors import DataError

DAY = dt.datetime(2024, 1, 1)
ENGINES = ["datafusion", "reference"]


def tables() -> dict[str, pa.Table]:
    pick = random.Random(7)

    def hours(count: int) -> list[int | None]:
        return [None if pick.random() < 0.1 else h for h in pick.sample(range(-400, 400), count)]

    def table(prefix: str, count: int) -> pa.Table:
        numbers = hours(count)
        times = [None if n is None else DAY + dt.timedelta(hours=n) for n in numbers]
        columns: dict[str, Any] = {
            "k": pa.array([pick.choice([1, 2, 3, None]) for _ in range(count)], pa.int64()),
            prefix: list(range(count)),
            "ts": pa.array(times, pa.timestamp("us")),
            "n": pa.array(numbers, pa.int64()),
            "day": pa.array([None if n is None else n for n in numbers], pa.int32()).cast(
                pa.date32()
            ),
        }
        return pa.table(columns)

    return {"asked": table("id", 60), "prices": table("w", 80)}


def session(engine: str) -> Session:
    made = Session(engine)
    for name, table in tables().items():
        made.register(name, table)
    return made


QUERIES = """
SELECT q.id, p.w FROM asked q ASOF LEFT JOIN prices p ON q.k = p.k AND q.ts >= p.ts;
SELECT q.id, p.w FROM asked q ASOF JOIN prices p ON q.k = p.k AND q.ts < p.ts;
SELECT q.id, p.w FROM asked q ASOF LEFT JOIN prices p ON q.k = p.k AND q.n > p.n;
SELECT q.id, p.w FROM asked q ASOF LEFT JOIN prices p ON q.k = p.k AND q.day >= p.day;
SELECT q.id, p.w FROM asked q ASOF LEFT JOIN prices p USING (k, ts);
SELECT q.id, p.w FROM asked q ASOF LEFT JOIN (
    SELECT * FROM prices WHERE w > 20 UNION ALL SELECT k, -w, ts, n, day FROM prices WHERE w <= 20
  ) p ON q.k = p.k AND q.ts >= p.ts;
WITH last AS (SELECT k, MAX(ts) AS ts, COUNT(*) AS c FROM prices GROUP BY k)
  SELECT q.id, p.c FROM asked q ASOF LEFT JOIN last p ON q.k = p.k AND q.ts <= p.ts;
SELECT q.id, p.x FROM asked q ASOF LEFT JOIN (
    SELECT a.k, a.ts, a.w + b.w AS x FROM prices a JOIN prices b ON a.w = b.w
  ) p ON q.k = p.k AND q.ts >= p.ts;
SELECT q.id, v.x FROM asked q ASOF LEFT JOIN (
    VALUES (1, DATE '1970-01-01'), (2, DATE '2024-01-03')
  ) v(x, since) ON q.ts >= v.since
""".strip().split(";\n")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("query", QUERIES)
def test_rows_are_those_of_duckdb(query: str, engine: str) -> None:
    theirs = duckdb.connect()
    for name, table in tables().items():
        theirs.register(name, table)
    expected = sorted(map(str, theirs.sql(query).fetchall()))
    found = session(engine).sql(query, dialect="duckdb").to_arrow()
    rows = zip(*(c.to_pylist() for c in found.columns), strict=True)
    assert sorted(map(str, rows)) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_ties_go_to_the_greatest_whole_row(engine: str) -> None:
    made = Session(engine)
    made.register("q", pa.table({"ts": [DAY]}))
    made.register("p", pa.table({"ts": [DAY, DAY, DAY], "a": [1, 2, 2], "b": [9, 3, 5]}))
    query = "SELECT p.a, p.b FROM q ASOF LEFT JOIN p MATCH_CONDITION (q.ts >= p.ts)"
    assert made.sql(query).to_arrow().to_pylist() == [{"a": 2, "b": 5}]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_tolerance_of_nothing_takes_the_row_of_that_very_time(engine: str) -> None:
    made = Session(engine)
    later = DAY + dt.timedelta(microseconds=1)
    made.register("q", pa.table({"ts": [DAY, later]}))
    made.register("e", pa.table({"ts": [DAY], "a": [1]}), event_time="ts")
    query = (
        "SELECT e.a FROM q ASOF LEFT JOIN e MATCH_CONDITION (q.ts >= e.ts) "
        "TOLERANCE INTERVAL '0' MICROSECOND"
    )
    assert made.sql(query).to_arrow()["a"].to_pylist() == [1, None]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("on", "expected"),
    [
        # Of the host 7's listings as of each time: the one that changed last, while it has them.
        ("l.host = q.host", [10, 11, 10]),
        # The version of the listing is chosen by its key; its host is asked after.
        ("l.listing = q.listing AND l.host = q.host", [10, 10, None]),
        ("l.host = q.host AND l.listing = 11", [None, 11, None]),
        ("l.listing = q.listing", [10, 10, 11]),
    ],
)
def test_an_entity_is_looked_up_by_other_columns_than_its_key(
    on: str, expected: list[int | None], engine: str
) -> None:
    def day(n: int) -> dt.datetime:
        return DAY + dt.timedelta(days=n)

    made = Session(engine)
    changes: dict[str, Any] = {
        "listing": [10, 11, 11],
        "host": [7, 7, 8],
        "at": [day(0), day(1), day(2)],
    }
    made.register("listings", pa.table(changes), primary_key="listing", changed_at="at")
    asked: dict[str, Any] = {
        "host": [7] * 3,
        "listing": [10, 10, 11],
        "ts": [day(1), day(2), day(3)],
    }
    made.register("q", pa.table(asked))
    query = (
        f"SELECT l.listing FROM q ASOF LEFT JOIN listings l MATCH_CONDITION (q.ts > l.at) ON {on}"
    )
    assert made.sql(query).to_arrow()["listing"].to_pylist() == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_an_overflow_names_the_feature_the_key_and_the_time(engine: str) -> None:
    made = Session(engine)
    made.register(
        "e", pa.table({"k": [1, 1], "n": [2**62, 2**62], "ts": [DAY, DAY]}), event_time="ts"
    )
    made.register("s", pa.table({"k": [1], "ts": [DAY + dt.timedelta(minutes=5)]}))
    query = (
        "SELECT f.c FROM s ASOF LEFT JOIN "
        "(SELECT k, SUM(n) OVER (LAST '1h') AS c FROM e GROUP BY k) f "
        "MATCH_CONDITION (s.ts > f.event_time) ON f.k = s.k"
    )
    message = (
        r"^SUM\(n\) \(c\) does not fit BIGINT for the key k = 1 as of 2024-01-01 00:05:00; cast "
        "its argument to DOUBLE or DECIMAL, or take a shorter window$"
    )
    with pytest.raises(DataError, match=message):
        made.sql(query).to_arrow()


@pytest.mark.parametrize("engine", ENGINES)
def test_united_sources_keep_their_own_times(engine: str) -> None:
    made = Session(engine)
    hours = [DAY + dt.timedelta(hours=h) for h in range(6)]
    made.register("q", pa.table({"ts": [hours[2], hours[5]]}))
    late: dict[str, Any] = {"v": [1, 2], "ts": [hours[0], hours[4]], "seen": [hours[0], hours[5]]}
    made.register("late", pa.table(late), event_time="ts", known_at="seen")
    prompt: dict[str, Any] = {"v": [3, 4], "ts": [hours[1], hours[3]], "seen": [hours[5], hours[5]]}
    made.register("prompt", pa.table(prompt), event_time="ts")
    query = "SELECT e.v FROM q ASOF LEFT JOIN {} MATCH_CONDITION (q.ts > e.ts)"
    for right, expected in (
        ("late UNION ALL prompt AS e", [3, 4]),
        ("(SELECT * FROM late UNION ALL SELECT * FROM prompt) AS e", [3, 4]),
        ("(SELECT * FROM late UNION ALL SELECT * FROM prompt WHERE v > 3) AS e", [1, 4]),
    ):
        found = made.sql(query.format(right)).to_arrow()
        assert found["v"].to_pylist() == expected, right
