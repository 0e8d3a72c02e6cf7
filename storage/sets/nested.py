"""Lists, structs and maps as bytes that order as they do, for kernels that hold single values.

Each part is a mark (0: NULL, 1: a value) and the value: numbers by eight or sixteen bytes whose
order is theirs, NaN last; text and bytes with their zeros doubled up and a pair of zeros at the
end; the parts of a struct one after the other; the items of a list, each after a 1, with a 0 at the
end. So bytes compare like values, item by item, and can be read back.
"""

from __future__ import annotations

import struct
from typing import Any, cast

import pyarrow as pa

from bighead.zipline.expressions.arrow import Array, make


def is_encoded(arrow: pa.DataType) -> bool:
    """Whether values of this type are kept as bytes.

    >>> is_encoded(pa.struct([("a", pa.int64())])), is_encoded(pa.string())
    (True, False)
    """
    return pa.types.is_nested(arrow)


def encode(array: Array) -> Array:
    """A nested column as bytes that order like it."""
    plain: Any = _plain(array.type)
    values = cast("Any", array).cast(plain).to_pylist()
    made = [None if v is None else _write(v, plain) for v in values]
    return make(made, pa.large_binary())


def decode(array: Array, arrow: pa.DataType) -> Array:
    """The column that `encode` was given; -0.0 comes back as 0.0."""
    plain: Any = _plain(arrow)
    values = [None if v is None else _read(_Bytes(v), plain) for v in array.to_pylist()]
    return cast("Array", cast("Any", make(values, plain)).cast(arrow))


def _plain(arrow: Any) -> Any:
    """The same type with times as whole numbers, which Python holds without loss."""
    if pa.types.is_timestamp(arrow) or pa.types.is_duration(arrow) or pa.types.is_time64(arrow):
        return pa.int64()
    if pa.types.is_date32(arrow) or pa.types.is_time32(arrow):
        return pa.int32()
    if pa.types.is_date64(arrow):
        return pa.int64()
    if pa.types.is_map(arrow):
        return pa.map_(_plain(arrow.key_type), _plain(arrow.item_type))
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return pa.list_(_plain(arrow.value_type))
    if pa.types.is_struct(arrow):
        fields = (arrow.field(i) for i in range(arrow.num_fields))
        return pa.struct([pa.field(f.name, _plain(f.type)) for f in fields])
    return arrow


def _part(value: Any, arrow: Any) -> bytes:
    return b"\0" if value is None else b"\1" + _write(value, arrow)


def _write(value: Any, arrow: Any) -> bytes:
    if pa.types.is_boolean(arrow):
        return b"\1" if value else b"\0"
    if pa.types.is_unsigned_integer(arrow):
        return struct.pack(">Q", value)
    if pa.types.is_integer(arrow):
        return struct.pack(">Q", value + 2**63)
    if pa.types.is_floating(arrow):
        return struct.pack(">Q", _float_key(value))
    if pa.types.is_decimal(arrow):
        whole = int(value.scaleb(arrow.scale))
        return (whole + 2**127).to_bytes(16, "big")
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return _escaped(value.encode())
    if pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow):
        return _escaped(value)
    if pa.types.is_map(arrow):
        pair = pa.struct([("key", arrow.key_type), ("value", arrow.item_type)])
        items = [{"key": k, "value": v} for k, v in value]
        return b"".join(b"\1" + _part(i, pair) for i in items) + b"\0"
    if pa.types.is_list(arrow):
        return b"".join(b"\1" + _part(i, arrow.value_type) for i in value) + b"\0"
    if pa.types.is_struct(arrow):
        fields = [arrow.field(i) for i in range(arrow.num_fields)]
        return b"".join(_part(value[f.name], f.type) for f in fields)
    assert pa.types.is_null(arrow), f"{arrow} has no bytes"
    return b""


def _float_key(value: float) -> int:
    """An unsigned number that orders like the double, NaN last; -0.0 is 0.0."""
    if value != value:
        return 2**64 - 1
    bits: int = struct.unpack(">Q", struct.pack(">d", value + 0.0))[0]
    return bits ^ (2**64 - 1) if bits >> 63 else bits | 1 << 63


def _key_float(key: int) -> float:
    if key == 2**64 - 1:
        return float("nan")
    bits = key ^ 1 << 63 if key >> 63 else key ^ (2**64 - 1)
    found: float = struct.unpack(">d", struct.pack(">Q", bits))[0]
    return found


def _escaped(value: bytes) -> bytes:
    return value.replace(b"\0", b"\0\xff") + b"\0\0"


class _Bytes:
    """What is left of some bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count : self.at]

    def word(self) -> int:
        return int.from_bytes(self.take(8), "big")

    def text(self) -> bytes:
        end = self.at
        while self.data[end : end + 2] != b"\0\0":
            end += 2 if self.data[end] == 0 else 1
        found = self.data[self.at : end]
        self.at = end + 2
        return found.replace(b"\0\xff", b"\0")


def _read_part(source: _Bytes, arrow: Any) -> Any:
    return None if source.take(1) == b"\0" else _read(source, arrow)


def _read(source: _Bytes, arrow: Any) -> Any:
    if pa.types.is_boolean(arrow):
        return source.take(1) == b"\1"
    if pa.types.is_unsigned_integer(arrow):
        return source.word()
    if pa.types.is_integer(arrow):
        return source.word() - 2**63
    if pa.types.is_floating(arrow):
        return _key_float(source.word())
    if pa.types.is_decimal(arrow):
        return _decimal(int.from_bytes(source.take(16), "big") - 2**127, arrow)
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return source.text().decode()
    if pa.types.is_binary(arrow) or pa.types.is_large_binary(arrow):
        return source.text()
    if pa.types.is_map(arrow):
        pair = pa.struct([("key", arrow.key_type), ("value", arrow.item_type)])
        return [(i["key"], i["value"]) for i in _read_items(source, pair)]
    if pa.types.is_list(arrow):
        return _read_items(source, arrow.value_type)
    if pa.types.is_struct(arrow):
        fields = [arrow.field(i) for i in range(arrow.num_fields)]
        return {f.name: _read_part(source, f.type) for f in fields}
    return None


def _read_items(source: _Bytes, arrow: Any) -> list[Any]:
    items = []
    while source.take(1) == b"\1":
        items.append(_read_part(source, arrow))
    return items


def _decimal(whole: int, arrow: Any) -> Any:
    return pa.scalar(whole, pa.decimal128(38, 0)).as_py().scaleb(-arrow.scale)
