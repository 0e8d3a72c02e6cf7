"""Element-wise sums and averages of vectors: what SUM and AVG are over LISTs of numbers."""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.aggregates.accepts import vector
from bighead.zipline.aggregates.function import AggregateFunction, Result
from bighead.zipline.ir.types import DOUBLE


def _vector(title: str) -> Result:
    def result(args: tuple[pa.DataType, ...]) -> pa.DataType:
        vector(title, args[0])
        return pa.list_(DOUBLE)

    return result


VECTORS = (
    AggregateFunction(
        "vector_sum", ("SUM(LIST)",), "SUM(list)", 1, _vector("SUM"),
        "Of LISTs of numbers, element by element: the exact sum rounded once to DOUBLE. Unequal"
        " lengths in a window are an error; a NULL or NaN element makes that element NULL.",
        invertible=True, state="a count, and for each element the exact sum and a count of NULLs",
    ),
    AggregateFunction(
        "vector_avg", ("AVG(LIST)",), "AVG(list)", 1, _vector("AVG"),
        "Of LISTs of numbers, element by element: the sum divided by the number of lists.",
        "rounded",
        invertible=True, state="a count, and for each element the exact sum and a count of NULLs",
    ),
)  # fmt: skip

OF_LISTS = {"sum": "vector_sum", "avg": "vector_avg"}
"""What an aggregate of numbers is called in a plan where its argument is a LIST."""
