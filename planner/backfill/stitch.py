"""Column groups put side by side into one Parquet file, without decoding a value.

A Parquet file keeps the bytes of each column of a row group together, and says in its footer where
they lie. So the columns of several files of equal rows become one file by copying those bytes and
writing a footer with the places that they have now: as fast as a disk copies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bighead.planner.backfill.thrift import BINARY, I16, I64, LIST, STRUCT, Reader, write_struct
from bighead.planner.backfill.thrift import Struct as Fields

MAGIC = b"PAR1"

# Numbers of fields, from parquet.thrift.
_FILE_ROWS, _ROW_GROUPS = 3, 4
_CHUNKS, _UNPACKED, _ROWS, _OFFSET, _PACKED, _ORDINAL = 1, 2, 3, 5, 6, 7
_CHUNK_OFFSET, _META, _INDEXES = 2, 3, (4, 5, 6, 7)
_PATH, _SIZE_UNPACKED, _SIZE, _DATA, _INDEX_PAGE, _DICTIONARY = 3, 6, 7, 9, 10, 11
_BLOOM = (14, 15)


def encode(rows: pa.Table) -> bytes:
    """The rows as a Parquet file; equal rows give equal bytes, however they came to be."""
    sink = pa.BufferOutputStream()
    # One chunk a column: pages end where chunks do.
    pq.write_table(rows.combine_chunks(), sink, compression="zstd")
    return bytes(sink.getvalue())


@dataclass(frozen=True, slots=True)
class Chunk:
    """A leaf column of one row group: where its bytes lie, and what the footer says of it."""

    start: int
    size: int
    meta: Fields


class Group:
    """A column group: the bytes of a Parquet file, and the places of its columns."""

    def __init__(self, content: bytes | memoryview) -> None:
        self.content = memoryview(content)
        footer = _footer(self.content)
        self.rows: int = footer[_FILE_ROWS][1]
        self.row_groups: list[tuple[int, dict[str, list[Chunk]]]] = []
        for group in footer[_ROW_GROUPS][1][1]:
            columns: dict[str, list[Chunk]] = {}
            for chunk in group[_CHUNKS][1][1]:
                meta = chunk[_META][1]
                # A dictionary lies before its data; of no rows there may be nothing but it.
                begin = meta[_DICTIONARY][1] if _DICTIONARY in meta else meta[_DATA][1]
                name = meta[_PATH][1][1][0].decode()
                columns.setdefault(name, []).append(Chunk(begin, meta[_SIZE][1], meta))
            self.row_groups.append((group[_ROWS][1], columns))

    def bytes_of(self, column: str) -> list[memoryview]:
        """The encoded values of a column, one piece a leaf and row group."""
        return [
            self.content[c.start : c.start + c.size]
            for _, columns in self.row_groups
            for c in columns[column]
        ]


@dataclass(frozen=True, slots=True)
class Part:
    """A column of the file to be made: which column of which group it is."""

    group: Group
    column: str


def stitch(schema: pa.Schema, parts: Mapping[str, Part]) -> bytes:
    """One file with these columns, in the order of the schema; all groups are of equal rows.

    >>> left, right = (Group(encode(pa.table({n: [1, 2]}))) for n in "ab")
    >>> schema = pa.schema([("y", pa.int64()), ("x", pa.int64())])
    >>> file = stitch(schema, {"x": Part(left, "a"), "y": Part(right, "b")})
    >>> pq.read_table(pa.BufferReader(file)).column_names
    ['y', 'x']
    """
    footer = dict(_template(schema.serialize().to_pybytes()))
    some = next(iter(parts.values())).group
    shapes = {tuple(rows for rows, _ in p.group.row_groups) for p in parts.values()}
    assert len(shapes) == 1, f"column groups of unequal rows: {shapes}"
    pieces: list[memoryview | bytes] = [MAGIC]
    place = len(MAGIC)
    groups: list[Fields] = []
    for number, (rows, _) in enumerate(some.row_groups):
        began = place
        chunks: list[Fields] = []
        for name in schema.names:
            part = parts[name]
            for chunk in part.group.row_groups[number][1][part.column]:
                pieces.append(part.group.content[chunk.start : chunk.start + chunk.size])
                chunks.append(_moved(chunk, name, place))
                place += chunk.size
        unpacked = sum(c[_META][1][_SIZE_UNPACKED][1] for c in chunks)
        groups.append(
            {
                _CHUNKS: (LIST, (STRUCT, chunks)),
                _UNPACKED: (I64, unpacked),
                _ROWS: (I64, rows),
                _OFFSET: (I64, began),
                _PACKED: (I64, place - began),
                _ORDINAL: (I16, number),
            }
        )
    footer[_FILE_ROWS] = (I64, some.rows)
    footer[_ROW_GROUPS] = (LIST, (STRUCT, groups))
    written = write_struct(footer)
    pieces += [written, len(written).to_bytes(4, "little"), MAGIC]
    return b"".join(pieces)


@lru_cache(maxsize=8)
def _template(schema: bytes) -> Fields:
    """The footer of a file of no rows with these columns."""
    empty = pa.ipc.read_schema(pa.py_buffer(schema)).empty_table()
    return _footer(memoryview(encode(empty)))


def _moved(chunk: Chunk, name: str, place: int) -> Fields:
    """What a footer says of a chunk that lies at `place`, under a name."""
    by = place - chunk.start
    meta: dict[int, tuple[int, Any]] = {n: v for n, v in chunk.meta.items() if n not in _BLOOM}
    for field in (_DATA, _INDEX_PAGE, _DICTIONARY):
        if field in meta and meta[field][1] >= chunk.start:
            meta[field] = (I64, meta[field][1] + by)
    inner: Sequence[bytes] = meta[_PATH][1][1][1:]
    meta[_PATH] = (LIST, (BINARY, [name.encode(), *inner]))
    # The old chunk's offsets of page indexes are left behind with the indexes.
    return {_CHUNK_OFFSET: (I64, 0), _META: (STRUCT, meta)}


def _footer(content: memoryview) -> Fields:
    size = int.from_bytes(content[-8:-4], "little")
    return Reader(content[-8 - size : -8]).struct()


def read_group(path: Path) -> Group:
    """The group in a file."""
    return Group(path.read_bytes())
