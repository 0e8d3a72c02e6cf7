"""Taking the streams of a store's sources in, until a signal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bighead.platform.cli.console import say
from bighead.platform.cli.signals import stopped_by_signals
from bighead.zipline.errors import BigheadError

if TYPE_CHECKING:
    from bighead.platform.features.doors import Streams
    from bighead.storage.access.address import Address
    from bighead.storage.ingest.counters import Counters
    from bighead.storage.ingest.ingester import Settings
    from bighead.storage.ingest.listening import Listener
    from bighead.storage.store import Store
    from bighead.zipline.ir.sources import Source


@dataclass(frozen=True, slots=True)
class Producers:
    """Where producers write over gRPC, and who may."""

    address: Address
    tokens: Path | None
    largest: int
    """Bytes of a request."""


@dataclass(frozen=True, slots=True)
class Running:
    """How long to go on, and how to commit."""

    once: bool
    sync: bool
    report_every: float
    stamps: int
    """Microseconds for which it is kept when each row came."""
    producers: Producers | None
    metrics: int | None = None
    """The port on which Prometheus is told."""


def run_ingester(path: Path, streams: Streams, settings: Settings, running: Running) -> None:
    """Take what comes into a store until a signal, or with `once` until nothing is left."""
    from bighead.platform.features.doors import open_door
    from bighead.storage.access.telling import tell
    from bighead.storage.ingest.doors import Doors
    from bighead.storage.ingest.ingester import Ingester
    from bighead.storage.ingest.metrics import registry_of
    from bighead.storage.ingest.sources import sources_of
    from bighead.storage.requests.carrying_out import Carrier
    from bighead.storage.retiring import Retiring
    from bighead.storage.store import Settings as StoreSettings
    from bighead.storage.store import Store

    given = StoreSettings(sync=running.sync, stamps=running.stamps)
    with Store.open(path, given, create=False) as store:
        sources = sources_of(store)

        doors = Doors(
            lambda source, patience: open_door(store, source, streams, patience), streams.note
        )
        listener = None
        try:
            doors.begin(sources, wait_for_all=running.once)
            if running.producers is not None:
                listener = _listen(store, sources, running.producers)
                doors.producers = listener.door
            if not doors.all and not doors.faults:
                raise BigheadError(
                    "no source of the store's sets names a stream; declare WITH (stream = '...'), "
                    "or let producers write with --listen"
                )
            ingester = Ingester(store, sources, doors.all, settings)
            ingester.broken = None if running.once else doors.broke
            if running.metrics is not None:
                tell(running.metrics, registry_of(ingester))
            progress = Progress(ingester.counters, running.report_every, lambda: store.committed)

            carrier, retiring = Carrier(store, path), Retiring(store)

            def each() -> None:
                carrier.turn()
                retiring.turn()
                doors.follow(ingester)
                progress()

            with stopped_by_signals(ingester.stop):
                ingester.run(once=running.once, each=each)
            progress.last()
        finally:
            if listener is not None:
                listener.stop()
            doors.close()


def _listen(store: Store, sources: Mapping[str, Source], producers: Producers) -> Listener:
    from bighead.storage.access.authorizer import Open
    from bighead.storage.access.token_file import TokenFile
    from bighead.storage.ingest.listening import Listener
    from bighead.storage.ingest.streams import StreamDoor

    listener = Listener(
        StreamDoor(sources, store.offset),
        producers.address,
        Open() if producers.tokens is None else TokenFile(producers.tokens),
        producers.largest,
    )
    host = producers.address.place.rpartition(":")[0]
    say(f"producers write to {host}:{listener.start()}")
    return listener


@dataclass(slots=True)
class Progress:
    """Says now and then what came in."""

    counters: Mapping[str, Counters]
    every: float
    """Seconds."""
    commit: Callable[[], int]
    said: float = field(default_factory=time.monotonic)
    before: Counters | None = None

    def __call__(self) -> None:
        """A line, where it is time for one and something came."""
        now = time.monotonic()
        if now - self.said >= self.every:
            self._say(now)

    def last(self) -> None:
        """The sums of all."""
        total = self._total()
        say(f"{told(total)}; commit {self.commit():,}")

    def _total(self) -> Counters:
        from bighead.storage.ingest.counters import Counters

        total = Counters()
        for counters in self.counters.values():
            total = total.added(counters)
        return total

    def _say(self, now: float) -> None:
        from bighead.storage.ingest.counters import Counters

        total = self._total()
        new = total.since(self.before or Counters())
        if new.messages:
            rate = new.messages / (now - self.said)
            say(f"{rate:,.0f} messages/s: {told(new)}; commit {self.commit():,}")
        self.said, self.before = now, total


def told(counted: Counters) -> str:
    """What came, in words."""
    parts = [f"{counted.messages:,} messages", f"{counted.rows:,} rows taken"]
    for name, count in (
        ("copies", counted.copies),
        ("late", counted.late),
        ("expired", counted.expired),
        ("dead letters", counted.rejected),
    ):
        if count:
            parts.append(f"{count:,} {name}")
    return ", ".join(parts)
