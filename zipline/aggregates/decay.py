"""Sums and counts in which a row weighs less the longer ago it was: `2^(-(t - ts) / half_life)`."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import number
from bighead.zipline.aggregates.function import AggregateFunction
from bighead.zipline.ir.types import DOUBLE


def _sum(args: tuple[pa.DataType, ...]) -> pa.DataType:
    number("DECAYED_SUM", args[0])
    return DOUBLE


def _count(args: tuple[pa.DataType, ...]) -> pa.DataType:
    return DOUBLE


WITHIN = "1e-10 of the sum of the magnitudes of its terms, and 1e-300"

DECAYED = (
    AggregateFunction(
        "decayed_sum", ("DECAYED_SUM",), "DECAYED_SUM(x, '4d')", 1, _sum,
        "The sum of x times 2^(-(t - ts) / half_life), where ts is the event time; an infinite x"
        " stays infinite however old.", "rounded",
        invertible=True, half_life=True, state="the decayed sum as of a time, and a count",
        within=WITHIN,
    ),
    AggregateFunction(
        "decayed_count", ("DECAYED_COUNT",), "DECAYED_COUNT('4d')", 0, _count,
        "The sum of 2^(-(t - ts) / half_life) over all rows, NULLs and all.", "rounded",
        invertible=True, empty=0, half_life=True, state="the decayed count as of a time",
        within=WITHIN,
    ),
)  # fmt: skip
