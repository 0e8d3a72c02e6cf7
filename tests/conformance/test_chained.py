"""Sets as sources: chained means the same as written down in between, on every engine.

The specification is the long way: ask the inner set at each of its own events, register the answer
as an event source, and build the outer set on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.pipeline import PASSES
from bighead.planner.session import Session
from bighead.zipline.catalog import FeatureSet
from bighead.zipline.errors import BigheadError, CatalogError
from bighead.zipline.ir.serialize import deserialize, serialize
from bighead.zipline.ir.verify import verify
from bighead.zipline.windows import format_duration
from tests.conformance.compare import same
from tests.conformance.draw_tables import KNOWLEDGE, Knowledge
from tests.conformance.generate import windows_case
from tests.conformance.rows import HOUR, US, T, events, spine

INNER = (
    "CREATE FEATURE SET inn AS "
    "SELECT k, COUNT(*) AS n, SUM(v) OVER (LAST '1d') AS v FROM e GROUP BY k"
)


def ask(s: Session, name: str, columns: str, sign: str = ">") -> list[tuple[Any, ...]]:
    """Columns of a set for each row of the spine."""
    table = s.sql(
        f"SELECT {columns} FROM q ASOF LEFT JOIN {name} AS b "
        f"MATCH_CONDITION (q.ts {sign} b.event_time) ON b.k = q.k"
    ).to_arrow()
    return list(zip(*(c.to_pylist() for c in table.columns), strict=True))


# -- feature sets ---------------------------------------------------------------------------------


def test_a_row_of_a_set_is_an_event_with_what_the_set_held_before_it(s: Session) -> None:
    spine(s, [T + 3 * HOUR])
    events(s, [T, T + HOUR, T + 2 * HOUR])
    s.sql(INNER)
    s.sql(
        "CREATE FEATURE SET out AS "
        "SELECT k, LAST_K(n, 9) AS n, LAST_K(v, 9) AS v FROM inn GROUP BY k"
    )
    # The first event has nothing before it: its sum is NULL, which LAST_K passes by.
    assert ask(s, "out", "b.n, b.v") == [([2, 1, 0], [1 + 2, 1])]


def test_the_outer_set_is_strict_too(s: Session) -> None:
    spine(s, [T, T + US])
    events(s, [T])
    s.sql(INNER)
    s.sql("CREATE FEATURE SET out AS SELECT k, COUNT(*) AS c FROM inn GROUP BY k")
    assert ask(s, "out", "b.c") == [(0,), (1,)]
    assert ask(s, "out", "b.c", ">=") == [(1,), (1,)]


def test_a_row_is_known_when_its_event_is(s: Session) -> None:
    spine(s, [T + 5 * HOUR, T + 7 * HOUR])
    events(s, [T, T + HOUR, T + 2 * HOUR], known=[T, T + 6 * HOUR, T + 2 * HOUR])
    s.sql(INNER)
    s.sql("CREATE FEATURE SET out AS SELECT k, LAST_K(n, 9) AS n FROM inn GROUP BY k")
    # The second event is late: nobody knew of it at 2:00, nor does the row of 2:00 ever.
    assert ask(s, "out", "b.n") == [([1, 0],), ([1, 1, 0],)]


def test_where_chooses_among_the_rows_and_not_among_what_they_were_made_of(s: Session) -> None:
    spine(s, [T + 3 * HOUR])
    events(s, [T, T + HOUR, T + 2 * HOUR])
    s.sql(INNER)
    s.sql("CREATE FEATURE SET out AS SELECT k, LAST_K(n, 9) AS n FROM inn WHERE n > 1 GROUP BY k")
    assert ask(s, "out", "b.n") == [([2],)]


def test_copies_of_an_event_are_one_row(s: Session) -> None:
    spine(s, [T + 3 * HOUR])
    events(s, [T, T, T + HOUR], values=[5, 5, 7], id=[1, 1, 2])
    s.sql(INNER)
    s.sql(
        "CREATE FEATURE SET out AS SELECT k, LAST_K(n, 9) AS n, COUNT(*) AS c FROM inn GROUP BY k"
    )
    assert ask(s, "out", "b.n, b.c") == [([1, 0], 2)]


def test_a_set_that_is_the_last_row_lags(s: Session) -> None:
    spine(s, [T + 3 * HOUR])
    events(s, [T, T + HOUR, T + 2 * HOUR])
    s.sql("CREATE FEATURE SET before AS SELECT k, v FROM e GROUP BY k")
    s.sql("CREATE FEATURE SET out AS SELECT k, LAST_K(v, 9) AS v FROM before GROUP BY k")
    assert ask(s, "out", "b.v") == [([2, 1],)]


def test_sets_nest_to_any_depth(s: Session) -> None:
    spine(s, [T + 9 * HOUR])
    events(s, [T + i * HOUR for i in range(5)])
    s.sql("CREATE FEATURE SET s0 AS SELECT k, COUNT(*) AS n FROM e GROUP BY k")
    for i in range(1, 4):
        s.sql(f"CREATE FEATURE SET s{i} AS SELECT k, MAX(n) AS n FROM s{i - 1} GROUP BY k")
    # Each level sees one event less.
    assert [ask(s, f"s{i}", "b.n") for i in range(4)] == [[(5,)], [(4,)], [(3,)], [(2,)]]


def test_a_key_of_the_outer_set_may_be_what_the_inner_one_held(s: Session) -> None:
    spine(s, [T + 9 * HOUR] * 3, keys=[0, 1, 2])
    events(s, [T, T + HOUR, T + 2 * HOUR, T + 3 * HOUR], keys=[1, 1, 2, 2])
    s.sql(INNER)
    s.sql("CREATE FEATURE SET out AS SELECT n AS k, COUNT(*) AS c FROM inn GROUP BY n")
    assert ask(s, "out", "b.c") == [(2,), (2,), (0,)]


def test_the_rows_of_united_sources_are_those_of_each(s: Session) -> None:
    spine(s, [T + 3 * HOUR])
    events(s, [T, T + HOUR], values=[1, 2], id=[1, 2], known=[T, T + 2 * HOUR])
    others: dict[str, Any] = {
        "v": [4],
        "id": [1],
        "known": pa.array([None], pa.timestamp("us")),
        "k": [1],
    }
    s.register("f", pa.table({**others, "ts": pa.array([T], pa.timestamp("us"))}), event_time="ts")
    s.sql(INNER.replace("FROM e", "FROM e UNION ALL f"))
    s.sql("CREATE FEATURE SET out AS SELECT k, LAST_K(n, 9) AS n FROM inn GROUP BY k")
    assert ask(s, "out", "b.n") == [([2, 0, 0],)]


@pytest.mark.parametrize(
    "united",
    [
        "inn UNION ALL other AS u",
        "(SELECT * FROM inn UNION ALL SELECT * FROM other WHERE n >= 0) AS u",
    ],
)
def test_united_sets_are_the_rows_of_each(s: Session, united: str) -> None:
    spine(s, [T + 3 * HOUR])
    events(s, [T, T, T + HOUR], values=[5, 5, 7], id=[1, 1, 2])
    s.register(
        "f",
        pa.table(
            {
                "k": [1, 1],
                "ts": pa.array([T + HOUR // 2, T + 2 * HOUR], pa.timestamp("us")),
                "known": pa.array([T, None], pa.timestamp("us")),
            }
        ),
        event_time="ts",
        known_at="known",
    )
    s.sql(INNER)
    s.sql(
        "CREATE FEATURE SET other AS SELECT k, COUNT(*) + 10 AS n, SUM(1.0) AS v FROM f GROUP BY k"
    )
    s.sql(f"CREATE FEATURE SET out AS SELECT k, LAST_K(n, 9) AS n FROM {united} GROUP BY k")
    # Copies are one row still, and what is never known of f stays unknown.
    assert ask(s, "out", "b.n") == [([1, 10, 0],)]


def test_a_training_set_is_united_with_a_source_of_the_same_columns(s: Session) -> None:
    spine(s, [T + 3 * HOUR])
    events(s, [T, T + HOUR])
    requests(s, [T + HOUR, T + 2 * HOUR])
    s.sql(INNER)
    trained(s, "q.ts, LABEL q.y, i.n")
    stamps = pa.array([T + HOUR + HOUR // 2], pa.timestamp("us"))
    s.register("g", pa.table({"K": [1], "n": [9], "ts": stamps}), event_time="ts")
    s.sql("CREATE FEATURE SET out AS SELECT k, LAST_K(n, 9) AS n FROM t UNION ALL g GROUP BY k")
    assert ask(s, "out", "b.n") == [([2, 9, 1],)]
    s.sql(
        "CREATE FEATURE SET two AS SELECT k, LAST_K(n, 9) AS n FROM g UNION ALL t AS x GROUP BY k"
    )
    assert ask(s, "two", "b.n") == [([2, 9, 1],)]
    with pytest.raises(BigheadError, match="'y' is a label of t, and nothing else may read it"):
        s.sql("CREATE FEATURE SET no AS SELECT k, SUM(y) AS n FROM g UNION ALL t AS x GROUP BY k")


# -- training sets --------------------------------------------------------------------------------


def trained(s: Session, select: str, moment: str = "q.ts", more: str = "") -> None:
    s.sql(
        f"CREATE TRAINING SET t {more} AS SELECT q.k, {select} FROM r AS q "
        f"ASOF LEFT JOIN inn AS i MATCH_CONDITION ({moment} > i.event_time) ON i.k = q.k"
    )


def requests(s: Session, times: Sequence[Any], **more: Any) -> None:
    columns: dict[str, Any] = {
        "k": [1] * len(times),
        "ts": pa.array(times, pa.timestamp("us")),
        "y": list(range(len(times))),
    }
    if "known" in more:
        columns["known"] = pa.array(more.pop("known"), pa.timestamp("us"))
        more["known_at"] = "known"
    s.register("r", pa.table(columns), event_time="ts", **more)


def test_a_row_of_a_training_set_is_an_event_of_its_own_time(s: Session) -> None:
    spine(s, [T + 3 * HOUR, T + 2 * HOUR])
    events(s, [T, T + HOUR])
    requests(s, [T + HOUR, T + 2 * HOUR])
    s.sql(INNER)
    trained(s, "LABEL q.y, i.n, i.n * 10 AS tens")
    s.sql("CREATE FEATURE SET out AS SELECT k, LAST_K(tens, 9) AS x FROM t GROUP BY k")
    assert ask(s, "out", "b.x") == [([20, 10],), ([10],)]


def test_a_label_of_a_training_set_is_read_by_no_feature(s: Session) -> None:
    events(s, [T])
    requests(s, [T])
    s.sql(INNER)
    trained(s, "LABEL q.y, i.n")
    for select in ("SUM(y) AS x", "COUNT(*) FILTER (WHERE y > 0) AS x", "SUM(n) BY y AS x"):
        with pytest.raises(BigheadError, match="'y' is a label of t, and nothing else may read it"):
            s.sql(f"CREATE FEATURE SET out AS SELECT k, {select} FROM t GROUP BY k")
    with pytest.raises(BigheadError, match="'y' is a label of t"):
        s.sql("CREATE FEATURE SET out AS SELECT k, COUNT(*) AS x FROM t WHERE y > 0 GROUP BY k")
    s.sql("CREATE FEATURE SET out AS SELECT * FROM t GROUP BY k")
    found = s.definitions.get("out")
    assert isinstance(found, FeatureSet)
    assert found.schema.names == ["n"]


def test_what_closes_labels_does_not_choose_among_the_rows(s: Session) -> None:
    spine(s, [T + 3 * HOUR])
    events(s, [T, T + HOUR], complete="1h")
    requests(s, [T, T + HOUR])
    s.sql(INNER)
    s.sql(
        "CREATE TRAINING SET t WITH (open_labels = 'drop') AS SELECT q.k, y.x FROM r AS q "
        "LABEL LEFT JOIN (SELECT k, COUNT(*) OVER (NEXT '1d') AS x FROM e GROUP BY k) AS y "
        "MATCH_CONDITION (y.ts >= q.ts) ON y.k = q.k"
    )
    assert s.sql("SELECT * FROM t").to_arrow().num_rows == 0
    s.sql("CREATE FEATURE SET out AS SELECT k, COUNT(*) AS c FROM t GROUP BY k")
    assert ask(s, "out", "b.c") == [(2,)]


@pytest.mark.parametrize("known", [None, [T + 3 * HOUR]])
def test_a_row_that_asks_as_of_an_earlier_time_is_not_known_before_it_happened(
    s: Session, known: list[Any] | None
) -> None:
    spine(s, [T + HOUR, T + 2 * HOUR, T + 2 * HOUR + US, T + 3 * HOUR + US])
    events(s, [T])
    requests(s, [T + 2 * HOUR], **({} if known is None else {"known": known}))
    s.sql(INNER)
    trained(s, "q.y, i.n", "q.ts - INTERVAL '2' HOUR")
    s.sql("CREATE FEATURE SET out AS SELECT k, COUNT(*) AS c, LAST(n) AS n FROM t GROUP BY k")
    seen = [(0, None), (0, None), (1, 0), (1, 0)] if known is None else [(0, None)] * 3 + [(1, 0)]
    assert ask(s, "out", "b.c, b.n") == seen


def test_the_joins_of_a_training_set_that_is_a_source_share_one_time(s: Session) -> None:
    events(s, [T])
    requests(s, [T])
    s.sql(INNER)
    s.sql(
        "CREATE TRAINING SET t AS SELECT q.k, i.n, j.v FROM r AS q "
        "ASOF LEFT JOIN inn AS i MATCH_CONDITION (q.ts > i.event_time) ON i.k = q.k "
        "ASOF LEFT JOIN inn AS j MATCH_CONDITION (q.ts - INTERVAL '1' DAY > j.event_time) "
        "ON j.k = q.k"
    )
    with pytest.raises(BigheadError, match="as of different times"):
        s.sql("CREATE FEATURE SET out AS SELECT k, COUNT(*) AS c FROM t GROUP BY k")


# -- definitions ----------------------------------------------------------------------------------


def chain_of_three() -> Session:
    s = Session()
    events(s, [T])
    s.sql(INNER)
    s.sql("CREATE FEATURE SET out AS SELECT k, MAX(n) AS n FROM inn GROUP BY k")
    s.sql("CREATE FEATURE SET last AS SELECT k, MAX(n) AS n FROM out GROUP BY k")
    return s


def test_a_drop_lists_the_users_through_the_chain() -> None:
    s = chain_of_three()
    with pytest.raises(CatalogError, match="e is used by inn, and through it by last, out; drop"):
        s.sql("DROP SOURCE e")
    with pytest.raises(CatalogError, match="out is used by last; drop"):
        s.sql("DROP FEATURE SET out")


def test_a_set_that_would_be_made_of_itself_is_refused_with_the_chain() -> None:
    s = chain_of_three()
    with pytest.raises(CatalogError, match="inn reads last reads out reads inn"):
        s.sql("CREATE OR REPLACE FEATURE SET inn AS SELECT k, MAX(n) AS n FROM last GROUP BY k")
    with pytest.raises(CatalogError, match="inn reads inn"):
        s.sql("CREATE OR REPLACE FEATURE SET inn AS SELECT k, MAX(n) AS n FROM inn GROUP BY k")
    assert s.sql("SHOW FEATURE SETS").to_arrow().num_rows == 3


def test_files_whose_sets_read_each_other_are_refused_with_the_chain(tmp_path: Any) -> None:
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        text = f"CREATE FEATURE SET {name} AS SELECT COUNT(*) AS n FROM {other}"
        (tmp_path / f"{name}.sql").write_text(text)
    with pytest.raises(CatalogError, match="a reads b reads c reads a"):
        Session(folder=tmp_path).load(".")


def test_replacing_a_set_binds_anew_what_is_built_on_it() -> None:
    s = chain_of_three()
    spine(s, [T + 3 * HOUR])
    events(s, [T, T + HOUR, T + 2 * HOUR])
    assert ask(s, "last", "b.n") == [(1,)]
    s.sql("CREATE OR REPLACE FEATURE SET inn AS SELECT k, COUNT(*) + 10 AS n FROM e GROUP BY k")
    assert ask(s, "last", "b.n") == [(11,)]
    with pytest.raises(CatalogError, match="inn cannot be replaced"):
        s.sql("CREATE OR REPLACE FEATURE SET inn AS SELECT k, COUNT(*) AS m FROM e GROUP BY k")


def test_a_chain_is_stored_and_read_and_stays_sound_in_every_pass() -> None:
    s = chain_of_three()
    spine(s, [T])
    found = s.definitions.get("last")
    assert isinstance(found, FeatureSet)
    assert deserialize(serialize(found)) == found
    s.sql(
        "CREATE TRAINING SET t AS SELECT q.n AS number, b.n FROM q ASOF LEFT JOIN last AS b "
        "MATCH_CONDITION (q.ts > b.event_time) ON b.k = q.k"
    )
    plan = s.definitions.get("t").plan  # type: ignore[union-attr]
    for step in PASSES:
        plan = verify(step(verify(plan)))
        assert step(plan) is plan


# -- drawn cases ----------------------------------------------------------------------------------

OUTER = (
    "SELECT k0, SUM(n) OVER w AS total, LAST(last_s) AS s, COUNT(*) OVER w AS c, "
    "MAX(n) OVER (LAST 2 ROWS) AS m, FIRST_K(f, 3) AS f FROM {} {} GROUP BY k0 "
    "WINDOW w AS (LAST '{}', '{}')"
)


def long_way(s: Session, where: str, more: dict[str, Any]) -> None:
    """The rows of the inner set, asked for one by one and registered as a source."""
    rows = s.sql(
        "SELECT e.k0, e.ts, e.known, e.seq, e.id, b.n, b.last_s, b.f FROM events AS e "
        f"ASOF LEFT JOIN inn AS b MATCH_CONDITION (e.ts > b.event_time) ON b.k0 = e.k0 {where}"
    ).to_arrow()
    s.register("written", rows, event_time="ts", **more)


def check_chain(seed: int, engine: str, knowledge: Knowledge) -> None:
    case = windows_case(seed, "strict", "int", knowledge)
    rows = case.tables["events"].select(
        ["k0", "ts", "known", "seq", "id", "i32", "f64", "s", "flag"]
    )
    s = Session(engine=engine)
    s.register("spine", case.tables["spine"])
    more: dict[str, Any] = {"skip_null_times": True}
    if knowledge != "none":
        more["known_at"] = "known"
    if seed % 2:
        more["sequence"] = "seq"
    if seed % 3 == 0:
        more["identity"] = "id"
        rows = pa.concat_tables([rows, rows.slice(0, 3)])
    s.register("events", rows, event_time="ts", **more)
    where = "WHERE flag" if seed % 5 == 0 else ""
    plan: Any = case.plan
    widths = sorted({f.window.width for f in plan.right.features if f.window.width} | {1, 7, 13})[
        :3
    ]
    one, two, three = (format_duration(w) for w in widths)
    s.sql(
        f"CREATE FEATURE SET inn AS SELECT k0, COUNT(*) OVER (LAST '{three}') AS n, "
        f"LAST(s) AS last_s, SUM(f64) OVER (LAST '{two}') AS f FROM events {where} GROUP BY k0"
    )
    long_way(s, where.replace("flag", "e.flag"), more)
    above = "WHERE n > 0" if seed % 4 == 0 else ""
    s.sql(f"CREATE FEATURE SET short AS {OUTER.format('inn', above, one, three)}")
    s.sql(f"CREATE FEATURE SET long AS {OUTER.format('written', above, one, three)}")
    for kind, sign in (("LEFT", ">"), ("INNER", ">=")):
        answers = [
            s.sql(
                f"SELECT q.n AS number, b.* FROM spine AS q ASOF {kind} JOIN {name} AS b "
                f"MATCH_CONDITION (q.t {sign} b.event_time) ON b.k0 = q.k0"
            ).to_arrow()
            for name in ("short", "long")
        ]
        found, wanted = ([c.to_pylist() for c in a.columns] for a in answers)
        assert same(found, wanted), f"seed {seed}, {kind}\n{found}\n{wanted}"


@pytest.mark.parametrize("engine", ["datafusion", "reference"])
@pytest.mark.parametrize("knowledge", ["none", "unordered"])
def test_a_chain_means_the_long_way(engine: str, knowledge: Knowledge) -> None:
    for seed in range(900, 908 if engine == "datafusion" else 904):
        check_chain(seed, engine, knowledge)


@pytest.mark.soak
@pytest.mark.parametrize("knowledge", KNOWLEDGE)
def test_a_chain_means_the_long_way_for_many_seeds(knowledge: Knowledge) -> None:
    for seed in range(1000, 1040):
        check_chain(seed, "datafusion", knowledge)
