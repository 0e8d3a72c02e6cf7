"""The doors of a store's sources, which come and go with its sets while an ingester runs.

What could not be opened is tried again in a thread of its own: a broker that is down is waited for
until it has had time to answer, and the other sources go on meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from threading import Thread

from bighead.storage.ingest.door import Door
from bighead.storage.ingest.ingester import Ingester
from bighead.storage.ingest.sources import sources_of
from bighead.storage.ingest.streams import StreamDoor
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.sources import Source


@dataclass(slots=True)
class Doors:
    """A door for each source that names a stream, and one for all producers."""

    open: Callable[[Source], Door | None]
    """None: the source names no stream. Raises BigheadError where it cannot be read."""
    note: Callable[[str], None]
    producers: StreamDoor | None = None
    again: float = 5.0
    """Seconds until a source is tried again that could not be read."""
    clock: Callable[[], float] = time.monotonic
    held: dict[str, Door | None] = field(default_factory=dict, init=False)
    """By source."""
    faults: dict[str, str] = field(default_factory=dict, init=False)
    """By source, why it cannot be read."""
    _trying: dict[str, Future[Door | None]] = field(default_factory=dict, init=False)
    """By source, what is under way."""
    _tried: float = field(default=float("-inf"), init=False)
    """When the last attempt ended."""

    @property
    def all(self) -> list[Door]:
        """Those that are open."""
        found: list[Door] = [door for door in self.held.values() if door is not None]
        return found if self.producers is None else [*found, self.producers]

    def begin(self, sources: Mapping[str, Source]) -> None:
        """Open a door for each source. Raises BigheadError where one does not open."""
        for name, source in sources.items():
            self.held[name] = self.open(source)

    def follow(self, ingester: Ingester) -> None:
        """Open the doors of sources that came since, and close those of sources that went.

        One that does not open is told of once and tried again, and the others go on.
        """
        sources = sources_of(ingester.store)
        ended = [name for name, trying in self._trying.items() if trying.done()]
        for name in ended:
            self._take(name, self._trying.pop(name).result)
        if sources == ingester.sources and not ended:
            self._try_again(sources)
            return
        for name in [name for name in self.held if name not in sources]:
            door = self.held.pop(name)
            self.faults.pop(name, None)
            if door is not None:
                door.close()
            self._forget(name)
        for name, source in sources.items():
            if name not in self.held:
                self._take(name, partial(self.open, source))
        if self.producers is not None:
            self.producers.change(sources)
        ingester.change(sources, self.all)

    def _try_again(self, sources: Mapping[str, Source]) -> None:
        """Begin to open what could not be opened, after a while."""
        if self._trying or self.clock() - self._tried < self.again:
            return
        for name in self.faults:
            trying: Future[Door | None] = Future()
            self._trying[name] = trying
            Thread(target=self._open_for, args=(sources[name], trying), daemon=True).start()

    def _open_for(self, source: Source, trying: Future[Door | None]) -> None:
        try:
            trying.set_result(self.open(source))
        except BaseException as error:  # noqa: BLE001  # it is raised where the door is taken
            trying.set_exception(error)

    def _take(self, name: str, opened: Callable[[], Door | None]) -> None:
        """What opens a source's door, or says why it does not."""
        try:
            self.held[name] = opened()
        except BigheadError as error:
            self.held[name] = None
            if self.faults.get(name) != str(error):
                self.note(f"the stream of {name} is not read: {error}")
            self.faults[name] = str(error)
            self._tried = self.clock()
            return
        if self.faults.pop(name, None) is not None:
            self.note(f"the stream of {name} is read now")

    def close(self) -> None:
        """Nothing comes any more."""
        for door in self.all:
            door.close()
        self.held.clear()
        for name in list(self._trying):
            self._forget(name)

    def _forget(self, name: str) -> None:
        """Nobody waits any more for a door to open."""
        trying = self._trying.pop(name, None)
        if trying is not None:
            trying.add_done_callback(_close)


def _close(opened: Future[Door | None]) -> None:
    door = None if opened.exception() is not None else opened.result()
    if door is not None:
        door.close()
