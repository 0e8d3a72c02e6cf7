"""The functions of the closed list that take and give plain values.

Each gets its call, for the types, and its arguments, none of them NULL.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from bighead.planner.engines.reference.calls import bad, fit
from bighead.planner.engines.reference.casts import convert
from bighead.planner.engines.reference.maths import MATHS
from bighead.planner.engines.reference.nested import NESTED
from bighead.planner.engines.reference.texts import TEXTS
from bighead.planner.engines.reference.times import TIMES
from bighead.planner.engines.reference.values import is_nan
from bighead.zipline.ir.expr import Call
from bighead.zipline.ir.types import DOUBLE, INTERVAL


def add(call: Call, a: Any, b: Any) -> Any:
    """A sum; of times and intervals too."""
    return a + b if call.type == DOUBLE else fit(call, Fraction(a) + Fraction(b), a, b)


def subtract(call: Call, a: Any, b: Any) -> Any:
    """A difference."""
    return a - b if call.type == DOUBLE else fit(call, Fraction(a) - Fraction(b), a, b)


def multiply(call: Call, a: Any, b: Any) -> Any:
    """A product; DOUBLE times INTERVAL is rounded to the microsecond."""
    if call.type == DOUBLE:
        return a * b
    if call.type == INTERVAL and isinstance(a, float):
        product = a * float(b)
        if not math.isfinite(product):
            raise bad(call, a, b)
        return fit(call, round(product), a, b)
    return fit(call, Fraction(a) * Fraction(b), a, b)


def divide(call: Call, a: float, b: float) -> float | None:
    """The quotient in DOUBLE; NULL by zero."""
    return None if b == 0 else a / b


def modulo(call: Call, a: Any, b: Any) -> Any:
    """The rest of the division towards zero; NULL by zero."""
    if b == 0 or (isinstance(b, float) and math.isnan(b)):
        return None if b == 0 else math.nan
    if call.type == DOUBLE:
        return math.nan if math.isinf(a) or math.isnan(a) else math.fmod(a, b)
    size = abs(Fraction(a)) % abs(Fraction(b))
    return fit(call, -size if a < 0 else size, a, b)


def negate(call: Call, a: Any) -> Any:
    """Minus a."""
    return -a if call.type == DOUBLE else fit(call, -Fraction(a), a)


def compare(a: Any, b: Any) -> int | None:
    """-1, 0 or 1 by exact value; None where a NaN has no order."""
    if is_nan(a) or is_nan(b):
        return None
    if isinstance(a, list | tuple):
        return 0 if same_items(a, b) else 1
    if isinstance(a, str):
        a, b = a.encode(), b.encode()
    return int(a > b) - int(a < b)


def same_items(a: Any, b: Any) -> bool:
    """Whether two lists or structs are equal, item by item."""
    return len(a) == len(b) and all(
        (x is None and y is None) or (x is not None and y is not None and compare(x, y) == 0)
        for x, y in zip(a, b, strict=True)
    )


def comparison(holds: Callable[[int | None], bool]) -> Callable[..., bool]:
    """A comparison as IEEE has it: all are false for NaN, `<>` alone is true."""
    return lambda call, a, b: holds(compare(a, b))


def cast(call: Call, value: Any) -> Any:
    """CAST: what the new type cannot hold is an error."""
    result = convert(value, call.args[0].type, call.type)
    if lost(value, result):
        raise bad(call, value)
    return result


def lost(value: Any, result: Any) -> bool:
    """Whether a value became NULL on the way, at any depth."""
    if isinstance(result, list | tuple) and isinstance(value, list | tuple):
        return any(map(lost, value, result))
    return value is not None and result is None


def try_cast(call: Call, value: Any) -> Any:
    """TRY_CAST: what the new type cannot hold is NULL."""
    return convert(value, call.args[0].type, call.type)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": add,
    "subtract": subtract,
    "multiply": multiply,
    "divide": divide,
    "modulo": modulo,
    "negate": negate,
    "equal": comparison(lambda c: c == 0),
    "not_equal": comparison(lambda c: c != 0),
    "less": comparison(lambda c: c == -1),
    "less_equal": comparison(lambda c: c in (-1, 0)),
    "greater": comparison(lambda c: c == 1),
    "greater_equal": comparison(lambda c: c in (0, 1)),
    "not": lambda call, a: not a,
    "cast": cast,
    "try_cast": try_cast,
    **MATHS,
    **TEXTS,
    **TIMES,
    **NESTED,
}
