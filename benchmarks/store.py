"""`python -m benchmarks.store`: what reads and writes of the online store cost, in this process.

A set of 50 features (aggregates of bounded state over 6 windows up to a year) is kept for keys of
four kinds: few rows, 1,000 rows in a year, a million rows in a day, and 10,000 rows a second for a
minute. For each it says how long it took to take the rows, how many blocks a key has to be read at
a random time, and how long a fetch takes for 1, 10 and 100 keys. Beside that it uploads the same
rows, and says how much is written either way. Then it takes rows of 100,000 keys
by commits of 5,000, each of them synced, as a stream would.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.storage.store import Settings, Store
from bighead.storage.upload.building import Asked, Batch
from bighead.storage.upload.uploads import adopt, build
from bighead.zipline.aggregates import aggregate
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.nodes import Events, Feature, Scan, View
from bighead.zipline.ir.sources import EventSource, Source
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
    Kind("1,000 rows in a year", 200, 1000, 365 * DAY),
    Kind("1,000,000 rows in a day", 1, 1_000_000, DAY),
    Kind("10,000 rows a second", 1, 600_000, MINUTE),
)
PIECE = 1 << 16
"""Rows that an upload reads at once."""
BATCHES = (1, 10, 100)
"""Keys of a fetch."""


def view(identity: bool = False) -> View:
    """Fifty features."""
    schema = SCHEMA.append(pa.field("id", pa.int64())) if identity else SCHEMA
    source = EventSource(
        "bookings",
        schema,
        event_time=Column("ts", pa.timestamp("us")),
        identity=("id",) if identity else (),
    )
    events = Events(Scan(source, tuple(SCHEMA.names)), "bookings", source.event_time)
    nights, price = Column("nights", pa.int64()), Column("price", pa.float64())
    asked: list[tuple[str, tuple[Column, ...]]] = [("count_rows", ()), ("last", (nights,))]
    asked += [(f, (nights,)) for f in ("sum", "min", "max")]
    asked += [(f, (price,)) for f in ("sum", "avg", "max", "stddev_samp")]
    lengths = (HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY)
    made = [
        Feature(f"f{i}_{w.suffix}", aggregate(name, args), w)
        for i, (name, args) in enumerate(asked)
        for w in map(Window, lengths)
    ]
    return View(events, (Column("listing", pa.int64()),), tuple(made[:50]))


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
        rate = rows.num_rows / (time.perf_counter() - begin)
        store.compact()
        size = store.database.size()["blocks"] / rows.num_rows
        blocks, cells = 0.0, ""
        for keys in BATCHES:
            took = []
            for i in range(reads):
                asked = pa.array(rng.integers(0, kind.keys, keys), pa.int64())
                back = np.zeros(keys, np.int64) if i % 2 else rng.integers(0, kind.span, keys)
                at = pa.array(NOW - back, pa.int64())
                begin = time.perf_counter()
                fetched = store.fetch("set", [asked], at)
                took.append(1000 * (time.perf_counter() - begin))
                blocks += fetched.blocks / reads if keys == 1 else 0
            half, most = np.percentile(took, [50, 99])
            cells += f"{half:8.2f}{most:8.2f}"
    return f"{kind.name:26}{rate:12,.0f}{size:8.1f}{blocks:8.1f}{cells}"


def upload(kind: Kind, path: Path, identity: bool) -> str:
    """A line: how long it takes to upload the rows of keys, and what that writes."""
    rows = rows_of(kind, np.random.default_rng(1), 0)
    rows = rows.append_column("id", pa.array(np.arange(rows.num_rows)))

    def read(_: Source, columns: Sequence[str]) -> Batch:
        some = rows.select(columns)
        return Batch([some.slice(i, PIECE) for i in range(0, rows.num_rows, PIECE)])

    with Store.open(path, Settings()) as store:
        store.define("set", view(identity))
        begin = time.perf_counter()
        package = build(store, path, "set", Asked(NOW), read)
        built = time.perf_counter()
        size = sum(p.stat().st_size for t in package.files for p in package.paths(t))
        adopt(store, path, package)
        end = time.perf_counter()
    name = kind.name + (", IDENTITY" if identity else "")
    rate, most = rows.num_rows / (end - begin), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"{name:38}{rate:12,.0f}{1000 * (end - built):12,.0f}{size / rows.num_rows:10.1f}"
        f"{most / 1024:10,.0f}"
    )


def stream(path: Path, seconds: float, keys: int, commit: int) -> str:
    """How many rows a second of many keys are taken by synced commits."""
    rng = np.random.default_rng(2)
    pieces = [rows_of(Kind("", commit, 1, HOUR), rng, 0) for _ in range(20)]
    pieces = [p.set_column(0, "listing", pa.array(rng.integers(0, keys, commit))) for p in pieces]
    slowest, taken = 0.0, 0
    with Store.open(path, Settings(sync=True)) as store:
        store.define("set", view())
        start, processor = time.perf_counter(), time.process_time()
        while (now := time.perf_counter()) - start < seconds:
            store.ingest("bookings", pieces[taken // commit % len(pieces)])
            taken += commit
            slowest = max(slowest, time.perf_counter() - now)
        wall, used = time.perf_counter() - start, time.process_time() - processor
    return (
        f"{keys:,} keys, commits of {commit:,} rows, synced: {taken / wall:,.0f} rows/s, "
        f"{taken / used:,.0f} a core's second, slowest commit {1000 * slowest:.0f} ms\n"
    )


def main() -> None:
    """Measure all kinds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=10_000, help="rows of a commit")
    parser.add_argument("--reads", type=int, default=300)
    parser.add_argument("--share", type=float, default=1.0, help="of the rows of each key")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the stream")
    args = parser.parse_args()
    sys.stdout.write(f"{'':54}{'fetch, ms: p50 and p99 of':>30}\n")
    titles = "".join(f"{f'{n} key' + 's' * (n > 1):>16}" for n in BATCHES)
    sys.stdout.write(f"{'a key has':26}{'rows/s in':>12}{'bytes':>8}{'blocks':>8}{titles}\n")
    for kind in KINDS:
        rows = max(int(kind.rows * args.share), 1)
        asked = Kind(kind.name, kind.keys, rows, kind.span)
        with tempfile.TemporaryDirectory() as folder:
            line = measure(asked, Path(folder) / "store", args.batch, args.reads)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    heads = f"{'rows/s up':>12}{'ms to adopt':>12}{'bytes':>10}{'MiB held':>10}"
    sys.stdout.write(f"{'':38}{heads}\n")
    for kind in KINDS:
        asked = Kind(kind.name, kind.keys, max(int(kind.rows * args.share), 1), kind.span)
        for identity in (False, True):
            with tempfile.TemporaryDirectory() as folder:
                line = upload(asked, Path(folder) / "store", identity)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(stream(Path(folder) / "store", args.seconds, 100_000, 5000))


if __name__ == "__main__":
    main()
