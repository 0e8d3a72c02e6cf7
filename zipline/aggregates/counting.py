"""Counts: of rows, of values, of distinct values, and of each value."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import any_value, ordered
from bighead.zipline.aggregates.function import AggregateFunction
from bighead.zipline.ir.types import BIGINT


def _count(args: tuple[pa.DataType, ...]) -> pa.DataType:
    for arg in args:
        any_value("COUNT", arg)
    return BIGINT


def _count_distinct(args: tuple[pa.DataType, ...]) -> pa.DataType:
    ordered("COUNT(DISTINCT x)", args[0])
    return BIGINT


def _histogram(args: tuple[pa.DataType, ...]) -> pa.DataType:
    return pa.map_(ordered("HISTOGRAM", args[0]), BIGINT)


def _array_distinct(args: tuple[pa.DataType, ...]) -> pa.DataType:
    return pa.list_(ordered("ARRAY_AGG(DISTINCT x, k)", args[0]))


COUNTING = (
    AggregateFunction(
        "count_rows", ("COUNT(*)",), "COUNT(*)", 0, _count,
        "The number of rows, NULLs and all.",
        invertible=True, empty=0, state="a count",
    ),
    AggregateFunction(
        "count", ("COUNT",), "COUNT(x)", 1, _count,
        "The number of values that are neither NULL nor NaN.",
        invertible=True, empty=0, state="a count",
    ),
    AggregateFunction(
        "count_distinct", ("COUNT(DISTINCT)",), "COUNT(DISTINCT x)", 1, _count_distinct,
        "The number of distinct values, exactly; -0.0 is 0.0.",
        invertible=True, bounded=False, empty=0, state="each value and how often it occurs",
    ),
    AggregateFunction(
        "array_agg_distinct", ("ARRAY_AGG(DISTINCT)",), "ARRAY_AGG(DISTINCT x, k)", 1,
        _array_distinct,
        "A LIST of the k least distinct values, the least first; k is required.",
        k="required", state="the k least distinct values",
    ),
    AggregateFunction(
        "histogram", ("HISTOGRAM",), "HISTOGRAM(x [, k])", 1, _histogram,
        "A MAP of value to count, ordered by value; with k only the k most frequent values, the"
        " lesser value first where counts tie.",
        invertible=True, bounded=False, k="optional", state="each value and how often it occurs",
    ),
)  # fmt: skip
