"""The thread that brings a store to what the definitions say, and looks for changes of them.

It reads files and batches, and makes uploads; whatever is written to the store is done by the
thread that writes it, between two commits. What cannot be done is told and tried again when a
definition or a batch has changed; everything else goes on meanwhile. After an error that nobody
foresaw all of it is tried again in a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

import pyarrow as pa

from bighead.platform.features.calls import Calls, Ended
from bighead.platform.features.examples import examples_of
from bighead.platform.features.keeping import (
    Held,
    Wanted,
    hold,
    lacks,
    retire,
    serve_ready,
    uploaded_rows,
    versions_of,
    withdraw_others,
)
from bighead.platform.features.screen import Screen, SetState, Standing, Told
from bighead.storage.errors import StoreError
from bighead.storage.store import Store
from bighead.storage.upload.building import MEMORY, Asked, Batch, Read
from bighead.storage.upload.package import Package, read_package
from bighead.storage.upload.uploads import build, waiting
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.sources import Source

LOOK, LOOK_AT_BATCHES = 0.5, 5.0
"""Seconds between looks at definitions, and at the files of batches."""
AGAIN = 5.0
"""Seconds until all is tried again after an error that nobody foresaw."""
_PAUSE = 0.02


class Definitions(Protocol):
    """Where it is said which sets are to be online."""

    def look(self) -> Wanted | None:
        """What is wanted now; None: nothing has changed since the last look.

        Raises BigheadError, once for each change, where it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Uploading:
    """How batches are taken in."""

    as_of: int | None = None
    """Rows of earlier times, in microseconds; None: all until now."""
    memory: int = MEMORY
    """Bytes of rows that are held at once."""


