"""How large the terms of a rounded aggregate are: what its error is measured by.

The reference is run once more with these in the place of the aggregates themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from typing import Any

from bighead.planner.engines.reference.aggregates import FUNCTIONS, Item
from bighead.planner.engines.reference.numbers import variance
from bighead.planner.engines.reference.values import Value
from bighead.zipline.ir.nodes import Aggregate

Fold = Callable[[list[Item], Aggregate], Value]


def _size(value: Any) -> Any:
    if isinstance(value, list):
        return [v if v is None else abs(v) for v in value]
    return abs(value)


def _of_sizes(fold: Fold) -> Fold:
    """The same sum over the magnitudes."""
    return lambda items, asked: fold(
        [replace(i, values=tuple(map(_size, i.values))) for i in items], asked
    )


def _standardised(power: int, constant: int) -> Fold:
    def over(items: list[Item], asked: Aggregate) -> Value:
        spread = variance([i.value for i in items], 0)
        if not isinstance(spread, Fraction) or not spread:
            return None
        exact = [Fraction(i.value) for i in items]
        mean = sum(exact) / len(exact)
        total = sum(float((v - mean) ** 2 / spread) ** (power / 2) for v in exact)
        return total / len(exact) + constant

    return over


MAGNITUDES: dict[str, Fold] = {
    "skewness": _standardised(3, 0),
    "kurtosis": _standardised(4, 3),
    "decayed_sum": _of_sizes(FUNCTIONS["decayed_sum"]),
    "vector_avg": _of_sizes(FUNCTIONS["vector_avg"]),
}
"""Those of the rounded aggregates whose error is not measured by their value."""


@contextmanager
def magnitudes() -> Iterator[None]:
    """The reference gives magnitudes meanwhile."""
    plain = dict(FUNCTIONS)
    FUNCTIONS.update(MAGNITUDES)
    try:
        yield
    finally:
        FUNCTIONS.update(plain)
