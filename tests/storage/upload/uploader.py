"""A process that streams into a store and uploads it until it is killed.

Each generation is of a batch that is drawn by the seed and its number, so that whoever looks at the
store knows which rows it should have.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.storage.database.rocks import Rocks
from bighead.storage.database.sorted_files import SortedFiles
from bighead.storage.errors import StoreError
from bighead.storage.following import beside_a_writer
from bighead.storage.sets.values import numbers
from bighead.storage.store import Settings, Store
from bighead.storage.upload.building import Asked, Batch
from bighead.storage.upload.uploads import adopt_waiting, build
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.ingesting import Stamp
from bighead.zipline.ir.sources import Source
from bighead.zipline.windows import DAY, HOUR
from tests.storage.mortal import Say, die_at
from tests.storage.shop import START, bookings
from tests.storage.upload.scenario import Meeting, online_view

ROWS, LAST = 240, 6
SMALL = Settings(leaf=8, logged=4, recent=4000, waiting=6, buffer=64 << 10)


def meeting_of(seed: int) -> Meeting:
    """How batch meets stream."""
    return "cut" if seed % 2 else "identity"


def rows_of(seed: int) -> pa.Table:
    """All rows, in the order of the stream; each is written to it at its number."""
    rng = np.random.default_rng(seed)
    times = START + rng.integers(0, 4 * DAY // HOUR, ROWS) * HOUR + rng.integers(-1, 2, ROWS)
    return bookings(rng, np.sort(times), 3)


def batch_of(seed: int, generation: int) -> tuple[pa.Table, int, int]:
    """The batch of a generation, below its time; that time, and the instant of its cut."""
    rng = np.random.default_rng((seed, generation))
    rows = rows_of(seed)
    as_of = START + generation * 12 * HOUR
    below = np.array(numbers(rows["ts"].combine_chunks().cast(pa.int64()))) < as_of
    keep = np.flatnonzero(below & (rng.random(ROWS) < 0.9))
    return rows.take(cast("Any", pa.array(keep))), as_of, 20 * generation


def expected(seed: int, generation: int, came: int) -> pa.Table:
    """The rows of a generation when so many have come by the stream."""
    rows = rows_of(seed).slice(0, came)
    if generation == 1:
        return rows
    batch, as_of, instant = batch_of(seed, generation)
    if meeting_of(seed) == "identity":
        known = set(numbers(batch["id"].combine_chunks()))
        keep = [i not in known for i in numbers(rows["id"].combine_chunks())]
    else:
        times = numbers(rows["ts"].combine_chunks().cast(pa.int64()))
        keep = [t >= as_of or i >= instant for i, t in enumerate(times)]
    return pa.concat_tables([batch, rows.filter(cast("Any", pa.array(keep, pa.bool_())))])


def stream(store: Store, rows: pa.Table, most: int) -> None:
    """Take the next rows."""
    first = store.offset("events", "0")
    end = min(first + most, ROWS)
    if end > first:
        written: Any = pa.array(range(first, end), pa.int64())
        stamp = Stamp("0", first)
        store.ingest(
            "events", rows.slice(first, end - first), stamp, arrival=Arrival(end, written=written)
        )


STEPS = (
    (Rocks, "write"),
    (Rocks, "adopt"),
    (Rocks, "drop"),
    (SortedFiles, "finish"),
    (Path, "rename"),
)
"""What changes something on the disk: a process may be killed with some of it done and some not."""


def upload(path: Path, seed: int, when: int, say: Say) -> None:
    """Streams and uploads in turns, from where the last process was killed.

    when: at which step of those above it is killed; 0: it goes on to its end.
    """
    steps = die_at(when, *STEPS)
    rows = rows_of(seed)
    with Store.open(path, SMALL) as store:
        store.define("set", online_view(meeting_of(seed)))
        while store.sets["set"].generation < LAST or store.offset("events", "0") < ROWS:
            while adopt_waiting(store, path, rows=8):
                stream(store, rows, 2)
            stream(store, rows, 15)
            generation = store.sets["set"].generation
            if generation < LAST:
                batch, as_of, instant = batch_of(seed, generation + 1)

                def read(_: Source, columns: Sequence[str], batch: pa.Table = batch) -> Batch:
                    some = batch.select(columns)
                    return Batch([some.slice(i, 20) for i in range(0, some.num_rows, 20)])

                build(store, path, "set", Asked(as_of, instant, 1500), read)
            say((generation, store.offset("events", "0"), steps[0]))


def upload_beside(path: Path, seed: int, when: int, say: Say) -> None:
    """Makes the next generation of a store that another process writes, unless it is killed."""
    with beside_a_writer(path) as store:
        batch, as_of, instant = batch_of(seed, store.sets["set"].generation + 1)

        def read(_: Source, columns: Sequence[str]) -> Batch:
            some = batch.select(columns)
            return Batch([some.slice(i, 20) for i in range(0, some.num_rows, 20)])

        steps = die_at(when, *STEPS)
        build(store, path, "set", Asked(as_of, instant, 1500), read)
        say(steps[0])


FULL = 3_000
"""Bytes of a file, where the disk is full."""


def upload_onto_a_full_disk(path: Path, seed: int, say: Say) -> None:
    """Says why the upload is not made, and what the set answers then."""
    batch, as_of, instant = batch_of(seed, 2)

    def read(_: Source, columns: Sequence[str]) -> Batch:
        return Batch([batch.select(columns)])

    with Store.open(path, SMALL) as store:
        store.define("set", online_view(meeting_of(seed)))
        stream(store, rows_of(seed), 100)
        resource.setrlimit(resource.RLIMIT_FSIZE, (FULL, FULL))
        try:
            build(store, path, "set", Asked(as_of, instant), read)
        except StoreError as error:
            say(str(error))
        say((store.sets["set"].generation, adopt_waiting(store, path)))
        os._exit(0)
