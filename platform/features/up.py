"""One process for all of it: definitions kept, batches uploaded, streams followed, features served.

Three threads share one store. This one takes streams in and is the only one that writes; the
*keeper* follows the definitions and makes uploads, and has everything written here, between two
commits; the *service* answers from the store as it stands. All that is known lies in the store and
in the sources, so that the process may end at any moment and be started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol

from bighead.platform.features.calls import Calls
from bighead.platform.features.doors import Streams, open_door
from bighead.platform.features.keeper import Definitions, Keeper, Uploading
from bighead.platform.features.screen import Level, Screen, SourceState, State, Told
from bighead.storage.access.telling import tell
from bighead.storage.errors import StoreError
from bighead.storage.ingest.doors import AGAIN, RARELY, Doors
from bighead.storage.ingest.ingester import Ingester, Settings
from bighead.storage.ingest.metrics import registry_of
from bighead.storage.ingest.streams import StreamDoor
from bighead.storage.requests.carrying_out import Carrier
from bighead.storage.retiring import Retiring
from bighead.storage.store import Store
from bighead.storage.writing.newest import newest_time

LOOK = 0.05
"""Seconds between two looks at what others ask for, and at which sources there are."""
SHOW = 0.25
"""Seconds between two looks at how things stand."""
_TRIED = "it is tried again; where that does not help once the reason is gone, start again"
LAST = 30.0
"""Seconds for what the keeper is doing to end."""


class Service(Protocol):
    """What answers requests, or takes rows, in threads of its own."""

    def start(self, store: Store) -> list[tuple[str, str]]:
        """Begin; what listens where. Raises BigheadError where it cannot."""
        ...

    def check(self) -> None:
        """Raises BigheadError where it has ended by itself."""
        ...

    def stop(self) -> None:
        """Take nothing more, and end what is under way."""
        ...


@dataclass(slots=True)
class Up:
    """All of it over one store, which nobody else writes."""

    store: Store
    path: Path
    """The store's folder."""
    definitions: Definitions
    streams: Streams
    screen: Screen
    services: list[Service] = field(default_factory=list)
    producers: StreamDoor | None = None
    """Where producers write, if they may."""
    uploading: Uploading = field(default_factory=Uploading)
    ingesting: Settings = field(default_factory=Settings)
    metrics: int | None = None
    """The port on which Prometheus is told what streams bring."""
    ending: Event = field(default_factory=Event)
    _shown: float = float("-inf")
    _addresses: list[tuple[str, str]] = field(default_factory=list)

    def stop(self) -> None:
        """End after the commit that is being made; from any thread, or a signal."""
        self.ending.set()

    def run(self) -> None:
        """Go on until `stop`. Raises BigheadError where it cannot begin, or the store fails."""
        doors = Doors(
            lambda source, patience: open_door(self.store, source, self.streams, patience),
            self.streams.note,
            self.producers,
        )
        ingester = Ingester(self.store, {}, doors.all, self.ingesting, broken=doors.broke)
        ingester.stopping = self.ending
        calls = Calls(self.ending)
        keeper = Keeper(self.store, self.path, self.definitions, self.uploading, calls, self.screen)

        carrier, retiring = Carrier(self.store, self.path), Retiring(self.store)
        looked = float("-inf")

        def each() -> None:
            nonlocal looked
            if calls.carry_out():
                doors.follow(ingester)  # before rows come of a source that went
            if time.monotonic() - looked >= LOOK:
                looked = time.monotonic()
                if carrier.turn():
                    looked = float("-inf")  # there is more to do
                retiring.turn()
                doors.follow(ingester)
                for service in self.services:
                    service.check()
            self._show(ingester, doors, keeper)

        with ExitStack() as stack:
            stack.callback(doors.close)
            for service in self.services:
                self._addresses += service.start(self.store)
                stack.callback(service.stop)
            if self.metrics is not None:
                port = tell(self.metrics, registry_of(ingester))
                self._addresses.append(("metrics of streams", f"127.0.0.1:{port}"))
            told = ", ".join(f"{what} on {where}" for what, where in self._addresses)
            self._tell("listening", told, addresses=dict(self._addresses))
            stack.callback(keeper.join, LAST)
            stack.callback(self.ending.set)
            keeper.start()
            self._take_in(ingester, doors, each)
            self._tell("stopping", "stopping")
        self._tell("stopped", f"stopped at commit {self.store.committed:,}")

    def _take_in(self, ingester: Ingester, doors: Doors, each: Callable[[], None]) -> None:
        """Go on until the end, and over commits that fail: what is asked is answered meanwhile."""
        complaint, pause, committed = "", AGAIN, 0

        def each_or_told() -> None:
            nonlocal complaint, pause
            if complaint and self.store.committed > committed:
                self._tell("written", "the store is written again")
                complaint, pause = "", AGAIN
            each()

        while not self.ending.is_set():
            try:
                ingester.run(each=each_or_told)
            except StoreError as error:
                if complaint != str(error):
                    self._tell("failed", f"{error}; {_TRIED}", "error")
                complaint, committed = str(error), self.store.committed
                doors.anew(ingester, "the store cannot be written now; open again")
                self.ending.wait(pause)
                pause = min(pause * 2, RARELY)

    def _show(self, ingester: Ingester, doors: Doors, keeper: Keeper) -> None:
        if time.monotonic() - self._shown < SHOW:
            return
        self._shown = time.monotonic()
        faults = doors.faults
        sources = tuple(
            SourceState(
                name,
                str(source.option("stream") or ""),
                ingester.counters[name],
                newest_time(self.store.database, name),
                faults.get(name, ""),
            )
            for name, source in ingester.sources.items()
        )
        state = State(self.store.committed, keeper.sets, sources, tuple(self._addresses))
        self.screen.show(state)

    def _tell(self, event: str, text: str, level: Level = "info", **facts: object) -> None:
        self.screen.tell(Told(event, text, level, facts))
