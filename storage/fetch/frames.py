"""How a batch of some rows lies in Arrow's message, known before there is one.

Where all columns have values of a fixed width, the metadata of a batch depends on its schema and
its rows alone, but for the numbers of NULLs. It is made once by Arrow; from then on the kernel puts
its answers behind it, and no Arrow array stands between.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from bighead.kernels.tiles import message
from bighead.zipline.expressions.arrow import Array

if TYPE_CHECKING:
    from bighead.kernels.aggregates.arrow_door import ArrowArray


@dataclass(frozen=True, slots=True)
class Frame:
    """The metadata of batches of one schema and so many rows."""

    head: bytes
    place: int
    """Where the numbers of rows and NULLs stand."""
    widths: tuple[int, ...]
    """Bits of a value, by column."""

    def around(self, answers: ArrowArray) -> bytes:
        """The message with a struct of the columns in it."""
        return message(answers, self.head, self.place, self.widths)


def widths_of(types: Sequence[pa.DataType]) -> tuple[int, ...] | None:
    """The bits of a value of each type; None where some have no fixed width."""
    plain = (
        pa.types.is_boolean(t) or pa.types.is_primitive(t) or pa.types.is_decimal(t) for t in types
    )
    return tuple(t.bit_width for t in types) if all(plain) else None


def frame_of(schema: pa.Schema, rows: int, widths: tuple[int, ...]) -> Frame:
    """The frame for batches of so many rows, one at least, in columns of those widths."""
    columns = [_nulls(kind, rows, bits) for kind, bits in zip(schema.types, widths, strict=True)]
    whole = pa.RecordBatch.from_arrays(columns, schema=schema).serialize().to_pybytes()
    sizes = (-(-rows * bits // 8) for width in widths for bits in (1, width))
    body = sum(-(-size // 8) * 8 for size in sizes)
    head = whole[: len(whole) - body]
    counts = struct.pack("<qq", rows, rows) * len(widths)  # rows, and as many NULLs
    behind = pa.ipc.read_message(whole).body
    assert behind is not None
    assert behind.size == body, "Arrow pads to eight bytes"
    place = _place(head)
    assert head.startswith(counts, place), "the counts stand there"
    return Frame(head, place, widths)


def _place(head: bytes) -> int:
    """Where the counts of the columns stand in the metadata of a batch.

    It is a table of FlatBuffers (its "Internals"), as Message.fbs of Arrow's format has it: field 2
    of a message is its header, and field 1 of a batch the nodes, a number for each column's rows
    and one for its NULLs.
    """
    message = _followed(head, 8)  # behind a marker and the size
    batch = _followed(head, _field(head, message, 2))
    return _followed(head, _field(head, batch, 1)) + 4  # behind how many there are


def _field(data: bytes, table: int, number: int) -> int:
    """Where a field of a table lies: its places stand in another, so many bytes before."""
    (before,) = struct.unpack_from("<i", data, table)
    (offset,) = struct.unpack_from("<H", data, table - before + 4 + 2 * number)
    return table + int(offset)


def _followed(data: bytes, at: int) -> int:
    """What a reference refers to."""
    (offset,) = struct.unpack_from("<I", data, at)
    return at + int(offset)


def _nulls(kind: pa.DataType, rows: int, bits: int) -> Array:
    buffers: Any = [pa.py_buffer(bytes(-(-rows * width // 8))) for width in (1, bits)]
    return pa.Array.from_buffers(kind, rows, buffers, null_count=rows)
