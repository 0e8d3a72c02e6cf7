"""The time contract, rule by rule, on a few readable rows and with the answers written out.

Every test runs on every engine. `T` is a midnight; times are told from there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.aggregates import AGGREGATES
from bighead.zipline.errors import BigheadError, DataError

T = datetime(2013, 1, 1)
US = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STAMP = pa.timestamp("us")
NAN, INF = math.nan, math.inf


@pytest.fixture(params=("reference", "datafusion"))
def s(request: pytest.FixtureRequest) -> Session:
    return Session(engine=request.param)


def spine(s: Session, times: Sequence[Any], keys: Sequence[Any] | None = None) -> None:
    """Rows that ask: `q` with columns n (their number), k and ts."""
    ask = keys if keys is not None else [1] * len(times)
    s.register(
        "q",
        pa.table(
            {
                "n": pa.array(range(len(times)), pa.int64()),
                "k": pa.array(ask, pa.int64()),
                "ts": pa.array(times, STAMP),
            }
        ),
    )


def events(s: Session, times: Sequence[Any], values: Any = None, **more: Any) -> None:
    """Events of key 1: `e` with columns k, ts and v (by default 1, 2, 4, 8, ...).

    `known`, `seq` and `keys` are further columns; other words go to `register`.
    """
    columns: dict[str, Any] = {
        "k": pa.array(more.pop("keys", [1] * len(times)), pa.int64()),
        "ts": pa.array(times, more.pop("time_type", STAMP)),
        "v": [2**i for i in range(len(times))] if values is None else values,
    }
    if "known" in more:
        columns["known"] = pa.array(more.pop("known"), STAMP)
        more["known_at"] = "known"
    if "seq" in more:
        columns["seq"] = more.pop("seq")
        more["sequence"] = "seq"
    s.register("e", pa.table(columns), event_time="ts", **more)


def ask(s: Session, select: str, sign: str = ">", where: str = "", kind: str = "LEFT") -> list[Any]:
    """The one feature `x` of `select` for each row of the spine, in its order."""
    table = s.sql(
        f"SELECT q.n, b.x FROM q ASOF {kind} JOIN "
        f"(SELECT k, {select} AS x FROM e {where} GROUP BY k) AS b "
        f"MATCH_CONDITION (q.ts {sign} b.event_time) ON b.k = q.k"
    ).to_arrow()
    return list(table["x"].to_pylist())


def look_up(s: Session, sign: str = ">", rest: str = "", column: str = "v") -> list[Any]:
    """The value of the row that is looked up for each row of the spine."""
    table = s.sql(
        f"SELECT q.n, e.{column} AS x FROM q ASOF LEFT JOIN e "
        f"MATCH_CONDITION (q.ts {sign} e.ts) ON e.k = q.k {rest}"
    ).to_arrow()
    return list(table["x"].to_pylist())


# Rule 1: time.


def test_a_time_without_a_zone_is_utc(s: Session) -> None:
    spine(s, [T + HOUR])
    in_new_york = [datetime(2012, 12, 31, 19, 30, tzinfo=UTC) + 5 * HOUR]
    events(s, in_new_york, time_type=pa.timestamp("us", "America/New_York"))
    assert ask(s, "COUNT(*) OVER (LAST '30m')") == [1]
    assert ask(s, "COUNT(*) OVER (LAST '29m')") == [0]


def test_results_are_microseconds_and_utc_where_the_input_had_a_zone(s: Session) -> None:
    spine(s, [T + HOUR])
    events(s, [T], values=pa.array([T], pa.timestamp("ns", "Asia/Tokyo")))
    table = s.sql(
        "SELECT q.ts AS plain, b.x FROM q ASOF LEFT JOIN (SELECT k, LAST(v) AS x FROM e GROUP BY k)"
        " AS b MATCH_CONDITION (q.ts > b.event_time) ON b.k = q.k"
    ).to_arrow()
    assert table.schema.types == [pa.timestamp("us"), pa.timestamp("us", "UTC")]
    assert table["x"].to_pylist() == [T.replace(tzinfo=UTC)]


def test_nanoseconds_are_floored_before_1970_too(s: Session) -> None:
    epoch = datetime(1970, 1, 1)
    spine(s, [epoch, epoch + US, epoch - US])
    events(s, [-1, 999], time_type=pa.timestamp("ns"))
    # -1 ns is the microsecond before the epoch, 999 ns is the epoch itself.
    assert ask(s, "SUM(v)", ">=") == [3, 3, 1]
    assert ask(s, "SUM(v)", ">") == [1, 3, None]


def test_a_date_is_its_midnight(s: Session) -> None:
    spine(s, [T, T + US])
    events(s, [date(2013, 1, 1)], time_type=pa.date32())
    assert ask(s, "COUNT(*)") == [0, 1]


@pytest.mark.parametrize(("unit", "size"), [("s", 1), ("ms", 10**3), ("us", 10**6)])
def test_an_integer_time_states_its_unit(s: Session, unit: str, size: int) -> None:
    spine(s, [T + HOUR, T + HOUR + timedelta(seconds=1)])
    seconds = int((T + HOUR).replace(tzinfo=UTC).timestamp())
    events(s, [seconds * size], time_type=pa.int64(), unit=unit)
    assert ask(s, "COUNT(*)") == [0, 1]


def test_an_integer_time_without_a_unit_is_refused(s: Session) -> None:
    spine(s, [T])
    with pytest.raises(BigheadError, match="UNIT|unit"):
        events(s, [1], time_type=pa.int64())


def test_unsorted_duplicate_and_early_times_are_legal(s: Session) -> None:
    spine(s, [datetime(1960, 1, 1), T])
    events(s, [T - DAY, datetime(1959, 12, 31), T - DAY, datetime(1900, 1, 1)])
    assert ask(s, "SUM(v)") == [2 + 8, 15]
    assert ask(s, "SUM(v) OVER (LAST '1d')") == [2, 1 + 4]


def test_an_event_without_a_time_is_an_error(s: Session) -> None:
    spine(s, [T])
    events(s, [T - DAY, None])
    with pytest.raises(DataError, match="NULL"):
        ask(s, "COUNT(*) OVER (LAST '1h')")
    with pytest.raises(DataError, match="NULL"):
        look_up(s)


def test_an_event_without_a_time_that_where_drops_is_no_error(s: Session) -> None:
    spine(s, [T])
    events(s, [T - DAY, None])
    assert ask(s, "COUNT(*)", where="WHERE v < 2") == [1]


def test_skip_null_times_leaves_such_events_out(s: Session) -> None:
    spine(s, [T])
    events(s, [T - DAY, None], skip_null_times=True)
    assert ask(s, "SUM(v)") == [1]
    assert look_up(s) == [1]


# Rule 2: as of t.


def test_an_event_at_t_itself_is_not_seen(s: Session) -> None:
    spine(s, [T])
    events(s, [T - US, T, T + US])
    assert ask(s, "SUM(v)") == [1]
    assert look_up(s) == [1]


def test_an_inclusive_match_sees_an_event_at_t_itself(s: Session) -> None:
    spine(s, [T])
    events(s, [T - US, T, T + US])
    assert ask(s, "SUM(v)", ">=") == [1 + 2]
    assert look_up(s, ">=") == [2]


def test_inclusive_is_a_matter_of_each_join(s: Session) -> None:
    spine(s, [T])
    events(s, [T - US, T, T + US])
    table = s.sql(
        "SELECT a.v AS strict, b.v AS loose FROM q"
        " ASOF LEFT JOIN e AS a MATCH_CONDITION (q.ts > a.ts) ON a.k = q.k"
        " ASOF LEFT JOIN e AS b MATCH_CONDITION (q.ts >= b.ts) ON b.k = q.k"
    ).to_arrow()
    assert table.to_pylist() == [{"strict": 1, "loose": 2}]


def test_an_inclusive_window_reaches_from_t_minus_w_to_t(s: Session) -> None:
    spine(s, [T])
    events(s, [T - HOUR - US, T - HOUR, T, T + US])
    assert ask(s, "SUM(v) OVER (LAST '1h')", ">=") == [2 + 4]


def test_an_inclusive_match_sees_what_became_known_at_t_itself(s: Session) -> None:
    spine(s, [T])
    events(s, [T - DAY], known=[T])
    assert ask(s, "COUNT(*)", ">") == [0]
    assert ask(s, "COUNT(*)", ">=") == [1]


def test_t_may_be_an_expression(s: Session) -> None:
    spine(s, [T])
    events(s, [T - 2 * HOUR - US, T - 2 * HOUR])
    table = s.sql(
        "SELECT e.v AS x FROM q ASOF LEFT JOIN e"
        " MATCH_CONDITION (q.ts - INTERVAL '2' HOUR > e.ts) ON e.k = q.k"
    ).to_arrow()
    assert table["x"].to_pylist() == [1]


# Rule 3: windows.


def test_the_lower_bound_of_a_window_is_inside_to_the_microsecond(s: Session) -> None:
    spine(s, [T])
    events(s, [T - 7 * DAY - US, T - 7 * DAY, T - US, T])
    assert ask(s, "SUM(v) OVER (LAST '7d')") == [2 + 4]


def test_a_window_of_one_microsecond_holds_one_instant(s: Session) -> None:
    spine(s, [T, T + US, T + 2 * US])
    events(s, [T])
    assert ask(s, "COUNT(*) OVER (LAST '1us')") == [0, 1, 0]


def test_a_window_longer_than_time_holds_all_history(s: Session) -> None:
    early = datetime(1, 1, 1)
    spine(s, [T])
    events(s, [early, T - US])
    assert ask(s, "COUNT(*) OVER (LAST '290000y')") == [2]


def test_each_window_of_a_list_is_exact(s: Session) -> None:
    spine(s, [T])
    events(s, [T - 30 * DAY, T - 7 * DAY, T - DAY])
    row = s.sql(
        "SELECT b.* FROM q ASOF LEFT JOIN "
        "(SELECT k, SUM(v) OVER w AS x FROM e GROUP BY k WINDOW w AS (LAST '1d', '7d', '30d')) AS b"
        " MATCH_CONDITION (q.ts > b.event_time) ON b.k = q.k"
    ).to_arrow()
    assert row.to_pylist() == [{"x_1d": 4, "x_7d": 2 + 4, "x_30d": 1 + 2 + 4}]


def test_the_last_rows_are_counted_before_filter_and_null(s: Session) -> None:
    spine(s, [T])
    events(s, [T - 3 * HOUR, T - 2 * HOUR, T - HOUR], values=[1, 2, None])
    assert ask(s, "SUM(v) OVER (LAST 2 ROWS)") == [2]
    assert ask(s, "SUM(v) FILTER (WHERE v = 1) OVER (LAST 2 ROWS)") == [None]
    assert ask(s, "SUM(v) OVER (LAST 2 ROWS)", where="WHERE v IS NOT NULL") == [1 + 2]
    assert ask(s, "COUNT(*) OVER (LAST '2h' LIMIT 1 ROWS)") == [1]


# Rule 4: knowledge time.


def test_a_late_row_counts_only_once_it_was_known(s: Session) -> None:
    spine(s, [T, T + HOUR, T + HOUR + US])
    events(s, [T - DAY], known=[T + HOUR])
    assert ask(s, "COUNT(*)") == [0, 0, 1]
    assert look_up(s) == [None, None, 1]


def test_a_row_that_is_known_too_late_for_its_window_never_counts(s: Session) -> None:
    spine(s, [T + HOUR, T + HOUR + US, T + 2 * HOUR])
    events(s, [T], known=[T + HOUR])
    assert ask(s, "COUNT(*) OVER (LAST '1h')") == [0, 0, 0]
    # With one more microsecond there is one instant at which it counts.
    assert ask(s, "COUNT(*) OVER (LAST '3600000001us')") == [0, 1, 0]


def test_a_row_without_a_knowledge_time_is_never_known(s: Session) -> None:
    spine(s, [T])
    events(s, [T - DAY, T - HOUR], known=[T - DAY, None])
    assert ask(s, "SUM(v)") == [1]
    assert look_up(s) == [1]


def test_a_row_known_before_it_happens_counts_from_when_it_happens(s: Session) -> None:
    spine(s, [T, T + US])
    events(s, [T], known=[T - DAY])
    assert ask(s, "COUNT(*)") == [0, 1]


def test_rows_may_become_known_in_another_order_than_they_happen(s: Session) -> None:
    spine(s, [T, T + HOUR + US, T + 2 * HOUR + US])
    events(s, [T - 2 * HOUR, T - HOUR], known=[T + 2 * HOUR, T + HOUR])
    assert ask(s, "SUM(v)") == [None, 2, 1 + 2]
    assert ask(s, "LAST(v)") == [None, 2, 2]
    assert ask(s, "FIRST(v)") == [None, 2, 1]


def test_a_forward_look_up_still_needs_known_before_t(s: Session) -> None:
    spine(s, [T])
    events(s, [T + HOUR, T + 2 * HOUR], known=[T, T - US])
    assert look_up(s, "<") == [2]


# Rule 5: ties.


@pytest.mark.parametrize("turned", [False, True])
def test_ties_do_not_depend_on_the_order_of_arrival(s: Session, turned: bool) -> None:
    spine(s, [T])
    values: list[str | None] = ["b", "é", "a", None]
    events(s, [T - HOUR] * 4, values=values[::-1] if turned else values)
    assert ask(s, "LAST(v)") == ["é"]
    assert ask(s, "FIRST(v)") == ["a"]
    assert ask(s, "LAST_K(v, 2)") == [["é", "b"]]
    assert ask(s, "FIRST_K(v, 2)") == [["a", "b"]]
    assert ask(s, "LAST(v) OVER (LAST 1 ROWS)") == ["é"]
    assert look_up(s) == ["é"]


def test_sequence_orders_rows_of_one_microsecond(s: Session) -> None:
    spine(s, [T])
    events(s, [T - HOUR] * 3, values=[1, 9, 5], seq=[2, 1, None])
    assert ask(s, "LAST(v)") == [1]
    assert ask(s, "FIRST(v)") == [5]
    assert ask(s, "SUM(v) OVER (LAST 2 ROWS)") == [1 + 9]
    assert look_up(s) == [1]


def test_a_look_up_orders_tied_rows_by_all_their_columns(s: Session) -> None:
    spine(s, [T])
    columns: dict[str, Any] = {
        "k": [1, 1, 1],
        "ts": pa.array([T - HOUR] * 3, STAMP),
        "a": [2, 2, None],
        "v": ["x", "y", "z"],
    }
    s.register("e", pa.table(columns), event_time="ts")
    assert look_up(s) == ["y"]
    assert look_up(s, column="a") == [2]


def test_a_forward_look_up_takes_the_greatest_of_ties_too(s: Session) -> None:
    spine(s, [T])
    events(s, [T + HOUR, T + HOUR, T + 2 * HOUR], values=[3, 4, 5])
    assert look_up(s, "<") == [4]
    assert look_up(s, "<=") == [4]


def test_min_by_and_max_by_take_the_newest_of_ties(s: Session) -> None:
    spine(s, [T])
    events(s, [T - 2 * HOUR, T - HOUR, T - HOUR], values=[7, 3, 5])
    assert ask(s, "MIN_BY(v, k)") == [5]
    assert ask(s, "MAX_BY(v, k)") == [5]


def test_last_of_a_struct_keeps_its_parts_together(s: Session) -> None:
    spine(s, [T])
    columns: dict[str, Any] = {
        "k": [1, 1],
        "ts": pa.array([T - HOUR] * 2, STAMP),
        "a": [1, 2],
        "b": [9, 3],
    }
    s.register("e", pa.table(columns), event_time="ts")
    assert ask(s, "LAST(b)") == [9]
    (together,) = ask(s, "LAST(STRUCT(a, b))")
    assert list(together.values()) == [2, 3]


def test_minus_zero_is_zero(s: Session) -> None:
    spine(s, [T])
    events(s, [T - 2 * HOUR, T - HOUR], values=[0.0, -0.0])
    assert ask(s, "COUNT(DISTINCT v)") == [1]
    assert [math.copysign(1, x) for x in ask(s, "LAST(v)")] == [1.0]
    assert [math.copysign(1, x) for x in look_up(s)] == [-1.0], "a look-up gives the stored bits"


# Rule 6: NULL.


def test_aggregates_read_nan_as_null(s: Session) -> None:
    spine(s, [T])
    events(s, [T - 3 * HOUR, T - 2 * HOUR, T - HOUR], values=[1.5, NAN, None])
    assert ask(s, "COUNT(v)") == [1]
    assert ask(s, "SUM(v)") == [1.5]
    assert ask(s, "MAX(v)") == [1.5]
    assert ask(s, "LAST(v)") == [1.5]
    assert ask(s, "COUNT(*)") == [3]


def test_looked_up_columns_keep_nan(s: Session) -> None:
    spine(s, [T])
    events(s, [T - HOUR], values=[NAN])
    assert math.isnan(look_up(s)[0])


def test_filters_compare_nan_as_ieee_does(s: Session) -> None:
    spine(s, [T])
    events(s, [T - 2 * HOUR, T - HOUR], values=[1.0, NAN])
    assert ask(s, "COUNT(*) FILTER (WHERE v > 0)") == [1]
    assert ask(s, "COUNT(*) FILTER (WHERE v = v)") == [1]
    assert ask(s, "COUNT(*) FILTER (WHERE v <> 0)") == [2]


@pytest.mark.parametrize(
    ("aggregate", "empty"),
    [
        ("COUNT(*)", 0),
        ("COUNT(v)", 0),
        ("COUNT(DISTINCT v)", 0),
        ("SUM(v)", None),
        ("AVG(v)", None),
        ("MIN(v)", None),
        ("VAR_POP(v)", None),
        ("LAST(v)", None),
        ("LAST_K(v, 2)", None),
        ("TOP_K(v, 2)", None),
        ("MIN_BY(v, v)", None),
        ("BOOL_AND(v > 0)", None),
        ("HISTOGRAM(v)", None),
        ("MEDIAN(v)", None),
        ("COUNT(*) BY v", None),
        ("SUM(v) BY v", None),
    ],
)
def test_an_empty_window_is_zero_for_counts_and_null_for_all_else(
    s: Session, aggregate: str, empty: int | None
) -> None:
    # No event before t, a key without events, no key, no time.
    spine(s, [T - DAY, T, T, None], [1, 7, None, 1])
    events(s, [T - HOUR], values=[3])
    assert ask(s, aggregate) == [empty] * 4


def test_a_key_that_is_null_or_nan_matches_nothing(s: Session) -> None:
    asking: dict[str, Any] = {
        "k": [None, NAN, 0.0, -0.0],
        "ts": pa.array([T] * 4, STAMP),
        "n": [0, 1, 2, 3],
    }
    rows: dict[str, Any] = {
        "k": [None, NAN, -0.0],
        "ts": pa.array([T - HOUR] * 3, STAMP),
        "v": [1, 2, 4],
    }
    s.register("q", pa.table(asking))
    s.register("e", pa.table(rows), event_time="ts")
    assert ask(s, "SUM(v)") == [None, None, 4, 4]
    assert look_up(s) == [None, None, 4, 4]


def test_a_bucket_exists_where_a_counted_row_passed_the_filter(s: Session) -> None:
    spine(s, [T])
    columns: dict[str, Any] = {
        "k": [1] * 5,
        "ts": pa.array([T - HOUR] * 5, STAMP),
        "room": ["b", "a", "c", None, "b"],
        "v": [1, 2, None, 8, 16],
    }
    s.register("e", pa.table(columns), event_time="ts")
    assert ask(s, "SUM(v) BY room") == [[("a", 2), ("b", 17)]]
    assert ask(s, "COUNT(*) BY room") == [[("a", 1), ("b", 2), ("c", 1)]]
    assert ask(s, "COUNT(v) BY room FILTER (WHERE v > 1)") == [[("a", 1), ("b", 1)]]


def test_inner_keeps_a_row_whose_window_holds_an_event_before_filter(s: Session) -> None:
    spine(s, [T, T + 2 * DAY, None])
    events(s, [T - HOUR])
    assert ask(s, "COUNT(*) FILTER (WHERE v > 99) OVER (LAST '1d')", kind="INNER") == [0]
    assert ask(s, "COUNT(*) OVER (LAST '1d')", kind="INNER", where="WHERE v > 99") == []


def test_inner_keeps_a_row_where_a_row_is_found(s: Session) -> None:
    spine(s, [T - DAY, T])
    events(s, [T - HOUR])
    table = s.sql(
        "SELECT q.n FROM q ASOF INNER JOIN e MATCH_CONDITION (q.ts > e.ts) ON e.k = q.k"
    ).to_arrow()
    assert table["n"].to_pylist() == [1]


def test_an_infinity_does_not_poison_other_windows(s: Session) -> None:
    spine(s, [T, T + HOUR, T + 2 * HOUR, T + 3 * HOUR])
    times = [T - US, T + HOUR - US, T + 2 * HOUR - US, T + 3 * HOUR - US]
    events(s, times, values=[1.0, INF, -INF, 2.5])
    assert ask(s, "SUM(v) OVER (LAST '1h')") == [1.0, INF, -INF, 2.5]
    two = ask(s, "SUM(v) OVER (LAST '2h')")
    assert two[:2] == [1.0, INF]
    assert math.isnan(two[2])
    assert two[3] == -INF


# Rule 7: the spine.


def test_every_spine_row_comes_back_once_and_in_order(s: Session) -> None:
    spine(s, [T + DAY, T, T + DAY, None, T - DAY], [1, 1, 1, 1, 5])
    events(s, [T - HOUR, T + HOUR])
    table = s.sql(
        "SELECT q.n, b.x, e.v FROM q ASOF LEFT JOIN (SELECT k, SUM(v) AS x FROM e GROUP BY k) AS b"
        " MATCH_CONDITION (q.ts > b.event_time) ON b.k = q.k"
        " ASOF LEFT JOIN e MATCH_CONDITION (q.ts > e.ts) ON e.k = q.k"
    ).to_arrow()
    assert table["n"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["x"].to_pylist() == [3, 1, 3, None, None]
    assert table["v"].to_pylist() == [2, 1, 2, None, None]


# Rule 8: numbers.


def test_a_sum_of_integers_that_does_not_fit_names_key_and_time(s: Session) -> None:
    spine(s, [T], [42])
    events(s, [T - HOUR] * 2, values=[2**63 - 1, 1], keys=[42, 42])
    with pytest.raises(DataError, match=r"42[^\n]*2013-01-01"):
        ask(s, "SUM(v)")


def test_a_sum_is_judged_on_the_window_and_never_on_a_prefix(s: Session) -> None:
    spine(s, [T, T + HOUR])
    largest = 2**63 - 1
    times = [T - 3 * HOUR, T - 2 * HOUR, T - HOUR]
    events(s, times, values=[largest, largest, -largest])
    assert ask(s, "SUM(v)") == [largest, largest]
    assert ask(s, "SUM(v) OVER (LAST '1h')") == [-largest, None]


def test_a_sum_of_small_integers_is_bigint(s: Session) -> None:
    spine(s, [T])
    events(s, [T - HOUR] * 3, values=pa.array([127, 127, 127], pa.int8()))
    assert ask(s, "SUM(v)") == [381]


def test_a_float_sum_is_exact_and_rounded_once(s: Session) -> None:
    spine(s, [T])
    values = [1e16, 1.0, -1e16, 1e-300, 0.1, 0.2, -0.1, -0.2]
    events(s, [T - i * HOUR for i in range(1, 9)], values=values)
    assert ask(s, "SUM(v)") == [math.fsum(values)]
    assert ask(s, "SUM(v) OVER (LAST '3h')") == [1.0]


def test_a_float_sum_goes_beyond_the_largest_double_only_at_the_end(s: Session) -> None:
    spine(s, [T])
    events(s, [T - 3 * HOUR, T - 2 * HOUR, T - HOUR], values=[1e308, 1e308, -1e308])
    assert ask(s, "SUM(v)") == [1e308]
    assert ask(s, "SUM(v) FILTER (WHERE v > 0)") == [INF]
    assert ask(s, "SUM(v) FILTER (WHERE v < 0)") == [-1e308]


def test_a_float_sum_of_nothing_but_zero_is_plus_zero(s: Session) -> None:
    spine(s, [T])
    events(s, [T - HOUR] * 2, values=[-0.0, -0.0])
    for aggregate in ("SUM(v)", "AVG(v)", "MIN(v)", "MAX(v)", "MEDIAN(v)"):
        assert math.copysign(1, ask(s, aggregate)[0]) == 1.0, aggregate


def test_avg_of_integers_never_overflows(s: Session) -> None:
    spine(s, [T])
    events(s, [T - HOUR] * 3, values=[2**63 - 1] * 3)
    assert ask(s, "AVG(v)") == [float(3 * (2**63 - 1)) / 3]


def test_decimals_are_summed_exactly_and_averaged_half_to_even(s: Session) -> None:
    spine(s, [T])
    values = pa.array([Decimal("0.01"), Decimal("0.02"), Decimal("0.02")], pa.decimal128(10, 2))
    events(s, [T - HOUR] * 3, values=values)
    assert ask(s, "SUM(v)") == [Decimal("0.05")]
    assert ask(s, "AVG(v)") == [Decimal("0.016667")]
    assert ask(s, "AVG(v) OVER (LAST 2 ROWS)") == [Decimal("0.020000")]
    small = pa.array([Decimal(1).scaleb(-38), Decimal(0)], pa.decimal128(38, 38))
    events(s, [T - HOUR] * 2, values=small)
    assert ask(s, "AVG(v)") == [Decimal(0).scaleb(-38)]


# Rule 12: tail.


def test_tail_rounds_the_lower_bound_down_to_its_grid(s: Session) -> None:
    spine(s, [T + HOUR / 2])
    events(s, [T - HOUR - US, T - HOUR, T - HOUR / 2 - US, T - HOUR / 2])
    for option, wanted in (("", 8), (" WITH (tail = '1h')", 2 + 4 + 8)):
        s.sql(
            f"CREATE OR REPLACE FEATURE SET f{option} AS "
            "SELECT k, SUM(v) OVER (LAST '1h') AS x FROM e GROUP BY k"
        )
        table = s.sql(
            "SELECT b.x FROM q ASOF LEFT JOIN f AS b MATCH_CONDITION (q.ts > b.event_time)"
            " ON b.k = q.k"
        ).to_arrow()
        assert table["x"].to_pylist() == [wanted]


# Rule 13: classes.


def test_every_aggregate_declares_its_class() -> None:
    classes = {name: a.accuracy for name, a in AGGREGATES.items()}
    assert {n for n, c in classes.items() if c == "rounded"} == {
        "var_pop",
        "var_samp",
        "stddev_pop",
        "stddev_samp",
    }
    assert set(classes.values()) == {"exact", "rounded"}


def test_the_variance_of_a_constant_is_exactly_zero(s: Session) -> None:
    spine(s, [T])
    events(s, [T - i * HOUR for i in range(1, 8)], values=[0.1] * 7)
    for aggregate in ("VAR_POP", "VAR_SAMP", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "STDDEV"):
        assert ask(s, f"{aggregate}(v)") == [0.0], aggregate


def test_variance_holds_where_the_mean_is_a_million_times_the_deviation(s: Session) -> None:
    spine(s, [T])
    events(s, [T - i * HOUR for i in range(1, 5)], values=[1e9 + 1, 1e9 - 1, 1e9 + 2, 1e9 - 2])
    assert ask(s, "VAR_POP(v)") == [pytest.approx(2.5, rel=1e-10)]
    assert ask(s, "STDDEV_SAMP(v)") == [pytest.approx(math.sqrt(10 / 3), rel=1e-10)]


def test_the_sample_variance_of_one_value_is_null(s: Session) -> None:
    spine(s, [T])
    events(s, [T - HOUR], values=[5.0])
    assert ask(s, "VAR_SAMP(v)") == [None]
    assert ask(s, "STDDEV_SAMP(v)") == [None]
    assert ask(s, "VAR_POP(v)") == [0.0]


def test_quantiles_are_exact_and_linear_between_ranks(s: Session) -> None:
    spine(s, [T])
    events(s, [T - HOUR] * 4, values=[10, 20, 30, 40])
    assert ask(s, "MEDIAN(v)") == [25.0]
    assert ask(s, "QUANTILE(v, 0.1)") == [13.0]
    assert ask(s, "QUANTILE(v, 0)") == [10.0]
    assert ask(s, "QUANTILE(v, 1)") == [40.0]
