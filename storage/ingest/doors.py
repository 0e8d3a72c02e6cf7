"""The doors of a store's sources, which come and go with its sets while an ingester runs.

Each is opened in a thread of its own, since a broker that is down is waited for, and nobody else
waits with it. What does not open, or cannot be read any more, is told of once and tried again: soon
at first, then less and less often.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from threading import Thread

from bighead.storage.errors import SilentError
from bighead.storage.ingest.door import Door
from bighead.storage.ingest.ingester import Ingester
from bighead.storage.ingest.out_of_reach import reason_of
from bighead.storage.ingest.sources import sources_of
from bighead.storage.ingest.streams import StreamDoor
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.sources import Source

HASTE, PATIENCE = 0.9, 10.0
"""Seconds that a broker has for its answer: at first, so that it is soon told of, and later."""
AGAIN, RARELY = 1.0, 30.0
"""Seconds until a source is tried once more: after the first failure, and at most."""
_AT_ONCE = 0.05
"""Seconds in which what does not have to wait for anybody is open."""


@dataclass(slots=True)
class Fault:
    """Why a source is not read, and when it is tried again."""

    reason: str
    pause: float
    """Seconds from `since` on."""
    since: float = 0.0
    """When it failed last."""
    over: bool = False
    """It is read again; how often it failed is known until it has been read for a while."""


@dataclass(slots=True)
class Doors:
    """A door for each source that names a stream, and one for all producers."""

    open: Callable[[Source, float], Door | None]
    """Opens the door of a source whose stream has so many seconds to answer; None: it names none.

    Raises BigheadError where it cannot be read, SilentError where nobody answers.
    """
    note: Callable[[str], None]
    producers: StreamDoor | None = None
    again: float = AGAIN
    clock: Callable[[], float] = time.monotonic
    held: dict[str, Door | None] = field(default_factory=dict, init=False)
    """By source."""
    _faults: dict[str, Fault] = field(default_factory=dict, init=False)
    _trying: dict[str, Future[Door | None]] = field(default_factory=dict, init=False)
    """By source, what is under way."""
    _anew: bool = field(default=False, init=False)
    """All were closed, and are to be opened once more."""

    @property
    def all(self) -> list[Door]:
        """Those that are open."""
        found: list[Door] = [door for door in self.held.values() if door is not None]
        return found if self.producers is None else [*found, self.producers]

    @property
    def faults(self) -> dict[str, str]:
        """By source, why it is not read."""
        return {name: fault.reason for name, fault in self._faults.items() if not fault.over}

    def begin(self, sources: Mapping[str, Source], *, wait_for_all: bool) -> None:
        """Open a door for each source. Raises BigheadError where one does not open.

        wait_for_all: else a stream that does not answer at once is tried again later.
        """
        for name, source in sources.items():
            self._try(name, source, PATIENCE if wait_for_all else HASTE)
        for name in sources:
            opened = self._trying.pop(name)
            try:
                self.held[name] = opened.result()
            except SilentError as error:
                if wait_for_all:
                    raise
                self._failed(name, error)

    def follow(self, ingester: Ingester) -> None:
        """Open the doors of sources that came since, and close those of sources that went.

        One that does not open is told of once and tried again, and the others go on.
        """
        sources = sources_of(ingester.store)
        changed = self._anew or sources != ingester.sources
        if changed:
            self._anew = False
            known = {**self.held, **self._trying, **self._faults}
            for name in [name for name in known if name not in sources]:
                self._close(name)
            fresh = [n for n in sources if n not in self.held and n not in self._trying]
            for name in fresh:
                self._try(name, sources[name], HASTE)
            wait([self._trying[name] for name in fresh], _AT_ONCE)
            if self.producers is not None:
                self.producers.change(sources)
        ended = [name for name, trying in self._trying.items() if trying.done()]
        for name in ended:
            self._take(name, self._trying.pop(name))
        if changed or ended:
            ingester.change(sources, self.all)
        for name, fault in list(self._faults.items()):
            due = self.clock() - fault.since >= fault.pause
            if fault.over:
                if due:
                    del self._faults[name]
            elif due and name not in self._trying:
                self._try(name, sources[name], PATIENCE)

    def broke(self, door: Door, error: BigheadError) -> None:
        """A door cannot be read any more; it is opened anew, behind what was committed."""
        (name,) = [name for name, held in self.held.items() if held is door]
        self._failed(name, error)
        _closed(door)

    def anew(self, ingester: Ingester, reason: str) -> None:
        """Open all doors once more, behind what was committed: what they gave since is lost.

        reason: for producers, who send again what was not acknowledged.
        """
        self._anew = True
        for name in list(self.held):
            door = self.held.pop(name)
            if door is not None:
                _closed(door)
        if self.producers is not None:
            self.producers.interrupt(reason)
        ingester.change({}, [])

    def _try(self, name: str, source: Source, patience: float) -> None:
        """Begin to open a door."""
        trying: Future[Door | None] = Future()
        self._trying[name] = trying
        Thread(target=self._open, args=(source, patience, trying), daemon=True).start()

    def _open(self, source: Source, patience: float, trying: Future[Door | None]) -> None:
        try:
            trying.set_result(self.open(source, patience))
        except OSError as error:
            trying.set_exception(SilentError(_unopened(source, error)))
        except BaseException as error:  # noqa: BLE001  # it is raised where the door is taken
            trying.set_exception(error)

    def _take(self, name: str, opened: Future[Door | None]) -> None:
        """A door that is open now, or the reason why it is not."""
        try:
            self.held[name] = opened.result()
        except BigheadError as error:
            self._failed(name, error)
            return
        fault = self._faults.get(name)
        if fault is not None:
            self.note(f"the stream of {name} is read now")
            fault.since, fault.over = self.clock(), True

    def _failed(self, name: str, error: BigheadError) -> None:
        self.held[name] = None
        reason, before = str(error), self._faults.get(name)
        if before is None or before.over or before.reason != reason:
            self.note(f"the stream of {name} is not read: {reason}; it is tried again")
        pause = self.again if before is None else min(before.pause * 2, RARELY)
        self._faults[name] = Fault(reason, pause, self.clock())

    def close(self) -> None:
        """Nothing comes any more."""
        for name in {**self.held, **self._trying}:
            self._close(name)
        if self.producers is not None:
            self.producers.close()

    def _close(self, name: str) -> None:
        """A source that is read no more, and whose door nobody waits for."""
        door, trying = self.held.pop(name, None), self._trying.pop(name, None)
        self._faults.pop(name, None)
        if door is not None:
            door.close()
        if trying is not None:
            trying.add_done_callback(_close_opened)


def _unopened(source: Source, error: OSError) -> str:
    where = error.filename or source.option("stream")
    return f"{where} cannot be read ({reason_of(error)}); see that it is there and who may read it"


def _closed(door: Door) -> None:
    """Close it where nobody waits for that: who does not answer may not be heard to the end."""
    Thread(target=door.close, daemon=True).start()


def _close_opened(opened: Future[Door | None]) -> None:
    door = None if opened.exception() is not None else opened.result()
    if door is not None:
        door.close()
