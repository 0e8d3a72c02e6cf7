"""The store of a project that is up: opened by one process, or made anew.

A note beside it says which process that is, locked as long as the process lives, so that the number
of one that was killed is never told. What is deleted is given another name first: a kill on the way
leaves no half of a store under the name of a whole one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bighead.platform.cli.project import Project
from bighead.storage.errors import LockedError
from bighead.storage.store import Settings, Store
from bighead.zipline.errors import BigheadError

NOTE = "up.pid"


@contextmanager
def opened(
    project: Project, path: Path, settings: Settings, fresh: Path | None = None
) -> Iterator[Store]:
    """The store of a project, which nobody else writes. Raises BigheadError where somebody does.

    fresh: the log of what was served; what there is of both is deleted first.
    """
    project.state.mkdir(exist_ok=True)
    with (project.state / NOTE).open("a+") as note:
        ours = _locked(note)
        try:
            shutil.rmtree(_gone(path), ignore_errors=True)
            if fresh is not None:
                delete(path, fresh)
            store = Store.open(path, settings)
        except LockedError as error:
            if ours:
                raise  # it is no 'bighead up' of this project
            note.seek(0)
            pid = note.read().strip()
            known = f", as process {pid}" if pid else ""
            raise BigheadError(
                f"'bighead up' runs in {project.folder} already{known}; stop that one, or go on "
                "with it"
            ) from error
        with store:
            if ours:
                note.truncate(0)
                note.write(f"{os.getpid()}\n")
                note.flush()
            yield store


def delete(path: Path, log: Path) -> None:
    """Delete a store, whole or damaged, and the log that holds numbers of its commits.

    Raises LockedError where a process writes it, BigheadError for a folder of something else.
    """
    place = path.resolve()
    if place.is_dir() and any(place.iterdir()):
        lock = place / "LOCK"
        if not lock.exists() or not any((place / n).exists() for n in ("CURRENT", "IDENTITY")):
            raise BigheadError(
                f"{path} is not the folder of a store; name another one, or delete it yourself"
            )
        with lock.open("a") as held:
            if not _locked(held, fcntl.lockf):  # as the database locks it
                raise LockedError(f"another process writes the store in {path}; stop it")
            shutil.rmtree(log, ignore_errors=True)
            place.rename(_gone(path))
    shutil.rmtree(log, ignore_errors=True)
    shutil.rmtree(_gone(path), ignore_errors=True)


def _gone(path: Path) -> Path:
    """What a store is called while it is deleted."""
    place = path.resolve()
    return place.with_name(f".{place.name}.deleted")


def _locked(file: IO[str], lock: Callable[[IO[str], int], object] = fcntl.flock) -> bool:
    """Whether nobody else holds a file, which is held from now on until it is closed."""
    try:
        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
