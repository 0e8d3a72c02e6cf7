"""User-defined aggregates in a session: by name in SQL, on both engines, with clear errors."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.aggregates.user import aggregate
from bighead.zipline.errors import CatalogError, DataError, SchemaError, SqlError
from bighead.zipline.ir.serialize import serialize


@aggregate(arguments=["DOUBLE"], returns="DOUBLE", accuracy="rounded")
class GeometricMean:
    """The n-th root of the product of n numbers."""

    def zero(self) -> tuple[int, float]:
        return (0, 0.0)

    def add(self, state: tuple[int, float], x: float) -> tuple[int, float]:
        return (state[0] + 1, state[1] + math.log(x))

    def merge(self, a: tuple[int, float], b: tuple[int, float]) -> tuple[int, float]:
        return (a[0] + b[0], a[1] + b[1])

    def finish(self, state: tuple[int, float]) -> float:
        return math.exp(state[1] / state[0])


def wrong(finish: Any) -> type:
    """An aggregate `wrong` with this finish()."""
    made = type("Wrong", (GeometricMean,), {"finish": finish})
    return aggregate(arguments=["DOUBLE"], returns="DOUBLE")(made)


@pytest.fixture(params=["datafusion", "reference"])
def s(request: pytest.FixtureRequest) -> Session:
    session = Session(engine=request.param)
    session.register_aggregate(GeometricMean)
    events = {
        "k": [1, 1, 1, 1],
        "v": [1.0, 2.0, 4.0, None],
        "room": ["a", "b", "b", "a"],
        "known": [2_000_000, 9_000_000, 3_000_000, 4_000_000],
        "at": [1_000_000, 2_000_000, 3_000_000, 4_000_000],
    }
    session.register("e", events, event_time="at", unit="us")
    session.register("late", events, event_time="at", known_at="known", unit="us")
    session.register("q", {"k": [1, 2], "t": [5_000_000] * 2}, event_time="t", unit="us")
    return session


def asked(s: Session, item: str, source: str = "e") -> Any:
    table = s.sql(
        f"SELECT b.x FROM q ASOF LEFT JOIN (SELECT k, {item} AS x FROM {source} GROUP BY k) AS b"
        " MATCH_CONDITION (q.t > b.event_time) ON b.k = q.k"
    ).to_arrow()
    first, second = table["x"].to_pylist()
    assert second is None
    return first


def test_sql_names_it_with_windows_filters_and_buckets(s: Session) -> None:
    assert asked(s, "GEOMETRIC_MEAN(v)") == pytest.approx(2.0)
    assert asked(s, "Geometric_Mean(v) OVER (LAST '3s')") == pytest.approx(math.sqrt(8))
    assert asked(s, "GEOMETRIC_MEAN(v) OVER (LAST 2 ROWS)") == pytest.approx(4.0)
    assert asked(s, "GEOMETRIC_MEAN(v) FILTER (WHERE v < 3)") == pytest.approx(math.sqrt(2))
    assert asked(s, "GEOMETRIC_MEAN(v) FILTER (WHERE v > 9)") is None
    found = asked(s, "GEOMETRIC_MEAN(v) BY room")
    assert found == [("a", pytest.approx(1.0)), ("b", pytest.approx(math.sqrt(8)))]
    assert asked(s, "GEOMETRIC_MEAN(v) OVER (LAST '3s') / 2 + COUNT(*)") == pytest.approx(
        math.sqrt(8) / 2 + 4
    )


def test_integers_widen_to_what_it_takes(s: Session) -> None:
    assert asked(s, "GEOMETRIC_MEAN(k + 1)") == pytest.approx(2.0)


def test_what_is_not_known_yet_does_not_count(s: Session) -> None:
    assert asked(s, "GEOMETRIC_MEAN(v)", "late") == pytest.approx(2.0)
    assert asked(s, "GEOMETRIC_MEAN(v) OVER (LAST 1 ROWS)", "late") is None
    assert asked(s, "GEOMETRIC_MEAN(v) OVER (LAST '3s')", "late") == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("GEOMETRIC_MEAN(room)", "GEOMETRIC_MEAN(DOUBLE) does not take VARCHAR; write CAST("),
        ("GEOMETRIC_MEAN(v, v)", "GEOMETRIC_MEAN(DOUBLE) takes no more arguments"),
        ("GEOMETRIC_MEAN()", "GEOMETRIC_MEAN(DOUBLE) takes one expression, not 0"),
        ("GEOMETRIC_MEAM(v)", "no function 'GEOMETRIC_MEAM'; did you mean 'GEOMETRIC_MEAN'?"),
        ("GEOMETRIC_MEAN(DISTINCT v)", "GEOMETRIC_MEAN(DISTINCT x) is not known; write GEOMETRIC"),
        ("GEOMETRIC_MEAN(SUM(v))", "an aggregate cannot stand inside an aggregate"),
    ],
)
def test_a_wrong_call_is_refused_with_its_place(s: Session, item: str, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        asked(s, item)
    assert str(caught.value).startswith(message)
    assert "at line 1" in str(caught.value)


@pytest.mark.parametrize(
    ("finish", "message"),
    [
        (lambda self, state: 1 / 0,
         "the aggregate WRONG failed in finish(), line"),
        (lambda self, state: "1",
         "the aggregate WRONG returns DOUBLE, but its finish() gave '1', a str; convert it there"),
    ],
)  # fmt: skip
def test_what_its_code_does_wrong_is_said_with_its_name(
    s: Session, finish: Any, message: str
) -> None:
    s.register_aggregate(wrong(finish))
    with pytest.raises(DataError) as caught:
        asked(s, "WRONG(v)")
    assert str(caught.value).startswith(message)


def test_a_failing_add_names_the_error(s: Session) -> None:
    with pytest.raises(DataError, match=r"GEOMETRIC_MEAN failed in add\(\).*math domain error"):
        asked(s, "GEOMETRIC_MEAN(-v)")


def test_a_session_knows_only_what_it_was_told() -> None:
    s = Session()
    s.register("e", {"v": [1.0], "at": [1]}, event_time="at", unit="us")
    with pytest.raises(SqlError, match="no function 'GEOMETRIC_MEAN'"):
        s.sql("CREATE FEATURE SET f AS SELECT GEOMETRIC_MEAN(v) AS x FROM e")
    with pytest.raises(SchemaError, match="Session is not declared as an aggregate"):
        s.register_aggregate(Session)


def test_names_of_sql_are_taken(s: Session) -> None:
    for name in ("sum", "Median", "round"):
        taken = aggregate(arguments=["DOUBLE"], returns="DOUBLE", name=name)(
            type("Taken", (GeometricMean,), {})
        )
        with pytest.raises(CatalogError, match=f"{name.upper()} is a function of SQL already"):
            s.register_aggregate(taken)


def test_a_newer_version_binds_its_users_anew(s: Session) -> None:
    s.sql("CREATE FEATURE SET f AS SELECT k, GEOMETRIC_MEAN(v) AS x FROM e GROUP BY k")
    before = s.definitions.get("f")

    class Newer(GeometricMean):
        def finish(self, state: tuple[int, float]) -> float:
            return -1.0

    newer = aggregate(arguments=["DOUBLE"], returns="DOUBLE", name="geometric_mean")(Newer)
    s.register_aggregate(newer)
    after = s.definitions.get("f")
    assert serialize(before) != serialize(after)
    assert asked(s, "GEOMETRIC_MEAN(v)") == -1.0
    s.register_aggregate(newer)
    assert s.definitions.get("f") == after


def test_a_version_that_breaks_a_set_is_refused(s: Session) -> None:
    s.sql("CREATE FEATURE SET f AS SELECT k, GEOMETRIC_MEAN(v) AS x FROM e GROUP BY k")
    broken = aggregate(arguments=["VARCHAR"], returns="DOUBLE", name="geometric_mean")(
        type("Broken", (GeometricMean,), {})
    )
    with pytest.raises(CatalogError, match="cannot be replaced: the feature set f would not go on"):
        s.register_aggregate(broken)
    assert asked(s, "GEOMETRIC_MEAN(v)") == pytest.approx(2.0)


def test_a_state_that_finish_hands_out_is_not_changed_afterwards(s: Session) -> None:
    @aggregate(arguments=["DOUBLE"], returns="DOUBLE[]")
    class Collected:
        def zero(self) -> list[float]:
            return []

        def add(self, state: list[float], x: float) -> list[float]:
            state.append(x)
            return state

        def merge(self, a: list[float], b: list[float]) -> list[float]:
            return a + b

        def finish(self, state: list[float]) -> list[float]:
            return state

    s.register_aggregate(Collected)
    s.register("p", {"k": [1, 1, 1], "t": [2, 3, 9]}, event_time="t", unit="s")
    found = s.sql(
        "SELECT b.x FROM p ASOF LEFT JOIN (SELECT k, COLLECTED(v) AS x FROM e GROUP BY k) AS b"
        " MATCH_CONDITION (p.t > b.event_time) ON b.k = p.k"
    )
    assert found.to_arrow()["x"].to_pylist() == [[1.0], [1.0, 2.0], [1.0, 2.0, 4.0]]


def test_describe_and_explain_name_it(s: Session) -> None:
    item = "GEOMETRIC_MEAN(v) OVER (LAST '7d') AS x"
    s.sql(f"CREATE FEATURE SET f AS SELECT k, {item} FROM e GROUP BY k")
    text = str(s.sql("DESCRIBE f"))
    assert "GEOMETRIC_MEAN(v) over [t - 7d, t), rounded" in text
    join = "ASOF LEFT JOIN f MATCH_CONDITION (q.t > f.event_time) ON f.k = q.k"
    query = f"SELECT q.k, f.x FROM q {join}"
    assert "GEOMETRIC_MEAN(v)" in str(s.sql(f"EXPLAIN {query}"))
    assert "geometric_mean@" in str(s.sql(f"EXPLAIN STAGE tiled {query}"))


def test_many_rows_and_wide_windows_take_no_longer_than_narrow_ones() -> None:
    calls = 0

    @aggregate(arguments=["BIGINT"], returns="BIGINT")
    class Counted:
        def zero(self) -> int:
            return 0

        def add(self, state: int, x: int) -> int:
            nonlocal calls
            calls += 1
            return max(state, x)

        def merge(self, a: int, b: int) -> int:
            nonlocal calls
            calls += 1
            return max(a, b)

        def finish(self, state: int) -> int:
            return state

    n = 3000
    s = Session()
    s.register_aggregate(Counted)
    ticks = list(range(n))
    known = [t + (7 if t % 3 else 0) for t in ticks]
    table = pa.table({"v": ticks, "at": ticks, "known": known})
    s.register("e", table, event_time="at", unit="s")
    s.register("late", table, event_time="at", known_at="known", unit="s")
    s.register("q", pa.table({"t": ticks}), event_time="t", unit="s")

    def cost(source: str, width: str) -> int:
        nonlocal calls
        calls = 0
        s.sql(
            f"SELECT b.x FROM q ASOF LEFT JOIN (SELECT COUNTED(v) OVER (LAST '{width}') AS x"
            f" FROM {source}) AS b MATCH_CONDITION (q.t > b.event_time)"
        ).to_arrow()
        return calls

    assert max(cost("e", "10s"), cost("e", "1000s")) <= 4 * n
    assert max(cost("late", "10s"), cost("late", "1000s")) <= 40 * n
