"""A store that is fed by a stream and uploaded, and beside it the rows that it should have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa

from bighead.storage.sets.values import numbers
from bighead.storage.store import Settings, Store
from bighead.storage.upload.building import Asked, Batch
from bighead.storage.upload.forgetting import forget_streams
from bighead.storage.upload.package import Package
from bighead.storage.upload.switching import advance, drop_old, go_back, take_in
from bighead.storage.upload.uploads import build
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.ingesting import Stamp
from bighead.zipline.ir.nodes import View
from bighead.zipline.ir.sources import EventSource, Source
from bighead.zipline.windows import DAY, HOUR, Window
from tests.storage.shop import START, asking, assert_equal, bookings, source, view

Meeting = Literal["identity", "cut"]
SMALL = Settings(leaf=8, logged=4, recent=4000, waiting=6)
KEYS = 3
OTHER = (Window(90 * 60 * 1_000_000), Window(3 * DAY, rows=2))
"""Windows of a set that is read from the blocks of the other."""


def online_source(meeting: Meeting) -> EventSource:
    """Bookings with a batch and a stream."""
    declared = source(identity=meeting == "identity")
    options: dict[str, Any] = {"batch": "b", "stream": "s"}
    if meeting == "cut":
        options["cut"] = True
    return replace(declared, options=tuple(sorted(options.items())))


def online_view(meeting: Meeting, windows: Sequence[Window] = ()) -> View:
    """A few features over them."""
    given = windows or (Window(HOUR), Window(DAY), Window(), Window(rows=3))
    return view(online_source(meeting), given, ("count_rows", "sum", "last", "max"))


@dataclass(frozen=True, slots=True)
class Held:
    """The batch of a generation."""

    rows: pa.Table
    as_of: int
    instant: int


@dataclass(slots=True)
class Scenario:
    """What has happened to a store."""

    path: Path
    meeting: Meeting
    rng: np.random.Generator
    store: Store = field(init=False)
    asked: View = field(init=False)
    rows: pa.Table = field(init=False)
    """All that will ever happen, in the order of the stream."""
    written: list[int] = field(init=False)
    came: int = 0
    current: Held | None = None
    previous: list[Held | None] = field(default_factory=list)
    forgets: bool = False
    """Rows of streams go that are asked for no more; then no upload is of an earlier time."""
    floor: tuple[int, int] = (START, START)

    def __post_init__(self) -> None:
        count = 120
        steps = 4 * DAY // HOUR
        times = START + self.rng.integers(0, steps, count) * HOUR + self.rng.integers(-1, 2, count)
        # Streams are roughly in order of time, and some rows come days late.
        late = self.rng.choice([0, HOUR, 3 * DAY], count, p=[0.5, 0.3, 0.2])
        order = np.argsort(times + late, kind="stable")
        self.written = sorted((times + late + 1).tolist())
        self.rows = bookings(self.rng, times[order], KEYS)
        self.asked = online_view(self.meeting)
        self.store = Store.open(self.path, SMALL)
        self.store.define("set", self.asked)
        self.store.define("other", online_view(self.meeting, OTHER))
        assert self.store.sets["other"].of == "set"

    def stream(self, most: int) -> None:
        """Take the next rows of the stream, and now and then some of the last again."""
        first = self.came
        again = int(self.rng.integers(0, 4)) if first else 0
        start, end = max(first - again, 0), min(first + most, self.rows.num_rows)
        written: Any = pa.array(self.written[start:end], pa.int64())
        self.store.ingest(
            "events",
            self.rows.slice(start, end - start),
            Stamp("0", start) if self.rng.random() < 0.5 or self.meeting == "cut" else None,
            arrival=Arrival(self.written[end - 1] if end else 0, written=written),
        )
        self.came = max(self.came, end)

    def package(self) -> tuple[Package, Held]:
        """Upload as of some time: of the batch some rows were lost, and some came to it alone."""
        as_of = START + int(self.rng.integers(0, 5 * DAY))
        instant = START + int(self.rng.integers(0, 6 * DAY))
        if self.forgets:
            as_of, instant = max(as_of, self.floor[0]), max(instant, self.floor[1])
            self.floor = (as_of, instant)
        happened = self.rng.random(self.rows.num_rows) < 0.8
        copies = np.flatnonzero(happened).tolist()
        if self.meeting == "identity":
            copies += copies[:10]  # copies count once
        batch = self.rows.take(cast("Any", pa.array(copies, pa.int64())))
        times = np.array(numbers(batch["ts"].combine_chunks().cast(pa.int64())))
        below = np.flatnonzero(times < as_of)
        held = batch.take(cast("Any", pa.array(below)))
        if self.meeting == "identity":
            ids = np.array(numbers(held["id"].combine_chunks()))
            held = held.take(cast("Any", pa.array(np.unique(ids, return_index=True)[1])))

        def read(_: Source, columns: Sequence[str]) -> Batch:
            rows = batch.select(columns)
            return Batch([rows.slice(i, 16) for i in range(0, rows.num_rows, 16)])

        asked = Asked(as_of, instant, memory=1500)
        return build(self.store, self.path, "set", asked, read), Held(held, as_of, instant)

    def upload(self) -> None:
        """Upload while the stream goes on."""
        package, held = self.package()
        self.stream(int(self.rng.integers(0, 8)))
        take_in(self.store, self.path, package)
        while advance(self.store, self.path, rows=10):
            if self.rng.random() < 0.3:
                self.stream(3)
            if self.rng.random() < 0.3:
                self.check(4)
            if self.rng.random() < 0.2:
                self.reopen()
        self.previous = [self.current]
        self.current = held
        drop_old(self.store)
        if self.forgets:
            forget_streams(self.store)

    def back(self) -> None:
        """Go back, if there is a generation before."""
        if not self.previous:
            return
        go_back(self.store, "set")
        while advance(self.store, self.path, rows=10):
            if self.rng.random() < 0.3:
                self.stream(3)
        self.current, self.previous = self.previous[0], [self.current]

    def reopen(self) -> None:
        """Close the store and open it again."""
        self.store.close()
        self.store = Store.open(self.path, SMALL)

    def expected(self) -> pa.Table:
        """The rows that count: of the batch, and those of the stream that are not in it."""
        rows = self.rows.slice(0, self.came)
        held = self.current
        if held is None:
            return rows
        if self.meeting == "identity":
            known = set(numbers(held.rows["id"].combine_chunks()))
            keep = [i not in known for i in numbers(rows["id"].combine_chunks())]
        else:
            times = numbers(rows["ts"].combine_chunks().cast(pa.int64()))
            keep = [
                t >= held.as_of or w >= held.instant
                for t, w in zip(times, self.written, strict=False)
            ]
        return pa.concat_tables([held.rows, rows.filter(cast("Any", pa.array(keep, pa.bool_())))])

    def check(self, questions: int) -> None:
        """The store answers what the reference says of the rows that count."""
        times = numbers(self.rows["ts"].combine_chunks().cast(pa.int64()))
        asked = asking(self.rng, times, KEYS, questions)
        assert_equal(self.store, "set", self.asked, self.expected(), asked)
        other = asking(self.rng, times, KEYS, 2)
        assert_equal(self.store, "other", online_view(self.meeting, OTHER), self.expected(), other)
