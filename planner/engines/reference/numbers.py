"""Exact arithmetic for the aggregates: sums, variances, roots, weights; rounded once at the end."""

from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction
from functools import cache
from typing import Any

PRECISE = Context(prec=60, Emin=-(10**17), Emax=10**17)
"""Sixty digits, and room for every exponent."""


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


@cache
def weight(elapsed: int, half_life: int) -> Decimal:
    """2^(-elapsed / half_life), to 60 digits.

    >>> float(weight(8, 4)), float(weight(2, 4))
    (0.25, 0.7071067811865476)
    """
    exponent = PRECISE.divide(Decimal(-elapsed), Decimal(half_life))
    # Far beyond every double; decimals end a little further on.
    return PRECISE.power(Decimal(2), min(exponent, Decimal(10**17)))
