"""The database in RocksDB: a column family for each table, one writer, snapshots for readers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rocksdict import AccessType, Checkpoint, Options, Rdict, WriteBatch, WriteOptions

from bighead.storage.database.database import TABLES, Batch, Table, View
from bighead.storage.errors import StoreError

_FAMILY: dict[Table, str] = {t: ("default" if t == "meta" else t) for t in TABLES}


def _options() -> Any:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    return options


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All tables as they were at one moment, which is `blocks`' own."""

    tables: dict[Table, Any]

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        try:
            found: bytes = self.tables[table][key]
        except Exception as error:  # rocksdict has no class of its own for a key that is not there
            if str(error) == "key not found":
                return None
            raise StoreError(f"the store cannot be read: {error}") from error
        return found

    def scan(self, table: Table, start: bytes, end: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order."""
        for key, value in self.tables[table].items(from_key=start):
            if end is not None and key >= end:
                return
            yield key, value


class Rocks:
    """A RocksDB database in a folder."""

    def __init__(self, path: Path, *, create: bool = True, read_only: bool = False) -> None:
        if not create and not (path / "CURRENT").exists():
            raise StoreError(f"there is no store in {path}; see that the path is that of a store")
        access = AccessType.read_only() if read_only else AccessType.read_write()
        families = {name: _options() for name in _FAMILY.values() if name != "default"}
        try:
            self._db = Rdict(str(path), _options(), families, access)
        except Exception as error:  # rocksdict raises plain exceptions
            raise StoreError(
                f"the store in {path} does not open: {error}; another process may be writing to "
                "it, or a backup must be restored"
            ) from error
        self._tables: dict[Table, Any] = {
            t: self._db if t == "meta" else self._db.get_column_family(f)
            for t, f in _FAMILY.items()
        }
        self._handles = {t: self._db.get_column_family_handle(f) for t, f in _FAMILY.items()}

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        found: bytes | None = self._tables[table].get(key)
        return found

    def scan(self, table: Table, start: bytes, end: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order."""
        yield from self.snapshot().scan(table, start, end)

    def write(self, batch: Batch, sync: bool) -> None:
        """All of the batch or nothing."""
        made = WriteBatch(raw_mode=True)
        for (table, key), value in batch.items():
            if value is None:
                made.delete(key, self._handles[table])
            else:
                made.put(key, value, self._handles[table])
        options = WriteOptions()
        options.sync = sync
        self._db.write(made, options)

    def snapshot(self) -> View:
        """All tables as they are now: the one writer takes it between two writes."""
        return _Snapshot({t: table.snapshot() for t, table in self._tables.items()})

    def compact(self) -> None:
        """Rewrite all files without what has been deleted."""
        for table in self._tables.values():
            table.flush()
            table.compact_range(None, None)

    def backup(self, path: Path) -> None:
        """A checkpoint: files are linked where the folder lies on the same disk, else copied."""
        self._db.flush_wal(True)
        Checkpoint(self._db).create_checkpoint(str(path))

    def size(self) -> dict[Table, int]:
        """Bytes of the files of each table and of what is in memory."""
        names = ("rocksdb.total-sst-files-size", "rocksdb.cur-size-all-mem-tables")
        return {
            t: sum(table.property_int_value(name) or 0 for name in names)
            for t, table in self._tables.items()
        }

    def close(self) -> None:
        """Write what is pending and let go of the files."""
        for table in self._tables.values():
            if table is not self._db:
                table.close()
        self._db.close()
        self._tables.clear()
        self._handles.clear()  # each holds the lock of the folder
