"""Whether two answers are the same answer, by the class that each aggregate declares.

Exact means to the bit, except that one NaN is as good as another. Of a look-up between rows that
tie in everything but the sign of a zero either may come, so there signs of zero are not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from bighead.planner.engines.reference.values import from_arrow
from bighead.zipline.aggregates import declared
from bighead.zipline.aggregates.sketches import DISTINCT_ERROR, NEARLY_ZERO, QUANTILE_ERROR
from bighead.zipline.ir.expr import columns_of
from bighead.zipline.ir.nodes import (
    Aggregate,
    Filter,
    Lookup,
    Node,
    Project,
    TemporalJoin,
    View,
    walk,
)
from tests.conformance.magnitudes import MAGNITUDES

TINY = 5e-324
SMALL = 256
"""Counts of distinct values up to this are exact in a sketch too."""


def same(a: Any, b: Any, *, signs: bool = True) -> bool:
    """Whether two values are the same to the bit."""
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b and (not signs or math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y, signs=signs) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and bool(a == b)


def close(a: Any, b: Any, feature: Aggregate, size: Any = None) -> bool:
    """Whether a value is near enough to the exact one, by what its aggregate states.

    Rounded: within 1e-10 of `size`, the magnitude of its terms, or of itself where that is not
    given; zero is met exactly.
    """
    if feature.bucket is not None and isinstance(a, list) and isinstance(b, list):
        plain = replace(feature, bucket=None)
        sizes = [None] * len(b) if size is None else [v for _, v in size]
        pairs = zip(a, b, sizes, strict=len(a) == len(b))
        return len(a) == len(b) and all(
            same(x[0], y[0]) and close(x[1], y[1], plain, z) for x, y, z in pairs
        )
    if isinstance(a, list) and isinstance(b, list) and feature.function == "vector_avg":
        sizes = [None] * len(b) if size is None else size
        pairs = zip(a, b, sizes, strict=len(a) == len(b))
        return len(a) == len(b) and all(close(x, y, feature, z) for x, y, z in pairs)
    if feature.function == "approx_count_distinct" and isinstance(a, int) and isinstance(b, int):
        return a == b or (b > SMALL and abs(a - b) <= DISTINCT_ERROR * b)
    if not isinstance(a, float) or not isinstance(b, float):
        return same(a, b)
    if not math.isfinite(a) or not math.isfinite(b):
        return same(a, b)
    if feature.function == "approx_quantile":
        return abs(a - b) <= abs(b) * QUANTILE_ERROR + NEARLY_ZERO
    least = NEARLY_ZERO if feature.half_life is not None else TINY if b else 0.0
    return abs(a - b) <= max(abs(b), size or 0.0) * 1e-10 + least


def difference(
    plan: Node, got: pa.Table, wanted: pa.Table, sized: Callable[[], pa.Table] | None = None
) -> str | None:
    """The first difference, in a sentence; None where there is none.

    `sized` gives the magnitudes of the terms, where values alone do not say what is near enough.
    """
    if got.column_names != wanted.column_names:
        return f"columns are {got.column_names}, not {wanted.column_names}"
    for field, other in zip(got.schema, wanted.schema, strict=True):
        if field.type != other.type:
            return f"{field.name} is a {field.type}, not a {other.type}"
    if got.num_rows != wanted.num_rows:
        return f"{got.num_rows} rows came, not {wanted.num_rows}"
    inexact, lookup = _classes(plan)
    sizes: pa.Table | None = None
    for name in wanted.column_names:
        if got[name].equals(wanted[name]) and not _floating(got[name].type):
            continue
        pairs = zip(from_arrow(got[name]), from_arrow(wanted[name]), strict=True)
        for row, (a, b) in enumerate(pairs):
            feature = inexact.get(name)
            fine = close(a, b, feature) if feature else same(a, b, signs=not lookup)
            if not fine and feature and feature.function in MAGNITUDES and sized is not None:
                sizes = sized() if sizes is None else sizes
                fine = close(a, b, feature, from_arrow(sizes[name].slice(row, 1))[0])
            if not fine:
                return f"{name} of row {row} is {a!r}, not {b!r}"
    return None


def _floating(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_nested(kind)


def _classes(plan: Node) -> tuple[dict[str, Aggregate], bool]:
    """The columns that are not exact, and whether a look-up may give a zero of either sign."""
    joins = [node for node in walk(plan) if isinstance(node, TemporalJoin)]
    inexact = {
        f"{join.alias}.{feature.name}": feature.aggregate
        for join in joins
        if isinstance(join.right, View)
        for feature in join.right.features
        if declared(feature.aggregate).accuracy != "exact"
    }
    while isinstance(plan, Filter):
        plan = plan.input
    if isinstance(plan, Project):
        renamed = {}
        for name, expr in plan.columns:
            for read in columns_of(expr):
                if read in inexact:
                    renamed[name] = inexact[read]
        inexact = renamed
    return inexact, any(isinstance(join.right, Lookup) for join in joins)
