"""The database in RocksDB: a column family for each table, one writer, snapshots for readers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rocksdict import (
    AccessType,
    BlockBasedOptions,
    Cache,
    Checkpoint,
    DBCompressionType,
    IngestExternalFileOptions,
    Options,
    Rdict,
    WriteBatch,
    WriteOptions,
)

from bighead.storage.database.database import TABLES, Batch, Table, View
from bighead.storage.errors import DamagedError, LockedError, StoreError

Answer = TypeVar("Answer")
_TRIES = 3
_FAMILY: dict[Table, str] = {t: ("default" if t == "meta" else t) for t in TABLES}

CACHE = 256 << 20
"""Bytes of blocks of files that are held in memory, for all tables together."""
_KNOWN = 256
"""So many values of `meta` are remembered."""
BUFFER = 64 << 20
"""Bytes of each table that wait in memory before they become a file."""


def options_of(cache: Any, buffer: int) -> Any:
    """A filter of ten bits a key says of most keys that are not there that they are not."""
    files = BlockBasedOptions()
    files.set_bloom_filter(10, False)
    files.set_block_cache(cache)
    files.set_block_size(8 << 10)
    files.set_cache_index_and_filter_blocks(True)
    files.set_pin_l0_filter_and_index_blocks_in_cache(True)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.create_missing_column_families(True)
    options.set_block_based_table_factory(files)
    options.set_write_buffer_size(buffer)
    options.set_compression_type(DBCompressionType.lz4())
    return options


def _linked(file: Path, folder: Path) -> Path:
    """Another name of a file; a copy where the disk has no links."""
    name = folder / file.name
    try:
        name.hardlink_to(file)
    except OSError:
        shutil.copyfile(file, name)
    return name


def _unreadable(error: Exception) -> StoreError:
    return StoreError(f"the store cannot be read: {error}; verify it, or restore a backup")


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All tables as they were at one moment."""

    tables: dict[Table, Any]
    live: Rocks
    number: int
    """Of the last write that is seen."""

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        try:
            found: bytes = self.tables[table][key]
        except Exception as error:  # rocksdict has no class of its own for a key that is not there
            if str(error) == "key not found":
                return None
            raise _unreadable(error) from error
        return found

    def get_many(self, table: Table, keys: list[bytes]) -> list[bytes | None]:
        """The values of keys: by one call where nothing was written since, else key by key."""
        if self.live.number == self.number:
            found = self.live.get_many(table, keys)
            if self.live.number == self.number:
                return found
        return [self.get(table, key) for key in keys]

    def scan(self, table: Table, start: bytes, end: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order."""
        for key, value in self.tables[table].items(from_key=start):
            if end is not None and key >= end:
                return
            yield key, value


class Rocks:
    """A RocksDB database in a folder.

    read_only: as it is now; nothing that is written later is seen. follow: a folder for the notes
    of a reader that catches up with the writer, which may write meanwhile.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: bool = True,
        read_only: bool = False,
        follow: Path | None = None,
        buffer: int = BUFFER,
    ) -> None:
        if not create and not (path / "CURRENT").exists():
            raise StoreError(f"there is no store in {path}; see that the path is that of a store")
        access = AccessType.read_write()
        if follow is not None:
            access = AccessType.secondary(str(follow))
        elif read_only:
            access = AccessType.read_only(False)
        self._follows = follow is not None
        self._known: dict[bytes, bytes | None] = {}
        cache = Cache(CACHE)
        families = {
            name: options_of(cache, buffer) for name in _FAMILY.values() if name != "default"
        }
        try:
            self._db = Rdict(str(path), options_of(cache, buffer), families, access)
        except Exception as error:  # rocksdict raises plain exceptions
            if "lock" in str(error).lower():
                raise LockedError(
                    f"another process or handle writes the store in {path}; stop it, or read the "
                    "store beside it"
                ) from error
            raise StoreError(
                f"the store in {path} does not open: {error}; restore a backup"
            ) from error
        self._tables: dict[Table, Any] = {
            t: self._db if t == "meta" else self._db.get_column_family(f)
            for t, f in _FAMILY.items()
        }
        self._handles = {t: self._db.get_column_family_handle(f) for t, f in _FAMILY.items()}

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value of a key, or None.

        What a reader that follows asks of `meta` is the same for each request until it catches up.
        """
        if table == "meta" and key in self._known:
            return self._known[key]
        try:
            found: bytes | None = self._tables[table].get(key)
        except Exception as error:
            raise _damaged(error) from error
        if self._follows and table == "meta" and len(self._known) < _KNOWN:
            self._known[key] = found
        return found

    def get_many(self, table: Table, keys: list[bytes]) -> list[bytes | None]:
        """The values of keys, by one call; they are of one moment."""
        try:
            found: list[bytes | None] = self._tables[table].get(keys)
        except Exception as error:
            raise _damaged(error) from error
        return found

    def scan(self, table: Table, start: bytes, end: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order."""
        for key, value in self._tables[table].items(from_key=start):
            if end is not None and key >= end:
                return
            yield key, value

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
        try:
            self._db.write(made, options)
        except Exception as error:
            raise StoreError(
                f"the store cannot be written: {error}; see that the disk has room and that the "
                "store was not opened for reading only"
            ) from error

    def adopt(self, table: Table, files: Sequence[Path]) -> None:
        """Take in sorted files, all or none of them.

        What is moved into the database are links to them, where the disk has links: so whoever made
        them can offer them again after a crash.
        """
        options = IngestExternalFileOptions()
        options.set_move_files(True)
        try:
            with tempfile.TemporaryDirectory(dir=files[0].parent) as folder:
                links = [_linked(file, Path(folder)) for file in files]
                self._tables[table].ingest_external_file([str(f) for f in links], options)
        except Exception as error:  # rocksdict raises plain exceptions
            raise StoreError(
                f"the store cannot take files in: {error}; see that the disk has room, and make "
                "them again"
            ) from error

    def drop(self, table: Table, start: bytes, end: bytes) -> None:
        """Delete the keys of a range by one note, whatever it holds."""
        try:
            self._tables[table].delete_range(start, end)
        except Exception as error:
            raise StoreError(
                f"the store cannot be written: {error}; see that the disk has room"
            ) from error

    def at_once(self, read: Callable[[View], Answer]) -> Answer | None:
        """What `read` makes of the tables as they are now.

        They are read as they stand, by many keys a call, and again where another thread wrote
        meanwhile; None where that happens time after time, and a snapshot is wanted, which has one
        key a call.
        """
        for _ in range(_TRIES):
            number = self.number
            try:
                answer = read(self)
            except DamagedError:
                if self.number == number:
                    raise
                continue
            if self.number == number:
                return answer
        return None

    @property
    def number(self) -> int:
        """Of the last write."""
        found: int = self._db.latest_sequence_number()
        return found

    def snapshot(self) -> View:
        """All tables as they are now; begun anew where another thread wrote meanwhile.

        One that follows stays as it is until it catches up.
        """
        if self._follows:
            return self
        while True:
            number = self.number
            tables = {t: table.snapshot() for t, table in self._tables.items()}
            if self.number == number:
                return _Snapshot(tables, self, number)

    def catch_up(self) -> None:
        """Of one that follows: see what was written meanwhile, which may be half of a commit.

        Nobody reads it meanwhile.
        """
        try:
            self._db.try_catch_up_with_primary()
        except Exception as error:
            raise StoreError(f"the store cannot be followed: {error}; open it again") from error
        finally:
            self._known.clear()

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
        """Write what is pending and let go of the files. Raises StoreError where that fails."""
        fault: Exception | None = None
        for table in [*(t for t in self._tables.values() if t is not self._db), self._db]:
            try:
                table.close()
            except Exception as error:  # noqa: BLE001  # rocksdict has no class of its own
                fault = error
        self._tables.clear()
        self._handles.clear()  # each holds the lock of the folder
        if fault is not None:
            raise StoreError(
                f"the store cannot be written: {fault}; what was committed is in its log, and is "
                "read from there by the next start"
            ) from fault


def _damaged(error: Exception) -> DamagedError:
    """What a file that cannot be read is: rocksdict raises plain exceptions."""
    return DamagedError(f"the store is damaged: {error}; restore a backup")
