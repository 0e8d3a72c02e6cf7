"""What a store asks of a key-value database: ordered keys, atomic batches, snapshots.

Four tables, so that each can be kept in its own way: `meta` (definitions, offsets, commits),
`blocks` (rows and tiles), `identities` (which events have come) and `changes` (those of entities).
Another database plugs in by these few methods.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal as OneOf
from typing import Protocol, TypeVar, get_args

Table = OneOf["meta", "blocks", "identities", "changes"]
TABLES: tuple[Table, ...] = get_args(Table)

Answer = TypeVar("Answer")
Batch = dict[tuple[Table, bytes], bytes | None]
"""What is written together; None: deleted."""


class View(Protocol):
    """The database as it was at a moment."""

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value of a key, or None."""

    def get_many(self, table: Table, keys: list[bytes]) -> list[bytes | None]:
        """The values of keys, in their order."""

    def scan(self, table: Table, start: bytes, end: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values from `start` on and before `end`, in order of the keys' bytes."""


class Database(View, Protocol):
    """A database with one writer."""

    def write(self, batch: Batch, sync: bool) -> None:
        """All of the batch or nothing; with `sync` it survives a loss of power."""

    def adopt(self, table: Table, files: Sequence[Path]) -> None:
        """Take in files that were written sorted for this kind of database, all or none of them.

        Raises StoreError where one cannot be read, or there is no room.
        """

    def drop(self, table: Table, start: bytes, end: bytes) -> None:
        """Delete the keys from `start` on and before `end`, however many there are."""

    def at_once(self, read: Callable[[View], Answer]) -> Answer | None:
        """What `read` makes of the database as it is at one moment; it may be called again.

        None: each time something was written meanwhile.
        """

    def snapshot(self) -> View:
        """The database as it is now, whatever is written later."""

    def compact(self) -> None:
        """Drop what has been deleted from the disk."""

    def backup(self, path: Path) -> None:
        """A copy that can be opened, in a folder that does not exist yet."""

    def size(self) -> dict[Table, int]:
        """About how many bytes each table takes."""

    def close(self) -> None:
        """Write what is pending and let go of the files."""


@dataclass(slots=True)
class Memory:
    """A database that is gone with its process: for tests, and to see what the protocol asks."""

    values: dict[tuple[Table, bytes], bytes] = field(default_factory=dict)
    keys: dict[Table, list[bytes]] = field(default_factory=lambda: {t: [] for t in TABLES})

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        return self.values.get((table, key))

    def get_many(self, table: Table, keys: list[bytes]) -> list[bytes | None]:
        """The values of keys."""
        return [self.values.get((table, key)) for key in keys]

    def scan(self, table: Table, start: bytes, end: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order."""
        keys = self.keys[table]
        first = bisect_left(keys, start)
        last = len(keys) if end is None else bisect_left(keys, end)
        for key in keys[first:last]:
            yield key, self.values[table, key]

    def write(self, batch: Batch, sync: bool) -> None:
        """All of the batch."""
        for (table, key), value in batch.items():
            there = (table, key) in self.values
            if value is None:
                if there:
                    del self.values[table, key]
                    self.keys[table].pop(bisect_left(self.keys[table], key))
                continue
            if not there:
                insort(self.keys[table], key)
            self.values[table, key] = value

    def adopt(self, table: Table, files: Sequence[Path]) -> None:
        """There are no files to take in."""
        raise NotImplementedError("a store in memory takes no files")

    def drop(self, table: Table, start: bytes, end: bytes) -> None:
        """Delete the keys of a range."""
        self.write({(table, key): None for key, _ in [*self.scan(table, start, end)]}, False)

    def at_once(self, read: Callable[[View], Answer]) -> Answer:
        """What `read` makes of it; nobody writes meanwhile."""
        return read(self)

    def snapshot(self) -> View:
        """A copy."""
        return Memory(dict(self.values), {t: list(keys) for t, keys in self.keys.items()})

    def compact(self) -> None:
        """Nothing is kept that was deleted."""

    def backup(self, path: Path) -> None:
        """There are no files to copy."""
        raise NotImplementedError("a store in memory has no backups")

    def size(self) -> dict[Table, int]:
        """Bytes of keys and values."""
        sizes = dict.fromkeys(TABLES, 0)
        for (table, key), value in self.values.items():
            sizes[table] += len(key) + len(value)
        return sizes

    def close(self) -> None:
        """Nothing is held."""
