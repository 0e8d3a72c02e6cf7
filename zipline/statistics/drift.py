"""How far the values of a column have moved between two tables.

Values are counted in bins: of a quantity the ten that hold equal shares of the first table's values
(infinities in the outermost), where a value that fills a bin or more, such as the zeros of a count,
has one of its own; of a category one for each frequent value and one for all others. The
population stability index is the sum over bins of (q - p) ln(q / p), where p and q are the shares
in the two tables; below 0.1 is commonly read as stable, above 0.25 as moved. The Jensen-Shannon
divergence is the mean Kullback-Leibler divergence of p and q to their mixture, in bits, from 0 for
equal to 1 for disjoint shares (Lin, "Divergence measures based on the Shannon entropy", 1991).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.types import sql_name
from bighead.zipline.statistics.measure import Floats, Kind, Measured, measured
from bighead.zipline.statistics.profile import OTHERS

BINS = 10
FREQUENT = 50
"""Categories of the first table that have a bin of their own."""
LEAST_SHARE = 1e-4
"""An empty bin counts as this share, so that the index stays finite."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Past these a column has drifted."""

    psi: float = 0.2
    js: float = 0.1
    nulls: float = 0.05
    """The difference of the rates of NULLs, in either direction."""

    def __post_init__(self) -> None:
        for name, value in (("psi", self.psi), ("js", self.js), ("nulls", self.nulls)):
            if not value >= 0:
                raise BigheadError(f"the threshold {name} is {value}; give a number from 0 on")


