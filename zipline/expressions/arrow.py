"""Arrow's functions with plain types.

Its stubs tie each function to concrete array classes; here a column is an `Array` of whatever type
it says, which is what code for all types of a plan can use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Array = pa.Array[Any]
Scalar = pa.Scalar[Any]
Datum = Array | Scalar
"""A column of values, or one value for all rows."""


def compute(name: str, *args: Datum, options: pc.FunctionOptions | None = None) -> Array:
    """One of Arrow's functions; at least one argument is a column."""
    return cast("Array", pc.call_function(name, list(args), options))


def as_type(datum: Array, arrow: pa.DataType, *, safe: bool = True) -> Array:
    """Arrow's own cast of a column."""
    return cast("Array", datum.cast(cast("Any", arrow), safe=safe))


def as_type_of(datum: Datum, arrow: pa.DataType) -> Datum:
    """Arrow's own cast of a column or a constant."""
    return cast("Datum", datum.cast(cast("Any", arrow)))


def make(
    values: Sequence[object] | npt.NDArray[Any], arrow: pa.DataType | None = None, mask: Any = None
) -> Array:
    """A column of Python or numpy values; NULL for None and where the mask is true."""
    return cast("Array", pa.array(cast("Any", values), type=cast("Any", arrow), mask=mask))


def nulls(rows: int, arrow: pa.DataType) -> Array:
    """A column of NULLs."""
    return cast("Array", pa.nulls(rows, cast("Any", arrow)))


def scalar(value: object, arrow: pa.DataType) -> Scalar:
    """A constant."""
    return cast("Scalar", pa.scalar(cast("Any", value), cast("Any", arrow)))


def view(array: Array, arrow: pa.DataType) -> Array:
    """The same bits as another type."""
    return cast("Array", array.view(cast("Any", arrow)))


def repeat(value: Scalar, rows: int) -> Array:
    """A constant as a column."""
    return cast("Array", pa.repeat(cast("Any", value), rows))