@dataclass(slots=True)
class Keeper:
    """Keeps, uploads and serves what is wanted."""

    store: Store
    path: Path
    definitions: Definitions
    uploading: Uploading
    calls: Calls
    screen: Screen
    clock: Callable[[], int] = lambda: time.time_ns() // 1000
    sets: tuple[SetState, ...] = ()
    """How each stands."""
    _wanted: Wanted | None = None
    _held: Sequence[Held] = ()
    _versions: dict[str, str] = field(default_factory=dict)
    _refused: dict[str, str] = field(default_factory=dict)
    """By set, what was told of why it is not online."""
    _complaint: str = ""
    """What was told of the last error that nobody foresaw."""
    _thread: Thread | None = None

    def start(self) -> None:
        """Begin. Raises BigheadError where the definitions cannot be read."""
        self._wanted = self.definitions.look()
        self._thread = Thread(target=self._run, name="keeper", daemon=True)
        self._thread.start()

    def join(self, seconds: float) -> None:
        """Wait for its end, once the calls have been told of it."""
        if self._thread is not None:
            self._thread.join(seconds)

    @property
    def _ending(self) -> Event:
        return self.calls.ending

    def _run(self) -> None:
        with suppress(Ended):
            while not self._ending.is_set():
                try:
                    if self._wanted is not None:
                        self._settle(self._wanted)
                    self._complaint = ""
                    self._wait()
                except Exception as error:  # noqa: BLE001  # nobody else would try it again
                    self._complain(error)
                    self._ending.wait(AGAIN)

    def _settle(self, wanted: Wanted) -> None:
        """Bring the store to what is wanted."""
        try:
            self._held, refused = self.calls.do(lambda: hold(self.store, wanted))
        except BigheadError as error:
            self._tell("failed", str(error), error=True)
            return
        for one in refused:
            if self._refused.get(one.name) != one.reason:
                self._tell(
                    "failed", f"{one.name} is not online: {one.reason}", error=True, set=one.name
                )
        self._refused = {one.name: one.reason for one in refused}
        names = [definition.name for definition, _ in wanted.sets]
        for gone in self.calls.do(lambda: list(withdraw_others(self.store, names))):
            self._tell("withdrawn", f"{gone} is served no more", set=gone)
        self._versions = versions_of(self.store, self._held, wanted.batches)
        tried: list[str] = []  # once each: files may change more often than an upload takes
        failed: list[str] = []
        while not self._ending.is_set():
            lacking = self._lacking(wanted, tried)
            # What has a batch, if an old one, is served while the new one is made.
            empty = [n for n in (*lacking, *failed) if self.store.sets[n].upload is None]
            self._serve(empty)
            name = next(iter(lacking), None)
            self._show(empty, failed, name)
            if name is None:
                break
            tried.append(name)
            if not self._upload(wanted, name, lacking[name]):
                failed.append(name)
        if self._held and not failed and not self._ending.is_set():
            names = [one.name for one in self._held]
            examples = examples_of([one.definition for one in self._held], wanted.batches)
            self._tell("ready", f"ready: {', '.join(names)}", sets=names, examples=examples)

    def _lacking(self, wanted: Wanted, tried: Collection[str]) -> dict[str, str]:
        """What else has to be uploaded, and why."""
        found = {}
        names = dict.fromkeys(n for one in self._held for n in one.sets)
        for name in names:
            if name not in tried:
                try:
                    why = lacks(self.store, name, wanted.batches, self.uploading.as_of)
                except BigheadError as error:
                    why = str(error)
                if why:
                    found[name] = why
        return found

    def _serve(self, empty: Sequence[str]) -> None:
        """Serve what lacks none of these."""
        for offer in self.calls.do(lambda: serve_ready(self.store, self._held, empty)):
            self._tell("served", f"{offer.name} is served", set=offer.name)
        for gone in self.calls.do(lambda: retire(self.store, self._held)):
            self._tell("withdrawn", f"{gone} is served no more: two newer ones are", set=gone)

    def _upload(self, wanted: Wanted, name: str, why: str) -> bool:
        """Make a set's next generation and have it taken in; whether that went well."""
        self._tell("uploading", f"uploading {name}: {why}", set=name, reason=why)
        began = time.monotonic()
        now = self.clock()
        as_of = now if self.uploading.as_of is None else self.uploading.as_of
        asked = Asked(as_of, memory=self.uploading.memory)
        try:
            left = waiting(self.store, self.path, name)
            if left is not None:  # by a process that ended; the batch may be another one by now
                self._taken_in(left)
            if left is None or lacks(self.store, name, wanted.batches, self.uploading.as_of):
                read = self._stoppable(wanted.batches.read(as_of))
                self._taken_in(build(self.store, self.path, name, asked, read))
        except Exception as error:  # noqa: BLE001  # the other sets are uploaded
            self._tell("failed", f"{name} cannot be uploaded: {said(error)}", error=True, set=name)
            return False
        rows, seconds = uploaded_rows(self.store.sets[name]), time.monotonic() - began
        text = f"{name} holds {rows:,} rows of batch, in {seconds:.1f} s"
        self._tell("uploaded", text, set=name, rows=rows, seconds=round(seconds, 3))
        return True

    def _stoppable(self, read: Read) -> Read:
        """Reads until all of it ends."""

        def pieces(batch: Batch) -> Iterator[pa.Table]:
            for piece in batch.pieces:
                if self._ending.is_set():
                    raise Ended
                yield piece

        def stoppable(source: Source, columns: Sequence[str]) -> Batch:
            batch = read(source, columns)
            return replace(batch, pieces=pieces(batch))

        return stoppable

    def _taken_in(self, package: Package) -> None:
        """Wait until the thread that writes has taken an upload in. Raises StoreError."""
        while package.folder.exists():
            try:
                refused = read_package(package.folder).refused
            except StoreError:
                refused = None  # it was taken in just now
            if refused is not None:
                raise StoreError(refused)
            if self._ending.wait(_PAUSE):
                raise Ended

    def _wait(self) -> None:
        """Until something else is wanted, or a batch is another one."""
        looked = time.monotonic()
        pending: dict[str, str] = {}
        while not self._ending.wait(LOOK):
            try:
                wanted = self.definitions.look()
            except BigheadError as error:
                self._tell("failed", f"the definitions stay as they were: {error}", error=True)
                continue
            except Exception as error:  # noqa: BLE001  # a file went while it was read, say
                self._complain(error)
                continue
            self._complaint = ""
            if wanted is not None:
                self._wanted = wanted
                return
            if self._wanted is not None and time.monotonic() - looked >= LOOK_AT_BATCHES:
                looked = time.monotonic()
                found = versions_of(self.store, self._held, self._wanted.batches)
                if found != self._versions and found == pending:  # nobody writes to it any more
                    return
                pending = found

    def _show(
        self, empty: Sequence[str] = (), failed: Sequence[str] = (), now: str | None = None
    ) -> None:
        """Note how the sets stand: which of the store's sets have no batch yet, which could not be
        uploaded, and which one is being uploaded."""

        def state(one: Held) -> Standing:
            if now in one.sets:
                return "uploading"
            if set(one.sets).intersection(failed):
                return "failed"
            return "waits" if set(one.sets).intersection(empty) else "served"

        self.sets = tuple(SetState(one.name, state(one)) for one in self._held)

    def _complain(self, error: Exception) -> None:
        """Tell an error that nobody foresaw, once as long as it stays the same."""
        text = said(error)
        if text != self._complaint:
            self._tell("failed", f"{text}; it is tried again", error=True)
        self._complaint = text

    def _tell(self, event: str, text: str, *, error: bool = False, **facts: object) -> None:
        self.screen.tell(Told(event, text, "error" if error else "info", facts))


def said(error: Exception) -> str:
    """What an error says; one that is neither ours nor the machine's is a bug.

    >>> said(OSError("no space")), said(KeyError("it"))
    ('no space', "this is a bug in bighead (KeyError('it'))")
    """
    known = isinstance(error, BigheadError | OSError)
    return str(error) if known else f"this is a bug in bighead ({error!r})"
