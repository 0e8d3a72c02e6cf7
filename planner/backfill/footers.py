"""The footer of a Parquet file, as far as its chunks are moved: where they lie, and what is said.

Of a chunk's entry only the places and the path change when the chunk moves, and headers of fields
count from the field before. So an entry is kept as the bytes between those values: reading one is
a walk that skips, writing one puts a few numbers between bytes that are there.
"""

from __future__ import annotations

from dataclasses import dataclass

from bighead.planner.backfill.thrift import LIST, STRUCT, skip, unsigned, zigzag

ROW_GROUPS = 4
"""A field of the file's struct; the numbers are those of parquet.thrift."""

_CHUNKS, _ROWS = 1, 3
_META = 3
_PATH, _SIZE_UNPACKED, _SIZE, _DATA, _INDEX_PAGE, _DICTIONARY = 3, 6, 7, 9, 10, 11
_PLACES = (_DATA, _INDEX_PAGE, _DICTIONARY)
_BLOOM = (14, 15)


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


def row_groups(footer: bytes) -> list[tuple[int, list[Chunk]]]:
    """The rows of each row group, and its chunks in order."""
    found: list[tuple[int, list[Chunk]]] = []
    number, wire, at = _head(footer, 0, 0)
    while wire:
        if number == ROW_GROUPS:
            assert wire == LIST
            count, at = _items(footer, at)
            for _ in range(count):
                group, at = _row_group(footer, at)
                found.append(group)
        else:
            at = skip(footer, at, wire)
        number, wire, at = _head(footer, at, number)
    return found


def _row_group(data: bytes, at: int) -> tuple[tuple[int, list[Chunk]], int]:
    rows, chunks = 0, []
    number, wire, at = _head(data, at, 0)
    while wire:
        if number == _CHUNKS:
            count, at = _items(data, at)
            for _ in range(count):
                chunk, at = _column(data, at)
                chunks.append(chunk)
        else:
            if number == _ROWS:
                rows = _number(data, at)
            at = skip(data, at, wire)
        number, wire, at = _head(data, at, number)
    return (rows, chunks), at


def _column(data: bytes, at: int) -> tuple[Chunk, int]:
    chunk: Chunk | None = None
    number, wire, at = _head(data, at, 0)
    while wire:
        if number == _META:
            chunk, at = _chunk(data, at)
        else:
            at = skip(data, at, wire)
        number, wire, at = _head(data, at, number)
    assert chunk is not None, "each chunk says where it lies"
    return chunk, at


def _chunk(data: bytes, first: int) -> tuple[Chunk, int]:
    values: dict[int, tuple[int, int]] = {}
    number, wire, at = _head(data, first, 0)
    while wire:
        begin, at = at, skip(data, at, wire)
        values[number] = (begin, at)
        number, wire, at = _head(data, at, number)
    assert not any(n in values for n in _BLOOM), "column groups are written without Bloom filters"
    places = {n: _number(data, values[n][0]) for n in _PLACES if n in values}
    # A dictionary lies before its data; of no rows there may be nothing but it.
    start = places[_DICTIONARY] if _DICTIONARY in places else places[_DATA]
    moving = [n for n in _PLACES if n in places and places[n] >= start]
    pieces = []
    cut = first
    for number in (_PATH, *moving):
        begin, after = values[number]
        pieces.append(data[cut:begin])
        cut = after
    chunk = Chunk(
        start,
        size=_number(data, values[_SIZE][0]),
        unpacked=_number(data, values[_SIZE_UNPACKED][0]),
        path=_texts(data, values[_PATH][0]),
        pieces=(*pieces, data[cut:at]),
        places=tuple(places[n] - start for n in moving),
    )
    return chunk, at


def _head(data: bytes, at: int, number: int) -> tuple[int, int, int]:
    """The next field of a struct: its number, its wire type (0: there is none), its value's place.

    number: of the field before.
    """
    head = data[at]
    at += 1
    if head >> 4:
        return number + (head >> 4), head & 15, at
    if head:
        value, at = unsigned(data, at)
        return zigzag(value), head, at
    return 0, 0, at


def _items(data: bytes, at: int) -> tuple[int, int]:
    """How many structs a list has, and where the first begins."""
    head = data[at]
    assert head & 15 == STRUCT
    return (head >> 4, at + 1) if head >> 4 != 15 else unsigned(data, at + 1)


def _texts(data: bytes, at: int) -> tuple[bytes, ...]:
    head = data[at]
    count, at = (head >> 4, at + 1) if head >> 4 != 15 else unsigned(data, at + 1)
    found = []
    for _ in range(count):
        size, at = unsigned(data, at)
        found.append(data[at : at + size])
        at += size
    return tuple(found)


def _number(data: bytes, at: int) -> int:
    return zigzag(unsigned(data, at)[0])


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
