"""A store that another process writes, read as of whole commits, by any number of threads.

Catching up with a writer is not atomic, so there are two openings: one is read while the other
catches up, and they change places when the other shows a commit whole. What is read is therefore
always one commit, and reading never waits for catching up.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

from bighead.storage.closing import Closing
from bighead.storage.database.commits import whole
from bighead.storage.database.rocks import Rocks
from bighead.storage.errors import FormatError, StoreError
from bighead.storage.sets.definitions import is_whole
from bighead.storage.store import Settings, Store

_PAUSE = 0.002
"""Seconds between two looks at a commit of which parts are missing."""
_LOOKS = 10
"""After so many the database is opened anew: where nothing more is written, nothing more comes."""


@dataclass(slots=True)
class _Opening:
    """A store, the commit that it shows, and how many are reading it."""

    path: Path
    private: Path
    settings: Settings
    store: Store
    database: Rocks
    commit: int = 0
    readers: int = 0

    @classmethod
    def open(cls, path: Path, private: Path, settings: Settings) -> _Opening:
        private.mkdir(parents=True, exist_ok=True)
        database = Rocks(path, create=False, follow=private)
        return cls(path, private, settings, Store(database, settings), database)

    def catch_up(self, patience: float) -> None:
        """Go on to a later commit that is there whole.

        Raises FormatError for a store of another format, StoreError where none is there in time.
        """
        until = time.monotonic() + patience
        for look in count(1):
            failure: StoreError | None = None
            try:
                if look % _LOOKS == 0:
                    self._open_anew()
                self.database.catch_up()
                if self._shows_whole():
                    return
            except FormatError:
                raise
            except StoreError as error:  # a file went that was just read, say: look again
                failure = error
            if time.monotonic() > until:
                raise failure or StoreError(
                    f"the store in {self.path} shows parts of commits only; see that its writer "
                    "runs, and verify the store where it does not"
                )
            time.sleep(_PAUSE)

    def _shows_whole(self) -> bool:
        """Whether a commit is there whole; it is the one that is shown from now on."""
        found = whole(self.database, self.commit)
        if found is None:
            return False
        if found != self.commit or not self.store.sets:
            self.store.reload()
        if not all(is_whole(self.database, d) for d in self.store.sets.values()):
            return False
        self.commit = found
        return True

    def _open_anew(self) -> None:
        """See what the files hold now. Where that fails what was open stays so."""
        opened = Rocks(self.path, create=False, follow=self.private)
        old, self.database = self.database, opened
        self.store.database = opened
        with suppress(StoreError):  # nothing more is read of it
            old.close()


class Followed(Protocol):
    """A store of which whole commits are read, whoever writes it."""

    @property
    def committed(self) -> int:
        """The commit that is read."""
        ...

    def refresh(self) -> int:
        """Go on to a later commit, if there is one; the number of the commit that is read now."""
        ...

    def reading(self) -> AbstractContextManager[Store]:
        """The store as of that commit, which stays so meanwhile."""
        ...


class Follower(Closing):
    """Reads the store that another process writes.

    >>> with Follower(Path("online"), Path("notes")) as follower:  # doctest: +SKIP
    ...     follower.refresh()
    ...     with follower.reading() as store:
    ...         store.fetch("listing_nights", keys, times)

    private: a folder of this process alone. patience: seconds to wait for a commit to be whole.
    Raises StoreError where there is no store.
    """

    def __init__(
        self,
        path: Path,
        private: Path,
        settings: Settings | None = None,
        *,
        patience: float = 10.0,
    ) -> None:
        self.patience = patience
        self._refreshing = threading.Lock()
        self._lock = threading.Condition()
        given = settings or Settings()
        with ExitStack() as opened:
            self._serving = _Opening.open(path, private / "0", given)
            opened.callback(self._serving.store.close)
            self._serving.catch_up(patience)
            self._other = _Opening.open(path, private / "1", given)
            opened.pop_all()
        self._other.store.recent = self._serving.store.recent

    @property
    def committed(self) -> int:
        """The commit that is read."""
        return self._serving.commit

    def refresh(self) -> int:
        """Go on to a later commit, if there is one; the number of the commit that is read now."""
        with self._refreshing:
            other = self._other
            with self._lock:
                self._lock.wait_for(lambda: other.readers == 0)
            other.catch_up(self.patience)
            if other.commit > self._serving.commit:
                with self._lock:
                    self._serving, self._other = other, self._serving
            return self._serving.commit

    @contextmanager
    def reading(self) -> Iterator[Store]:
        """The store as of the commit that is read, which stays so meanwhile; nothing is written."""
        with self._lock:
            opening = self._serving
            opening.readers += 1
        try:
            yield opening.store
        finally:
            with self._lock:
                opening.readers -= 1
                if opening is not self._serving:  # else nobody waits for it
                    self._lock.notify_all()

    def close(self) -> None:
        """Let go of the files; nobody reads any more."""
        with ExitStack() as opened:
            for opening in (self._serving, self._other):
                opened.callback(opening.store.close)


@contextmanager
def beside_a_writer(path: Path) -> Iterator[Store]:
    """A store as of its last commit, whoever writes it meanwhile.

    Raises StoreError where there is no store.
    """
    with tempfile.TemporaryDirectory() as notes:
        opening = _Opening.open(path, Path(notes), Settings())
        try:
            opening.catch_up(10.0)
            yield opening.store
        finally:
            opening.store.close()
