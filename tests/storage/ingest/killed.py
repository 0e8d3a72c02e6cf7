"""A process that follows a folder until it kills itself.

WHEN: the number of the commit at which it ends, 0: never. HOW: `before` or `after` that commit is
written; or `full`: files may not grow beyond a few blocks, as on a full disk.
"""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

from bighead.storage.database.database import Batch
from bighead.storage.database.rocks import Rocks
from bighead.storage.errors import StoreError
from bighead.storage.ingest.files import FileDoor
from bighead.storage.ingest.ingester import Ingester, Settings
from bighead.storage.ingest.positions import files_at
from bighead.storage.ingest.sources import sources_of
from bighead.storage.store import Store
from tests.storage.ingester import SMALL
from tests.storage.mortal import Say

FULL = 60_000
"""Bytes of a file, where the disk is full."""


class Ending(Rocks):
    """A database whose process ends at one of its writes."""

    when = 0
    before = True
    writes = 0

    def write(self, batch: Batch, sync: bool) -> None:
        """Write, or end before or after it."""
        Ending.writes += 1
        if Ending.writes == Ending.when and Ending.before:
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(batch, sync)
        if Ending.writes == Ending.when:
            os.kill(os.getpid(), signal.SIGKILL)


def follow(path: Path, folder: Path, when: int, how: str, say: Say) -> None:
    """Take what the folder holds, in many small commits."""
    Ending.when, Ending.before = when, how == "before"
    with Store.over(Ending(path, create=False), SMALL) as store:
        if how == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, FULL))
        known = list(files_at(store.database, "events"))
        door = FileDoor("events", str(folder), known, look_every=0.0, settle=0.0)
        loop = Ingester(store, sources_of(store), [door], Settings(wait=0.0, most=1500))
        try:
            loop.run(once=True)
        except StoreError as error:
            say(str(error))
            os._exit(3)
