"""What there is of the files that are followed: new ones, renamed ones, those gone or out of reach.

A file is told from others by its device and number, and known again by how it begins; so one that
was renamed goes on where it was, and one that was cut, replaced or restored from a copy is noticed,
also after a restart. What cannot be reached for a while (a disk that is not mounted, a folder that
may not be looked into) is not gone, and is read on once it can be.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bighead.storage.database.database import Batch
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.followed_lines import FollowedLines, head_of
from bighead.storage.ingest.followed_rows import FollowedRows
from bighead.storage.ingest.messages import Messages
from bighead.storage.ingest.out_of_reach import out_of_reach, reason_of
from bighead.storage.ingest.patterns import folder_of, is_listed, kind_of_file, paths_of
from bighead.storage.ingest.positions import FileAt, drop_file, put_file

Followed = FollowedLines | FollowedRows


@dataclass(slots=True)
class KnownFile:
    """A file that is followed, and how it stands."""

    followed: Followed
    missing: bool = False
    """It is not found, and is not gone."""
    ended: float | None = None
    """When it was gone first and there was no more of it."""
    refused: str = ""
    """Why it cannot be read."""
    tried: float = float("-inf")
    """When that was tried last."""

    @property
    def at(self) -> FileAt:
        """Which file it is, and what of it has been taken."""
        return self.followed.at


@dataclass(slots=True)
class KnownFiles:
    """The files of one source, as they were at the last look."""

    source: str
    pattern: str
    note: Callable[[str], None]
    follow: Callable[[FileAt], Followed]
    """Goes on with a file from where it was left."""
    lone: dict[str, FileAt]
    """Records whose files have not been seen yet, by name."""
    files: dict[str, KnownFile] = field(default_factory=dict, init=False)
    """By name."""
    away: str = field(default="", init=False)
    """Why the folder cannot be looked into."""
    incomplete: bool = field(default=False, init=False)
    """Something was not found that is not gone."""
    unseen: dict[str, str] = field(default_factory=dict, init=False)
    """By the path of a file or a folder, why it cannot be looked at."""
    disks: dict[str, int] = field(default_factory=dict, init=False)
    """By folder, its device when a file of it was found first."""
    stale: list[Arrived] = field(default_factory=list, init=False)
    """Records that others have taken the place of."""

    def look(self) -> None:
        """New files, and what became of those that are known."""
        folder = Path(self.pattern)
        try:
            folder = folder_of(self.pattern)
            if is_listed(self.pattern, folder):
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
            self.incomplete = bool(self.files)
            for file in self.files.values():
                file.missing = True
            if away != self.away:
                self.note(away)
        self.away = away

    def _look_into(self) -> None:
        seen: set[str] = set()
        for path in paths_of(self.pattern):
            try:
                self._see(path, seen)
            except FileNotFoundError:  # it went away meanwhile
                continue
            except OSError as error:
                self._unseen(path, reason_of(error))
            else:
                self.unseen.pop(path, None)
        before, self.incomplete = self.incomplete, False
        for name, file in self.files.items():
            followed = file.followed
            file.missing = name not in seen and not followed.gone and self.out_of_reach(file.at)
            if name not in seen and not followed.gone and not file.missing:
                followed.gone = True
                if isinstance(followed, FollowedLines) and followed.handle is None:
                    self._find_again(followed)
        for name in [name for name in self.lone if name not in seen]:
            if not self.out_of_reach(self.lone[name]):
                self._renamed_meanwhile(self.lone.pop(name))
        if before and not self.incomplete:
            self.unseen.clear()  # told once more where it happens once more

    def _see(self, path: str, seen: set[str]) -> None:
        """What there is under a path; `seen`: the names of files that were found."""
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            return
        at = FileAt(path, found.st_dev, found.st_ino, 0)
        seen.add(at.name)
        known = self.files.get(at.name)
        if known is not None and kind_of_file(known.at.path) != kind_of_file(path):
            self.stale.append(self.lose(known))  # another file has its number now
        if at.name not in self.files:
            self.files[at.name] = KnownFile(self._begun(at, found.st_size))
            folder = Path(path).parent
            self.disks.setdefault(str(folder), folder.stat().st_dev)
        followed = self.files[at.name].followed
        followed.gone = False
        followed.look(path, found.st_size)

    def out_of_reach(self, at: FileAt) -> bool:
        """Whether a file that was not found may still be there; that is said of its folder."""
        folder = str(Path(at.path).parent)
        reason = out_of_reach(at, self.disks.get(folder, at.device))
        if reason:
            self.incomplete = True
            self._unseen(folder, reason)
        return bool(reason)

    def _unseen(self, path: str, reason: str) -> None:
        """Say once why something cannot be looked at; that is tried again at each look."""
        if self.unseen.get(path) != reason:
            self.note(f"{path} cannot be read ({reason}); it is tried again")
        self.unseen[path] = reason

    def _begun(self, at: FileAt, size: int) -> Followed:
        """A file that was not followed yet: from where it was left, else from its start."""
        kept = self.lone.get(at.name)
        if kept is None or not _is(kept, at.path, size):
            if kept is not None:
                self.note(f"{at.path} is another file than was read; it is read from its start")
            copied = self._copied(at, size)
            self.lone.pop(at.name, None)
            if copied is None:
                return self.follow(at)
            moved = replace(copied, device=at.device, inode=at.inode)
            self.stale.append(self._moved(copied, moved))
            return self.follow(moved)
        del self.lone[at.name]
        return self.follow(replace(kept, path=at.path))

    def _copied(self, at: FileAt, size: int) -> FileAt | None:
        """The record of a file of this name and beginning, as a restored copy has them, and one
        whose disk has another number since it was mounted again."""
        for name, kept in self.lone.items():
            if kept.path == at.path and kept.headed and _is(kept, at.path, size):
                return self.lone.pop(name)
        for file in self.files.values():
            kept = file.at
            same = file.missing and kept.path == at.path and kept.inode == at.inode
            if same and kept.headed and _is(kept, at.path, size):
                self.forget(kept.name)
                self.disks.pop(str(Path(at.path).parent), None)
                return kept
        return None

    def _moved(self, before: FileAt, now: FileAt) -> Arrived:
        """What writes the record of a file under its other name."""

        def put(batch: Batch) -> None:
            drop_file(batch, self.source, before)
            put_file(batch, self.source, now)

        return Arrived(self.source, now.path, Messages.of([], []), 0, put)

    def _renamed_meanwhile(self, at: FileAt) -> None:
        """A file that has another name since the last run, beside its old one."""
        followed = self.follow(at)
        followed.gone = True
        if isinstance(followed, FollowedLines):
            self._find_again(followed)
        self.files[at.name] = KnownFile(followed)

    def _find_again(self, followed: FollowedLines) -> None:
        folder = Path(followed.at.path).parent
        with contextlib.suppress(OSError):  # nothing may be looked up there, or it went
            for entry in os.scandir(folder):
                if entry.inode() == followed.at.inode and entry.is_file():
                    if _is(followed.at, entry.path, entry.stat().st_size):
                        followed.look(entry.path, entry.stat().st_size)

    def lose(self, file: KnownFile) -> Arrived:
        """A file that is gone before its end was seen; says so."""
        self.note(
            f"{file.at.path} is gone; it was read up to {file.at.position:,}, and "
            "whether it had more cannot be told"
        )
        return self.forget(file.at.name)

    def forget(self, name: str) -> Arrived:
        """What takes the record of a file that is gone out of the store."""
        followed = self.files.pop(name).followed
        followed.close()
        self.unseen.pop(followed.at.path, None)
        return followed.forgotten()


def _is(at: FileAt, path: str, size: int) -> bool:
    """Whether the file of a path is that of a record."""
    if kind_of_file(at.path) != "lines":
        return True  # `look` knows it by its foot
    if size < at.position:
        return False
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return head_of(handle, at.headed) == at.head if at.headed else True
    finally:
        os.close(handle)
