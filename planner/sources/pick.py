"""Choosing rows and columns of a table in memory: what a scan does after it has read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.planner.sources.dataset import Span
from bighead.zipline.expressions import evaluate
from bighead.zipline.expressions.arrow import as_type, scalar
from bighead.zipline.ir.expr import Expr, columns_of

WORTH_LEAVING = 0.2
"""A span is applied where it leaves out at least this share: less is not worth a copy."""


def reads(columns: Sequence[str], predicate: Expr | None, span: Span | None) -> list[str]:
    """All columns that a scan has to read, those asked for first."""
    needed = dict.fromkeys(columns)
    needed.update(dict.fromkeys(columns_of(predicate, span.time if span is not None else None)))
    return list(needed)


def pick(
    table: pa.Table, columns: Sequence[str], predicate: Expr | None, span: Span | None
) -> pa.Table:
    """The columns of the rows for which the predicate is true, without those beyond the span."""
    wanted = table.select(list(columns))
    keep = None
    if predicate is not None:
        keep = column_of(table, predicate)
    if span is not None and not (span.lower is None and span.upper is None):
        inside = inside_span(column_of(table, span.time), span)
        left = pc.sum(inside).as_py() or 0
        if left < (1 - WORTH_LEAVING) * table.num_rows:
            keep = inside if keep is None else pc.and_kleene(keep, inside)
    if keep is None or (not keep.null_count and pc.all(keep, min_count=0).as_py()):
        return wanted
    return wanted.filter(keep)


def column_of(table: pa.Table, expr: Expr) -> pa.ChunkedArray[Any]:
    """An expression over the rows of a table."""
    read = table.select(list(columns_of(expr)))
    if not read.num_columns:  # a constant: evaluated over a column that only counts the rows
        read = table.select([0]) if table.num_columns else table
    parts = [evaluate(expr, batch) for batch in read.to_batches()]
    return pa.chunked_array(parts, type=cast("Any", expr.type))


def inside_span(times: pa.ChunkedArray[Any], span: Span) -> pa.ChunkedArray[Any]:
    """Which times lie in the span or are NULL."""
    keep: Any = pc.is_null(times)
    lower, upper = (
        None if bound is None else as_type(scalar(bound, pa.int64()), times.type)
        for bound in (span.lower, span.upper)
    )
    inside: Any
    if lower is not None and upper is not None:
        inside = pc.and_(pc.greater_equal(times, lower), pc.less_equal(times, upper))
    elif lower is not None:
        inside = pc.greater_equal(times, lower)
    elif upper is not None:
        inside = pc.less_equal(times, upper)
    else:
        inside = scalar(True, pa.bool_())
    return cast("pa.ChunkedArray[Any]", pc.or_kleene(keep, inside))
