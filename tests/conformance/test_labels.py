"""Labels: what lies ahead of t, by the rules of the time contract, on every engine.

The first tests are a few readable rows with the answers written out; the last ones ask the drawn
cases of the other rules as labels, where the plan that the reference runs says what is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.pipeline import PASSES
from bighead.planner.session import Session
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import BigheadError, DataError
from bighead.zipline.ir.nodes import Events, Lookup, TemporalJoin, UnionAll, Versions, View
from bighead.zipline.ir.serialize import deserialize, serialize
from bighead.zipline.ir.verify import verify, verify_labels
from tests.conformance.cases import Case, sql
from tests.conformance.check import REFERENCE, ask
from tests.conformance.draw_tables import KEYS, MATCHES, Keys, Match
from tests.conformance.generate import lookup_case, windows_case
from tests.conformance.rows import DAY, HOUR, US, T, events, spine
from tests.conformance.test_sql import answer, disagreement, session


def label(s: Session, select: str, sign: str = ">=") -> list[Any]:
    """The one label `x` of `select` for each row of the spine."""
    table = s.sql(
        f"SELECT q.n, y.x FROM q LABEL LEFT JOIN (SELECT k, {select} AS x FROM e GROUP BY k) AS y "
        f"MATCH_CONDITION (y.ts {sign} q.ts) ON y.k = q.k"
    ).to_arrow()
    return list(table["x"].to_pylist())


def trained(s: Session, open_labels: str, join: str, select: str = "LABEL y.x") -> dict[str, Any]:
    """A training set over `q` with one label join, as columns."""
    s.sql(
        f"CREATE OR REPLACE TRAINING SET t WITH (open_labels = '{open_labels}') AS "
        f"SELECT q.n, {select} FROM q {join}"
    )
    return dict(s.sql("SELECT * FROM t").to_arrow().to_pydict())


NEXT_DAY = (
    "LABEL LEFT JOIN (SELECT k, COUNT(*) OVER (NEXT '1d') AS x FROM e GROUP BY k) AS y "
    "MATCH_CONDITION (y.ts {} q.ts) ON y.k = q.k"
)


# -- windows --------------------------------------------------------------------------------------


def test_a_label_that_may_be_at_t_sees_t_and_not_the_end(s: Session) -> None:
    spine(s, [T])
    events(s, [T - US, T, T + DAY - US, T + DAY])
    assert label(s, "SUM(v) OVER (NEXT '1d')", ">=") == [2 + 4]


def test_a_label_after_t_sees_the_end_and_not_t(s: Session) -> None:
    spine(s, [T])
    events(s, [T, T + US, T + DAY, T + DAY + US])
    assert label(s, "SUM(v) OVER (NEXT '1d')", ">") == [2 + 4]


def test_a_label_counts_rows_whenever_they_became_known(s: Session) -> None:
    spine(s, [T])
    events(s, [T + HOUR] * 3, known=[T + 100 * DAY, T - DAY, None])
    assert label(s, "SUM(v) OVER (NEXT '1d')") == [1 + 2 + 4]
    found = s.sql(
        "SELECT y.v FROM q LABEL LEFT JOIN e AS y MATCH_CONDITION (y.ts > q.ts) ON y.k = q.k"
    )
    assert found.to_arrow()["v"].to_pylist() == [4]


def test_a_label_may_be_the_next_row(s: Session) -> None:
    spine(s, [T, T + HOUR])
    events(s, [T, T + HOUR, T + 5 * HOUR])
    join = "LABEL LEFT JOIN e AS y MATCH_CONDITION (y.ts > q.ts) ON y.k = q.k AND y.v > 1"
    assert trained(s, "keep", join, "y.v")["v"] == [2, 4]
    near = f"{join} TOLERANCE INTERVAL '2' HOUR"
    assert trained(s, "keep", near, "y.v")["v"] == [2, None]


def test_a_label_without_a_key_or_a_time_is_an_empty_window(s: Session) -> None:
    spine(s, [T, None], keys=[None, 1])
    events(s, [T + HOUR])
    assert label(s, "COUNT(*) OVER (NEXT '1d')") == [0, 0]


def test_an_event_without_a_time_is_an_error_ahead_too(s: Session) -> None:
    spine(s, [T])
    events(s, [T + HOUR, None])
    with pytest.raises(DataError, match="NULL"):
        label(s, "COUNT(*) OVER (NEXT '1d')")


# -- closing --------------------------------------------------------------------------------------


def test_a_label_is_closed_when_its_window_lies_below_what_is_complete(s: Session) -> None:
    spine(s, [T - US, T, T + US])
    events(s, [T + 3 * DAY], complete="2d")  # complete below T + 1d, the end of the second window
    assert trained(s, "mark", NEXT_DAY.format(">="))["labels_closed"] == [True, True, False]
    # (t, t + 1d] holds its end, which lies at the border and is not below it.
    assert trained(s, "mark", NEXT_DAY.format(">"))["labels_closed"] == [True, False, False]


def test_open_labels_are_kept_dropped_or_marked(s: Session) -> None:
    spine(s, [T, T + 2 * DAY])
    events(s, [T + HOUR, T + 2 * DAY + HOUR], complete="1h")
    join = NEXT_DAY.format(">=")
    assert trained(s, "keep", join) == {"n": [0, 1], "x": [1, 1]}
    assert trained(s, "drop", join) == {"n": [0], "x": [1]}
    assert trained(s, "mark", join)["labels_closed"] == [True, False]


def test_the_newest_event_counts_whatever_its_key_and_the_where(s: Session) -> None:
    spine(s, [T])
    events(s, [T + HOUR, T + 9 * DAY], keys=[1, 2], complete="1h")
    join = NEXT_DAY.format(">=").replace("FROM e", "FROM e WHERE v < 2")
    assert trained(s, "mark", join)["labels_closed"] == [True]


def test_nothing_is_closed_by_a_source_without_rows_nor_for_a_row_without_a_time(
    s: Session,
) -> None:
    spine(s, [T, None])
    events(s, [], complete="1h")
    assert trained(s, "mark", NEXT_DAY.format(">="))["labels_closed"] == [False, False]
    events(s, [T + 9 * DAY], complete="1h")
    assert trained(s, "mark", NEXT_DAY.format(">="))["labels_closed"] == [True, False]


def test_a_next_row_is_closed_where_it_was_found_or_can_come_no_more(s: Session) -> None:
    spine(s, [T, T + HOUR, T + 2 * DAY], keys=[1, 2, 1])
    events(s, [T + HOUR, T + 3 * DAY], complete="1d")
    join = "LABEL LEFT JOIN e AS y MATCH_CONDITION (y.ts > q.ts) ON y.k = q.k"
    # The third row's was found, but beyond T + 2d an earlier one may still come.
    got = trained(s, "mark", join, "y.v")
    assert got == {"n": [0, 1, 2], "v": [1, None, 2], "labels_closed": [True, False, False]}
    near = f"{join} TOLERANCE INTERVAL '1' DAY"
    assert trained(s, "mark", near, "y.v")["labels_closed"] == [True, True, False]


def test_a_row_is_closed_when_all_its_labels_are(s: Session) -> None:
    spine(s, [T])
    events(s, [T + 3 * DAY], complete="1d")
    s.register(
        "f", pa.table({"k": [1], "ts": pa.array([T], pa.timestamp("us"))}), event_time="ts",
        complete="1d",
    )  # fmt: skip
    second = NEXT_DAY.format(">=").replace("FROM e", "FROM f").replace("y.", "z.")
    both = NEXT_DAY.format(">=") + " " + second.replace("AS y", "AS z")
    assert trained(s, "mark", NEXT_DAY.format(">="))["labels_closed"] == [True]
    assert trained(s, "mark", both)["labels_closed"] == [False]


# -- nothing reads a label ------------------------------------------------------------------------

TRAINING_SET = """
CREATE TRAINING SET t ID (n) WITH (open_labels = 'drop') AS
SELECT q.n, b.*, y.x, LABEL y.x > 0 AS came, LABEL q.k, r.v AS next_v, b.n_1d + 1 AS more
FROM q
ASOF LEFT JOIN (SELECT k, COUNT(*) OVER w AS n FROM e GROUP BY k WINDOW w AS (LAST '1d', '7d')) AS b
  MATCH_CONDITION (q.ts > b.event_time) ON b.k = q.n
