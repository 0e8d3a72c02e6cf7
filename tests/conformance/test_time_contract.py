"""The time contract, rules 1 to 5, on a few readable rows and with the answers written out.

Every test runs on every engine. `T` is a midnight; times are told from there.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.errors import BigheadError, DataError
from tests.conformance.rows import DAY, HOUR, STAMP, US, T, ask, events, look_up, spine

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
