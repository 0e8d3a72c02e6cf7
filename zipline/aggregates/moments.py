"""Variance and standard deviation, of the sample and of the population."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import number
from bighead.zipline.aggregates.function import AggregateFunction, Result
from bighead.zipline.ir.types import DOUBLE


def _moment(title: str) -> Result:
    def result(args: tuple[pa.DataType, ...]) -> pa.DataType:
        number(title, args[0])
        return DOUBLE

    return result


def _function(name: str, spellings: tuple[str, ...], doc: str) -> AggregateFunction:
    title = spellings[0]
    return AggregateFunction(
        name, spellings, f"{title}(x)", 1, _moment(title), doc, "rounded", invertible=True
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
)
