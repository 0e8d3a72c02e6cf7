"""Functions of numbers; rounding starts from the exact value, what has no real result is NaN."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from bighead.planner.engines.reference.calls import fit
from bighead.planner.engines.reference.casts import half_away
from bighead.planner.engines.reference.values import is_nan
from bighead.zipline.ir.expr import Call
from bighead.zipline.ir.types import DOUBLE


def absolute(call: Call, a: Any) -> Any:
    """The size; the least integer has none."""
    return abs(a) if call.type == DOUBLE else fit(call, abs(Fraction(a)), a)


def sign(call: Call, a: Any) -> Any:
    """-1, 0 or 1, of the result's type; NaN of NaN."""
    whole = math.nan if is_nan(a) else int(a > 0) - int(a < 0)
    return float(whole) if call.type == DOUBLE else whole


def whole(to_whole: Callable[[Any], int]) -> Callable[..., Any]:
    """FLOOR or CEIL."""

    def function(call: Call, a: Any) -> Any:
        if call.type != DOUBLE:
            return fit(call, to_whole(a), a)
        return math.copysign(float(to_whole(a)), a) if math.isfinite(a) else a

    return function


def rounded(call: Call, a: Any, places: int) -> Any:
    """Half away from zero at a decimal place."""
    if call.type == DOUBLE and (not math.isfinite(a) or a == 0):
        return a
    unit = Fraction(10) ** -places
    exact = half_away(Fraction(a) / unit) * unit
    if call.type != DOUBLE:
        return fit(call, exact, a)
    try:
        return math.copysign(float(exact), a)
    except OverflowError:
        return math.copysign(math.inf, a)


def real(function: Callable[[float], float], at_zero: float | None = None) -> Callable[..., float]:
    """A function of the C library; NaN where it has no value, infinite where it is beyond."""

    def safe(call: Call, a: float) -> float:
        if at_zero is not None and a == 0:
            return at_zero
        try:
            return function(a)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return safe


def power(call: Call, x: float, y: float) -> float:
    """IEEE 754's pow."""
    odd = math.isfinite(y) and y % 2 == 1
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and odd else math.inf
    except ValueError:
        if x == 0:
            return math.copysign(math.inf, x) if odd else math.inf
        return math.nan


MATHS: dict[str, Callable[..., Any]] = {
    "abs": absolute,
    "sign": sign,
    "floor": whole(math.floor),
    "ceil": whole(math.ceil),
    "round": rounded,
    "sqrt": real(math.sqrt),
    "exp": real(math.exp),
    "ln": real(math.log, at_zero=-math.inf),
    "log10": real(math.log10, at_zero=-math.inf),
    "log2": real(math.log2, at_zero=-math.inf),
    "power": power,
    "is_nan": lambda call, a: math.isnan(a),
}
