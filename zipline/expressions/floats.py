"""DOUBLEs rounded to decimal places, exactly."""

from __future__ import annotations

import numpy as np

from bighead.zipline.expressions.datum import Mask, Values


def half_away(values: Values) -> Values:
    """To whole numbers, half away from zero; the fraction is exact, so that ties are ties.

    >>> half_away(np.array([2.5, -2.5, 0.49999999999999994])).tolist()
    [3.0, -3.0, 0.0]
    """
    with np.errstate(invalid="ignore"):
        whole = np.trunc(values)
        up = np.abs(values - whole) >= 0.5
    return np.where(up, whole + np.copysign(1.0, values), whole)


def units_of(values: Values, places: int) -> tuple[Values, Mask]:
    """How many units of 10^-places a value is, half away from zero, and where that is certain.

    The product is held as an exact sum of two DOUBLEs, `high` and `low`. Ties are DOUBLEs in the
    range that is answered for, so that only where `high` is a tie does `low` decide. What is too
    large, too small or not finite is left to exact arithmetic.
    """
    if not 0 < places <= 22:
        return values, np.zeros(len(values), np.bool_)
    power = 10.0**places
    with np.errstate(all="ignore"):
        high = values * power
        low = _product_error(values, power, high)
        whole = np.trunc(high)
        rest = np.abs(high - whole) - 0.5
        sign = np.copysign(1.0, values)
        away = (rest > 0) | ((rest == 0) & (low * sign >= 0))
        certain = (np.abs(high) < 2.0**51) & (np.abs(values) > 1e-200)
        units = np.where(away, whole + sign, whole)  # a sum would lose the sign of -0.0
    return np.where(certain, units, 0.0), certain


def _product_error(a: Values, b: float, product: Values) -> Values:
    """a * b - product, exactly (Dekker 1971, with Veltkamp's split)."""
    factor = 134_217_729.0
    a_big = factor * a
    a_high = a_big - (a_big - a)
    a_low = a - a_high
    b_big = factor * b
    b_high = b_big - (b_big - b)
    b_low = b - b_high
    error: Values = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return error
