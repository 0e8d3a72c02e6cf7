"""The doors of a store's sources: files that are followed, topics of Kafka, producers' streams."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bighead.platform.cli.console import say
from bighead.zipline.errors import BigheadError

if TYPE_CHECKING:
    from bighead.storage.access.address import Address
    from bighead.storage.ingest.counters import Counters
    from bighead.storage.ingest.door import Door
    from bighead.storage.ingest.ingester import Ingester, Settings
    from bighead.storage.ingest.listening import Listener
    from bighead.storage.store import Store
    from bighead.zipline.ir.sources import Source

KAFKA = "kafka://"


@dataclass(frozen=True, slots=True)
class Streams:
    """Where the streams of sources are found."""

    folder: Path
    """Relative paths begin here."""
    kafka: str | None = None
    """host:port of brokers, for streams that name none."""
    kafka_options: Mapping[str, str] = field(default_factory=dict)
    group: str = "bighead"
    longest: int = 16 << 20
    """Bytes of a line."""
    note: Callable[[str], None] = say


def open_doors(store: Store, sources: Mapping[str, Source], streams: Streams) -> list[Door]:
    """A door for each source that names a stream. Raises BigheadError where one does not open."""
    doors: list[Door] = []
    try:
        for source in sources.values():
            stream = source.option("stream")
            if isinstance(stream, str):
                doors.append(_open(store, source, stream, streams))
    except BaseException:
        for door in doors:
            door.close()
        raise
    return doors


def _open(store: Store, source: Source, stream: str, streams: Streams) -> Door:
    from bighead.storage.ingest.files import FileDoor
    from bighead.storage.ingest.positions import files_at

    if stream.startswith(KAFKA):
        return _open_topic(store, source, stream.removeprefix(KAFKA), streams)
    scheme, there, _ = stream.partition("://")
    if there and scheme != "file":
        raise BigheadError(
            f"the stream of {source.name} is {stream}, and only kafka:// and files are read from; "
            "leave the option out where producers write to it"
        )
    pattern = str(streams.folder / stream.removeprefix("file://"))
    return FileDoor(
        source.name,
        pattern,
        known=list(files_at(store.database, source.name)),
        note=streams.note,
        longest=streams.longest,
    )


def _open_topic(store: Store, source: Source, stream: str, streams: Streams) -> Door:
    try:
        from bighead.storage.ingest.kafka import KafkaDoor
    except ModuleNotFoundError as error:
        raise BigheadError(
            f'{source.name} is read from Kafka, which needs a client: pip install "bighead[kafka]"'
        ) from error
    servers, slash, topic = stream.rpartition("/")
    if not slash:
        servers = streams.kafka or ""
    if not servers or not topic:
        raise BigheadError(
            f"the stream of {source.name} names the topic {topic or stream} and no broker; write "
            "kafka://host:port/topic, or give --kafka host:port"
        )
    name = source.name

    def offset(partition: str) -> int:
        return store.offset(name, partition)

    return KafkaDoor(
        name, topic, servers, offset, streams.group, streams.note, streams.kafka_options
    )


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
    producers: Producers | None


def run_ingester(path: Path, streams: Streams, settings: Settings, running: Running) -> None:
    """Take what comes into a store until a signal, or with `once` until nothing is left."""
    from bighead.storage.ingest.doors import Doors
    from bighead.storage.ingest.ingester import Ingester
    from bighead.storage.ingest.sources import sources_of
    from bighead.storage.requests.carrying_out import carry_out_all
    from bighead.storage.store import Settings as StoreSettings
    from bighead.storage.store import Store

    with Store.open(path, StoreSettings(sync=running.sync), create=False) as store:
        sources = sources_of(store)

        def opened(source: Source) -> Door | None:
            return next(iter(open_doors(store, {source.name: source}, streams)), None)

        doors = Doors(opened, streams.note)
        listener = None
        try:
            doors.begin(sources)
            if running.producers is not None:
                listener = _listen(store, sources, running.producers)
                doors.producers = listener.door
            if not doors.all:
                raise BigheadError(
                    "no source of the store's sets names a stream; declare WITH (stream = '...'), "
                    "or let producers write with --listen"
                )
            ingester = Ingester(store, sources, doors.all, settings)
            progress = Progress(ingester.counters, running.report_every, lambda: store.committed)

            def each() -> None:
                carry_out_all(store, path)
                doors.follow(ingester)
                progress()

            with _stopped_by_signals(ingester):
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


@contextmanager
def _stopped_by_signals(ingester: Ingester) -> Iterator[None]:
    """SIGINT and SIGTERM end the loop after its commit; a second one at once."""

    def stop(number: int, _frame: object) -> None:
        ingester.stop()
        signal.signal(number, before[signal.Signals(number)])

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
        say(f"{_told(total)}; commit {self.commit():,}")

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
            say(f"{rate:,.0f} messages/s: {_told(new)}; commit {self.commit():,}")
        self.said, self.before = now, total


def _told(counted: Counters) -> str:
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
