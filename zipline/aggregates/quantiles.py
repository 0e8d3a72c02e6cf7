"""Exact quantiles, linear between ranks."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import number
from bighead.zipline.aggregates.function import AggregateFunction
from bighead.zipline.ir.types import DOUBLE


def _quantile(args: tuple[pa.DataType, ...]) -> pa.DataType:
    number("QUANTILE", args[0])
    return DOUBLE


QUANTILES = (
    AggregateFunction(
        "quantile", ("QUANTILE", "QUANTILE_CONT", "MEDIAN"), "QUANTILE(x, p)", 1, _quantile,
        "The value at rank p(n - 1), linear between ranks, taken exactly and rounded once to"
        " DOUBLE; MEDIAN(x) is QUANTILE(x, 0.5).",
        invertible=True, bounded=False, p="required", state="each value and how often it occurs",
    ),
)  # fmt: skip
