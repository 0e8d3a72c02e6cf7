"""The loop: gather what has come, decode it, commit it with its offsets, acknowledge it.

One thread does all of it, since the store has one writer. What comes is gathered for up to `wait`
seconds from the first message on, or until it is `most` bytes; while a commit is written, doors
hold back: Kafka's client fetches ahead to its limit, streams wait, files lie where they are. When
nothing has come for a moment, rows that wait are put into the blocks of their keys, a few at a
time: the next message waits for a few of them only, and readers find the others where they are
quicker to read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event

import pyarrow as pa
import pyarrow.compute as pc

from bighead.storage.database.database import Batch
from bighead.storage.ingest.counters import Counters
from bighead.storage.ingest.decode import Decoder
from bighead.storage.ingest.door import Arrived, Door, Outcome
from bighead.storage.ingest.turn import Turn
from bighead.storage.sets.prepare import integers, values
from bighead.storage.store import Store
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.ingesting import Report
from bighead.zipline.errors import BigheadError, DataError
from bighead.zipline.expressions.arrow import compute, scalar
from bighead.zipline.ir.sources import EntitySource, EventSource, Source
from bighead.zipline.windows import HOUR


@dataclass(frozen=True, slots=True)
class Settings:
    """How the loop gathers."""

    wait: float = 0.05
    """Seconds from the first message to the commit, at most, where the store keeps up."""
    most: int = 8 << 20
    """Bytes of a commit."""
    tick: float = 0.005
    """Seconds between looks at the doors while nothing comes."""
    idle: float = 0.2
    """Seconds without a message after which rows that wait are put into the blocks of their keys,
    until the next one comes."""
    folded: int = 128 << 10
    """Bytes of them between two looks at the doors: some ten milliseconds' worth."""
    late_after: int = HOUR
    """Microseconds after its event time from which an event is counted as late."""

    def __post_init__(self) -> None:
        if min(self.wait, self.idle, self.late_after) < 0:
            raise BigheadError("wait, idle and late_after are not negative")
        if self.tick <= 0 or self.most < 1 or self.folded < 1:
            raise BigheadError("tick, most and folded are greater than zero")


@dataclass(slots=True)
class Ingester:
    """Takes what comes through doors into a store."""

    store: Store
    sources: Mapping[str, Source]
    doors: Sequence[Door]
    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], int] = lambda: time.time_ns() // 1000
    """Now, in microseconds: when messages arrive."""
    broken: Callable[[Door, BigheadError], None] | None = None
    """Is told of a door that cannot be read any more; None: that ends the loop."""
    counters: dict[str, Counters] = field(default_factory=dict, init=False)
    stopping: Event = field(default_factory=Event, init=False)
    decoders: dict[str, Decoder] = field(default_factory=dict, init=False)
    came: float = field(default_factory=time.monotonic, init=False)
    """When a message came last."""

    def __post_init__(self) -> None:
        self.change(self.sources, self.doors)

    def change(self, sources: Mapping[str, Source], doors: Sequence[Door]) -> None:
        """Take other sources, or by other doors, from the next turn on; from the loop's thread."""
        for name, source in sources.items():
            known = self.decoders.get(name)
            if known is None or known.source != source:
                self.decoders[name] = Decoder(source)
            self.counters.setdefault(name, Counters())
        self.sources, self.doors = sources, doors

    def run(self, *, once: bool = False, each: Callable[[], None] = lambda: None) -> None:
        """Go on until `stop`; with `once` until nothing is left of what is there now.

        each: is called after every turn. What was gathered when it stops is still committed.
        """
        while not self.stopping.is_set():
            gathered = self.gather()
            self.commit(gathered)
            each()
            if once and not gathered and all(door.done() for door in self.doors):
                while not self.stopping.is_set() and self.fold():
                    pass
                return

    def stop(self) -> None:
        """End after the commit that is being made; from any thread, or a signal."""
        self.stopping.set()

    def gather(self) -> list[Arrived]:
        """What comes until the time or the size of a commit is reached; may be nothing."""
        gathered: list[Arrived] = []
        self.doors = [*self.doors[1:], *self.doors[:1]]  # a full one leaves no room for others
        size = 0
        deadline = time.monotonic() + self.settings.wait
        while True:
            came = [a for door in self.doors for a in self._taken(door, self.settings.most - size)]
            if came:
                self.came = time.monotonic()
            if came and not gathered:
                deadline = self.came + self.settings.wait
            gathered += came
            size += sum(a.size for a in came)
            idle = not gathered and time.monotonic() - self.came >= self.settings.idle
            folded = idle and self.fold()
            left = deadline - time.monotonic()
            if size >= self.settings.most or left <= 0 or self.stopping.is_set():
                return gathered
            if not came and not folded:
                self.stopping.wait(min(self.settings.tick, left))

    def fold(self) -> bool:
        """Put some of the rows that wait into the blocks of their keys; whether any waited."""
        folded = self.store.fold_some(self.settings.folded)
        if folded is None:
            return False
        for name in folded.sources[:1]:
            self.counters.setdefault(name, Counters()).expired += folded.expired
        return True

    def _taken(self, door: Door, most: int) -> list[Arrived]:
        try:
            return door.take(most)
        except BigheadError as error:
            if self.broken is None:
                raise
            self.doors = [other for other in self.doors if other is not door]
            self.broken(door, error)
            return []

    def commit(self, gathered: Sequence[Arrived]) -> None:
        """Take what was gathered into the store, a commit a source, and say so."""
        by_source: dict[str, list[Arrived]] = {}
        for arrived in gathered:
            by_source.setdefault(arrived.source, []).append(arrived)
        for name, parts in by_source.items():
            self._commit_source(name, parts)

    def _commit_source(self, name: str, parts: Sequence[Arrived]) -> None:
        now = self.clock()
        turn = Turn(self.decoders[name], parts, now)
        rows = turn.rows

        def also(report: Report) -> Batch:
            turn.refuse(report.refused)
            batch: Batch = {}
            turn.put(batch, report.commit)
            return batch

        if rows is None:
            report = Report(commit=self.store.committed + 1)
            self.store.commit(also(report))
        else:
            arrival = Arrival(now, turn.unsaid, turn.written)
            report = self.store.ingest(name, rows, refuse=True, arrival=arrival, also=also)
        self._count(turn, rows, report)
        for i, arrived in enumerate(parts):
            arrived.told(Outcome(report.commit, turn.outcome(i)))

    def _count(self, turn: Turn, rows: pa.Table | None, report: Report) -> None:
        count = self.counters[turn.decoder.source.name]
        count.messages += turn.messages
        count.bytes += turn.size
        count.rows += report.rows - report.copies - len(report.refused)
        count.copies += report.copies
        count.expired += report.expired
        count.rejected += sum(map(len, turn.rejected))
        count.commits += 1
        count.lag = max(self.clock() - turn.oldest, 0)
        if rows is not None:
            count.late += late(turn.decoder.source, rows, turn.now - self.settings.late_after)


def late(source: Source, rows: pa.Table, before: int) -> int:
    """How many rows are of times before one, in microseconds."""
    time = None
    if isinstance(source, EventSource):
        time = source.event_time
    elif isinstance(source, EntitySource):
        time = source.changed
    if time is None:
        return 0
    try:
        times = integers(values(time, rows))
    except DataError:  # rows among them were refused for their times
        return 0
    return int(pc.sum(compute("less", times, scalar(before, pa.int64()))).as_py() or 0)
