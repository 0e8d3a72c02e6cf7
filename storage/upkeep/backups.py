"""Backups: a store as it was at a moment, in a folder of its own, and back again.

A backup is made under another name and renamed when it is whole, so that what lies under its name
can be opened. Where another process writes the store, what its last commit holds is read beside it
and written anew; else files that do not change are linked.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from itertools import islice
from pathlib import Path

from bighead.storage.database.database import TABLES, View
from bighead.storage.database.origins import note_copy
from bighead.storage.database.rocks import Rocks
from bighead.storage.errors import LockedError, StoreError
from bighead.storage.following import beside_a_writer
from bighead.storage.store import Store

_ENTRIES = 10_000
"""That are copied by one write."""


def backup(store: Path, folder: Path) -> int:
    """Copy a store into a new folder; the number of its last commit.

    Another process may write to the store meanwhile. Raises StoreError where the folder exists, or
    where the store does not open.
    """
    _refuse_existing(folder, "name a folder that does not exist yet")
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        with Store.open(store, create=False) as opened:
            opened.backup(part)
            number = opened.committed
    except LockedError:
        with beside_a_writer(store) as opened:
            _copy(opened.database, part)
            number = opened.committed
    part.rename(folder)
    return number


def _copy(database: View, folder: Path) -> None:
    """All tables into a new database."""
    with closing(Rocks(folder)) as copy:
        for table in TABLES:
            entries = database.scan(table, b"", None)
            while batch := {(table, key): value for key, value in islice(entries, _ENTRIES)}:
                copy.write(dict(batch), sync=False)
        note_copy(copy)


def restore(folder: Path, store: Path) -> int:
    """Make a store of a backup, each tile of which is checked first; the number of its last commit.

    Raises StoreError where the store exists, DamagedError where the backup is not sound.
    """
    _refuse_existing(store, "move it away first, or name another folder")
    if not (folder / "CURRENT").exists():
        raise StoreError(f"there is no backup in {folder}; see that the path is that of a backup")
    part = store.with_name(f".{store.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copytree(folder, part)
        with Store.open(part, create=False) as opened:
            opened.verify()
            number = opened.committed
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    part.rename(store)
    return number


def _refuse_existing(path: Path, step: str) -> None:
    if path.exists():
        raise StoreError(f"{path} exists already; {step}")
