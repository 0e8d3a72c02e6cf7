"""`alias.key` of a joined set: the key where the set holds a row, NULL where it holds none."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session

DAY = dt.datetime(2024, 1, 1)


def session(engine: str) -> Session:
    pick = random.Random(11)

    def hours(count: int) -> pa.Array[Any]:
        drawn = [DAY + dt.timedelta(hours=pick.randrange(200)) for _ in range(count)]
        return pa.array(drawn, pa.timestamp("us"))

    made = Session(engine)
    asked: dict[str, Any] = {
        "id": list(range(40)),
        "k": pa.array([pick.choice([1, 2, 3, 2**40, None]) for _ in range(40)], pa.int64()),
        "ts": hours(40),
    }
    clicks: dict[str, Any] = {
        "k": pa.array([pick.choice([1, 2, None]) for _ in range(15)], pa.int32()),
        "w": list(range(15)),
        "ts": hours(15),
    }
    made.register("asked", pa.table(asked), event_time="ts")
    made.register("clicks", pa.table(clicks), event_time="ts")
    return made


JOINS = {
    "windows": (
        (
            "(SELECT k, SUM(w) OVER (LAST '60h') AS w, COUNT(*) OVER (LAST '60h') AS n,"
            " COUNT(*) OVER (LAST 2 ROWS) AS m FROM clicks GROUP BY k)"
        ),
        "p.n + p.m > 0",
    ),
    "one window": (
        (
            "(SELECT k, SUM(w) OVER (LAST '60h') AS w, COUNT(*) OVER (LAST '60h') AS n"
            " FROM clicks GROUP BY k)"
        ),
        "p.n > 0",
    ),
    "last row": ("(SELECT k, w FROM clicks GROUP BY k)", "p.w IS NOT NULL"),
}


@pytest.mark.parametrize("engine", ["datafusion", "reference"])
@pytest.mark.parametrize("kind", ["LEFT", "INNER"])
@pytest.mark.parametrize("right", JOINS)
def test_a_key_is_there_where_the_set_holds_a_row(right: str, kind: str, engine: str) -> None:
    inside, held = JOINS[right]
    found = session(engine).sql(
        f"SELECT p.K AS found, CASE WHEN {held} THEN q.k END AS wanted FROM asked q "
        f"ASOF {kind} JOIN {inside} p MATCH_CONDITION (q.ts > p.event_time) ON p.k = q.k"
    )
    table = found.to_arrow()
    assert table["found"].to_pylist() == table["wanted"].to_pylist()
    assert table["found"].type == pa.int32()
    assert set(table["found"].to_pylist()) == ({1, 2, None} if kind == "LEFT" else {1, 2})


def test_a_bare_name_and_a_star_leave_the_key_out() -> None:
    joined = (
        "FROM asked q ASOF LEFT JOIN (SELECT k, COUNT(*) AS n FROM clicks GROUP BY k) p"
        " MATCH_CONDITION (q.ts > p.event_time) ON p.k = q.k"
    )
    s = session("datafusion")
    assert s.sql(f"SELECT k, p.* {joined} WHERE p.k IS NULL").to_arrow().column_names == ["k", "n"]
    same = f"SELECT q.id {joined} WHERE k = 3"
    assert (
        s.sql(same).to_arrow().num_rows
        == s.sql(same.replace("k = 3", "q.k = 3")).to_arrow().num_rows
    )


def test_a_key_joins_what_comes_next() -> None:
    s = session("datafusion")
    s.register("names", pa.table({"k": [1, 2], "name": ["one", "two"]}))
    table = s.sql(
        "SELECT p.k, n.name FROM asked q ASOF LEFT JOIN (SELECT k, w FROM clicks GROUP BY k) p"
        " MATCH_CONDITION (q.ts > p.event_time) ON p.k = q.k JOIN names n ON n.k = p.k"
    ).to_arrow()
    assert table.num_rows > 5
    assert set(zip(*(c.to_pylist() for c in table.columns), strict=True)) == {
        (1, "one"),
        (2, "two"),
    }
