"""The time contract, rules 6 to 13: NULL, the spine, numbers, tails and classes.

Every test runs on every engine, on a few readable rows, with the answers written out.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.aggregates import AGGREGATES
from bighead.zipline.errors import DataError
from tests.conformance.rows import DAY, HOUR, INF, NAN, STAMP, US, T, ask, events, look_up, spine

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
    assert set(classes.values()) == {"exact", "rounded", "approximate"}
    approximate = {n for n, c in classes.items() if c == "approximate"}
    assert approximate == {n for n in classes if n.startswith("approx_")}


def test_the_variance_of_a_constant_is_exactly_zero(s: Session) -> None:
    spine(s, [T])
    events(s, [T - i * HOUR for i in range(1, 8)], values=[0.1] * 7)
    for aggregate in ("VAR_POP", "VAR_SAMP", "STDDEV_POP", "STDDEV_SAMP", "VARIANCE", "STDDEV"):
        assert ask(s, f"{aggregate}(v)") == [0.0], aggregate


def test_decay_keeps_apart_the_first_and_the_last_moments_of_time(s: Session) -> None:
    first, last = -(2**63), 2**63 - 1
    spine(s, [last])
    events(s, [first + 4, last - 2], values=[3.0, 5.0])
    assert ask(s, "DECAYED_SUM(v, '4d')") == [pytest.approx(5.0)]


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
