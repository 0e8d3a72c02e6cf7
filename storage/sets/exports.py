"""What kernels give, as Arrow's arrays and batches, without a copy.

To read a schema of fifty fields from a kernel costs more than to read their values, and a kernel
may not know all that a type says (the names of fields, what cannot be NULL). So where the type is
known already, only the array is taken.
"""

from __future__ import annotations

import ctypes
from typing import Any, cast

import pyarrow as pa

from bighead.zipline.expressions.arrow import Array


def exported(result: object) -> Array:
    """A result of the kernel as Arrow's array."""
    return cast("Array", pa.array(cast("Any", result)))


def exported_of(result: Any, arrow: pa.DataType) -> Array:
    """An array that a kernel made, whose buffers are known to be those of the type."""
    _, array = result.__arrow_c_array__()
    made: Any = pa.Array
    return cast("Array", made._import_from_c(_address(array, b"arrow_array"), arrow))


def exported_as(result: Any, schema: pa.Schema) -> pa.RecordBatch:
    """The fields of a struct that a kernel made, which are known to be those of the schema."""
    _, array = result.__arrow_c_array__()
    made: Any = pa.RecordBatch
    return cast("pa.RecordBatch", made._import_from_c(_address(array, b"arrow_array"), schema))


_address = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
