"""Files that are followed: JSON lines as they grow; Parquet files, and compressed ones, when whole.

A file is told from others by its device and number, and known again by how it begins; so one that
was renamed goes on where it was, and one that was cut, replaced or restored from a copy is noticed,
also after a restart. What cannot be reached for a while (a disk that is not mounted, a folder that
may not be looked into) is not gone, and is read on once it can be.
"""

from __future__ import annotations

import contextlib
import glob
import os
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal as OneOf

from bighead.storage.database.database import Batch
from bighead.storage.errors import StoreError
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.followed_lines import FollowedLines, head_of
from bighead.storage.ingest.followed_packed import COMPRESSIONS, FollowedPacked
from bighead.storage.ingest.followed_rows import FollowedRows
from bighead.storage.ingest.messages import Messages
from bighead.storage.ingest.out_of_reach import out_of_reach, reason_of
from bighead.storage.ingest.positions import FileAt, drop_file, put_file

LINES = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
PACKED = tuple(f"{kind}{how}" for kind in LINES for how in COMPRESSIONS)
OPEN_FILES = 100
"""Kept open at a time; the others are opened when they have grown."""

Followed = FollowedLines | FollowedRows


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
    files: dict[str, Followed] = field(default_factory=dict, init=False)
    looked: float = field(default=float("-inf"), init=False)
    empty: bool = field(default=False, init=False)
    """The last turn found nothing."""
    lone: dict[str, FileAt] = field(init=False)
    """Records whose files have not been seen yet."""
    gone_since: dict[str, float] = field(default_factory=dict, init=False)
    away: str = field(default="", init=False)
    """Why the folder cannot be looked into."""
    unseen: dict[str, str] = field(default_factory=dict, init=False)
    """By the path of a file or a folder, why it cannot be looked at."""
    unread: dict[str, tuple[str, float]] = field(default_factory=dict, init=False)
    """By name, why a file cannot be read, and when that was tried last."""
    missing: set[str] = field(default_factory=set, init=False)
    """The names of those that are not found and are not gone."""
    disks: dict[str, int] = field(default_factory=dict, init=False)
    """By folder, its device when a file of it was found first."""
    stale: list[Arrived] = field(default_factory=list, init=False)
    """Records that others have taken the place of."""

    def __post_init__(self) -> None:
        kind_of(self.pattern, self.source)
        self.lone = {at.name: at for at in self.known}

    def take(self, most: int) -> list[Arrived]:
        """What the files have now."""
        if self.clock() - self.looked >= self.look_every:
            self._look()
            self.looked = self.clock()
        if self.away:
            self.empty = True
            return []
        found, self.stale = self.stale, []
        room = most
        for name in list(self.files):
            while room > 0 and name in self.files:
                arrived = self._next(name, room)
                if arrived is None:
                    break
                found.append(arrived)
                room -= arrived.size
        self.empty = not found
        return found

    def _next(self, name: str, room: int) -> Arrived | None:
        _, tried = self.unread.get(name, ("", float("-inf")))
        if name in self.missing or self.clock() - tried < self.again:
            return None
        followed = self.files[name]
        try:
            arrived = self._read(name, followed, room)
        except FileNotFoundError:
            if self._out_of_reach(followed.at):
                return None
            self.note(
                f"{followed.at.path} is gone; it was read up to {followed.at.position:,}, and "
                "whether it had more cannot be told"
            )
            return self._forgotten(name)
        except OSError as error:
            reason = reason_of(error)
            if reason not in (self.unseen.get(followed.at.path), self.unread.get(name, ("",))[0]):
                self.note(f"{followed.at.path} cannot be read ({reason}); it is tried again")
            self.unread[name] = reason, self.clock()
            return None
        self.unread.pop(name, None)
        return arrived

    def _read(self, name: str, followed: Followed, room: int) -> Arrived | None:
        arrived = followed.take(room)
        if arrived is not None:
            self.gone_since.pop(name, None)
            self._keep_few_open(name)
            return arrived
        if not followed.gone:
            return None
        since = self.gone_since.setdefault(name, self.clock())
        if self.clock() - since < self.settle:
            return None
        return followed.last_line() or self._forgotten(name)

    def _forgotten(self, name: str) -> Arrived:
        """A file that is gone."""
        followed = self.files.pop(name)
        followed.close()
        self.gone_since.pop(name, None)
        self.unread.pop(name, None)
        self.unseen.pop(followed.at.path, None)
        return followed.forgotten()

    def _keep_few_open(self, name: str) -> None:
        self.files[name] = self.files.pop(name)  # the newest last
        held = [
            f for f in self.files.values() if isinstance(f, FollowedLines) and f.handle is not None
        ]
        for followed in held[: max(len(held) - OPEN_FILES, 0)]:
            if not followed.gone:
                followed.close()

    def _look(self) -> None:
        """New files, and what became of those that are known."""
        folder = Path(self.pattern)
        try:
            folder = folder_of(self.pattern)
            if _listed(self.pattern, folder):
                os.scandir(folder).close()
            else:  # to look for one file one need not be let in to list all
                (folder / ".").stat()
            self._look_into()
            away = ""
        except (FileNotFoundError, NotADirectoryError):
            away = f"there is no folder {folder} any more; its files are read on once it is"
            if not self.files and not self.lone:  # nor was one
                away = ""
        except OSError as error:
            away = f"{folder} cannot be read ({reason_of(error)}); it is tried again"
        if away:
            self.missing = set(self.files)
            if away != self.away:
                self.note(away)
        self.away = away

    def _look_into(self) -> None:
        seen: set[str] = set()
        for path in self._paths():
            try:
                self._see(path, seen)
            except FileNotFoundError:  # it went away meanwhile
                continue
            except OSError as error:
                self._unseen(path, reason_of(error))
            else:
                self.unseen.pop(path, None)
        before, self.missing = self.missing, set()
        for name, followed in self.files.items():
            if name not in seen and not followed.gone and not self._out_of_reach(followed.at):
                followed.gone = True
                if isinstance(followed, FollowedLines) and followed.handle is None:
                    self._find_again(followed)
        for name in [name for name in self.lone if name not in seen]:
            if not self._out_of_reach(self.lone[name]):
                self._renamed_meanwhile(self.lone.pop(name))
        if before and not self.missing:
            self.unseen.clear()  # told once more where it happens once more

    def _see(self, path: str, seen: set[str]) -> None:
        """What there is under a path; `seen`: the names of files that were found."""
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            return
        at = FileAt(path, found.st_dev, found.st_ino, 0)
        seen.add(at.name)
        if at.name not in self.files:
            self.files[at.name] = self._begun(at, found.st_size)
            folder = Path(path).parent
            self.disks.setdefault(str(folder), folder.stat().st_dev)
        self.files[at.name].gone = False
        self.files[at.name].look(path, found.st_size)

    def _out_of_reach(self, at: FileAt) -> bool:
        """Whether a file that was not found may still be there; that is said of its folder."""
        folder = str(Path(at.path).parent)
        reason = out_of_reach(at, self.disks.get(folder, at.device))
        if reason:
            self.missing.add(at.name)
            self._unseen(folder, reason)
        return bool(reason)

    def _unseen(self, path: str, reason: str) -> None:
        """Say once why something cannot be looked at; that is tried again at each look."""
        if self.unseen.get(path) != reason:
            self.note(f"{path} cannot be read ({reason}); it is tried again")
        self.unseen[path] = reason

    def _paths(self) -> list[str]:
        """The names there are, hidden ones left out."""
        pattern = self.pattern
        if Path(pattern).is_dir():
            pattern = f"{glob.escape(pattern)}/*"
        kinds = (*LINES, *PARQUET, *PACKED)
        return sorted(
            path
            for path in glob.glob(pattern, recursive=True)  # noqa: PTH207  # patterns may be absolute
            if not Path(path).name.startswith((".", "_")) and path.lower().endswith(kinds)
        )

    def _begun(self, at: FileAt, size: int) -> Followed:
        """A file that was not followed yet: from where it was left, else from its start."""
        kept = self.lone.get(at.name)
        if kept is None or not _is(kept, at.path, size):
            if kept is not None:
                self.note(f"{at.path} is another file than was read; it is read from its start")
            copied = self._copied(at, size)
            self.lone.pop(at.name, None)
            if copied is None:
                return self._followed(at)
            moved = replace(copied, device=at.device, inode=at.inode)
            self.stale.append(self._moved(copied, moved))
            return self._followed(moved)
        del self.lone[at.name]
        return self._followed(replace(kept, path=at.path))

    def _copied(self, at: FileAt, size: int) -> FileAt | None:
        """The record of a file of this name and beginning, as a restored copy has them, and one
        whose disk has another number since it was mounted again."""
        for name, kept in self.lone.items():
            if kept.path == at.path and kept.headed and _is(kept, at.path, size):
                return self.lone.pop(name)
        for name in self.missing.intersection(self.files):
            kept = self.files[name].at
            same = kept.path == at.path and kept.inode == at.inode
            if same and kept.headed and _is(kept, at.path, size):
                self._forgotten(name)
                self.disks.pop(str(Path(at.path).parent), None)
                return kept
        return None

    def _moved(self, before: FileAt, now: FileAt) -> Arrived:
        """What writes the record of a file under its other name."""

        def put(batch: Batch) -> None:
            drop_file(batch, self.source, before)
            put_file(batch, self.source, now)

        return Arrived(self.source, now.path, Messages.of([], []), 0, put)

    def _followed(self, at: FileAt) -> Followed:
        kind = kind_of(at.path, self.source)
        if kind == "lines":
            return FollowedLines(self.source, at, self.note, self.longest)
        if kind == "packed":
            return FollowedPacked(
                self.source, at, self.note, self.settle, self.clock, self.kept, longest=self.longest
            )
        return FollowedRows(self.source, at, self.note, self.settle, self.clock, self.kept)

    def _renamed_meanwhile(self, at: FileAt) -> None:
        """A file that has another name since the last run, beside its old one."""
        followed = self._followed(at)
        followed.gone = True
        if isinstance(followed, FollowedLines):
            self._find_again(followed)
        self.files[at.name] = followed

    def _find_again(self, followed: FollowedLines) -> None:
        folder = Path(followed.at.path).parent
        with contextlib.suppress(OSError):  # nothing may be looked up there, or it went
            for entry in os.scandir(folder):
                if entry.inode() == followed.at.inode and entry.is_file():
                    if _is(followed.at, entry.path, entry.stat().st_size):
                        followed.look(entry.path, entry.stat().st_size)

    def done(self) -> bool:
        """Whether the last turn found nothing; what is unfinished is noted by `close`."""
        return self.empty and not any(
            f.gone or (isinstance(f, FollowedPacked) and f.opening is not None)
            for f in self.files.values()
        )

    def close(self) -> None:
        """Let go of all files; says which of them end in an unfinished line."""
        for followed in self.files.values():
            if isinstance(followed, FollowedLines) and followed.waiting > followed.at.position:
                self.note(
                    f"{followed.at.path} ends in an unfinished line of "
                    f"{followed.waiting - followed.at.position:,} bytes, which waits for its end"
                )
            followed.close()
        self.files.clear()


