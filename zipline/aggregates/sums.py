"""Sums and averages: exact, whatever the order, the partitions and the tiles."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import number
from bighead.zipline.aggregates.function import AggregateFunction
from bighead.zipline.ir.types import BIGINT, DOUBLE


def _sum(args: tuple[pa.DataType, ...]) -> pa.DataType:
    arrow = number("SUM", args[0])
    if pa.types.is_decimal(arrow):
        return pa.decimal128(38, arrow.scale)
    return DOUBLE if pa.types.is_floating(arrow) else BIGINT


def _avg(args: tuple[pa.DataType, ...]) -> pa.DataType:
    arrow = number("AVG", args[0])
    if pa.types.is_decimal(arrow):
        return pa.decimal128(38, min(arrow.scale + 4, 38))
    return DOUBLE


SUMS = (
    AggregateFunction(
        "sum", ("SUM",), "SUM(x)", 1, _sum,
        "Of integers a BIGINT, an error where the exact sum of the window does not fit; of FLOAT"
        " and DOUBLE the exact sum rounded once to DOUBLE; of DECIMAL(p, s) a DECIMAL(38, s).",
        invertible=True, state="the exact sum and a count",
    ),
    AggregateFunction(
        "avg", ("AVG", "MEAN"), "AVG(x)", 1, _avg,
        "The exact sum rounded to DOUBLE, divided once by the count; it never overflows. Of"
        " DECIMAL(p, s) a DECIMAL(38, s + 4), rounded half to even.",
        invertible=True, state="the exact sum and a count",
    ),
)  # fmt: skip
