"""A process that streams into a store and uploads it until it is killed: FOLDER SEED.

Each generation is of a batch that is drawn by the seed and its number, so that whoever looks at the
store knows which rows it should have.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.storage.sets.values import numbers
from bighead.storage.store import Settings, Store
from bighead.storage.upload.building import Asked, Batch
from bighead.storage.upload.uploads import adopt_waiting, build
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.ingesting import Stamp
from bighead.zipline.ir.sources import Source
from bighead.zipline.windows import DAY, HOUR
from tests.storage.shop import START, bookings
from tests.storage.upload.scenario import Meeting, online_view

ROWS, LAST = 240, 6
SMALL = Settings(leaf=8, logged=4, buffer=64 << 10)


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


def upload(path: Path, seed: int) -> None:
    """Streams and uploads in turns, from where the last process was killed."""
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
            sys.stdout.write(f"{generation} {store.offset('events', '0')}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    upload(Path(sys.argv[1]), int(sys.argv[2]))
