"""The least and the greatest: values, k values, and what goes with them; BOOL_AND and BOOL_OR."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import any_value, boolean, ordered
from bighead.zipline.aggregates.function import AggregateFunction, Result


def _value(title: str) -> Result:
    return lambda args: ordered(title, args[0])


def _values(title: str) -> Result:
    return lambda args: pa.list_(ordered(title, args[0]))


def _by(title: str) -> Result:
    def result(args: tuple[pa.DataType, ...]) -> pa.DataType:
        ordered(f"the second argument of {title}", args[1])
        return any_value(title, args[0])

    return result


def _flag(title: str) -> Result:
    return lambda args: boolean(title, args[0])


EXTREMES = (
    AggregateFunction(
        "min", ("MIN",), "MIN(x)", 1, _value("MIN"),
        "The least value: numbers, times, booleans (false < true), text and bytes by byte.",
        state="a value",
    ),
    AggregateFunction(
        "max", ("MAX",), "MAX(x)", 1, _value("MAX"), "The greatest value.", state="a value",
    ),
    AggregateFunction(
        "top_k", ("TOP_K",), "TOP_K(x, k)", 1, _values("TOP_K"),
        "A LIST of the k greatest values, the greatest first; equal values are all kept.",
        k="required", state="k values",
    ),
    AggregateFunction(
        "bottom_k", ("BOTTOM_K",), "BOTTOM_K(x, k)", 1, _values("BOTTOM_K"),
        "A LIST of the k least values, the least first; equal values are all kept.", k="required",
        state="k values",
    ),
    AggregateFunction(
        "min_by", ("MIN_BY", "ARG_MIN"), "MIN_BY(x, y)", 2, _by("MIN_BY"),
        "The x of the row with the least y; the newest of tied rows.",
        state="two values and a time",
    ),
    AggregateFunction(
        "max_by", ("MAX_BY", "ARG_MAX"), "MAX_BY(x, y)", 2, _by("MAX_BY"),
        "The x of the row with the greatest y; the newest of tied rows.",
        state="two values and a time",
    ),
    AggregateFunction(
        "bool_and", ("BOOL_AND",), "BOOL_AND(x)", 1, _flag("BOOL_AND"),
        "True where every value is true.", invertible=True, state="two counts",
    ),
    AggregateFunction(
        "bool_or", ("BOOL_OR",), "BOOL_OR(x)", 1, _flag("BOOL_OR"),
        "True where some value is true.", invertible=True, state="two counts",
    ),
)  # fmt: skip
