"""The files of one query: a folder of its own, removed at the end, also after a crash.

A folder is locked by the process that made it. A lock ends with its process however that ends, so
folders that nobody holds a lock on are leftovers, which the next query removes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import TracebackType

import pyarrow as pa

from bighead.planner.spill.memory import Limits, spelled
from bighead.zipline.errors import BigheadError

LOCK = "lock"
PREFIX = "run-"

_PLAIN = pa.ipc.IpcWriteOptions(use_threads=False)
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)


class SpillError(BigheadError):
    """The disk has no room for what does not fit into memory."""


@dataclass(slots=True)
class Folder:
    """A folder of files, and how much they may hold.

    >>> with opened(Limits()) as folder:
    ...     there = folder.path.is_dir()
    >>> there, folder.path.exists()
    (True, False)
    """

    path: Path
    limit: int | None
    written: int = 0
    """Bytes that the files hold now."""
    highest: int = 0
    """The most that they held at a time."""
    total: int = 0
    """Bytes written by and by."""
    _files: int = 0
    _lock: Lock = field(default_factory=Lock)

    def file(self, schema: pa.Schema) -> File:
        """A new file of rows."""
        self._files += 1
        return File(self, self.path / f"{self._files}.arrow", schema)

    def grew(self, bytes_: int) -> None:
        """Counts bytes that were written, or given back; raises SpillError past the limit."""
        with self._lock:
            self.written += bytes_
            self.total += max(bytes_, 0)
            self.highest = max(self.highest, self.written)
        if bytes_ > 0 and self.limit is not None and self.written > self.limit:
            raise SpillError(
                f"this query needs more than the {spelled(self.limit)} of disk that it may spill "
                f"to {self.path.parent}; raise the spill limit (--spill-limit, or "
                "Session(spill_limit=...)) or the memory limit, or take fewer rows, such as some "
                "days at a time"
            )


@dataclass(slots=True)
class File:
    """Rows in batches, written once and then read: in order, or a batch by its number."""

    folder: Folder
    path: Path
    schema: pa.Schema
    rows: int = 0
    _sink: pa.NativeFile | None = None
    _writer: pa.ipc.RecordBatchFileWriter | None = None
    _size: int = 0
    _sizes: list[int] = field(default_factory=list)

    def write(self, batch: pa.RecordBatch) -> None:
        """Appends a batch, an empty one too."""
        with _no_space(self.path.parent):
            if self._writer is None:
                self._sink = pa.OSFile(str(self.path), "wb")
                options = _options(self.schema)
                self._writer = pa.ipc.new_file(self._sink, self.schema, options=options)
            self._writer.write_batch(batch)
            assert self._sink is not None
            size = self._sink.tell()
        self.rows += batch.num_rows
        self._sizes.append(batch.num_rows)
        self._grow(size)

    def close(self) -> None:
        """Ends writing."""
        if self._writer is not None and self._sink is not None:
            with _no_space(self.path.parent):
                self._writer.close()
                size = self._sink.tell()
                self._sink.close()
            self._writer = self._sink = None
            self._grow(size)

    def batches(self) -> Iterator[pa.Table]:
        """The batches that hold rows, in the order in which they were written."""
        for number, size in enumerate(self._sizes):
            if size:
                yield self.batch(number)

    def batch(self, number: int) -> pa.Table:
        """The rows of one batch, of numbers in place in the file."""
        if number >= len(self._sizes) or not self._sizes[number]:
            return self.schema.empty_table()
        # Opened anew: pages of the file count as memory of this process as long as it is mapped.
        return pa.Table.from_batches([self._reader().get_batch(number)])

    def read(self) -> pa.Table:
        """All rows, of numbers in place in the file."""
        if not self.rows:
            return self.schema.empty_table()
        reader = self._reader()
        held = (number for number, size in enumerate(self._sizes) if size)
        return pa.Table.from_batches([reader.get_batch(number) for number in held])

    def _reader(self) -> pa.ipc.RecordBatchFileReader:
        self.close()
        return pa.ipc.open_file(pa.memory_map(str(self.path)))

    def remove(self) -> None:
        """Gives the disk back."""
        self.close()
        self.path.unlink(missing_ok=True)
        self.folder.grew(-self._size)
        self._size = 0
        self._sizes = []

    def _grow(self, size: int) -> None:
        grown, self._size = size - self._size, size
        self.folder.grew(grown)


def _options(schema: pa.Schema) -> pa.ipc.IpcWriteOptions:
    """Texts and lists shrink to a fraction; numbers by a third, for more time than that saves."""
    return _PLAIN if all(_is_fixed(field.type) for field in schema) else _COMPRESSED


def _is_fixed(arrow: pa.DataType) -> bool:
    try:
        return arrow.bit_width > 0
    except ValueError:
        return False


@contextmanager
def _no_space(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SpillError(
            f"there is no space left in {folder.parent} for what does not fit into memory; free "
            "some, name a larger disk with TMPDIR, raise the memory limit, or take fewer rows, "
            "such as some days at a time"
        ) from error


class opened:  # noqa: N801  (used like a function)
    """A folder for the time of a `with`; leftovers of dead processes are removed first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock: int | None = None
        self._folder: Folder | None = None

    def __enter__(self) -> Folder:
        home = self._limits.folder
        if home is None:
            home = Path(tempfile.gettempdir()) / f"bighead-spill-{os.getuid()}"
        with _no_space(home):
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(home):  # or another process might take a new folder for a leftover
                sweep(home)
                path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=home))
                self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                os.write(self._lock, f"{os.getpid()}\n".encode())
        self._folder = Folder(path, self._limits.disk)
        return self._folder

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._folder is not None
        assert self._lock is not None
        shutil.rmtree(self._folder.path, ignore_errors=True)
        os.close(self._lock)


def sweep(home: Path) -> int:
    """Removes the folders whose process has died; returns how many."""
    removed = 0
    for path in home.glob(f"{PREFIX}*"):
        try:
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            shutil.rmtree(path, ignore_errors=True)  # its maker died before it was locked
            removed += 1
            continue
        except OSError:
            continue  # another user's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(path, ignore_errors=True)
            removed += 1
        finally:
            os.close(lock)
    return removed


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    lock = os.open(home / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
