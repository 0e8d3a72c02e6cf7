"""STATIC entities in feature sets: joined before anything is counted, on every engine."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.errors import DataError
from tests.conformance.rows import HOUR, T, events, spine
from tests.conformance.test_chained import ask


def places(s: Session, keys: list[Any], cities: list[Any]) -> None:
    s.register("p", pa.table({"v": pa.array(keys, pa.int64()), "city": cities}), primary_key="v")


def test_a_set_counts_by_what_the_entity_says(s: Session) -> None:
    spine(s, [T + 9 * HOUR] * 3, keys=[1, 2, None])
    events(s, [T, T + HOUR, T + 2 * HOUR, T + 3 * HOUR], values=[1, 2, 1, 3])
    places(s, [1, 2], ["Lima", "Oslo"])
    s.sql(
        "CREATE FEATURE SET f AS SELECT e.k, COUNT(*) BY p.city AS n, "
        "COUNT(*) FILTER (WHERE p.city = 'Lima') AS lima, COUNT(*) AS all_of_them "
        "FROM e LEFT JOIN p ON p.v = e.v GROUP BY e.k"
    )
    found = ask(s, "f", "b.n, b.lima, b.all_of_them")
    assert found == [([("Lima", 2), ("Oslo", 1)], 2, 4), (None, 0, 0), (None, 0, 0)]


def test_the_key_may_be_the_entity_s(s: Session) -> None:
    spine(s, [T + 9 * HOUR] * 2, keys=[7, 8])
    events(s, [T, T + HOUR, T + 2 * HOUR], values=[1, 2, 1])
    s.register("p", pa.table({"v": [1, 2], "k": [7, 8]}), primary_key="v")
    s.sql(
        "CREATE FEATURE SET f AS SELECT p.k, COUNT(*) AS n FROM e JOIN p ON p.v = e.v GROUP BY p.k"
    )
    assert ask(s, "f", "b.n") == [(2,), (1,)]


@pytest.mark.parametrize(("kind", "seen"), [("LEFT", 3), ("INNER", 2)])
def test_an_inner_join_drops_events_without_a_row(s: Session, kind: str, seen: int) -> None:
    spine(s, [T + 9 * HOUR])
    events(s, [T, T + HOUR, T + 2 * HOUR], values=[1, 2, None])
    places(s, [1, 2], ["Lima", "Oslo"])
    s.sql(
        "CREATE FEATURE SET f AS SELECT e.k, COUNT(*) AS n "
        f"FROM e {kind} JOIN p USING (v) GROUP BY e.k"
    )
    assert ask(s, "f", "b.n") == [(seen,)]


def test_known_times_and_identities_stay_those_of_the_event(s: Session) -> None:
    spine(s, [T + 2 * HOUR, T + 9 * HOUR])
    events(s, [T, T, T + HOUR], values=[1, 1, 2], id=[5, 5, 6], known=[T, T, T + 5 * HOUR])
    places(s, [1, 2], ["Lima", "Oslo"])
    s.sql(
        "CREATE FEATURE SET f AS SELECT e.k, COUNT(*) AS n, LAST(city) AS city "
        "FROM e LEFT JOIN p USING (v) WHERE city <> 'Rome' GROUP BY e.k"
    )
    assert ask(s, "f", "b.n, b.city") == [(1, "Lima"), (2, "Oslo")]


def test_a_key_that_repeats_is_an_error(s: Session) -> None:
    spine(s, [T + 9 * HOUR])
    events(s, [T])
    places(s, [1, 1], ["Lima", "Oslo"])
    s.sql(
        "CREATE FEATURE SET f AS SELECT e.k, COUNT(*) AS n "
        "FROM e LEFT JOIN p USING (v) GROUP BY e.k"
    )
    with pytest.raises(DataError, match="repeats|more than one row"):
        ask(s, "f", "b.n")


def test_a_set_over_a_joined_set_is_a_chain(s: Session) -> None:
    spine(s, [T + 9 * HOUR])
    events(s, [T, T + HOUR, T + 2 * HOUR], values=[1, 2, 1])
    places(s, [1, 2], ["Lima", "Oslo"])
    s.sql(
        "CREATE FEATURE SET f AS SELECT e.k, COUNT(*) FILTER (WHERE city = 'Lima') AS n "
        "FROM e LEFT JOIN p USING (v) GROUP BY e.k"
    )
    s.sql("CREATE FEATURE SET g AS SELECT k, LAST_K(n, 5) AS n FROM f GROUP BY k")
    assert ask(s, "g", "b.n") == [([1, 1, 0],)]
    assert s.sql("SELECT * FROM f AS OF TIMESTAMP '2013-01-01 01:00:00'").to_arrow().num_rows == 1
