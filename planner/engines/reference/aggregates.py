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
from fractions import Fraction
from typing import Any

import pyarrow as pa

from bighead.planner.engines.reference.values import Unfit, Value, order, positive_zero, to_decimal
from bighead.zipline.ir.nodes import Aggregate


@dataclass(frozen=True, slots=True)
class Item:
    """A row that counts: no argument of the aggregate is NULL or NaN."""

    values: tuple[Value, ...]
    """The arguments of the aggregate."""
    age: tuple[Any, ...]
    """Sorts by (time, sequence); greater is newer."""

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
        return 0 if aggregate.function in COUNTS else None
    return positive_zero(FUNCTIONS[aggregate.function](items, aggregate))


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


def exact_sum(values: list[float]) -> float:
    """The double nearest to the sum, as IEEE has it for infinities and beyond the largest double.

    >>> exact_sum([1e308, 1e308, -1e308]), exact_sum([1e308, 1e308]), exact_sum([0.1] * 10)
    (1e+308, inf, 1.0)
    """
    infinite = {v for v in values if math.isinf(v)}
    if infinite:
        return sum(infinite)
    return nearest(sum(Fraction(v) for v in values))


def nearest(value: Fraction | int) -> float:
    """The nearest double, ties to even; infinite where it is beyond the largest.

    >>> nearest(Fraction(1, 3)), nearest(-(10**400))
    (0.3333333333333333, -inf)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def variance(values: list[Any], ddof: int) -> Fraction | float | None:
    """The exact variance; NaN over an infinity; None over not more than `ddof` values."""
    if len(values) <= ddof:
        return None
    if any(math.isinf(v) for v in values):
        return math.nan
    exact = [Fraction(v) for v in values]
    mean = sum(exact) / len(exact)
    return sum((v - mean) ** 2 for v in exact) / (len(exact) - ddof)


def square_root(value: Fraction) -> float:
    """The double nearest to the square root.

    >>> square_root(Fraction(2)), square_root(Fraction(10) ** 600), square_root(Fraction(0))
    (1.4142135623730951, 1e+300, 0.0)
    """
    if value == 0:
        return 0.0
    # A whole root of 80 bits or more, with a last bit that says whether anything was cut off, lies
    # on the same side of every rounding boundary as the true root.
    missing = 160 - value.numerator.bit_length() + value.denominator.bit_length()
    shift = max(0, missing // 2)
    scaled, rest = divmod(value.numerator << (2 * shift), value.denominator)
    root = math.isqrt(scaled)
    inexact = bool(rest) or root * root != scaled
    return nearest(Fraction(2 * root + inexact, 1 << (shift + 1)))


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
}
COUNTS = ("count_rows", "count", "count_distinct")
"""Over no rows these are 0, and everything else is NULL."""
