"""Tables of single arrays: what every step of the engine takes and gives.

Chunks are joined once, where rows come in, so that expressions and the kernel work on whole columns
without copying them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bighead.kernels.temporal import Result
from bighead.zipline.errors import UnsupportedError
from bighead.zipline.expressions import evaluate
from bighead.zipline.expressions.arrow import Array, compute, join, make, view
from bighead.zipline.ir.expr import Column, Expr, columns_of

Numbers = npt.NDArray[np.int64]

_EMPTY_IS_TRUE = pc.ScalarAggregateOptions(min_count=0)


def whole(table: pa.Table) -> pa.Table:
    """The same rows with one chunk a column; a column that has one is not copied."""
    if all(column.num_chunks == 1 for column in table.columns):
        return table
    schema, count = table.schema, table.num_rows
    names = schema.names[::-1]
    columns = table.columns
    del table
    arrays = []
    while columns:  # a joined column takes the place of its chunks before the next is joined
        name = names.pop()
        try:
            arrays.append(_joined(columns.pop(0)))
        except pa.ArrowInvalid as error:  # offsets of 32 bits end there
            raise UnsupportedError(
                f"the column '{name}' holds more than 2 GiB of text, which cannot be read at once; "
                "take fewer rows, such as some days at a time"
            ) from error
    return pa.Table.from_arrays(arrays, schema=schema) if arrays else counted(count)


def is_plain(arrow: pa.DataType) -> bool:
    """Whether values of the type are all of one width, which the kernel moves one by one."""
    return pa.types.is_primitive(arrow) or pa.types.is_decimal128(arrow)


def batch_of(table: pa.Table) -> pa.RecordBatch:
    """The same rows as one batch."""
    arrays = [_joined(column) for column in table.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=table.schema)


def _joined(column: pa.ChunkedArray[Any]) -> Array:
    if column.num_chunks == 1:
        return column.chunks[0]
    return join(column.chunks) if column.num_chunks else make([], column.type)


def counted(rows: int) -> pa.Table:
    """So many rows without a column."""
    return pa.table({"": pa.nulls(rows)}).select([])


def table_of(arrays: Sequence[Array], names: Sequence[str], rows: int) -> pa.Table:
    """A table of these columns; names may repeat."""
    return pa.Table.from_arrays(list(arrays), names=list(names)) if arrays else counted(rows)


def exported(result: Result) -> Array:
    """A result of the kernel as Arrow's array, without a copy."""
    return cast(Array, pa.array(cast("Any", result)))


def column(table: pa.Table, name: str) -> Array:
    """A column as one array."""
    return _joined(table.column(name))


def values(expr: Expr, table: pa.Table) -> Array:
    """An expression over the rows, as one array; a plain column is not copied."""
    if isinstance(expr, Column):
        return column(table, expr.name)
    names = columns_of(expr)
    if not names:
        return evaluate(expr, pa.record_batch({"": pa.nulls(table.num_rows)}))
    arrays = [column(table, name) for name in names]
    return evaluate(expr, pa.RecordBatch.from_arrays(arrays, names=list(names)))


def filtered(table: pa.Table, keep: Array) -> pa.Table:
    """The rows where `keep` is true; the table itself where all are."""
    if not keep.null_count and cast("Any", compute("all", keep, options=_EMPTY_IS_TRUE)).as_py():
        return table
    return whole(table.filter(keep))


def taken(table: pa.Table, rows: Array) -> pa.Table:
    """The rows of these numbers, NULL for NULL."""
    arrays = [column(table, name).take(rows) for name in table.column_names]
    return table_of(arrays, table.column_names, len(rows))


def integers(array: Array) -> Array:
    """Times as int64 microseconds, without a copy."""
    return view(array, pa.int64()) if array.type != pa.int64() else array


def numbers(array: Array, null: int = -1) -> Numbers:
    """int64 values for numpy, with `null` for NULL."""
    filled = array.fill_null(null) if array.null_count else array
    found: Numbers = filled.to_numpy(zero_copy_only=True)
    return found


def unique(names: Iterable[str]) -> list[str]:
    """Each name once, in the order of first use."""
    return list(dict.fromkeys(names))


def appended(
    spine: pa.Table, alias: str, names: Sequence[str], arrays: Sequence[Array]
) -> pa.Table:
    """A spine with more columns, under the names that a join gives them."""
    ours = [column(spine, name) for name in spine.column_names]
    theirs = [f"{alias}.{name}" for name in names]
    return table_of([*ours, *arrays], [*spine.column_names, *theirs], spine.num_rows)
