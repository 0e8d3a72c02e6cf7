"""What sources promise: identities, unions, versions of entities, static entities, skipped rows.

Every test runs on every engine, with the answers written out.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.errors import DataError
from tests.conformance.rows import DAY, HOUR, STAMP, US, T, ask, events, look_up, spine


def several(s: Session, name: str, times: list[Any], values: list[Any], **more: Any) -> None:
    """A source of key 1 with columns k, ts and v."""
    columns: dict[str, Any] = {"k": [1] * len(times), "ts": pa.array(times, STAMP), "v": values}
    s.register(name, pa.table(columns | more.pop("columns", {})), event_time="ts", **more)


# Identity.


def test_copies_count_once(s: Session) -> None:
    spine(s, [T])
    times = [T - HOUR, T - 2 * HOUR, T - HOUR]
    several(s, "e", times, [1, 2, 1], columns={"id": [7, 8, 7]}, identity="id")
    assert ask(s, "SUM(v)") == [3]
    assert ask(s, "COUNT(*) OVER (LAST 2 ROWS)") == [2]


def test_unequal_rows_of_one_identity_are_an_error(s: Session) -> None:
    spine(s, [T])
    several(s, "e", [T - HOUR] * 2, [1, 2], columns={"id": [7, 7]}, identity="id")
    with pytest.raises(DataError, match="identity"):
        ask(s, "SUM(v)")


def test_null_in_an_identity_equals_nothing(s: Session) -> None:
    spine(s, [T])
    ids = pa.array([None, None], pa.int64())
    several(s, "e", [T - HOUR] * 2, [1, 1], columns={"id": ids}, identity="id")
    assert ask(s, "SUM(v)") == [2]


def test_an_identity_is_all_of_its_columns(s: Session) -> None:
    spine(s, [T])
    columns = {"id": [7, 7, 7], "part": ["a", "b", "a"]}
    several(s, "e", [T - HOUR] * 3, [1, 1, 1], columns=columns, identity=["id", "part"])
    assert ask(s, "COUNT(*)") == [2]


# Unions.


def union(s: Session, select: str) -> list[Any]:
    """The feature of `a` and `b` together."""
    table = s.sql(
        f"SELECT x FROM q ASOF LEFT JOIN (SELECT k, {select} AS x FROM a UNION ALL b GROUP BY k)"
        " AS y MATCH_CONDITION (q.ts > y.event_time) ON y.k = q.k"
    ).to_arrow()
    return list(table["x"].to_pylist())


def test_each_source_of_a_union_keeps_its_own_knowledge_time(s: Session) -> None:
    spine(s, [T, T + 2 * HOUR])
    several(s, "a", [T - HOUR], [1], columns={"loaded": pa.array([T - HOUR], STAMP)})
    late = pa.array([T + HOUR], STAMP)
    several(s, "b", [T - HOUR], [2], columns={"loaded": late}, known_at="loaded")
    assert union(s, "SUM(v)") == [1, 1 + 2]


def test_each_source_of_a_union_keeps_its_own_identities(s: Session) -> None:
    spine(s, [T])
    several(s, "a", [T - HOUR] * 2, [1, 1], columns={"id": [7, 7]}, identity="id")
    several(s, "b", [T - HOUR], [1], columns={"id": [7]}, identity="id")
    assert union(s, "SUM(v)") == [2]


def test_a_source_without_a_sequence_is_older_where_times_tie(s: Session) -> None:
    spine(s, [T])
    several(s, "a", [T - HOUR], [9], columns={"seq": [1]})
    several(s, "b", [T - HOUR], [1], columns={"seq": [-5]}, sequence="seq")
    assert union(s, "LAST(v)") == [1]
    assert union(s, "FIRST(v)") == [9]


# Entities that change.


def hosts(s: Session, keys: list[Any], times: list[Any], **columns: Any) -> None:
    """The entity `e`: k is its primary key, ts says when a row came to hold."""
    more: dict[str, Any] = {"sequence": "seq"} if "seq" in columns else {}
    if "known" in columns:
        columns["known"] = pa.array(columns["known"], STAMP)
        more["known_at"] = "known"
    table = pa.table({"k": keys, "ts": pa.array(times, STAMP), **columns})
    s.register("e", table, primary_key="k", changed_at="ts", **more)


def test_a_row_of_an_entity_holds_until_the_next_change(s: Session) -> None:
    spine(s, [T, T + US, T + HOUR, T + HOUR + US], [1] * 4)
    hosts(s, [1, 1], [T, T + HOUR], v=["old", "new"])
    assert look_up(s) == [None, "old", "old", "new"]
    assert look_up(s, ">=") == ["old", "old", "new", "new"]


def test_a_change_that_is_not_known_yet_leaves_the_row_before_it(s: Session) -> None:
    spine(s, [T + DAY, T + 3 * DAY])
    hosts(s, [1, 1], [T, T + HOUR], v=["old", "new"], known=[T, T + 2 * DAY])
    assert look_up(s) == ["old", "new"]


def test_the_version_is_chosen_before_any_condition(s: Session) -> None:
    spine(s, [T + DAY])
    hosts(s, [1, 1], [T, T + HOUR], v=["good", "bad"])
    assert look_up(s, rest="AND e.v = 'good'") == [None]
    within = "TOLERANCE INTERVAL '22' HOUR"
    assert look_up(s, rest=within) == [None]


def test_of_two_changes_at_once_the_greater_sequence_holds(s: Session) -> None:
    spine(s, [T + DAY])
    hosts(s, [1, 1, 1], [T, T, T], v=["x", "z", "y"], seq=[2, 1, None])
    assert look_up(s) == ["x"]


def test_an_entity_without_a_time_of_change_is_an_error(s: Session) -> None:
    spine(s, [T + DAY])
    hosts(s, [1, 1], [T, None], v=["x", "y"])
    with pytest.raises(DataError, match="NULL"):
        look_up(s)


# Static entities.


def stars(s: Session, keys: list[Any], kind: str = "LEFT") -> list[Any]:
    """What the static entity `h` says of each row of the spine."""
    table = pa.table({"k": pa.array(keys, pa.int64()), "v": [*range(len(keys))]})
    s.register("h", table, primary_key="k")
    s.sql(
        "CREATE OR REPLACE TRAINING SET t ID (n) AS SELECT q.n, q.ts, h.v"
        f" FROM q {kind} JOIN h ON h.k = q.k"
    )
    return list(s.sql("SELECT * FROM t").to_arrow()["v"].to_pylist())


def test_a_static_entity_is_joined_by_its_primary_key(s: Session) -> None:
    s.register(
        "q",
        pa.table({"n": [0, 1, 2], "k": [5, None, 6], "ts": pa.array([T] * 3, STAMP)}),
        event_time="ts",
    )
    assert stars(s, [6, 5, None]) == [1, None, 0]
    assert stars(s, [6, 7], kind="INNER") == [0]


def test_a_primary_key_that_repeats_is_an_error(s: Session) -> None:
    s.register("q", pa.table({"n": [0], "k": [5], "ts": pa.array([T], STAMP)}), event_time="ts")
    with pytest.raises(DataError, match="primary key|key"):
        stars(s, [5, 5])


# Sets on their own, and what is told of a run.


def test_a_feature_set_as_of_a_time_is_strict(s: Session) -> None:
    events(s, [T - US, T, T - HOUR], keys=[1, 1, 2])
    s.sql("CREATE FEATURE SET f AS SELECT k, SUM(v) OVER (LAST '1h') AS x FROM e GROUP BY k")
    table = s.sql("SELECT * FROM f AS OF TIMESTAMP '2013-01-01 00:00:00'").to_arrow()
    assert table.select(["k", "x"]).to_pylist() == [{"k": 1, "x": 1}, {"k": 2, "x": 4}]


def test_skipped_rows_are_counted(s: Session) -> None:
    spine(s, [T])
    events(s, [T - DAY, None, None], skip_null_times=True)
    text = s.sql(
        "EXPLAIN ANALYZE SELECT x FROM q ASOF LEFT JOIN (SELECT k, SUM(v) AS x FROM e GROUP BY k)"
        " AS b MATCH_CONDITION (q.ts > b.event_time) ON b.k = q.k"
    ).to_arrow()
    assert "2 rows skipped: NULL event time in e" in str(text.to_pylist())
