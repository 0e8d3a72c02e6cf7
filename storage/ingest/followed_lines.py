"""One file of lines, followed as it grows.

A line is taken when it ends, or when what stands there is a whole object, which nothing that
follows can change; an unfinished one waits. A file that was cut or written anew is read from its
start. One that was renamed or removed is read to its end through the handle that is open.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from bighead.storage.database.database import Batch
from bighead.storage.ingest.decode import is_object
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.messages import Messages, lines_of
from bighead.storage.ingest.positions import FileAt, drop_file, put_file

HEAD = 1024
"""Bytes by which a file is known again."""


@dataclass(slots=True)
class FollowedLines:
    """A file of lines and what of it has been handed over."""

    source: str
    at: FileAt
    note: Callable[[str], None]
    longest: int
    """Bytes of a line; more are set aside in pieces."""
    handle: int | None = None
    gone: bool = False
    """It has no name among those that are followed any more."""
    waiting: int = field(default=-1, init=False)
    """The size at which an unfinished line was last looked at."""

    def open(self) -> int:
        """The open file. Raises FileNotFoundError where another one has its name now."""
        if self.handle is None:
            handle = os.open(self.at.path, os.O_RDONLY | os.O_CLOEXEC)
            stat = os.fstat(handle)
            if (stat.st_dev, stat.st_ino) != (self.at.device, self.at.inode):
                os.close(handle)
                raise FileNotFoundError(self.at.path)
            self.handle = handle
        return self.handle

    def close(self) -> None:
        """Let go of the file; it is opened again when needed, by its path."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    def look(self, path: str, size: int) -> None:
        """What its folder says of it now."""
        if path != self.at.path:
            self.note(f"{self.at.path} is called {path} now")
            self.at = replace(self.at, path=path)
        if size < self.at.position:
            self.note(
                f"{path} was cut to {size:,} bytes, and {self.at.position:,} had been read; "
                "it is read from its start"
            )
            self._restart()
        elif self.at.headed and head_of(self.open(), self.at.headed) != self.at.head:
            self.note(f"{path} was written anew; it is read from its start")
            self._restart()

    def _restart(self) -> None:
        self.at = replace(self.at, position=0, head="", headed=0, skipping=False)
        self.waiting = -1

    @property
    def unread(self) -> int:
        """Bytes that were not handed over."""
        return max(os.fstat(self.open()).st_size - self.at.position, 0)

    def take(self, most: int) -> Arrived | None:
        """Its next whole lines, of about so many bytes; None: there are none now."""
        unread, position = self.unread, self.at.position
        if not unread or self.waiting == position + unread:
            return None
        data = os.pread(self.open(), min(unread, most), position)
        end = data.rfind(b"\n") + 1
        while not end and len(data) < min(unread, self.longest):
            data = os.pread(self.open(), min(unread, self.longest, 2 * len(data)), position)
            end = data.rfind(b"\n") + 1
        if self.at.skipping:
            return self._rest_of_line(data)
        if end:
            return self._handed(lines_of(data[:end], position), position + end)
        if len(data) >= self.longest:
            reason = f"the line is longer than {self.longest:,} bytes; this is a piece of it"
            return self._piece(data, reason, skipping=True)
        if is_object(data):
            return self._handed(lines_of(data, position), position + len(data))
        self.waiting = position + unread
        return None

    def last_line(self) -> Arrived | None:
        """What stands at its end without a line's end, to be taken as it is; None: nothing."""
        position = self.at.position
        data = os.pread(self.open(), self.longest, position)
        if not data:
            return None
        return self._handed(lines_of(data, position), position + len(data))

    def _rest_of_line(self, data: bytes) -> Arrived:
        end = data.find(b"\n") + 1
        reason = f"the line is longer than {self.longest:,} bytes; this is a piece of it"
        return self._piece(data[:end] if end else data, reason, skipping=not end)

    def _piece(self, data: bytes, reason: str, *, skipping: bool) -> Arrived:
        position = self.at.position
        messages = Messages.of([data], np.array([position], np.int64))
        return self._handed(messages, position + len(data), skipping=skipping, dead=reason)

    def _handed(
        self, messages: Messages, position: int, *, skipping: bool = False, dead: str | None = None
    ) -> Arrived:
        headed = min(position, HEAD)
        head = self.at.head if headed == self.at.headed else head_of(self.open(), headed)
        self.at = replace(self.at, position=position, head=head, headed=headed, skipping=skipping)
        at = self.at

        def put(batch: Batch) -> None:
            put_file(batch, self.source, at)

        return Arrived(self.source, at.path, messages, 0, put, dead=dead)

    def forgotten(self) -> Arrived:
        """What takes its record out of the store."""
        at = self.at

        def put(batch: Batch) -> None:
            drop_file(batch, self.source, at)

        return Arrived(self.source, at.path, Messages.of([], []), 0, put)


def head_of(handle: int, size: int) -> str:
    """What the first bytes of a file are known by."""
    return hashlib.blake2b(os.pread(handle, size, 0), digest_size=16).hexdigest()
