"""`python -m benchmarks.store`: what reads and writes of the online store cost, by the key's rows.

A set of 50 features (10 aggregates of bounded state over 5 windows up to a year) is kept for keys
of four kinds: few rows, 1,000 rows in a year, a million rows in a day, and 10,000 rows a second for
a minute. For each it says how long it took to take the rows, how many blocks a read at a random
time takes from the disk, and how long reads take, in this process.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.storage.store import Settings, Store
from bighead.zipline.aggregates import aggregate
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.nodes import Events, Feature, Scan, View
from bighead.zipline.ir.sources import EventSource
from bighead.zipline.windows import DAY, HOUR, MINUTE, Window

NOW = 1_735_689_600_000_000
_FIELDS: list[pa.Field[Any]] = [
    pa.field("listing", pa.int64()),
    pa.field("ts", pa.timestamp("us")),
    pa.field("nights", pa.int64()),
    pa.field("price", pa.float64()),
]
SCHEMA = pa.schema(_FIELDS)


@dataclass(frozen=True, slots=True)
class Kind:
    """Keys of one kind."""

    name: str
    keys: int
    rows: int
    """Of each key."""
    span: int
    """From the first to the last of them."""


KINDS = (
    Kind("20 rows in a year", 2000, 20, 365 * DAY),
    Kind("1,000 rows in a year", 100, 1000, 365 * DAY),
    Kind("1,000,000 rows in a day", 1, 1_000_000, DAY),
    Kind("10,000 rows a second", 1, 600_000, MINUTE),
)


def view() -> View:
    """Fifty features."""
    source = EventSource("bookings", SCHEMA, event_time=Column("ts", pa.timestamp("us")))
    events = Events(Scan(source, tuple(SCHEMA.names)), "bookings", source.event_time)
    nights, price = Column("nights", pa.int64()), Column("price", pa.float64())
    asked: list[tuple[str, tuple[Column, ...]]] = [("count_rows", ())]
    asked += [(f, (nights,)) for f in ("sum", "min", "max", "last")]
    asked += [(f, (price,)) for f in ("sum", "avg", "min", "max", "stddev_samp")]
    windows = [Window(HOUR), Window(DAY), Window(7 * DAY), Window(30 * DAY), Window(365 * DAY)]
    made = [
        Feature(f"f{i}_{w.suffix}", aggregate(name, args), w)
        for i, (name, args) in enumerate(asked)
        for w in windows
    ]
    return View(events, (Column("listing", pa.int64()),), tuple(made))


def rows_of(kind: Kind, rng: np.random.Generator, first: int) -> pa.Table:
    """The rows of keys of a kind, in the order of time."""
    count = kind.keys * kind.rows
    times = np.sort(NOW - rng.integers(1, kind.span, count))
    keys = first + rng.permutation(np.repeat(np.arange(kind.keys), kind.rows))
    columns: list[Any] = [
        pa.array(keys),
        pa.array(times).cast(pa.timestamp("us")),
        pa.array(rng.integers(1, 15, count)),
        pa.array(rng.normal(100, 30, count)),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def measure(kind: Kind, path: Path, batch: int, reads: int) -> str:
    """A line of the table."""
    rng = np.random.default_rng(1)
    rows = rows_of(kind, rng, 0)
    with Store.open(path, Settings()) as store:
        store.define("set", view())
        begin = time.perf_counter()
        for first in range(0, rows.num_rows, batch):
            store.ingest("bookings", rows.slice(first, batch))
        wrote = time.perf_counter() - begin
        took, blocks = [], []
        for i in range(reads):
            key = [pa.array([int(rng.integers(kind.keys))], pa.int64())]
            back = 0 if i % 2 else int(rng.integers(kind.span))
            at = pa.array([NOW - back], pa.int64())
            begin = time.perf_counter()
            fetched = store.fetch("set", key, at)
            took.append(1000 * (time.perf_counter() - begin))
            blocks.append(fetched.blocks)
        half, most = np.percentile(took, [50, 99])
        rate = rows.num_rows / wrote
    return (
        f"{kind.name:26}{rate:12,.0f}{np.mean(blocks):10.1f}{max(blocks):8}{half:10.2f}{most:10.2f}"
    )


def main() -> None:
    """Measure all kinds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=10_000, help="rows of a commit")
    parser.add_argument("--reads", type=int, default=300)
    parser.add_argument("--share", type=float, default=1.0, help="of the rows of each key")
    args = parser.parse_args()
    titles = ("rows/s in", "blocks", "most", "p50 ms", "p99 ms")
    sys.stdout.write(f"{'a key has':26}{titles[0]:>12}{titles[1]:>10}{titles[2]:>8}")
    sys.stdout.write(f"{titles[3]:>10}{titles[4]:>10}\n")
    for kind in KINDS:
        rows = max(int(kind.rows * args.share), 1)
        asked = Kind(kind.name, kind.keys, rows, kind.span)
        with tempfile.TemporaryDirectory() as folder:
            line = measure(asked, Path(folder) / "store", args.batch, args.reads)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
