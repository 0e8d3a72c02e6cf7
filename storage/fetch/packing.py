"""Columns as they travel: Arrow arrays to packed messages and back.

The bytes are Arrow's own buffers, so that packing and unpacking copy them and look at no value:
fixed widths little endian, a bit for validity and for BOOLEAN, text as offsets and bytes. Nested
types go as Arrow IPC. Whatever is unpacked has been checked, as it may come from anybody.
"""

from __future__ import annotations

from functools import cache
from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.proto.v1 import fetch_pb2, plan_pb2
from bighead.zipline.errors import DataError
from bighead.zipline.ir.types import NAMES, sql_name

_PRIMITIVES: dict[int, pa.DataType] = {
    plan_pb2.PrimitiveType.Value(f"PRIMITIVE_TYPE_{name}"): arrow for name, arrow in NAMES.items()
} | {plan_pb2.PRIMITIVE_TYPE_NULL: pa.null()}
_NUMBERS = {str(arrow): number for number, arrow in _PRIMITIVES.items()}

Array = Any
"""An Arrow array of whatever type it says."""


@cache
def column_type(arrow: pa.DataType) -> fetch_pb2.ColumnType:
    """A type of the plan as a message."""
    if pa.types.is_decimal(arrow):
        decimal = fetch_pb2.ColumnType.Decimal(precision=arrow.precision, scale=arrow.scale)
        return fetch_pb2.ColumnType(decimal=decimal)
    number = _NUMBERS.get(str(arrow))
    if number is None:
        return fetch_pb2.ColumnType(nested=sql_name(arrow))
    return fetch_pb2.ColumnType(primitive=cast("Any", number))


def arrow_type(message: fetch_pb2.ColumnType) -> pa.DataType | None:
    """The type of a message; None for nested ones, whose column says it. Raises DataError."""
    kind = message.WhichOneof("kind")
    if kind == "primitive":
        if message.primitive not in _PRIMITIVES:
            raise DataError(f"there is no type of number {message.primitive}; see plan.proto")
        return _PRIMITIVES[message.primitive]
    if kind == "decimal":
        precision, scale = message.decimal.precision, message.decimal.scale
        if not 0 < precision <= 38 or scale > precision:
            raise DataError(f"there is no type DECIMAL({precision}, {scale})")
        return pa.decimal128(precision, scale)
    if kind == "nested":
        return None
    raise DataError("a column says no type; set `type`")


@cache
def _width(arrow: pa.DataType) -> int | None:
    """Bytes of a value; 0 where it is a bit, None where it is none of the two."""
    plain = pa.types.is_boolean(arrow) or pa.types.is_primitive(arrow)
    if not plain and not pa.types.is_decimal(arrow):
        return None
    return arrow.bit_width // 8


def pack(name: str, array: Array) -> fetch_pb2.Column:
    """A column as a message."""
    arrow, rows = array.type, len(array)
    column = fetch_pb2.Column(name=name, type=column_type(arrow))
    width = _width(arrow)
    if width is None and pa.types.is_nested(arrow):
        column.values = _stream(array)
        return column
    if array.offset:
        array = _moved(array)
    bitmap = -(-rows // 8)
    if pa.types.is_null(arrow):
        column.validity = bytes(bitmap)
        return column
    buffers = array.buffers()
    if array.null_count:
        column.validity = _head(buffers[0], bitmap)
    if width is None:
        offsets = _head(buffers[1], 4 * (rows + 1)) or bytes(4)
        column.offsets = offsets
        column.values = _head(buffers[2], int.from_bytes(offsets[-4:], "little"))
    else:
        column.values = _head(buffers[1], rows * width or bitmap)
    return column


def pack_numbers(name: str, values: Any) -> fetch_pb2.Column | None:
    """A NumPy array of numbers as a message, without an Arrow array of it; None for all else."""
    if type(values) is not np.ndarray or values.ndim != 1:
        return None
    kind = _numbers_of(values.dtype)
    return None if kind is None else fetch_pb2.Column(name=name, type=kind, values=values.tobytes())


@cache
def _numbers_of(dtype: np.dtype[Any]) -> fetch_pb2.ColumnType | None:
    """Of numbers that lie as Arrow's do."""
    if dtype.kind not in "iuf" or dtype.itemsize > 8 or dtype == np.float16 or not dtype.isnative:
        return None
    return column_type(pa.from_numpy_dtype(dtype))


def _head(buffer: Any, size: int) -> bytes:
    return b"" if buffer is None else buffer[:size].to_pybytes()


def _moved(array: Array) -> Array:
    """The same values from the start of buffers of their own."""
    return array.take(pa.array(np.arange(len(array))))


def _stream(array: Array) -> bytes:
    sink = pa.BufferOutputStream()
    batch = pa.record_batch([array], names=[""])
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def unpack(column: fetch_pb2.Column, rows: int) -> Array:
    """The column of a message. Raises DataError where its bytes are not those of so many rows."""
    arrow = arrow_type(column.type)
    if arrow is None:
        return _of_stream(column, rows)
    bitmap = -(-rows // 8)
    if column.validity and len(column.validity) != bitmap:
        raise _misfit(column, "validity", len(column.validity), bitmap)
    valid = pa.py_buffer(column.validity) if column.validity else None
    if pa.types.is_null(arrow):
        return pa.nulls(rows)
    if pa.types.is_string(arrow) or pa.types.is_binary(arrow):
        return _of_text(column, arrow, valid, rows)
    size = rows * (_width(arrow) or 0) or bitmap
    if len(column.values) != size:
        raise _misfit(column, "values", len(column.values), size)
    return pa.Array.from_buffers(arrow, rows, [valid, pa.py_buffer(column.values)])


def _misfit(column: fetch_pb2.Column, part: str, given: int, wanted: int) -> DataError:
    return DataError(
        f"the {part} of the column '{column.name}' are {given} bytes, and those of its entities "
        f"would be {wanted}"
    )


def _of_text(column: fetch_pb2.Column, arrow: pa.DataType, valid: Any, rows: int) -> Array:
    """Text or bytes; whether text is UTF-8 is asked where it is read."""
    if len(column.offsets) != 4 * (rows + 1):
        raise _misfit(column, "offsets", len(column.offsets), 4 * (rows + 1))
    offsets = np.frombuffer(column.offsets, "<i4")
    if offsets[0] < 0 or offsets[-1] > len(column.values) or np.any(np.diff(offsets) < 0):
        raise DataError(f"the offsets of the column '{column.name}' do not lie in its values")
    parts: list[Any] = [valid, pa.py_buffer(column.offsets), pa.py_buffer(column.values)]
    return pa.Array.from_buffers(arrow, rows, parts)


def _of_stream(column: fetch_pb2.Column, rows: int) -> Array:
    try:
        table = pa.ipc.open_stream(column.values).read_all()
        array = table.column(0).combine_chunks()
        array.validate(full=True)
    except (pa.ArrowException, IndexError, OSError) as error:
        raise DataError(f"the column '{column.name}' is no Arrow stream: {error}") from error
    if len(array) != rows:
        raise DataError(f"the column '{column.name}' has {len(array)} values for {rows} entities")
    return array
