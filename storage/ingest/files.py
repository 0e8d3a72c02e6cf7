"""Files that are followed: JSON lines as they grow; Parquet files, and compressed ones, when whole.

The door looks from time to time what there is, and takes from each file in turn what it has now.
A file that cannot be read keeps no other waiting, and is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.followed_lines import FollowedLines
from bighead.storage.ingest.followed_packed import FollowedPacked
from bighead.storage.ingest.followed_rows import FollowedRows
from bighead.storage.ingest.known_files import Followed, KnownFile, KnownFiles
from bighead.storage.ingest.out_of_reach import reason_of
from bighead.storage.ingest.patterns import kind_of, kind_of_file
from bighead.storage.ingest.positions import FileAt

OPEN_FILES = 100
"""Kept open at a time; the others are opened when they have grown."""


@dataclass(slots=True)
class FileDoor:
    """The files of one source, in a folder, by a pattern, or one."""

    source: str
    pattern: str
    known: Iterable[FileAt] = ()
    """What the store has taken of files before."""
    note: Callable[[str], None] = print
    longest: int = 16 << 20
    """Bytes of a line."""
    look_every: float = 0.25
    """Seconds between looks at the folder."""
    settle: float = 5.0
    """Seconds after which the end of a file that is gone is its end, and one that cannot be read
    is damaged."""
    again: float = 1.0
    """Seconds until a file that could not be read is tried once more."""
    clock: Callable[[], float] = time.monotonic
    kept: Callable[[str], FileAt | None] = lambda _: None
    """What the store says now of a file by its name."""
    there: KnownFiles = field(init=False)
    looked: float = field(default=float("-inf"), init=False)
    empty: bool = field(default=False, init=False)
    """The last turn found nothing."""

    def __post_init__(self) -> None:
        kind_of(self.pattern, self.source)
        lone = {at.name: at for at in self.known}
        self.there = KnownFiles(self.source, self.pattern, self.note, self._follow, lone)

    def _follow(self, at: FileAt) -> Followed:
        kind = kind_of_file(at.path)
        if kind == "lines":
            return FollowedLines(self.source, at, self.note, self.longest)
        if kind == "packed":
            return FollowedPacked(
                self.source, at, self.note, self.settle, self.clock, self.kept, longest=self.longest
            )
        return FollowedRows(self.source, at, self.note, self.settle, self.clock, self.kept)

    def take(self, most: int) -> list[Arrived]:
        """What the files have now."""
        if self.clock() - self.looked >= self.look_every:
            self.there.look()
            self.looked = self.clock()
        if self.there.away:
            self.empty = True
            return []
        found, self.there.stale = self.there.stale, []
        room = most
        for name, file in list(self.there.files.items()):
            while room > 0 and name in self.there.files:
                arrived = self._next(file, room)
                if arrived is None:
                    break
                found.append(arrived)
                room -= arrived.size
        self.empty = not found
        return found

    def _next(self, file: KnownFile, room: int) -> Arrived | None:
        if file.missing or self.clock() - file.tried < self.again:
            return None
        try:
            arrived = self._read(file, room)
        except FileNotFoundError:
            file.missing = self.there.out_of_reach(file.at)
            return None if file.missing else self.there.lose(file)
        except OSError as error:
            reason = reason_of(error)
            if reason not in (self.there.unseen.get(file.at.path), file.refused):
                self.note(f"{file.at.path} cannot be read ({reason}); it is tried again")
            file.refused, file.tried = reason, self.clock()
            return None
        file.refused, file.tried = "", float("-inf")
        return arrived

    def _read(self, file: KnownFile, room: int) -> Arrived | None:
        followed = file.followed
        arrived = followed.take(room)
        if arrived is not None:
            file.ended = None
            self._keep_few_open(file)
            return arrived
        if not followed.gone:
            return None
        if file.ended is None:
            file.ended = self.clock()
        if self.clock() - file.ended < self.settle:
            return None
        return followed.last_line() or self.there.forget(file.at.name)

    def _keep_few_open(self, file: KnownFile) -> None:
        files = self.there.files
        files[file.at.name] = files.pop(file.at.name)  # the newest last
        lines = [f.followed for f in files.values() if isinstance(f.followed, FollowedLines)]
        held = [followed for followed in lines if followed.handle is not None]
        for followed in held[: max(len(held) - OPEN_FILES, 0)]:
            if not followed.gone:
                followed.close()

    def done(self) -> bool:
        """Whether the last turn found nothing; what is unfinished is noted by `close`."""
        followed = [file.followed for file in self.there.files.values()]
        return self.empty and not any(
            f.gone or (isinstance(f, FollowedPacked) and f.opening is not None) for f in followed
        )

    def close(self) -> None:
        """Let go of all files; says which of them end in an unfinished line."""
        for file in self.there.files.values():
            followed = file.followed
            if isinstance(followed, FollowedLines) and followed.waiting > followed.at.position:
                self.note(
                    f"{followed.at.path} ends in an unfinished line of "
                    f"{followed.waiting - followed.at.position:,} bytes, which waits for its end"
                )
            followed.close()
        self.there.files.clear()
