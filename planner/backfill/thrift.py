"""Thrift's compact protocol, as far as the footer of a Parquet file needs it.

A struct is read as a dict from field number to (wire type, value), a list as (wire type of its
items, items), so that what a later writer adds is carried along without being known here. The
protocol: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """A number as it lies in the bytes, and where it ends."""
    value = data[at]
    at += 1
    if value < 128:
        return value, at
    value &= 127
    shift = 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


Struct = dict[int, tuple[int, Any]]
"""Field number to wire type and value; in the order of the fields."""


@dataclass(slots=True)
class Reader:
    """Reads values one after the other."""

    data: memoryview
    at: int = 0

    def struct(self) -> Struct:
        """A struct, up to its stop."""
        found: Struct = {}
        number = 0
        while True:
            head = self.data[self.at]
            self.at += 1
            if head == 0:
                return found
            wire = head & 15
            number = number + (head >> 4) if head >> 4 else self._signed()
            found[number] = (wire, self._value(wire))

    def _value(self, wire: int) -> Any:
        match wire:
            case 1 | 2:
                return wire == TRUE
            case 3:
                self.at += 1
                return self.data[self.at - 1]
            case 4 | 5 | 6:
                return self._signed()
            case 7:
                self.at += 8
                return struct.unpack("<d", self.data[self.at - 8 : self.at])[0]
            case 8:
                size = self._unsigned()
                self.at += size
                return bytes(self.data[self.at - size : self.at])
            case 9 | 10:
                return self._items()
            case 12:
                return self.struct()
            case _:
                raise ValueError(f"a value of the wire type {wire} is in no Parquet footer")

    def _items(self) -> tuple[int, list[Any]]:
        head = self.data[self.at]
        self.at += 1
        count = head >> 4 if head >> 4 != 15 else self._unsigned()
        wire = head & 15
        if wire in (TRUE, FALSE):  # an item is a byte there, unlike a field
            flags = [b == TRUE for b in self.data[self.at : self.at + count]]
            self.at += count
            return wire, flags
        return wire, [self._value(wire) for _ in range(count)]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)


def write_struct(fields: Struct) -> bytes:
    """The bytes of a struct.

    >>> fields: Struct = {1: (I32, 2), 3: (BINARY, b"a"), 40: (LIST, (I64, [-1, 300]))}
    >>> Reader(memoryview(write_struct(fields))).struct() == fields
    True
    """
    out = bytearray()
    _put_struct(out, fields)
    return bytes(out)


def _put_struct(out: bytearray, fields: Struct) -> None:
    last = 0
    for number, (wire, value) in sorted(fields.items()):
        if wire in (TRUE, FALSE):
            wire = TRUE if value else FALSE
        if 0 < number - last < 16:
            out.append((number - last) << 4 | wire)
        else:
            out.append(wire)
            _put_signed(out, number)
        last = number
        if wire not in (TRUE, FALSE):
            _put(out, wire, value)
    out.append(0)


def _put(out: bytearray, wire: int, value: Any) -> None:
    match wire:
        case 3:
            out.append(value)
        case 4 | 5 | 6:
            _put_signed(out, value)
        case 7:
            out += struct.pack("<d", value)
        case 8:
            _put_unsigned(out, len(value))
            out += value
        case 9 | 10:
            inner, items = value
            if len(items) < 15:
                out.append(len(items) << 4 | inner)
            else:
                out.append(240 | inner)
                _put_unsigned(out, len(items))
            for item in items:
                if inner in (TRUE, FALSE):
                    out.append(TRUE if item else FALSE)
                else:
                    _put(out, inner, item)
        case 12:
            _put_struct(out, value)
        case _:
            raise ValueError(f"a value of the wire type {wire} is in no Parquet footer")


def _put_unsigned(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _put_signed(out: bytearray, value: int) -> None:
    _put_unsigned(out, (value << 1) ^ (value >> 63))
