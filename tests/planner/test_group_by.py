"""GROUP BY with every aggregate of the project: what a feature set over the same rows holds."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.engines.datafusion import execution
from bighead.planner.engines.datafusion.relational import run_relational
from bighead.planner.session import Session
from tests.conformance.user import Bag

START = dt.datetime(2024, 1, 1)
ENGINES = ["datafusion", "reference"]
AGGREGATES = {
    "float sums": "SUM(x), AVG(x), VARIANCE(x), VAR_POP(x), STDDEV(n), STDDEV_POP(x)",
    "moments": "SKEWNESS(x), KURTOSIS(n)",
    "order of rows": "FIRST(x), LAST(s), FIRST_K(n, 2), LAST_K(x, 3)",
    "extremes": "TOP_K(x, 2), BOTTOM_K(s, 3), MIN_BY(s, n), MAX_BY(x, s), MIN(x), MAX(x)",
    "ranks": "MEDIAN(x), QUANTILE(n, 0.9), MEDIAN(n)",
    "values": "HISTOGRAM(s), HISTOGRAM(n, 1), COUNT(DISTINCT x), ARRAY_AGG(DISTINCT s, 2)",
    "sketches": "APPROX_COUNT_DISTINCT(n), APPROX_QUANTILE(x, 0.5), APPROX_TOP_K(s, 2)",
    "filters": "SUM(x) FILTER (WHERE n > 3), TOP_K(n, 2) FILTER (WHERE s = 'a')",
    "buckets": "SUM(x) BY s, COUNT(*) BY n FILTER (WHERE x > 0), SUM(n) BY s",
    "vectors": "SUM([x, CAST(n AS DOUBLE)]), AVG([x, x])",
    "DataFusion's": "COUNT(*), COUNT(x), SUM(n), AVG(n), MIN(s), MAX(n), BOOL_AND(n > 1)",
    "a user's": "BAG(n)",
    "arithmetic": "SUM(x) / COUNT(*) + MAX(n), COALESCE(LAST(s), 'none')",
}


def rows(count: int = 60) -> pa.Table:
    pick = random.Random(17)
    doubles = [0.1, -0.0, 0.0, 1e16, -1e16, 2.5, math.nan, None]
    columns: dict[str, Any] = {
        "k": pa.array([pick.choice([1, 2, 2, 3]) for _ in range(count)], pa.int64()),
        "x": pa.array([pick.choice(doubles) for _ in range(count)], pa.float64()),
        "n": pa.array([pick.choice([1, 2, 3, 4, 5, None]) for _ in range(count)], pa.int32()),
        "s": pa.array([pick.choice(["a", "b", "", None]) for _ in range(count)], pa.string()),
        "ts": pa.array([START + dt.timedelta(minutes=i) for i in range(count)], pa.timestamp("us")),
    }
    return pa.table(columns)


def session(engine: str = "datafusion") -> Session:
    made = Session(engine)
    made.register_aggregate(Bag)
    made.register("e", rows(), event_time="ts")
    made.register("t", rows())
    return made


def values(table: pa.Table) -> list[tuple[str, ...]]:
    """Rows in an order of their own; NaN equals itself, and -0.0 does not equal 0.0."""
    columns = [column.to_pylist() for column in table.columns]
    return sorted(tuple(map(repr, row)) for row in zip(*columns, strict=True))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("family", AGGREGATES)
def test_a_group_holds_what_a_feature_set_over_its_rows_does(family: str, engine: str) -> None:
    s = session(engine)
    items = _split(AGGREGATES[family])
    named = ", ".join(f"{item} AS c{i}" for i, item in enumerate(items))
    grouped = s.sql(f"SELECT k, {named} FROM t GROUP BY k ORDER BY k").to_arrow()
    held = s.sql(
        f"SELECT k, {', '.join(f'c{i}' for i in range(len(items)))} FROM ("
        f"SELECT k, {named} FROM e GROUP BY k) AS OF TIMESTAMP '2025-01-01' AS f ORDER BY k"
    ).to_arrow()
    assert grouped.schema.equals(held.schema)
    assert values(grouped) == values(held)


@pytest.mark.parametrize("engine", ENGINES)
def test_without_group_by_there_is_one_row_whatever_the_rows(engine: str) -> None:
    s = session(engine)
    text = "SELECT SUM(x), COUNT(*), FIRST(n), COUNT(DISTINCT x), HISTOGRAM(s) FROM t"
    assert s.sql(f"{text} WHERE n > 99").to_arrow().to_pylist() == [
        {
            "SUM(x)": None,
            "COUNT(*)": 0,
            "FIRST(n)": None,
            "COUNT(DISTINCT x)": 0,
            "HISTOGRAM(s)": None,
        }
    ]
    assert s.sql(f"{text} WHERE n > 99 GROUP BY k").to_arrow().num_rows == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_groups_of_null_nan_and_zero_are_groups_like_others(engine: str) -> None:
    s = session(engine)
    wanted = s.sql("SELECT x, n, s, COUNT(*) AS c FROM t GROUP BY x, n, s").to_arrow()
    found = s.sql(
        "SELECT x, n, s, CAST(SUM(CAST(1 AS DOUBLE)) AS BIGINT) AS c FROM t GROUP BY ALL"
    ).to_arrow()
    assert values(found) == values(wanted)
    zeros = s.sql("SELECT x, COUNT(*) AS c, LAST(n) FROM t WHERE x = 0 GROUP BY x").to_arrow()
    assert zeros.num_rows == 1


def test_a_float_sum_does_not_depend_on_the_order_of_rows() -> None:
    drawn = random.Random(2)
    numbers = [drawn.choice([-1, 1]) * 10.0 ** drawn.randrange(-300, 300) for _ in range(2000)]
    for _ in range(3):
        drawn.shuffle(numbers)
        s = Session()
        s.register("v", pa.table({"x": numbers}))
        row = s.sql("SELECT SUM(x) AS s, AVG(x) AS a, MAX(-0.0) AS z FROM v").to_arrow()
        assert row["s"][0].as_py() == math.fsum(numbers)
        assert row["a"][0].as_py() == math.fsum(numbers) / 2000
        assert repr(row["z"][0].as_py()) == "0.0"


def test_deviations_far_from_zero_are_right() -> None:
    s = Session()
    s.register("v", pa.table({"x": [1e9 + 1, 1e9 + 2, 1e9 + 3], "c": [0.1, 0.1, 0.1]}))
    row = s.sql("SELECT VARIANCE(x) AS v, VAR_POP(c) AS p, STDDEV(c) AS d FROM v").to_arrow()
    assert row.to_pylist() == [{"v": 1.0, "p": 0.0, "d": 0.0}]


@pytest.mark.parametrize("engine", ENGINES)
def test_having_order_by_and_windows_see_them(engine: str) -> None:
    table = session(engine).sql(
        "SELECT k, SUM(x) AS s, RANK() OVER (ORDER BY SUM(x) DESC, k) AS r FROM t"
        " WHERE x < 3 AND x > 0 GROUP BY k HAVING LAST(n) >= 1 AND SUM(x) > 0"
        " ORDER BY SUM(x) DESC, k"
    )
    found = table.to_arrow()
    assert found["r"].to_pylist() == list(range(1, found.num_rows + 1))
    sums = found["s"].to_numpy()
    assert (sums[:-1] >= sums[1:]).all()


def test_first_and_last_go_by_the_order_of_the_rows() -> None:
    s = session()
    row = s.sql(
        "SELECT FIRST(n) AS f, LAST_K(n, 3) AS l FROM (SELECT n FROM t ORDER BY n DESC) AS v"
    ).to_arrow()
    assert row.to_pylist() == [{"f": 5, "l": [1, 1, 1]}]


@pytest.mark.parametrize("more", ["", ", LAST(b.n)"])
def test_what_is_grouped_is_computed_once(more: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def counted(node: Any, tables: Any) -> pa.Table:
        ran.append(node.sql)
        return run_relational(node, tables)

    monkeypatch.setattr(execution, "run_relational", counted)
    text = f"SELECT a.k, SUM(b.x){more} FROM t a JOIN t b ON a.n = b.n GROUP BY a.k"
    session().sql(text).to_arrow()
    assert len([sql for sql in ran if "JOIN" in sql]) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_written_once_gives_one_answer(engine: str) -> None:
    """random() of a group is that of its rows, and what WITH names has the same rows everywhere."""
    s = session(engine)
    grouped = s.sql(
        "SELECT g FROM (SELECT round(random() * 9) AS g, CAST(n AS DOUBLE) AS x FROM t) AS v"
        " GROUP BY g HAVING SUM(x) IS NULL AND COUNT(x) > 0"
    )
    assert grouped.to_arrow().num_rows == 0
    drawn = "WITH r AS (SELECT ts, random() AS x FROM t) SELECT COUNT(*) AS c FROM r AS a"
    assert (
        s.sql(f"{drawn} JOIN r AS b ON a.ts = b.ts AND a.x = b.x").to_arrow()["c"][0].as_py() == 60
    )


def test_rows_joined_as_of_a_time_are_grouped() -> None:
    text = (
        "SELECT q.s, SUM(f.w) AS w, TOP_K(f.n, 2) AS n FROM e AS q ASOF LEFT JOIN ("
        " SELECT k, SUM(x) OVER (LAST '10m') AS w, COUNT(*) AS n FROM e GROUP BY k) AS f"
        " MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k GROUP BY q.s"
    )
    fast, slow = (session(engine).sql(text).to_arrow() for engine in ENGINES)
    assert fast.num_rows == 4
    assert values(fast) == values(slow)


def _split(items: str) -> list[str]:
    """The items between commas outside of brackets."""
    found, depth = [""], 0
    for character in items:
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            found.append("")
        else:
            found[-1] += character
    return [item.strip() for item in found]
