"""What each aggregate means, in the fewest lines: a function of the rows that count.

A window's rows come in no particular order. Whatever depends on order sorts by (time, sequence,
canonical order of the value), so nothing depends on arrival. Numbers are exact until the one
rounding at the end: whole numbers, `Fraction` and unscaled decimals, never a running float.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

from bighead.planner.engines.reference.numbers import (
    PRECISE,
    exact_sum,
    nearest,
    square_root,
    variance,
    weight,
)
from bighead.planner.engines.reference.values import (
    Unfit,
    Value,
    from_arrow,
    is_counted,
    order,
    positive_zero,
    to_arrow,
    to_decimal,
)
from bighead.zipline.aggregates.user import known_aggregate
from bighead.zipline.ir.nodes import Aggregate


@dataclass(frozen=True, slots=True)
class Item:
    """A row that counts: no argument of the aggregate is NULL or NaN."""

    values: tuple[Value, ...]
    """The arguments of the aggregate."""
    age: tuple[Any, ...]
    """Sorts by (time, sequence); greater is newer."""
    elapsed: int | None = None
    """Microseconds from its time to t; None where it has no time."""

    @property
    def value(self) -> Any:
        """The first argument."""
        return self.values[0]

    @property
    def newness(self) -> tuple[Any, ...]:
        """Sorts rows from oldest to newest."""
        return (self.age, order(self.value))


def fold(aggregate: Aggregate, items: list[Item]) -> Value:
    """The value of an aggregate, bucket and FILTER aside, over the rows that count."""
    if not items:
        return EMPTY.get(aggregate.function)
    if aggregate.user is not None:
        return positive_zero(user_defined(items, aggregate))
    return positive_zero(FUNCTIONS[aggregate.function](items, aggregate))


def user_defined(items: list[Item], aggregate: Aggregate) -> Value:
    """What the class of a user makes of the rows, one by one."""
    assert aggregate.user is not None
    known = known_aggregate(aggregate.function, aggregate.user)
    ordered = sorted(items, key=lambda i: (i.age, [order(v) for v in i.values]))
    columns = [
        to_arrow([positive_zero(i.values[n]) for i in ordered], kind)
        for n, kind in enumerate(known.arguments)
    ]
    rows = known.values(columns) if columns else [()] * len(ordered)
    made = known.make()
    with known.guarded():
        state = made.zero()
        for values in rows:
            state = made.add(state, *values)
        value = made.finish(state)
    return from_arrow(pa.array([known.finished(value)], known.returns))[0]


def count(items: list[Item], aggregate: Aggregate) -> Value:
    """How many rows count."""
    return len(items)


def count_distinct(items: list[Item], aggregate: Aggregate) -> Value:
    """How many different values there are."""
    return len({order(i.value) for i in items})


def total(items: list[Item], aggregate: Aggregate) -> Value:
    """SUM: exact; of floats rounded once."""
    values = [i.value for i in items]
    if pa.types.is_floating(aggregate.args[0].type):
        return exact_sum(values)
    if pa.types.is_decimal(aggregate.type):
        return to_decimal(sum(Fraction(v) for v in values), aggregate.type)
    whole: int = sum(values)
    if not -(2**63) <= whole < 2**63:
        raise Unfit("BIGINT")
    return whole


def average(items: list[Item], aggregate: Aggregate) -> Value:
    """AVG: the exact sum rounded to a double, divided once; of decimals rounded half to even."""
    values = [i.value for i in items]
    if pa.types.is_decimal(aggregate.type):
        return to_decimal(sum(Fraction(v) for v in values) / len(values), aggregate.type)
    if pa.types.is_floating(aggregate.args[0].type):
        return exact_sum(values) / len(values)
    return float(sum(values)) / len(values)


def moment(ddof: int, finish: Callable[[Fraction], float]) -> Callable[..., Value]:
    """VARIANCE and STDDEV, of the sample (ddof 1) or of the population (ddof 0)."""

    def over(items: list[Item], aggregate: Aggregate) -> Value:
        exact = variance([i.value for i in items], ddof)
        return finish(exact) if isinstance(exact, Fraction) else exact

    return over


def quantile(items: list[Item], aggregate: Aggregate) -> Value:
    """QUANTILE: linear between ranks, taken exactly, rounded once; a whole rank is that value."""
    assert aggregate.p is not None
    values = sorted(i.value for i in items)
    whole, part = divmod(Fraction(aggregate.p) * (len(values) - 1), 1)
    low = values[whole]
    if part == 0:
        return nearest(Fraction(low)) if math.isfinite(low) else float(low)
    high = values[whole + 1]
    if math.isinf(low) or math.isinf(high):
        return low + (high - low) * float(part)
    return nearest(Fraction(low) + (Fraction(high) - Fraction(low)) * part)


def smallest(items: list[Item], aggregate: Aggregate) -> Value:
    """MIN."""
    return min((i.value for i in items), key=order)


def greatest(items: list[Item], aggregate: Aggregate) -> Value:
    """MAX."""
    return max((i.value for i in items), key=order)


def first(items: list[Item], aggregate: Aggregate) -> Value:
    """FIRST: the oldest."""
    return min(items, key=lambda i: i.newness).value


def last(items: list[Item], aggregate: Aggregate) -> Value:
    """LAST: the newest."""
    return max(items, key=lambda i: i.newness).value


def first_k(items: list[Item], aggregate: Aggregate) -> Value:
    """FIRST_K: the k oldest, oldest first."""
    return [i.value for i in sorted(items, key=lambda i: i.newness)][: aggregate.k]


def last_k(items: list[Item], aggregate: Aggregate) -> Value:
    """LAST_K: the k newest, newest first."""
    return [i.value for i in sorted(items, key=lambda i: i.newness, reverse=True)][: aggregate.k]


def top_k(items: list[Item], aggregate: Aggregate) -> Value:
    """TOP_K: the k greatest values, greatest first; equal ones are kept."""
    return sorted((i.value for i in items), key=order, reverse=True)[: aggregate.k]


def bottom_k(items: list[Item], aggregate: Aggregate) -> Value:
    """BOTTOM_K: the k least values, least first; equal ones are kept."""
    return sorted((i.value for i in items), key=order)[: aggregate.k]


def min_by(items: list[Item], aggregate: Aggregate) -> Value:
    """MIN_BY(x, y): x of the least y, the newest of ties."""
    least = min(order(i.values[1]) for i in items)
    return last([i for i in items if order(i.values[1]) == least], aggregate)


def max_by(items: list[Item], aggregate: Aggregate) -> Value:
    """MAX_BY(x, y): x of the greatest y, the newest of ties."""
    most = max(order(i.values[1]) for i in items)
    return last([i for i in items if order(i.values[1]) == most], aggregate)


def bool_and(items: list[Item], aggregate: Aggregate) -> Value:
    """BOOL_AND: all are true."""
    return all(i.value for i in items)


def bool_or(items: list[Item], aggregate: Aggregate) -> Value:
    """BOOL_OR: one is true."""
    return any(i.value for i in items)


def histogram(items: list[Item], aggregate: Aggregate) -> Value:
    """HISTOGRAM: how often each value occurs, ordered by value; k: the most frequent only."""
    values = {order(i.value): i.value for i in items}
    often = Counter(order(i.value) for i in items)
    kept = sorted(values, key=lambda v: (-often[v], v))[: aggregate.k]
    return [(values[v], often[v]) for v in sorted(kept)]


def array_agg_distinct(items: list[Item], aggregate: Aggregate) -> Value:
    """ARRAY_AGG(DISTINCT x, k): the k least values, each once."""
    values = {order(i.value): i.value for i in items}
    return [values[v] for v in sorted(values)][: aggregate.k]


def lower_quantile(items: list[Item], aggregate: Aggregate) -> Value:
    """APPROX_QUANTILE, exactly: the value at rank floor(p(n - 1))."""
    assert aggregate.p is not None
    value = sorted(i.value for i in items)[math.floor(Fraction(aggregate.p) * (len(items) - 1))]
    return nearest(Fraction(value)) if math.isfinite(value) else float(value)


def frequent(items: list[Item], aggregate: Aggregate) -> Value:
    """APPROX_TOP_K, exactly: (value, count) of the most frequent values, ties by value."""
    values = {order(i.value): i.value for i in items}
    often = Counter(order(i.value) for i in items)
    kept = sorted(values, key=lambda v: (-often[v], v))[: aggregate.k]
    return [(values[v], often[v]) for v in kept]


def decayed(items: list[Item], aggregate: Aggregate) -> Value:
    """DECAYED_SUM and DECAYED_COUNT: the sum of x * 2^(-(t - ts) / half_life)."""
    assert aggregate.half_life is not None
    values = [i.value if aggregate.args else 1 for i in items]
    infinite = {v for v in values if math.isinf(v)}
    if infinite:
        return float(sum(infinite))
    total = Decimal(0)
    for value, item in zip(values, items, strict=True):
        exact = Fraction(value)
        term = PRECISE.divide(Decimal(exact.numerator), Decimal(exact.denominator))
        total = PRECISE.fma(term, weight(item.elapsed or 0, aggregate.half_life), total)
    if abs(total.adjusted()) < 400:
        return nearest(Fraction(total))
    # A fraction of so many digits would take longer than the sum is worth.
    return 0.0 if not total or total.adjusted() < 0 else math.copysign(math.inf, total)


def standardised(power: int, less: int) -> Callable[..., Value]:
    """SKEWNESS and KURTOSIS: the mean of ((x - mean) / deviation)^power, less a constant."""

    def over(items: list[Item], aggregate: Aggregate) -> Value:
        spread = variance([i.value for i in items], 0)
        if not isinstance(spread, Fraction):
            return spread
        if spread == 0:
            return None
        exact = [Fraction(i.value) for i in items]
        mean = sum(exact) / len(exact)
        moments = [(v - mean) ** power for v in exact]
        # The deviation to an odd power is no fraction: its square is.
        squared = Fraction(sum(moments) / len(exact)) ** 2 / spread**power
        size = square_root(squared)
        return (size if sum(moments) >= 0 else -size) - less

    return over


def vector(items: list[Item], aggregate: Aggregate) -> Value:
    """SUM and AVG of vectors, element by element; a NULL or NaN element makes that element NULL."""
    lengths = {len(i.value) for i in items}
    if len(lengths) > 1:
        raise Unequal(lengths)
    share = len(items) if aggregate.function == "vector_avg" else 1
    summed: list[Value] = []
    for element in zip(*(i.value for i in items), strict=True):
        counted = all(map(is_counted, element))
        summed.append(_element(list(element)) / share if counted else None)
    return summed


def _element(values: list[Any]) -> float:
    if isinstance(values[0], float):
        return exact_sum(values)
    return nearest(sum(Fraction(v) for v in values))


class Unequal(ArithmeticError):
    """Vectors of unequal lengths in one window."""

    def __init__(self, lengths: set[int]) -> None:
        super().__init__(f"lengths {' and '.join(map(str, sorted(lengths)))}")


FUNCTIONS: dict[str, Callable[[list[Item], Aggregate], Value]] = {
    "count_rows": count,
    "count": count,
    "count_distinct": count_distinct,
    "sum": total,
    "avg": average,
    "min": smallest,
    "max": greatest,
    "var_pop": moment(0, nearest),
    "var_samp": moment(1, nearest),
    "stddev_pop": moment(0, square_root),
    "stddev_samp": moment(1, square_root),
    "first": first,
    "last": last,
    "first_k": first_k,
    "last_k": last_k,
    "top_k": top_k,
    "bottom_k": bottom_k,
    "min_by": min_by,
    "max_by": max_by,
    "bool_and": bool_and,
    "bool_or": bool_or,
    "histogram": histogram,
    "quantile": quantile,
    "skewness": standardised(3, 0),
    "kurtosis": standardised(4, 3),
    "array_agg_distinct": array_agg_distinct,
    "approx_count_distinct": count_distinct,
    "approx_quantile": lower_quantile,
    "approx_top_k": frequent,
    "decayed_sum": decayed,
    "decayed_count": decayed,
    "vector_sum": vector,
    "vector_avg": vector,
}
EMPTY: dict[str, Value] = {
    "count_rows": 0,
    "count": 0,
    "count_distinct": 0,
    "approx_count_distinct": 0,
    "decayed_count": 0.0,
}
"""What these are over no rows; everything else is NULL."""
