"""What the columns of a table hold: counts, quantiles and a histogram each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bighead.zipline.ir.types import sql_name
from bighead.zipline.statistics.measure import Floats, Kind, Measured, measured

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
BARS = 20
"""How many bars a histogram has at most."""

WHOLE = 2.0**50
"""Below it half a number is a number still."""
LARGE = 2.0**480
"""Below it squares, and sums of many of them, are doubles."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram: the values in [low, high), in the last bar [low, high]; or a category.

    Of a category `low` and `high` are None and `label` is its text; the last may be `Bar.OTHERS`.
    """

    label: str | None
    low: float | None
    high: float | None
    count: int


OTHERS = "(others)"
"""The label of the bar that holds the rarer categories."""


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What one column holds. Times are microseconds since the epoch, UTC; lists are lengths."""

    name: str
    type: str
    """In SQL's words."""
    kind: Kind
    rows: int
    nulls: int
    """NULL, and NaN, which aggregates and keys read as NULL."""
    distinct: int
    """Of the values that are there."""
    mean: float | None
    deviation: float | None
    """The standard deviation of the sample; None below two values, and for categories."""
    least: float | None
    greatest: float | None
    quantiles: tuple[tuple[float, float], ...]
    """(p, value), linear between ranks."""
    histogram: tuple[Bar, ...]
    infinities: int = 0
    """Counted in no bar, and in neither mean nor deviation."""

    @property
    def null_rate(self) -> float:
        """The share of rows without a value; 0.0 of no rows."""
        return self.nulls / self.rows if self.rows else 0.0


def profile(table: pa.Table) -> list[ColumnProfile]:
    """A profile of each column, in their order.

    Counts are exact; quantiles and moments are those of the values as DOUBLEs.

    >>> (x,) = profile(pa.table({"x": [1.0, 2.0, None, 4.0]}))
    >>> x.rows, x.nulls, x.distinct, x.least, x.greatest
    (4, 1, 3, 1.0, 4.0)
    >>> dict(x.quantiles)[0.5]
    2.0
    """
    fields = zip(table.schema, table.columns, strict=True)
    return [column_profile(field.name, field.type, column) for field, column in fields]


def column_profile(
    name: str, kind: pa.DataType, column: pa.ChunkedArray[Any] | pa.Array[Any]
) -> ColumnProfile:
    """The profile of one column."""
    values = measured(column)
    finite = values.quantities[np.isfinite(values.quantities)]
    quantity = values.kind != "category"
    bars = histogram(finite, edges(finite)) if quantity else categories(values)
    mean, deviation = _moments(finite)
    return ColumnProfile(
        name=name,
        type=sql_name(kind),
        kind=values.kind,
        rows=values.rows,
        nulls=values.rows - values.present,
        distinct=values.distinct,
        mean=mean,
        deviation=deviation,
        least=float(values.quantities.min()) if len(values.quantities) else None,
        greatest=float(values.quantities.max()) if len(values.quantities) else None,
        quantiles=_quantiles(finite),
        histogram=tuple(bars),
        infinities=len(values.quantities) - len(finite),
    )


def edges(values: Floats, bars: int = BARS) -> Floats:
    """The edges of bars of equal width; whole numbers in a small range get a bar each."""
    if not len(values):
        return np.empty(0)
    low, high = float(values.min()), float(values.max())
    small = max(abs(low), abs(high)) < WHOLE
    if small and high - low < bars and np.all(values == np.floor(values)):
        return np.arange(low, high + 2) - 0.5
    at = np.arange(bars + 1) / bars
    made: Floats = low * (1 - at) + high * at  # the range itself may be beyond the largest double
    made[0], made[-1] = low, high
    with np.errstate(over="ignore"):  # beyond the largest double all is infinite
        return made if np.all(np.diff(made) > 0) else np.array([low, np.nextafter(high, np.inf)])


def histogram(values: Floats, at: Floats) -> list[Bar]:
    """The bars between edges."""
    if not len(at):
        return []
    counts, _ = np.histogram(values, at)
    bounds = zip(at[:-1].tolist(), at[1:].tolist(), counts.tolist(), strict=True)
    return [Bar(None, low, high, count) for low, high, count in bounds]


def categories(values: Measured) -> list[Bar]:
    """The most frequent categories, ties by text, and how many values the others hold."""
    compute: Any = pc
    counted = compute.value_counts(values.categories)
    pairs = [(e["counts"], e["values"]) for e in counted.to_pylist()]
    pairs.sort(key=lambda pair: (-pair[0], pair[1]))
    bars = [Bar(text, None, None, count) for count, text in pairs[:BARS]]
    others = sum(count for count, _ in pairs[BARS:])
    return [*bars, Bar(OTHERS, None, None, others)] if others else bars


def _moments(values: Floats) -> tuple[float | None, float | None]:
    """The mean, and the deviation of the sample."""
    # What is so large that its square is no double is made smaller by a power of two meanwhile.
    large = len(values) > 0 and float(np.abs(values).max()) > LARGE
    scale = 1 / LARGE / WHOLE if large else 1.0
    scaled = values * scale
    mean = float(np.mean(scaled)) / scale if len(values) else None
    with np.errstate(over="ignore"):  # twice the largest double is none
        deviation = float(np.std(scaled, ddof=1) / scale) if len(values) > 1 else None
    return mean, deviation


def _quantiles(values: Floats) -> tuple[tuple[float, float], ...]:
    if not len(values):
        return ()
    # The difference of the largest and the least double is none, but that of their quarters is.
    scale = 0.25 if float(np.abs(values).max()) > LARGE else 1.0
    found = np.quantile(values * scale, QUANTILES) / scale
    return tuple(zip(QUANTILES, found.tolist(), strict=True))
