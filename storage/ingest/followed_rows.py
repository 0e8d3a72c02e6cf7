"""One Parquet file: it has rows once it is whole, and those of one row group are read at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bighead.storage.database.database import Batch
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.followed_lines import HEAD
from bighead.storage.ingest.messages import Messages
from bighead.storage.ingest.positions import FileAt, drop_file, put_file
from bighead.storage.writing.letters import Form


@dataclass(slots=True)
class FollowedRows:
    """A Parquet file and how many of its rows have been handed over."""

    source: str
    at: FileAt
    note: Callable[[str], None]
    settle: float
    """Seconds after which a file that does not change and cannot be read is set aside."""
    clock: Callable[[], float]
    kept: Callable[[str], FileAt | None]
    """What the store says of a file by its name: dead letters are replayed meanwhile."""
    gone: bool = False
    file: pq.ParquetFile | None = field(default=None, init=False)
    group: tuple[int, pa.Table] | None = field(default=None, init=False)
    """The row group that is being handed over, and the number of its first row."""
    shape: tuple[int, int] = field(default=(-1, -1), init=False)
    """Size and time of change when it was last looked at."""
    over: tuple[int, int] | None = field(default=None, init=False)
    """The shape in which all its rows have been handed over."""
    since: float = field(default=0.0, init=False)
    """When it was first seen in this shape."""
    told: bool = field(default=False, init=False)
    """It is a dead letter already, and has changed since."""

    def close(self) -> None:
        """Let go of the file."""
        if self.file is not None:
            self.file.close()
            self.file = None
        self.group = None

    def look(self, path: str, size: int) -> None:
        """What its folder says of it now."""
        if path != self.at.path:
            self.at = replace(self.at, path=path)
        shape = (size, Path(path).stat().st_mtime_ns)
        if shape == self.shape:
            return
        self.shape, self.since = shape, self.clock()
        self.close()
        if not self.at.headed and not self.at.skipping:
            return
        same = self._same(size)
        if self.at.skipping and not (same and size == self.at.headed):
            self.note(f"{path} has changed since it was set aside; it is looked at again")
            kept = self.kept(self.at.name)
            self.told = kept is not None and kept.skipping
            self.at = replace(self.at, skipping=False)
        elif not same:
            self.note(f"{path} was written anew; it is read from its start")
        if not same:
            self.at = replace(self.at, position=0, head="", headed=0)

    def _same(self, size: int) -> bool:
        """Whether it holds what has been read of it, and goes on as it did."""
        return self._foot(size) == (self.at.head, self.at.headed)

    def _foot(self, size: int) -> tuple[str, int]:
        """What the file is known by: its size, and its last bytes, which describe the others."""
        with Path(self.at.path).open("rb") as file:
            file.seek(max(size - HEAD, 0))
            return file.read(min(size, HEAD)).hex()[-64:], size

    def _agree(self) -> None:
        """Go on behind what was taken of it by a replay of its dead letter."""
        kept = self.kept(self.at.name)
        if kept is not None and kept.position > self.at.position:
            here = self.at
            self.at = replace(kept, path=here.path, skipping=False)
            if not self._same(self.shape[0]):
                self.at = here

    @property
    def settled(self) -> bool:
        """Whether it has not changed for a while."""
        return self.clock() - self.since >= self.settle

    def take(self, most: int) -> Arrived | None:
        """Its next rows, of about so many bytes; None: there are none now."""
        if self.at.skipping or self.over == self.shape:
            return None
        if self.file is None:
            self._agree()
            try:
                self.file = pq.ParquetFile(
                    self.at.path, coerce_int96_timestamp_unit="us", page_checksum_verification=True
                )
            except (FileNotFoundError, PermissionError):
                raise
            except (pa.ArrowException, OSError) as error:
                return self._unreadable(error)
        return self._rows(self.file, most)

    def _rows(self, file: pq.ParquetFile, most: int) -> Arrived | None:
        position = self.at.position
        if position >= file.metadata.num_rows:
            self.close()
            self.over = self.shape
            return None
        try:
            if self.group is None or not (
                self.group[0] <= position < self.group[0] + self.group[1].num_rows
            ):
                self.group = _group_of(file, position)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            return self._unreadable(error)
        first, rows = self.group
        each = max(rows.nbytes // max(rows.num_rows, 1), 1)
        part = rows.slice(position - first, max(most // each, 1))
        return self._handed(part, position + part.num_rows)

    def _unreadable(self, error: Exception) -> Arrived | None:
        """It may still be written; once it no longer changes it is set aside."""
        if not self.settled:
            return None
        self.close()
        text = str(error).strip().splitlines()
        reason = text[0].rstrip(". ") if text else type(error).__name__
        return self.set_aside(f"the file is no Parquet file, or is damaged or cut short ({reason})")

    def set_aside(self, reason: str) -> Arrived:
        """All of it as one dead letter, until it changes."""
        head, size = self._foot(self.shape[0])
        self.at = replace(self.at, skipping=True, head=head, headed=size)
        if self.told:
            self.note(f"{self.at.path} stays set aside: {reason}")
            return self._arrived(Messages.of([], []), 0)
        return self._arrived(Messages.of([self.at.path.encode()], [0]), 0, dead=reason)

    def _handed(self, rows: pa.Table, position: int) -> Arrived:
        first = self.at.position
        self._move(position)
        return self._arrived(rows, first)

    def _move(self, position: int) -> None:
        """It has been handed over up to here."""
        head, size = self._foot(self.shape[0])
        self.at = replace(self.at, position=position, head=head, headed=size)
        self.told = False

    def _arrived(
        self,
        content: Messages | pa.Table,
        first: int,
        dead: str | None = None,
        form: Form = "file",
    ) -> Arrived:
        at = self.at

        def put(batch: Batch) -> None:
            put_file(batch, self.source, at)

        return Arrived(self.source, at.path, content, first, put, form=form, dead=dead)

    def last_line(self) -> Arrived | None:
        """Rows have no end that could be missing."""
        return None

    def forgotten(self) -> Arrived:
        """What takes its record out of the store."""
        at = self.at

        def put(batch: Batch) -> None:
            drop_file(batch, self.source, at)

        return Arrived(self.source, at.path, Messages.of([], []), 0, put)


def _group_of(file: pq.ParquetFile, row: int) -> tuple[int, pa.Table]:
    """The row group that holds a row, after the number of its first."""
    first = 0
    for i in range(file.metadata.num_row_groups):
        size = file.metadata.row_group(i).num_rows
        if first <= row < first + size:
            return first, file.read_row_group(i)
        first += size
    raise AssertionError(f"{file.metadata.num_rows} rows have no row {row}")
