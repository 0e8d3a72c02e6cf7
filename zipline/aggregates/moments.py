"""Variance, standard deviation, skewness and kurtosis."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import number
from bighead.zipline.aggregates.function import AggregateFunction, Result
from bighead.zipline.ir.types import DOUBLE

SQUARES = "a count, and the exact sums of the values and of their squares"
POWERS = "a count, and the exact sums of the values and of their powers up to the fourth"
OF_ITSELF = "1e-10 of itself"


def _moment(title: str) -> Result:
    def result(args: tuple[pa.DataType, ...]) -> pa.DataType:
        number(title, args[0])
        return DOUBLE

    return result


def _function(
    name: str, spellings: tuple[str, ...], doc: str, state: str = SQUARES, within: str = OF_ITSELF
) -> AggregateFunction:
    title = spellings[0]
    return AggregateFunction(
        name,
        spellings,
        f"{title}(x)",
        1,
        _moment(title),
        doc,
        "rounded",
        invertible=True,
        state=state,
        within=within,
    )


MOMENTS = (
    _function(
        "var_samp",
        ("VARIANCE", "VAR_SAMP"),
        "The sample's variance (n - 1); NULL for one value, exactly 0.0 for equal ones.",
    ),
    _function("var_pop", ("VAR_POP",), "The population's variance (n); 0.0 for one value."),
    _function("stddev_samp", ("STDDEV", "STDDEV_SAMP"), "The square root of VAR_SAMP."),
    _function("stddev_pop", ("STDDEV_POP",), "The square root of VAR_POP."),
    _function(
        "skewness",
        ("SKEWNESS",),
        "The population's skewness, the mean of ((x - mean) / STDDEV_POP)^3; NULL for equal"
        " values.",
        POWERS,
        "",
    ),
    _function(
        "kurtosis",
        ("KURTOSIS", "KURTOSIS_POP"),
        "The population's excess kurtosis, the mean of ((x - mean) / STDDEV_POP)^4 less 3; NULL for"
        " equal values.",
        POWERS,
        "",
    ),
)
