"""How near two computed values have to be, by the class of their aggregate."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from bighead.zipline.aggregates.closeness import Closeness, closeness, derived
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.nodes import Aggregate
from bighead.zipline.ir.types import BIGINT, DOUBLE

X = (Column("x", DOUBLE),)
NAN = float("nan")


def of(function: str, **given: Any) -> Closeness:
    return closeness(Aggregate(function, X, DOUBLE, **given))


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, 1, True),
        (1, 2, False),
        (None, None, True),
        (None, 0, False),
        (0, None, False),
        (0.1 + 0.2, 0.3, False),
        (NAN, NAN, True),
        (NAN, None, False),
        (0.0, -0.0, True),
        (True, 1, False),
        (True, True, True),
        ("a", "a", True),
        (Decimal("1.0"), Decimal("1.1"), False),
        (datetime(2025, 1, 1), datetime(2025, 1, 2), False),
        ([("a", 1), ("b", NAN)], [("a", 1), ("b", NAN)], True),
        ([("a", 1)], [("a", 1), ("b", 2)], False),
        ([1.0, [2.0]], [1.0, [2.5]], False),
        ({"v": 1.0}, {"v": 1.0}, True),
        ({"v": 1.0}, {"w": 1.0}, False),
    ],
)
def test_exact_values_are_equal_to_the_bit(a: Any, b: Any, same: bool) -> None:
    assert of("sum").close(a, b) is same


def test_rounded_values_are_near_themselves() -> None:
    spread = of("stddev_samp")
    assert spread.close(3.0, 3.0 * (1 + 1.9e-10))
    assert not spread.close(3.0, 3.0 * (1 + 2.1e-10))
    assert not spread.close(0.0, 1e-12)
    assert not spread.close(1.0, float("inf"))
    assert not spread.close(1.0, None)


def test_standardised_values_are_near_by_the_size_of_their_terms() -> None:
    assert of("skewness").close(0.0, 1.9e-10)
    assert not of("skewness").close(0.0, 2.1e-10)


def test_sums_that_cancel_are_near_by_the_size_of_their_terms() -> None:
    decayed = of("decayed_sum", half_life=1_000_000)
    assert not decayed.close(1e-4, 2e-4)
    assert decayed.of_size(2e6).close(1e-4, 2e-4)
    assert not decayed.of_size(2e6).close(1e-4, 1e-3)
    assert decayed.of_size(None) == decayed.of_size(float("inf")) == decayed


def test_a_decayed_value_may_be_nothing() -> None:
    assert of("decayed_sum", half_life=1_000_000).close(0.0, 1e-300)


def test_approximate_values_are_within_both_bounds() -> None:
    distinct = of("approx_count_distinct")
    assert distinct.close(1000, 1120)
    assert not distinct.close(1000, 1200)
    assert of("approx_quantile").close(100.0, 101.9)
    assert not of("approx_quantile").close(100.0, 103.0)
    assert not of("approx_top_k").close([{"value": 1.0, "count": 2}], [{"value": 1.0, "count": 3}])


def test_a_bucketed_aggregate_is_as_near_as_its_values() -> None:
    by_room = closeness(Aggregate("stddev_samp", X, DOUBLE, bucket=Column("room", BIGINT)))
    assert by_room.close([("a", 3.0)], [("a", 3.0 * (1 + 1e-10))])
    assert not by_room.close([("a", 3.0)], [("b", 3.0)])


def test_what_is_derived_is_as_near_as_its_least_exact_part() -> None:
    exact, rounded, approximate = of("sum"), of("var_pop"), of("approx_quantile")
    assert derived([]) == derived([exact]) == exact
    assert derived([exact, rounded]).close(1.0, 1.0 + 0.9e-9)
    assert not derived([exact, rounded]).close(1.0, 1.0 + 1.1e-9)
    assert derived([approximate, rounded]).accuracy == "approximate"
