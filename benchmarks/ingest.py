"""`python -m benchmarks.ingest`: how many events a second a core takes into the online store.

JSON events of about 200 bytes for 100,000 keys, into a set of 6 aggregates over 6 windows, each
commit synced, from a file of lines. Beside the rate it says where
the time goes: reading, decoding, the store's own work, and writing. The process may use one core.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.storage.ingest.door import Door
from bighead.storage.ingest.files import FileDoor
from bighead.storage.ingest.ingester import Ingester, Settings
from bighead.storage.ingest.sources import sources_of
from bighead.storage.store import Settings as StoreSettings
from bighead.storage.store import Store
from bighead.zipline.aggregates import aggregate
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.nodes import Events, Feature, Scan, View
from bighead.zipline.ir.sources import EventSource
from bighead.zipline.windows import DAY, HOUR, Window

NOW = 1_735_689_600_000_000
_FIELDS: list[pa.Field[Any]] = [
    pa.field("id", pa.int64()),
    pa.field("listing", pa.int64()),
    pa.field("ts", pa.timestamp("us")),
    pa.field("nights", pa.int64()),
    pa.field("price", pa.float64()),
    pa.field("room", pa.string()),
]
SCHEMA = pa.schema(_FIELDS)
WINDOWS = tuple(Window(w) for w in (HOUR, DAY, 7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY))


def view(identity: bool) -> View:
    """Six aggregates over six windows."""
    stamp = Column("ts", pa.timestamp("us"))
    source = EventSource("events", SCHEMA, stamp, identity=("id",) if identity else ())
    events = Events(Scan(source, tuple(SCHEMA.names)), "events", source.event_time)
    nights, price = Column("nights", pa.int64()), Column("price", pa.float64())
    asked: list[tuple[str, tuple[Column, ...]]] = [
        ("count_rows", ()), ("sum", (nights,)), ("avg", (price,)), ("min", (price,)),
        ("max", (price,)), ("last", (price,)),
    ]  # fmt: skip
    made = [
        Feature(f"f{i}_{w.suffix}", aggregate(name, args), w)
        for i, (name, args) in enumerate(asked)
        for w in WINDOWS
    ]
    return View(events, (Column("listing", pa.int64()),), tuple(made))


def lines(count: int, keys: int, rng: np.random.Generator) -> Iterator[bytes]:
    """Events as they come: of now, give or take a few seconds."""
    listings = rng.integers(0, keys, count)
    nights = rng.integers(1, 15, count)
    prices = rng.normal(100, 30, count).round(2)
    times = NOW + np.arange(count) * 10 + rng.integers(0, 5_000_000, count)
    stamps = np.datetime_as_string(times.astype("datetime64[us]"))
    for i in range(count):
        event = {
            "id": i,
            "listing": int(listings[i]),
            "ts": str(stamps[i]),
            "nights": int(nights[i]),
            "price": float(prices[i]),
            "room": "entire_home",
            "agent": "Mozilla/5.0 (X11; Linux x86_64)",
            "session": f"{i:032x}",
        }
        yield json.dumps(event, separators=(",", ":")).encode()


@dataclass(slots=True)
class Clock:
    """Seconds of processor by what they were spent on; those of a part within another are its."""

    spent: dict[str, float] = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    since: float = 0.0

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """The time until the end of the block."""
        self._turn()
        self.running.append(name)
        try:
            yield
        finally:
            self._turn()
            self.running.pop()

    def _turn(self) -> None:
        now = time.thread_time()
        if self.running:
            name = self.running[-1]
            self.spent[name] = self.spent.get(name, 0.0) + now - self.since
        self.since = now

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*args: Any, **how: Any) -> Any:
            with self.on(name):
                return function(*args, **how)

        return timed


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run took."""

    rows: int
    commits: int
    seconds: float
    cpu: float
    """Seconds of processor, those of RocksDB's own threads among them."""
    spent: dict[str, float]
    """Seconds of processor by what they were spent on, by the one thread of the loop."""


def measure(store: Store, door: Door, wait: float, most: int) -> Measured:
    """Takes all that the door has."""
    clock = Clock()
    loop = Ingester(store, sources_of(store), [door], Settings(wait=wait, most=most))
    decoder = loop.decoders["events"]
    kept = type(decoder).decode
    database = type(store.database)
    writing = database.write
    begin, cpu = time.perf_counter(), time.process_time()
    try:
        type(decoder).decode = clock.around("decode", kept)  # type: ignore[method-assign]
        database.write = clock.around("write and sync", writing)  # type: ignore[method-assign]
        while True:
            with clock.on("read"):
                gathered = loop.gather()
            with clock.on("keep in the store"):
                loop.commit(gathered)
            if not gathered and door.done():
                break
    finally:
        type(decoder).decode = kept  # type: ignore[method-assign]
        database.write = writing  # type: ignore[method-assign]
    seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
    counted = loop.counters["events"]
    return Measured(counted.rows, counted.commits, seconds, cpu, clock.spent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--wait", type=float, default=0.05, help="seconds of a commit")
    parser.add_argument("--most", type=int, default=1_000_000, help="bytes of a commit")
    parser.add_argument("--identity", action="store_true", help="the source has an IDENTITY")
    parser.add_argument("--no-sync", action="store_true", help="commits are not synced")
    args = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        rng = np.random.default_rng(1)
        with path.open("wb") as file:
            file.writelines(line + b"\n" for line in lines(args.events, args.keys, rng))
        size = path.stat().st_size / args.events
        settings = StoreSettings(sync=not args.no_sync)
        with Store.open(Path(folder) / "store", settings) as store:
            store.define("set", view(args.identity))
            door = FileDoor("events", str(path))
            found = measure(store, door, args.wait, args.most)
            door.close()
    rows, commits = found.rows, found.commits
    sys.stdout.write(
        f"{rows:,} events of {size:.0f} bytes, {args.keys:,} keys, 6 windows x 6 aggregates, one "
        f"core, {'not ' * args.no_sync}synced\n"
        f"{rows / found.seconds:,.0f} events/s in {commits:,} commits of "
        f"{1000 * found.seconds / max(commits, 1):.0f} ms; "
        f"{rows / found.cpu:,.0f} events a second of processor\n"
    )
    others = found.cpu - sum(found.spent.values())
    parts = {**found.spent, "RocksDB's threads": others}
    for name, spent in sorted(parts.items(), key=lambda item: -item[1]):
        sys.stdout.write(
            f"  {name:20}{100 * spent / found.cpu:5.1f} %{1e6 * spent / rows:8.2f} us an event\n"
        )


if __name__ == "__main__":
    main()
