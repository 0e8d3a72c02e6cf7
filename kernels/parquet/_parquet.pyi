"""The door of footers; see `bighead.kernels.parquet`."""

from typing import TypeAlias

from _typeshed import ReadableBuffer

Bytes: TypeAlias = tuple[int, int]
"""Of the footer, from the first on, without the last."""

Told: TypeAlias = tuple[int, int, int] | None
"""Where a place is told, and the place; None where it is not."""

Chunk: TypeAlias = tuple[Bytes, Bytes, tuple[Told, Told, Told], int, int, bool]
"""Of a leaf column of a row group: what the footer says of it, its path in that, the places of its
data, index and dictionary pages, its size, its size unpacked, whether it has a Bloom filter."""

def row_groups(footer: ReadableBuffer) -> list[tuple[int, list[Chunk]]]:
    """The rows of each row group, and its chunks in order; ValueError for a damaged footer."""
