"""The keys of a store's tables: what lies where. docs/store.md has the same in words.

Numbers are big endian, so that keys order as they do; tile numbers are shifted to be unsigned.
"""

from __future__ import annotations

import struct

_SET = struct.Struct(">II")
_TILE = struct.Struct(">BQ")
_SHIFT = 1 << 63


def set_prefix(generation: int, number: int) -> bytes:
    """Before all keys of one feature set in one generation."""
    return _SET.pack(generation, number)


def key_prefix(of_set: bytes, key: bytes) -> bytes:
    """Before all blocks of one key."""
    return of_set + struct.pack(">I", len(key)) + key


def block_key(of_key: bytes, level: int, tile: int) -> bytes:
    """Of the block of a tile; or of a root, a log, or rows without a time."""
    return of_key + _TILE.pack(level, tile + _SHIFT)


def key_of_block(block: bytes) -> tuple[bytes, int, int]:
    """The prefix of the key, the level and the number of a block."""
    level, tile = _TILE.unpack(block[-_TILE.size :])
    return block[: -_TILE.size], level, tile - _SHIFT


def after(prefix: bytes) -> bytes | None:
    """The least key that is greater than all with this prefix; None: there is none.

    >>> after(b"a\\xff"), after(b"\\xff")
    (b'b', None)
    """
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes([trimmed[-1] + 1]) if trimmed else None


def identity_prefix(source: str) -> bytes:
    """Before all identities of the events of a source."""
    return source.encode() + b"\0"


def change_key(of_set: bytes, primary_key: bytes) -> bytes:
    """Of the changes of one row of an entity."""
    return of_set + primary_key


def file_key(source: str, name: str) -> bytes:
    """Of a file of a source that is followed."""
    return b"file\0" + source.encode() + b"\0" + name.encode()


def offset_key(source: str, partition: str) -> bytes:
    """Of how far a partition of a stream has been read."""
    return b"offset\0" + source.encode() + b"\0" + partition.encode()
