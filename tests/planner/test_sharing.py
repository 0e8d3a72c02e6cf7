"""What a plan reads more than once is computed once: a chain of sets costs what its levels do."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bighead.planner.passes.prune_columns import prune_columns
from bighead.planner.session import Session
from bighead.zipline.catalog import FeatureSet
from bighead.zipline.ir.common import commons
from bighead.zipline.ir.nodes import walk

START = datetime(2024, 1, 1)
LEVELS = 5


def session(engine: str = "datafusion", rows: int = 60, **more: Any) -> Session:
    s = Session(engine=engine, **more)
    hours = [START + timedelta(hours=(i * 7) % 240, seconds=i) for i in range(rows)]
    s.register(
        "e",
        pa.table({"k": [i % 3 for i in range(rows)], "v": list(range(rows)), "ts": hours}),
        event_time="ts",
    )
    asked = [START + timedelta(days=d) for d in (3, 7, 10)] * 4
    s.register(
        "q", pa.table({"n": list(range(12)), "k": [0, 1, 2, 3] * 3, "ts": asked}), event_time="ts"
    )
    return s


def chain(s: Session, levels: int) -> str:
    """Sets, each over the rows of the one before that had something; the name of the last."""
    s.sql("CREATE FEATURE SET s0 AS SELECT k, COUNT(*) AS n, MAX(v) AS v FROM e GROUP BY k")
    for i in range(1, levels):
        s.sql(
            f"CREATE FEATURE SET s{i} AS SELECT k, COUNT(*) OVER (LAST '{i}d') AS n, "
            f"MAX(v) OVER (LAST '{i + 1}d') AS v FROM s{i - 1} WHERE n >= 0 GROUP BY k"
        )
    return f"s{levels - 1}"


def asked(name: str, columns: str = "b.n, b.v") -> str:
    return (
        f"SELECT q.n AS number, {columns} FROM q ASOF LEFT JOIN {name} AS b "
        "MATCH_CONDITION (q.ts > b.event_time) ON b.k = q.k"
    )


def joins_run(s: Session, query: str) -> int:
    """How many joins as of a time the kernel was asked for, by what EXPLAIN ANALYZE says."""
    lines = explained(s, f"ANALYZE {query}")
    return sum(bool(re.search(r"path.*events of", line)) for line in lines)


def explained(s: Session, query: str) -> list[str]:
    """The lines of EXPLAIN."""
    return [str(line) for line in s.sql(f"EXPLAIN {query}").to_arrow()["plan"].to_pylist()]


def test_each_level_of_a_chain_is_computed_once() -> None:
    s = session()
    query = asked(chain(s, LEVELS))
    assert joins_run(s, query) == LEVELS
    text = "\n".join(explained(s, query))
    assert text.count("computed once") == text.count("as above") == LEVELS - 2


def test_a_chain_is_what_the_reference_says() -> None:
    answers = []
    for engine in ("datafusion", "reference"):
        s = session(engine)
        answers.append(s.sql(asked(chain(s, LEVELS))).to_arrow().to_pylist())
    assert answers[0] == answers[1]
    assert any(row["n"] for row in answers[0])


def test_plan_and_text_grow_with_the_levels_and_no_faster() -> None:
    s = session()
    chain(s, 40)
    lines = {}
    for stage in ("logical", "optimized", "physical"):
        for levels in (10, 20, 40):
            text = s.sql(f"EXPLAIN STAGE {stage} {asked(f's{levels - 1}')}").to_arrow()
            lines[levels] = text.num_rows
        assert lines[40] - lines[20] == 2 * (lines[20] - lines[10]), stage


def test_columns_are_pruned_out_of_each_level_once() -> None:
    """Without `share`, as a backfill takes plans apart: an inner set has two readers a level."""
    s = session()
    chain(s, 41)
    nodes = {}
    for levels in (11, 21, 41):
        found = s.definitions.get(f"s{levels - 1}")
        assert isinstance(found, FeatureSet)
        nodes[levels] = sum(1 for _ in walk(prune_columns(found.view)))
    assert nodes[41] - nodes[21] == 2 * (nodes[21] - nodes[11])


def test_two_sets_over_one_set_share_its_rows() -> None:
    s = session()
    chain(s, 2)
    for name, days in (("one", 2), ("two", 3)):
        s.sql(
            f"CREATE FEATURE SET {name} AS SELECT k, SUM(n) OVER (LAST '{days}d') AS n "
            "FROM s1 WHERE v > 3 GROUP BY k"
        )
    query = asked("one", "b.n, c.n AS more").replace(
        "ON b.k = q.k",
        "ON b.k = q.k ASOF LEFT JOIN two AS c MATCH_CONDITION (q.ts > c.event_time) ON c.k = q.k",
    )
    # The rows of s1 are joined once, those of s0 once, and q as of its time once.
    assert joins_run(s, query) == 3
    found = s.sql(query).to_arrow().to_pylist()
    other = session("reference")
    for name in ("s0", "s1", "one", "two"):
        other.sql(s.definitions.get(name).sql)  # type: ignore[union-attr]
    assert other.sql(query).to_arrow().to_pylist() == found


def test_one_set_twice_in_a_query_is_computed_once() -> None:
    s = session()
    chain(s, 3)
    s.sql(f"CREATE TRAINING SET t ID (number) AS {asked('s2')}")
    query = "SELECT a.number, a.n, b.v FROM t AS a JOIN t AS b ON a.number = b.number"
    assert "used 2 times" in "\n".join(explained(s, query))
    assert joins_run(s, query) == 3
    assert s.sql(query).to_arrow().num_rows == 12


def test_what_may_differ_each_time_is_not_shared() -> None:
    s = session()
    part = "(SELECT n, random() AS r FROM q)"
    found = s.sql(f"SELECT a.r = b.r AS same FROM {part} AS a JOIN {part} AS b ON a.n = b.n")
    assert not any(found.to_arrow()["same"].to_pylist())


def test_a_chain_on_disk_is_the_chain_in_memory() -> None:
    s = session(rows=30_000)
    query = asked(chain(s, 4))
    wanted = s.sql(query).to_arrow()
    small = session(rows=30_000, memory="1MiB")
    chain(small, 4)
    assert "goes to disk" in small.sql(query).explain("physical")
    assert pa.Table.from_batches(small.sql(query).to_batches()).to_pylist() == wanted.to_pylist()


def test_rows_that_nobody_asks_for_do_not_overflow(tmp_path: Path) -> None:
    """What comes long before the question has a history that is not read, nor summed in part."""
    s = Session()
    huge = 2**62
    values = {7.0: -huge, 7.1: -huge, 7.2: 0, 10.1: huge, 10.2: huge, 10.3: huge, 10.5: 0}
    values |= dict.fromkeys((11.0, 16.0, 16.5, 17.0, 20.0, 20.5, 21.0, 21.5), 1)
    times = [START + timedelta(days=d) for d in values]
    rows = pa.table({"k": [1] * len(values), "v": list(values.values()), "ts": times})
    pq.write_table(rows, tmp_path / "e.parquet", row_group_size=1)
    s.register("e", tmp_path / "e.parquet", event_time="ts")
    last = [START + timedelta(days=22)]
    s.register("q", pa.table({"n": [1], "k": [1], "ts": last}), event_time="ts")
    s.sql("CREATE FEATURE SET s0 AS SELECT k, LAST(v) OVER (LAST '1d') AS n FROM e GROUP BY k")
    for i, function in enumerate(("SUM", "MAX", "MAX"), start=1):
        s.sql(
            f"CREATE FEATURE SET s{i} AS SELECT k, {function}(n) OVER (LAST '4d') AS n "
            f"FROM s{i - 1} WHERE n IS NOT NULL GROUP BY k"
        )
    assert "Within [first t - 8d" in s.sql(asked("s3", "b.n")).explain()
    assert s.sql(asked("s3", "b.n")).to_arrow()["n"].to_pylist() == [2]


def test_a_plan_without_chains_has_nothing_in_common() -> None:
    s = session()
    chain(s, 1)
    s.sql(f"CREATE TRAINING SET t ID (number) AS {asked('s0')}")
    assert not commons(s.definitions.get("t").plan)  # type: ignore[union-attr]
    assert "Common" not in s.sql("SELECT * FROM t").explain("logical")
