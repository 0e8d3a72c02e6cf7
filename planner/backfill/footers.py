"""The footer of a Parquet file, as far as its chunks are moved: where they lie, and what is said.

Of a chunk's entry only the places and the path change when the chunk moves, and headers of fields
count from the field before. So an entry is kept as the bytes between those values: reading one is
a walk that skips, writing one puts a few numbers between bytes that are there.
"""

from __future__ import annotations

from dataclasses import dataclass

from bighead.kernels import parquet
from bighead.planner.backfill.thrift import unsigned

Bytes = tuple[int, int]
Told = tuple[int, int, int] | None
"""Where a place is told, and the place; None where it is not."""

BEFORE_META, AFTER_META = b"\x26\x00\x1c", b"\x00"
"""Of a chunk's entry: field 2, the place for old readers, is 0; field 3 is the struct; then the
stop. Offsets of page indexes are left behind with the indexes."""


@dataclass(frozen=True, slots=True)
class Entries:
    """What a footer says of chunks that lie one after the other."""

    content: bytes
    count: int
    unpacked: int
    """The sum of their sizes, unpacked."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A leaf column of one row group."""

    start: int
    """Where its bytes lie in the file."""
    size: int
    unpacked: int
    path: tuple[bytes, ...]
    """The column's name and those of what lies inside it."""
    pieces: tuple[bytes, ...]
    """What the footer says of it, cut at its path and at its places."""
    places: tuple[int, ...]
    """The places, from `start` on; one fewer than pieces but one."""

    def moved(self, name: str, start: int) -> bytes:
        """What a footer says of it under a name, where it lies at `start`."""
        path = (name.encode(), *self.path[1:])
        out = bytearray(self.pieces[0])
        # A list of texts: its head, then each with its length.
        out += bytes((len(path) << 4 | 8,)) if len(path) < 15 else b"\xf8" + _varint(len(path))
        for part in path:
            out += _varint(len(part))
            out += part
        out += self.pieces[1]
        for place, piece in zip(self.places, self.pieces[2:], strict=True):
            out += _varint((start + place) << 1)
            out += piece
        return bytes(out)


def footer_of(content: memoryview) -> bytes:
    """The footer of a file."""
    size = int.from_bytes(content[-8:-4], "little")
    return bytes(content[-8 - size : -8])


def name_of(footer: bytes, path: Bytes) -> str:
    """The column that a chunk of this path is of, or of a part of."""
    return _texts(footer, path[0])[0].decode()


def row_groups(footer: bytes) -> list[tuple[int, list[Chunk]]]:
    """The rows of each row group, and its chunks in order."""
    return [
        (rows, [_chunk(footer, *chunk) for chunk in chunks])
        for rows, chunks in parquet.row_groups(footer)
    ]


def _chunk(
    footer: bytes,
    whole: Bytes,
    path: Bytes,
    told: tuple[Told, Told, Told],
    size: int,
    unpacked: int,
    filtered: bool,
) -> Chunk:
    assert not filtered, "column groups are written without Bloom filters"
    data, _, dictionary = told
    # A dictionary lies before its data; of no rows there may be nothing but it.
    first = dictionary or data
    assert first is not None, "each chunk says where it lies"
    start = first[2]
    moving = [t for t in told if t is not None and t[2] >= start]
    pieces = []
    cut = whole[0]
    for begin, end in (path, *((t[0], t[1]) for t in moving)):
        pieces.append(footer[cut:begin])
        cut = end
    return Chunk(
        start,
        size,
        unpacked,
        path=_texts(footer, path[0]),
        pieces=(*pieces, footer[cut : whole[1]]),
        places=tuple(t[2] - start for t in moving),
    )


def _texts(data: bytes, at: int) -> tuple[bytes, ...]:
    head = data[at]
    count, at = (head >> 4, at + 1) if head >> 4 != 15 else unsigned(data, at + 1)
    found = []
    for _ in range(count):
        size, at = unsigned(data, at)
        found.append(data[at : at + size])
        at += size
    return tuple(found)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
