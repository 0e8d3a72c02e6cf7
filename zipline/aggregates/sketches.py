"""Approximate counts, quantiles and most frequent values, each with the bound that it keeps.

Their states do not depend on the order in which rows arrive: HyperLogLog registers (Flajolet et
al., 2007) and the buckets of a DDSketch (Masson, Rim and Lee, 2019), which can be subtracted.
"""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import number, ordered
from bighead.zipline.aggregates.function import AggregateFunction
from bighead.zipline.ir.types import BIGINT, DOUBLE

DISTINCT_ERROR = 0.065
"""Relative: four standard errors of a HyperLogLog with 4,096 registers."""
QUANTILE_ERROR = 0.01
"""Relative to the value at the rank."""
NEARLY_ZERO = 1e-300
"""Values nearer to zero than this are zero to a sketch of quantiles."""


def _count(args: tuple[pa.DataType, ...]) -> pa.DataType:
    ordered("APPROX_COUNT_DISTINCT", args[0])
    return BIGINT


def _quantile(args: tuple[pa.DataType, ...]) -> pa.DataType:
    number("APPROX_QUANTILE", args[0])
    return DOUBLE


def _top(args: tuple[pa.DataType, ...]) -> pa.DataType:
    value = ordered("APPROX_TOP_K", args[0])
    return pa.list_(pa.struct([pa.field("value", value), pa.field("count", BIGINT)]))


SKETCHES = (
    AggregateFunction(
        "approx_count_distinct", ("APPROX_COUNT_DISTINCT", "APPROX_DISTINCT"),
        "APPROX_COUNT_DISTINCT(x)", 1, _count,
        "The number of distinct values, nearly; -0.0 is 0.0.", "approximate",
        empty=0, state="4,096 registers of a HyperLogLog, one byte each",
        within="6.5 % of the exact count, four times the standard error of 1.625 %; small counts"
        " are exact",
    ),
    AggregateFunction(
        "approx_quantile", ("APPROX_QUANTILE", "APPROX_PERCENTILE", "PERCENTILE_APPROX"),
        "APPROX_QUANTILE(x, p)", 1, _quantile,
        "The value at rank floor(p(n - 1)), nearly.", "approximate",
        invertible=True, p="required",
        state="a count for each bucket of values that are within 1 %, some 2,000 in practice",
        within="1 % of the value at that rank; what is nearer to zero than 1e-300 is 0.0",
    ),
    AggregateFunction(
        "approx_top_k", ("APPROX_TOP_K",), "APPROX_TOP_K(x, k)", 1, _top,
        "A LIST of STRUCT(value, count): the k most frequent values, the most frequent first, the"
        " lesser value first where counts tie.", "approximate",
        invertible=True, bounded=False, k="required", state="each value and how often it occurs",
        within="none in this version: the counts are exact",
    ),
)  # fmt: skip