@dataclass(frozen=True, slots=True)
class Share:
    """A bin, and the share of the values that are there which lies in it."""

    label: str | None
    """Of a category."""
    low: float | None
    high: float | None
    """Of a quantity: [low, high), the outermost without an end; equal ones: this value alone."""
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How far one column has moved."""

    name: str
    psi: float | None
    """None where a side has no values."""
    js: float | None
    nulls_before: float
    nulls_after: float
    rows_before: int
    rows_after: int
    shares: tuple[Share, ...]
    reasons: tuple[str, ...]
    """What is past its threshold, in words; none: it has not drifted."""
    kind: Kind = "number"
    """Of its values, as the bounds of its bins are to be read."""

    @property
    def drifted(self) -> bool:
        """Whether something is past its threshold."""
        return bool(self.reasons)


def drift(
    before: pa.Table, after: pa.Table, thresholds: Thresholds | None = None
) -> list[ColumnDrift]:
    """How far each column has moved, those of `before` first; one that only one side has drifted.

    >>> (x,) = drift(pa.table({"x": [1, 2, 3, 4]}), pa.table({"x": [4, 4, 4, None]}))
    >>> x.drifted, x.nulls_after
    (True, 0.25)
    """
    past = thresholds or Thresholds()
    names = [*before.schema.names, *(n for n in after.schema.names if n not in before.schema.names)]
    return [_column(name, before, after, past) for name in names]


def _column(name: str, before: pa.Table, after: pa.Table, past: Thresholds) -> ColumnDrift:
    for table, where in ((after, "gone"), (before, "new")):
        if name not in table.schema.names:
            rows = (before.num_rows, after.num_rows)
            return ColumnDrift(name, None, None, 0.0, 0.0, *rows, (), (f"the column is {where}",))
    one, two = measured(before[name]), measured(after[name])
    if one.kind != two.kind:
        return _of_kinds(name, before, after, one, two)
    shares = _category_shares(one, two) if one.kind == "category" else _quantity_shares(one, two)
    p = np.array([s.before for s in shares])
    q = np.array([s.after for s in shares])
    both = bool(one.present and two.present)
    psi = stability(p, q) if both else None
    js = divergence(p, q) if both else None
    rates = (_null_rate(one), _null_rate(two))
    reasons = []
    if psi is not None and psi > past.psi:
        reasons.append(f"PSI {psi:.3f} > {past.psi:g}")
    if js is not None and js > past.js:
        reasons.append(f"JS {js:.3f} > {past.js:g}")
    if abs(rates[1] - rates[0]) > past.nulls:
        reasons.append(f"NULLs {rates[0]:.1%} -> {rates[1]:.1%}")
    if not both and (one.present or two.present):
        reasons.append("no values " + ("before" if two.present else "after"))
    return ColumnDrift(
        name, psi, js, *rates, one.rows, two.rows, tuple(shares), tuple(reasons), one.kind
    )


def stability(p: Floats, q: Floats) -> float:
    """The population stability index of two lists of shares.

    >>> round(stability(np.array([0.5, 0.5]), np.array([0.25, 0.75])), 4)
    0.2747
    """
    p, q = np.maximum(p, LEAST_SHARE), np.maximum(q, LEAST_SHARE)
    return float(np.sum((q - p) * np.log(q / p)))


def divergence(p: Floats, q: Floats) -> float:
    """The Jensen-Shannon divergence of two lists of shares, in bits.

    >>> divergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    1.0
    """
    mixture = (p + q) / 2
    return float((_relative(p, mixture) + _relative(q, mixture)) / 2)


def _relative(p: Floats, mixture: Floats) -> float:
    there = p > 0
    return float(np.sum(p[there] * np.log2(p[there] / mixture[there])))


def _quantity_shares(one: Measured, two: Measured) -> list[Share]:
    if not one.present:
        return []
    cuts = _cuts(one.quantities)
    counts = [np.bincount(np.searchsorted(cuts, m.quantities, "right"), minlength=len(cuts) + 1)
              for m in (one, two)]  # fmt: skip
    lows, highs = [None, *cuts.tolist()], [*cuts.tolist(), None]
    for i, low in enumerate(cuts.tolist()):
        if highs[i + 1] == _above(low):
            highs[i + 1] = low
    return [
        Share(None, lows[i], highs[i], _share(counts[0][i], one), _share(counts[1][i], two))
        for i in range(len(cuts) + 1)
        if counts[0][i] or counts[1][i]
    ]


def _cuts(values: Floats) -> Floats:
    """Where bins begin that hold equal shares of the values.

    A value that would fill a bin has one to itself: beside its neighbours in one bin, a move from
    it to them would not be seen.

    >>> _cuts(np.array([0.0] * 91 + [1.0] * 9)).tolist()
    [0.0, 5e-324]
    """
    at = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], method="lower")
    found, times = np.unique(values, return_counts=True)
    alone = found[times * BINS >= len(values)]
    return np.unique(np.concatenate([at, alone, _above(alone)]))


def _above(values: Any) -> Any:
    """The next greater double of each."""
    with np.errstate(over="ignore"):  # that of the greatest is infinite
        return np.nextafter(values, np.inf)


def _category_shares(one: Measured, two: Measured) -> list[Share]:
    compute: Any = pc
    counts: list[dict[str, int]] = []
    for side in (one, two):
        counted = compute.value_counts(side.categories).to_pylist()
        counts.append({e["values"]: e["counts"] for e in counted})
    frequent = sorted(counts[0], key=lambda text: (-counts[0][text], text))[:FREQUENT]
    shares = [
        Share(t, None, None, _share(counts[0][t], one), _share(counts[1].get(t, 0), two))
        for t in frequent
    ]
    rest = [sum(n for t, n in side.items() if t not in set(frequent)) for side in counts]
    if any(rest):
        shares.append(Share(OTHERS, None, None, _share(rest[0], one), _share(rest[1], two)))
    return shares


def _of_kinds(
    name: str, before: pa.Table, after: pa.Table, one: Measured, two: Measured
) -> ColumnDrift:
    types = [sql_name(table.schema.field(name).type) for table in (before, after)]
    reason = f"the type was {types[0]} and is {types[1]}"
    rates = (_null_rate(one), _null_rate(two))
    return ColumnDrift(name, None, None, *rates, one.rows, two.rows, (), (reason,))


def _share(count: int, side: Measured) -> float:
    return float(count) / side.present if side.present else 0.0


def _null_rate(side: Measured) -> float:
    return (side.rows - side.present) / side.rows if side.rows else 0.0