LABEL LEFT JOIN (SELECT k, COUNT(*) OVER (NEXT '1d') AS x FROM e GROUP BY k) AS y
  MATCH_CONDITION (y.ts >= q.ts) ON y.k = q.n
LABEL LEFT JOIN e AS r MATCH_CONDITION (r.ts > q.ts) ON r.k = q.n
ASOF LEFT JOIN (SELECT k, SUM(v) OVER (LAST '1d') AS v FROM e GROUP BY k) AS c
  MATCH_CONDITION (q.ts > c.event_time) ON c.k = q.n
"""


def training_set() -> TrainingSet:
    s = Session()
    spine(s, [T])
    events(s, [T + HOUR], complete="1d", known=[T + DAY])
    s.sql(TRAINING_SET)
    found = s.definitions.get("t")
    assert isinstance(found, TrainingSet)
    return found


def test_labels_are_told_from_features() -> None:
    assert training_set().labels == ("x", "came", "k", "next_v")


def test_no_pass_lets_a_feature_read_a_label() -> None:
    definition = training_set()
    plan = definition.plan
    for step in PASSES:
        plan = verify(step(plan))
        verify_labels(plan, definition.labels)
    for name in ("x", "came", "next_v"):
        others = tuple(n for n in definition.labels if n != name)
        with pytest.raises(AssertionError, match=f"{name} reads the label"):
            verify_labels(plan, others)


def test_a_training_set_with_labels_is_stored_and_read() -> None:
    definition = training_set()
    assert deserialize(serialize(definition)) == definition


READERS = {
    "a derived column": "SELECT q.n, y.x, y.x + 1 AS z FROM q {label}",
    "a derived column without the label": "SELECT q.n, y.x + 1 AS z FROM q {label}",
    "the time of a join": (
        "SELECT q.n FROM q {label} ASOF LEFT JOIN e MATCH_CONDITION (y.last > e.ts) ON e.k = q.k"
    ),
    "the key of a join": (
        "SELECT q.n FROM q {label} ASOF LEFT JOIN e MATCH_CONDITION (q.ts > e.ts) ON e.k = y.x"
    ),
    "the condition of a look-up": (
        "SELECT q.n FROM q {label} "
        "ASOF LEFT JOIN e MATCH_CONDITION (q.ts > e.ts) ON e.k = q.k AND e.v > y.x"
    ),
    "a static join": "SELECT q.n FROM q {label} LEFT JOIN places p ON p.k = y.x",
    "another label join": (
        "SELECT q.n FROM q {label} LABEL JOIN e AS r MATCH_CONDITION (r.ts > q.ts) ON r.k = y.x"
    ),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_label_is_not_read_by(reader: str) -> None:
    s = Session()
    spine(s, [T])
    events(s, [T])
    s.register("places", pa.table({"k": [1]}), primary_key="k")
    join = (
        "LABEL LEFT JOIN (SELECT k, COUNT(*) OVER (NEXT '1d') AS x, MAX(ts) OVER (NEXT '1d') AS "
        '"last" FROM e GROUP BY k) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.k = q.k'
    )
    with pytest.raises(BigheadError, match="is a label, and nothing else may read it"):
        s.sql(f"CREATE TRAINING SET t AS {reader.format(label=join)}")


def test_a_label_stays_one_in_a_set_over_the_set() -> None:
    s = Session()
    spine(s, [T])
    events(s, [T])
    s.sql(f"CREATE TRAINING SET t AS SELECT q.n, q.ts, y.x FROM q {NEXT_DAY.format('>=')}")
    s.sql("CREATE TRAINING SET u AS SELECT a.*, LABEL a.x FROM t AS a")
    found = s.definitions.get("u")
    assert isinstance(found, TrainingSet)
    assert found.labels == ("x",)
    for item in ("a.x", "a.x + 1 AS y"):
        with pytest.raises(BigheadError, match="'x' is a label of t"):
            s.sql(f"CREATE TRAINING SET v AS SELECT a.n, {item} FROM t AS a")
    with pytest.raises(BigheadError, match="'x' is a label of t"):
        s.sql("CREATE TRAINING SET v AS SELECT a.z FROM (SELECT x + 1 AS z FROM t) AS a")


# -- drawn cases ----------------------------------------------------------------------------------


def as_label(case: Case) -> Case | None:
    """The case as a label join can say it; None where it cannot."""
    plan = case.plan
    assert isinstance(plan, TemporalJoin)
    right = plan.right
    if plan.kind == "inner" or isinstance(right.events, Versions):
        return None
    if isinstance(right, Lookup):
        ahead: View | Lookup = replace(right, forward=True, events=_undated(right.events))
    else:
        made = (f for f in right.features if f.window.forward)
        kept = tuple(f for f in made if f.window.width is not None and f.window.rows is None)
        if not kept:
            return None
        ahead = replace(right, features=kept, tail=None)
    return replace(case, plan=replace(plan, right=ahead))


def _undated(rows: Events | UnionAll) -> Events | UnionAll:
    if isinstance(rows, UnionAll):
        return UnionAll(tuple(replace(e, known_at=None) for e in rows.events))
    return replace(rows, known_at=None)


def check_label(made: Case, engine: str) -> int:
    """Assert that the session gives the rows of the case as a label; how many cases it held."""
    case = as_label(made)
    if case is None:
        return 0
    assert isinstance(case.plan, TemporalJoin)
    text = sql(case.plan, label=True)
    wanted = ask(REFERENCE, case)
    found = disagreement(case, wanted, answer(session(made, engine), text))
    assert found is None, f"{found}\n{case.label}\n{text}"
    return 1


def seeds(first: int, count: int) -> Sequence[int]:
    return range(first, first + count)


@pytest.mark.parametrize("engine", ["datafusion", "reference"])
@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("match", MATCHES)
def test_sql_labels_mean_the_plan(engine: str, match: Match, keys: Keys) -> None:
    checked = 0
    for seed in seeds(700, 2):
        checked += check_label(windows_case(seed, match, keys, "unordered"), engine)
    for seed in seeds(700, 6):
        checked += check_label(lookup_case(seed, match, keys, "unordered"), engine)
    assert checked


def test_a_day_of_labels_is_the_sum_of_its_hours(s: Session) -> None:
    times = [datetime(2013, 1, 1) + timedelta(minutes=17 * i) for i in range(200)]
    events(s, times, values=[1] * len(times))
    hours = [T + i * HOUR for i in range(24)]
    spine(s, [T, *hours])
    whole = label(s, "COUNT(*) OVER (NEXT '1d')")
    parts = label(s, "COUNT(*) OVER (NEXT '1h')")
    assert whole[0] == sum(parts[1:])
