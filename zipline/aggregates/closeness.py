"""Whether two answers are the same answer, by the class that each aggregate declares.

Exact means to the bit, except that one NaN is as good as another and -0.0 is 0.0. Both answers are
computed, so that each may lie from the exact one as far as its aggregate allows, and the two twice
as far from each other. What is derived of features is as exact as the least exact of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from bighead.zipline.aggregates import declared
from bighead.zipline.aggregates.function import Accuracy
from bighead.zipline.aggregates.sketches import DISTINCT_ERROR, NEARLY_ZERO, QUANTILE_ERROR
from bighead.zipline.expressions.typing import implicit_cast
from bighead.zipline.ir.expr import Call
from bighead.zipline.ir.nodes import Aggregate
from bighead.zipline.ir.types import DOUBLE

ROUNDED, DERIVED = 2e-10, 1e-9
USERS = 0.1
"""How far results of a user's approximate aggregate may lie apart, relative to themselves."""
_ORDER: tuple[Accuracy, ...] = ("exact", "rounded", "approximate")
_STANDARDISED = ("skewness", "kurtosis")
"""Their terms are powers of standardised values, whose magnitudes add up to 1 and more."""


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near two values of a column have to be."""

    accuracy: Accuracy = "exact"
    relative: float = 0.0
    least: float = 0.0
    """Absolutely, whatever the values."""
    floor: float = 0.0
    """The magnitude of their terms, where that is more than theirs."""

    def close(self, a: Any, b: Any) -> bool:
        """Whether the values are near enough; lists, maps and structs item by item."""
        if isinstance(a, bool) or isinstance(b, bool):
            return a is b
        if isinstance(a, float) and isinstance(b, float):
            if math.isnan(a) or math.isnan(b):
                return math.isnan(a) and math.isnan(b)
            if a == b or not self.relative or math.isinf(a) or math.isinf(b):
                return a == b
            size = max(abs(a), abs(b), self.floor)
            return abs(a - b) <= size * self.relative + self.least
        if isinstance(a, int) and isinstance(b, int) and self.accuracy == "approximate":
            return abs(a - b) <= max(abs(a), abs(b)) * self.relative
        if isinstance(a, list | tuple) and isinstance(b, list | tuple):
            return len(a) == len(b) and all(map(self.close, a, b))
        if isinstance(a, dict) and isinstance(b, dict):
            return a.keys() == b.keys() and all(self.close(v, b[k]) for k, v in a.items())
        return type(a) is type(b) and bool(a == b)

    def of_size(self, size: float | None) -> Closeness:
        """How near they have to be where the magnitudes of their terms sum up to `size`."""
        if size is None or not math.isfinite(size):
            return self
        return replace(self, floor=max(self.floor, size))


def magnitude(aggregate: Aggregate) -> Aggregate | None:
    """What sums the magnitudes of an aggregate's terms; None: they cannot cancel, or do exactly.

    >>> from bighead.zipline.ir.expr import Column
    >>> summed = Aggregate("decayed_sum", (Column("x", DOUBLE),), DOUBLE, half_life=1)
    >>> magnitude(summed).args[0].function, magnitude(replace(summed, function="sum"))
    ('abs', None)
    """
    if aggregate.function != "decayed_sum" or aggregate.bucket is not None:
        return None
    (term,) = aggregate.args
    return replace(aggregate, args=(Call("abs", (implicit_cast(term, DOUBLE),), DOUBLE),))


def closeness(aggregate: Aggregate) -> Closeness:
    """How near two values of an aggregate are when they are the same.

    >>> from bighead.zipline.ir.types import BIGINT
    >>> closeness(Aggregate("count_rows", (), BIGINT)).close(3, 4)
    False
    """
    if aggregate.bucket is not None:
        aggregate = replace(aggregate, bucket=None)
    accuracy = declared(aggregate).accuracy
    if accuracy == "exact":
        return Closeness()
    if accuracy == "rounded":
        least = 2 * NEARLY_ZERO if aggregate.half_life is not None else 0.0
        floor = 1.0 if aggregate.function in _STANDARDISED else 0.0
        return Closeness(accuracy, ROUNDED, least, floor)
    relative = {
        "approx_count_distinct": 2 * DISTINCT_ERROR,
        "approx_quantile": 2 * QUANTILE_ERROR,
        "approx_top_k": 0.0,
    }.get(aggregate.function, USERS)
    return Closeness(accuracy, relative, 2 * NEARLY_ZERO)


def derived(parts: list[Closeness]) -> Closeness:
    """How near two values are that were computed of such features.

    >>> derived([Closeness(), Closeness("rounded", ROUNDED)]).relative
    1e-09
    """
    worst: Accuracy = max((p.accuracy for p in parts), key=_ORDER.index, default="exact")
    if worst == "exact":
        return Closeness()
    if worst == "rounded":
        return Closeness(worst, DERIVED, max(p.least for p in parts), max(p.floor for p in parts))
    return Closeness(worst, 2 * max(p.relative for p in parts), max(p.least for p in parts))
