"""Between Arrow and numpy: the values of a column, where they are not NULL, and back again.

Functions compute on whatever lies under a NULL and mask it afterwards; a check therefore looks at
valid rows only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat as repeated
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.zipline.expressions.arrow import (
    Array,
    Datum,
    as_dictionary,
    as_type,
    compute,
    make,
    repeat,
    view,
    words,
)

Values = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def spread(datum: Datum, rows: int) -> Array:
    """A constant as a column of that many rows; a column as it is."""
    return datum if isinstance(datum, pa.Array) else repeat(datum, rows)


def rows_of(args: Sequence[Datum]) -> int:
    """How many rows the columns among the arguments have; 1 where there is none."""
    return next((len(a) for a in args if isinstance(a, pa.Array)), 1)


def numbers(datum: Datum) -> Values:
    """The values as numpy sees them (times as int64, dates as int32); one for a constant.

    Under a NULL lies anything.
    """
    array = spread(datum, 1)
    if pa.types.is_boolean(array.type):
        array = as_type(array, pa.uint8())
        return numbers(array).astype(np.bool_)
    return words(array, _dtype(array.type))


def _dtype(arrow: pa.DataType) -> np.dtype[Any]:
    if pa.types.is_date32(arrow):
        return np.dtype(np.int32)
    if pa.types.is_timestamp(arrow) or pa.types.is_duration(arrow):
        return np.dtype(np.int64)
    return np.dtype(arrow.to_pandas_dtype())


def valid(datum: Datum) -> Mask:
    """Where the values are not NULL; one answer for a constant."""
    array = spread(datum, 1)
    if array.null_count == 0:
        return np.ones(len(array), np.bool_)
    return numbers(compute("is_valid", array))


def all_valid(args: Sequence[Datum], rows: int) -> Mask:
    """Where none of the arguments is NULL."""
    mask = np.ones(rows, np.bool_)
    for arg in args:
        if isinstance(arg, pa.Scalar):
            if not arg.is_valid:
                mask[:] = False
        elif arg.null_count:
            mask &= valid(arg)
    return mask


def column(values: Values, arrow: pa.DataType, mask: Mask | None = None) -> Array:
    """A column of these values (int64 for times), NULL where the mask is false."""
    if mask is None or bool(mask.all()):
        array = make(values)
    else:
        array = make(values, mask=~mask)
    return array if array.type == arrow else view(array, arrow)


FEW = 256
"""Below so many rows a dictionary does not pay."""


def each(call: Callable[..., object], args: Sequence[Datum], arrow: pa.DataType) -> Array:
    """`call` on the Python values of each row; NULL where an argument is NULL.

    For what Arrow's functions cannot do on columns; slow (a microsecond a row), but exact.
    """
    rows = rows_of(args)
    arrays = [a for a in args if isinstance(a, pa.Array)]
    if len(arrays) == 1 and rows >= FEW:
        # A value that comes again is not computed again.
        encoded = as_dictionary(arrays[0])
        if len(encoded.dictionary) <= rows // 2:
            short = [encoded.dictionary if isinstance(a, pa.Array) else a for a in args]
            return spread(each(call, short, arrow), 1).take(encoded.indices)
    columns = (
        a.to_pylist() if isinstance(a, pa.Array) else repeated(a.as_py(), rows) for a in args
    )
    return make(
        [None if any(v is None for v in row) else call(*row) for row in zip(*columns, strict=True)],
        arrow,
    )