def folder_of(pattern: str) -> Path:
    """The folder that all files of a pattern lie in, or below.

    >>> folder_of("/data/in/*.jsonl"), folder_of("/data/*/a.jsonl"), folder_of("/data/a.jsonl")
    (PosixPath('/data/in'), PosixPath('/data'), PosixPath('/data'))
    """
    path = Path(pattern)
    if path.is_dir() or not (path.suffix or glob.has_magic(path.name)):
        return path
    parts = path.parts[:-1]
    wild = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:wild])


def _listed(pattern: str, folder: Path) -> bool:
    """Whether files are looked for by the names that a folder has."""
    return glob.has_magic(pattern) or folder == Path(pattern)


def kind_of(path: str, source: str) -> OneOf["lines", "rows", "packed", "any"]:
    """How files of a name are read. Raises StoreError where they are not."""
    suffix = Path(path).suffix.lower()
    if suffix in LINES:
        return "lines"
    if suffix in PARQUET:
        return "rows"
    if path.lower().endswith(PACKED):
        return "packed"
    if suffix in ("", ".*") or Path(path).is_dir():
        return "any"
    raise StoreError(
        f"the stream of {source} cannot be read from {path}: files that are followed end in "
        f"{', '.join((*LINES, *PARQUET))}; of lines also {', '.join(COMPRESSIONS)} behind it"
    )


def _is(at: FileAt, path: str, size: int) -> bool:
    """Whether the file of a path is that of a record."""
    if kind_of(at.path, "") in ("rows", "packed"):
        return True  # `look` knows it by its foot
    if size < at.position:
        return False
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return head_of(handle, at.headed) == at.head if at.headed else True
    finally:
        os.close(handle)
