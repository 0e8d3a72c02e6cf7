"""What an upload makes before a store has it: sorted files in a folder, and a list of them.

The list is written last, under another name first; a folder with a list is whole, one without is
the leftover of an upload that ended early. The store's writer takes a whole one in, whichever
process made it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

from bighead.storage.database.database import Table
from bighead.storage.errors import StoreError
from bighead.storage.sets.generations import Generation, generation_facts, generation_of

UPLOADS = "uploads"
"""The folder of packages, in the folder of a store."""
_LIST, _FAILED = "package.json", "failed"
_CHUNK = 1 << 20
_LOCK = Lock()
_CHECKS: dict[Path, Future[None]] = {}
"""What is being checked, by folder."""


@dataclass(frozen=True, slots=True)
class Package:
    """An upload on its way into a store."""

    folder: Path
    set: str
    generation: Generation
    files: Mapping[Table, Sequence[str]]
    sums: Mapping[str, str]
    """The SHA-256 of each file."""
    newest: Mapping[str, int]
    """By source, the greatest time of a row."""

    @property
    def number(self) -> int:
        """Of the set, under which the files' keys are."""
        return int(self.folder.name.partition("-")[0])

    def paths(self, table: Table) -> list[Path]:
        """The files of a table."""
        return [self.folder / name for name in self.files[table]]

    def check(self) -> None:
        """Raises StoreError where a file is missing, or not what was written."""
        for name, said in self.sums.items():
            path = self.folder / name
            if not path.is_file() or _digest(path) != said:
                raise StoreError(
                    f"the file {path} of an upload of {self.set} is damaged or gone; run the "
                    "upload again"
                )

    def checking(self) -> Future[None]:
        """The same, beside what this thread does; asked again, what is under way."""
        with _LOCK:
            known = _CHECKS.get(self.folder)
            if known is None:
                known = _CHECKS[self.folder] = Future()
                Thread(target=self._check_for, args=(known,), daemon=True).start()
            return known

    def _check_for(self, done: Future[None]) -> None:
        try:
            self.check()
            done.set_result(None)
        except BaseException as error:  # noqa: BLE001  # whoever waits for it is told
            done.set_exception(error)

    def checked(self) -> None:
        """Nobody asks any more."""
        with _LOCK:
            _CHECKS.pop(self.folder, None)

    def write(self) -> None:
        """The list of files, which makes the package whole."""
        facts = {
            "set": self.set,
            "generation": generation_facts(self.generation),
            "files": {table: list(names) for table, names in self.files.items()},
            "sums": dict(self.sums),
            "newest": dict(self.newest),
        }
        draft = self.folder / f"{_LIST}.new"
        try:
            with draft.open("w", encoding="utf-8") as file:
                json.dump(facts, file)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self.folder / _LIST)
        except OSError as error:
            raise StoreError(
                f"the upload of {self.set} cannot be written: {error}; see that the disk has room"
            ) from error

    def refuse(self, reason: str) -> None:
        """Say that no store takes it, and why."""
        (self.folder / _FAILED).write_text(reason, encoding="utf-8")

    @property
    def refused(self) -> str | None:
        """Why no store takes it; None: nobody refused it."""
        said = self.folder / _FAILED
        return said.read_text(encoding="utf-8") if said.exists() else None

    def remove(self) -> None:
        """Delete its files."""
        (self.folder / _LIST).unlink(missing_ok=True)  # first, so that half of it is no package
        shutil.rmtree(self.folder, ignore_errors=True)


def sums_of(paths: Sequence[Path]) -> dict[str, str]:
    """What tells whether files are those that were written."""
    return {path.name: _digest(path) for path in paths}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def packages(store: Path) -> list[Package]:
    """The whole packages in a store's folder, refused ones too, the oldest first."""
    found = sorted((store / UPLOADS).glob(f"*/{_LIST}"), key=lambda p: p.parent.name)
    return [read_package(path.parent) for path in found]


def read_package(folder: Path) -> Package:
    """The package in a folder. Raises StoreError where it is none."""
    try:
        facts = json.loads((folder / _LIST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder} holds no whole upload: {error}; run it again") from error
    generation = generation_of(facts["generation"])
    assert generation is not None
    return Package(folder, facts["set"], generation, facts["files"], facts["sums"], facts["newest"])


@contextmanager
def alone(store: Path, number: int) -> Iterator[None]:
    """Only one process makes a package of a set; StoreError where another does."""
    uploads = store / UPLOADS
    uploads.mkdir(exist_ok=True)
    with (uploads / f"{number}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(
                "another process uploads the same set; wait until it has ended"
            ) from error
        yield


def folder_for(store: Path, number: int, generation: int) -> Path:
    """A new folder for a package; leftovers of earlier uploads of the set go."""
    uploads = store / UPLOADS
    for left in uploads.glob(f"{number}-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = uploads / f"{number}-{generation}"
    folder.mkdir(parents=True)
    return folder
