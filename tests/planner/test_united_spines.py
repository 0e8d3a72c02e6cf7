"""A spine of several sources: the rows of each, in order, as if each were the spine alone."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import SqlError
from bighead.zipline.ir.address import address
from bighead.zipline.ir.serialize import deserialize, serialize

DAY = dt.datetime(2024, 1, 1)
ENGINES = ["datafusion", "reference"]
JOIN = (
    "ASOF LEFT JOIN (SELECT k, SUM(w) OVER (LAST '30h') AS w, COUNT(*) AS n FROM e GROUP BY k) AS f"
    " MATCH_CONDITION (q.ts > f.event_time) ON f.k = q.k"
)


def session(engine: str) -> Session:
    pick = random.Random(5)

    def rows(count: int, first: int) -> pa.Table:
        times = [DAY + dt.timedelta(hours=pick.randrange(100)) for _ in range(count)]
        columns: dict[str, Any] = {
            "id": list(range(first, first + count)),
            "k": [pick.choice([1, 2, None]) for _ in range(count)],
            "hit": [pick.choice([True, False, None]) for _ in range(count)],
            "ts": pa.array(times, pa.timestamp("us")),
        }
        return pa.table(columns)

    made = Session(engine)
    made.register("a", rows(20, 0), event_time="ts")
    b = rows(15, 100)
    made.register("b", b.select(["ts", "hit", "id", "k"]), event_time="ts")
    seconds = b["ts"].cast(pa.int64()).to_numpy() // 1_000_000
    narrow = b.set_column(3, "ts", pa.array(seconds)).set_column(0, "id", b["id"].cast(pa.int32()))
    made.register("c", narrow, event_time="ts", unit="s")
    made.register("e", rows(60, 0).rename_columns(["w", "k", "hit", "ts"]), event_time="ts")
    return made


def alone(s: Session, spine: str) -> pa.Table:
    return s.sql(f"SELECT q.id, q.k, q.ts, f.w, f.n FROM {spine} AS q {JOIN}").to_arrow()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("spine", [
    "a UNION ALL b AS q",
    "(SELECT * FROM a UNION ALL SELECT id, k, hit, ts FROM b) AS q",
    "(SELECT id, k, ts FROM a UNION ALL (SELECT id + 0, k, ts FROM b)) AS q",
])  # fmt: skip
def test_rows_come_one_source_after_the_other(spine: str, engine: str) -> None:
    s = session(engine)
    wanted = pa.concat_tables([alone(s, "a"), alone(s, "b")])
    text = f"SELECT q.id, q.k, q.ts, f.w, f.n FROM {spine} {JOIN}"
    assert s.sql(text).to_arrow().equals(wanted)
    s.sql(f"CREATE TRAINING SET t ID (id) AS {text}")
    assert s.sql("SELECT * FROM t").to_arrow().equals(wanted)


@pytest.mark.parametrize("engine", ENGINES)
def test_each_source_keeps_its_own_time(engine: str) -> None:
    """One counts seconds, in a column of another type; both are told by one hidden column."""
    s = session(engine)
    cast = "CAST(FROM_EPOCH(ts, 's') AS TIMESTAMP)"
    s.sql(
        "CREATE TRAINING SET t AS SELECT q.id, f.w, f.n FROM ("
        f" SELECT id, k, ts FROM a UNION ALL SELECT id, k, {cast} FROM c) AS q {JOIN}"
    )
    wanted = pa.concat_tables([alone(s, "a"), alone(s, "b")]).select(["id", "w", "n"])
    assert s.sql("SELECT * FROM t").to_arrow().equals(wanted)


def test_a_label_of_one_source_is_a_label_of_all() -> None:
    s = session("datafusion")
    s.sql(f"CREATE TRAINING SET x AS SELECT q.id, q.k, q.ts, LABEL q.hit FROM a AS q {JOIN}")
    united = "(SELECT id, k, ts, hit FROM b UNION ALL SELECT id, k, ts, hit FROM x) AS q"
    with pytest.raises(SqlError, match="'hit' is a label of x"):
        s.sql(f"CREATE TRAINING SET y AS SELECT q.id, CAST(q.hit AS INTEGER) AS h FROM {united}")
    s.sql(f"CREATE TRAINING SET y AS SELECT q.id, LABEL q.hit FROM {united} {JOIN}")
    assert "hit  BOOLEAN  label" in str(s.sql("DESCRIBE y"))


def test_the_plan_is_kept_and_addressed() -> None:
    s = session("datafusion")
    s.sql(f"CREATE TRAINING SET t AS SELECT q.id, f.n FROM a UNION ALL b AS q {JOIN}")
    found = s.definitions.get("t")
    assert isinstance(found, TrainingSet)
    again = deserialize(serialize(found))
    assert again == found
    s.sql(f"CREATE TRAINING SET u AS SELECT q.id, f.n FROM b UNION ALL a AS q {JOIN}")
    other = s.definitions.get("u")
    assert isinstance(other, TrainingSet)
    assert address(found.plan) != address(other.plan)
