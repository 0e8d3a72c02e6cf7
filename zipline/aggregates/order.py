"""What was first or last in time, one value or k of them; ties go by sequence, then by value."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import any_value
from bighead.zipline.aggregates.function import AggregateFunction, Result


def _one(title: str) -> Result:
    return lambda args: any_value(title, args[0])


def _several(title: str) -> Result:
    return lambda args: pa.list_(any_value(title, args[0]))


ORDER = (
    AggregateFunction(
        "first", ("FIRST", "FIRST_VALUE"), "FIRST(x)", 1, _one("FIRST"),
        "The oldest value, by (event time, SEQUENCE, value).",
        state="a value, its time and sequence",
    ),
    AggregateFunction(
        "last", ("LAST", "LAST_VALUE"), "LAST(x)", 1, _one("LAST"),
        "The newest value, by (event time, SEQUENCE, value).",
        state="a value, its time and sequence",
    ),
    AggregateFunction(
        "first_k", ("FIRST_K",), "FIRST_K(x, k)", 1, _several("FIRST_K"),
        "A LIST of the k oldest values, the oldest first.", k="required",
        state="k values, their times and sequences",
    ),
    AggregateFunction(
        "last_k", ("LAST_K",), "LAST_K(x, k)", 1, _several("LAST_K"),
        "A LIST of the k newest values, the newest first.", k="required",
        state="k values, their times and sequences",
    ),
)  # fmt: skip
