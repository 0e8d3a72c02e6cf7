"""A file that is a dead letter, followed to its end as it is now, a portion at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from bighead.storage.database.database import Batch
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.followed_packed import FollowedPacked
from bighead.storage.ingest.followed_rows import FollowedRows
from bighead.storage.ingest.patterns import kind_of_file
from bighead.storage.ingest.positions import FileAt, file_at, put_file
from bighead.storage.store import Store

BYTES = 1 << 20
"""Of a file, in a commit."""


@dataclass(slots=True)
class ReplayedFile:
    """What of a file has been taken stands in the store, with each commit of its rows."""

    store: Store
    source: str
    path: str
    over: bool = field(default=False, init=False)
    reason: str = field(default="", init=False)
    """Why it could not be read to its end."""
    _followed: FollowedRows | None = field(default=None, init=False)
    _shape: tuple[int, int] = field(default=(-1, -1), init=False)

    def take(self) -> Arrived | None:
        """Its next rows; None where it is `over`, and while it is looked through."""
        try:
            stat = Path(self.path).stat()
            at = FileAt(self.path, stat.st_dev, stat.st_ino, 0)
            held = file_at(self.store.database, self.source, at.name)
            if held is not None and not held.skipping:
                self.close()  # it has changed since, and is followed again
                self.over = True
                return None
            if self._followed is not None and self._followed.at.position != _position(held):
                self.close()  # another replay has taken some of it meanwhile
            if self._followed is None:
                kind = FollowedPacked if kind_of_file(self.path) == "packed" else FollowedRows
                self._followed = kind(
                    self.source, held or at, _unheard, 0.0, time.monotonic, lambda _: None
                )
                self._followed.look(self.path, stat.st_size)
                self._followed.at = replace(self._followed.at, skipping=False)
                self._shape = self._followed.shape
            elif (stat.st_size, stat.st_mtime_ns) != self._shape:
                self._failed(f"{self.path} changed while it was replayed")
                return None
            arrived = self._followed.take(BYTES)
        except OSError as error:
            self._failed(f"{self.path} cannot be read: {error.strerror}")
            return None
        if arrived is None:
            followed = self._followed
            self.over = not (isinstance(followed, FollowedPacked) and followed.opening is not None)
        elif arrived.dead is not None and arrived.form == "file":
            self._failed(arrived.dead)
            return None
        return arrived

    def _failed(self, reason: str) -> None:
        self.over, self.reason = True, reason

    def put_on_the_way(self, batch: Batch) -> None:
        """Into the batch of what was taken last: nobody else goes on until all of it is."""
        assert self._followed is not None, "something was taken of it"
        put_file(batch, self.source, replace(self._followed.at, skipping=True))

    def put_end(self, batch: Batch) -> None:
        """Into a batch: all of it was taken."""
        if self._followed is not None and not self.reason:
            put_file(batch, self.source, self._followed.at)

    def close(self) -> None:
        """Let go of it."""
        if self._followed is not None:
            self._followed.close()
        self._followed = None


def _position(held: FileAt | None) -> int:
    return 0 if held is None else held.position


def _unheard(_note: str) -> None:
    """Whoever replays is told of the reason."""
