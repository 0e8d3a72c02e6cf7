"""Whether two answers are the same answer, by the class that each aggregate declares.

Exact means to the bit, except that one NaN is as good as another. Of a look-up between rows that
tie in everything but the sign of a zero either may come, so there signs of zero are not looked at.
"""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa

from bighead.planner.engines.reference.values import from_arrow
from bighead.zipline.ir.expr import columns_of
from bighead.zipline.ir.nodes import Filter, Lookup, Node, Project, TemporalJoin, View, walk

ROUNDED = ("var_pop", "var_samp", "stddev_pop", "stddev_samp")
TINY = 5e-324


def same(a: Any, b: Any, *, signs: bool = True) -> bool:
    """Whether two values are the same to the bit."""
    if isinstance(a, float) and isinstance(b, float):
        if math.isnan(a) or math.isnan(b):
            return math.isnan(a) and math.isnan(b)
        return a == b and (not signs or math.copysign(1, a) == math.copysign(1, b))
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y, signs=signs) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and bool(a == b)


def close(a: Any, b: Any) -> bool:
    """Whether a rounded value is within 1e-10 of the exact one; zero is met exactly."""
    if isinstance(a, list) and isinstance(b, list):
        pairs = zip(a, b, strict=len(a) == len(b))
        return len(a) == len(b) and all(same(x[0], y[0]) and close(x[1], y[1]) for x, y in pairs)
    if isinstance(a, float) and isinstance(b, float) and math.isfinite(a) and math.isfinite(b):
        return abs(a - b) <= abs(b) * 1e-10 + (TINY if b else 0.0)
    return same(a, b)


def difference(plan: Node, got: pa.Table, wanted: pa.Table) -> str | None:
    """The first difference, in a sentence; None where there is none."""
    if got.column_names != wanted.column_names:
        return f"columns are {got.column_names}, not {wanted.column_names}"
    for field, other in zip(got.schema, wanted.schema, strict=True):
        if field.type != other.type:
            return f"{field.name} is a {field.type}, not a {other.type}"
    if got.num_rows != wanted.num_rows:
        return f"{got.num_rows} rows came, not {wanted.num_rows}"
    rounded, lookup = _classes(plan)
    for name in wanted.column_names:
        if got[name].equals(wanted[name]) and not _floating(got[name].type):
            continue
        pairs = zip(from_arrow(got[name]), from_arrow(wanted[name]), strict=True)
        for row, (a, b) in enumerate(pairs):
            fine = close(a, b) if name in rounded else same(a, b, signs=not lookup)
            if not fine:
                return f"{name} of row {row} is {a!r}, not {b!r}"
    return None


def _floating(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_nested(kind)


def _classes(plan: Node) -> tuple[set[str], bool]:
    """The columns that are rounded, and whether a look-up may have given a zero of either sign."""
    joins = [node for node in walk(plan) if isinstance(node, TemporalJoin)]
    rounded = {
        f"{join.alias}.{feature.name}"
        for join in joins
        if isinstance(join.right, View)
        for feature in join.right.features
        if feature.aggregate.function in ROUNDED
    }
    while isinstance(plan, Filter):
        plan = plan.input
    if isinstance(plan, Project):
        rounded = {name for name, expr in plan.columns if rounded & {*columns_of(expr)}}
    return rounded, any(isinstance(join.right, Lookup) for join in joins)
