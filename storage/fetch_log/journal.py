"""A file of the log while it is written, and how it becomes Parquet.

Parquet cannot be read before its end is written. So rows go to a journal first, an Arrow stream
that can be read up to whatever was written last, and the journal becomes a Parquet file when it is
closed: written beside, then renamed, so that whoever reads sees it whole or not at all. A journal
is locked by the process that writes it; one that nobody locks was left by a process that was
killed, or could not write on, and is closed by the next that finds it.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from bighead.storage.fetch_log.layout import as_cut

JOURNAL, PARQUET = ".journal", ".parquet"
ROWS = 1 << 16
"""Of a row group."""
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(slots=True)
class Journal:
    """A journal that this process writes."""

    path: Path
    """Of the Parquet file that it will be."""
    opened: int
    """When, in microseconds."""
    file: BinaryIO
    writer: Any
    rows: int = 0

    @classmethod
    def open(cls, path: Path, opened: int, schema: pa.Schema) -> Journal:
        """A new one. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        place = journal_of(path)
        fresh = place.with_suffix(".new")
        file = fresh.open("wb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            writer = pa.ipc.new_stream(file, schema, options=_OPTIONS)
            file.flush()
            fresh.rename(place)  # it is locked before anybody can find it
        except OSError:
            fresh.unlink(missing_ok=True)
            with suppress(OSError):
                file.close()
            raise
        return cls(path, opened, file, writer)

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.tell()

    def write(self, block: pa.RecordBatch) -> None:
        """More rows; they survive the end of the process.

        Raises OSError. Then a part of them may be there, behind which nothing can be read.
        """
        self.writer.write_batch(block)
        self.file.flush()
        self.rows += block.num_rows

    def give_up(self) -> None:
        """Writes no more; whoever finds it completes it. One without rows goes."""
        with suppress(OSError):
            if not self.rows:
                journal_of(self.path).unlink()
        with suppress(OSError):
            self.file.close()

    def close(self) -> None:
        """Makes it a Parquet file. Raises OSError; then the journal stays."""
        try:
            self.writer.close()
            self.file.flush()
            complete(journal_of(self.path))
        finally:
            self.file.close()


def journal_of(path: Path) -> Path:
    """The journal of a Parquet file; hidden, so that nobody takes it for one."""
    return path.with_name(f".{path.stem}{JOURNAL}")


def parquet_of(journal: Path) -> Path:
    """The Parquet file that a journal becomes.

    >>> parquet_of(Path("hour=01/.a-1.journal")).as_posix()
    'hour=01/a-1.parquet'
    """
    return journal.with_name(journal.stem.removeprefix(".") + PARQUET)


def blocks_of(journal: Path) -> tuple[pa.Schema, list[pa.RecordBatch], bool]:
    """The rows of a journal, and whether it is whole; what was cut in its middle is left out.

    Raises pa.ArrowException where not even its beginning is there, OSError where it cannot be read.
    """
    with journal.open("rb") as file:
        reader = pa.ipc.open_stream(file)
        blocks: list[pa.RecordBatch] = []
        whole = True
        try:
            blocks.extend(reader)
        except (pa.ArrowException, OSError):
            whole = False
        return reader.schema, blocks, whole and _has_end(file)


def _has_end(file: BinaryIO) -> bool:
    """Whether the stream was closed: its last bytes say that nothing follows."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 8, 0))
    return file.read() == b"\xff\xff\xff\xff\0\0\0\0"


def complete(journal: Path) -> int:
    """Make a journal a Parquet file; how many rows it has. Raises OSError.

    The caller holds its lock. One whose beginning is missing had no rows, and goes.
    """
    path = parquet_of(journal)
    rows = 0
    if not path.exists():  # else the process ended before it could remove the journal
        try:
            schema, blocks, whole = blocks_of(journal)
        except pa.ArrowException:
            journal.unlink()
            return 0
        table = pa.Table.from_batches(blocks, schema)
        if not whole:
            table = table.cast(as_cut(schema, str(journal)))
        rows = table.num_rows
        if rows:
            _write(path, table)
    journal.unlink()
    return rows


def _write(path: Path, table: pa.Table) -> None:
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            pq.write_table(table, file, row_group_size=ROWS, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
