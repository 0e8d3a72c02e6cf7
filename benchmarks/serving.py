"""How long a fetch takes over gRPC, beside an empty echo server in the same run.

`python -m benchmarks.serving`: a store of keys with 1,000 events each, spread over a year; sets of
10, 50 and 250 features over six windows up to a year; one process serves, another asks: first in a
closed loop, one call after the other, now the service and now the echo, so that both meet the same
noise; then at fixed rates, when a call is due whether those before it have their answers or not. A
call is measured from the values in Python, or from when it was due, to the columns in Arrow. Writes
SERVING.md, with histograms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pyarrow as pa

from bighead.planner.session import Session
from bighead.storage.fetch.client import Client
from bighead.storage.fetch.served import serve
from bighead.storage.fetch.settings import ServeSettings
from bighead.storage.store import Store
from bighead.zipline.catalog import FeatureSet

ROOT = Path(__file__).parent.parent
DAY = 86_400_000_000
START = 1_704_067_200_000_000
WINDOWS = ("1d", "7d", "30d", "90d", "180d", "365d")
AGGREGATES = ("SUM", "AVG", "MAX", "MIN", "COUNT", "LAST", "STDDEV")
FEATURES, BATCHES = (10, 50, 250), (1, 10, 100)
RATES = (50, 200)
"""Calls a second, of the fixed rates."""
BUSY = 0.7
"""Of a second that the calls of a rate may take in all, by their p90."""
BUCKETS = 2.0 ** np.arange(-2, 10)
"""Bounds of the histograms, in milliseconds."""
ECHO = "/benchmark.Echo/Echo"
"""An empty method: bytes in, the same bytes out."""


def declared(features: int) -> str:
    """A set of so many features: each aggregate of each column over six windows, until enough."""
    items: list[str] = []
    for column in range(8):
        for name in AGGREGATES:
            for window in WINDOWS:
                if len(items) < features:
                    feature = f"{name.lower()}_{column}_{window}"
                    items.append(f"{name}(v{column}) OVER (LAST '{window}') AS {feature}")
    return (
        f"CREATE FEATURE SET features_{features} AS SELECT k, {', '.join(items)} FROM events "
        "GROUP BY k"
    )


def filled(path: Path, keys: int, events: int) -> None:
    """A store with the sets."""
    rng = np.random.default_rng(0)
    session = Session("reference")
    values = ", ".join(f"v{i} DOUBLE" for i in range(8))
    session.sql(f"CREATE EVENT SOURCE events (k BIGINT, {values}, ts TIMESTAMP) EVENT TIME ts")
    rows = keys * events
    columns: dict[str, Any] = {"k": np.repeat(np.arange(keys), events)}
    columns |= {f"v{i}": rng.normal(100, 30, rows).round(2) for i in range(8)}
    columns["ts"] = pa.array(START + rng.integers(0, 365 * DAY, rows)).cast(pa.timestamp("us"))
    table = pa.table(columns)
    with Store.open(path) as store:
        for features in FEATURES:
            session.sql(declared(features))
            definition = session.definitions.get(f"features_{features}")
            assert isinstance(definition, FeatureSet)
            serve(store, definition)
        for first in range(0, rows, 50_000):
            store.ingest("events", table.slice(first, 50_000))


async def echo_by_loop() -> None:
    """An echo as the service is: one event loop."""

    async def answer(data: bytes, _: Any) -> bytes:
        return data

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_handler(answer),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def echo_by_threads() -> None:
    """An echo as it might be: a pool of threads."""

    def answer(data: bytes, _: Any) -> bytes:
        return data

    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((_handler(answer),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def _handler(answer: Any) -> Any:
    method = grpc.unary_unary_rpc_method_handler(answer)
    return grpc.method_handlers_generic_handler("benchmark.Echo", {"Echo": method})


@contextmanager
def process(*arguments: str) -> Iterator[int]:
    """A process of this module, or the service; the port that it says."""
    command = [sys.executable, "-m", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            if arguments[0] == "benchmarks.serving":
                assert running.stdout is not None
                yield int(running.stdout.readline())
            else:
                assert running.stderr is not None
                line = next(text for text in running.stderr if '"listening"' in text)
                yield int(json.loads(line)["port"])
        finally:
            running.terminate()


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of calls."""

    seconds: np.ndarray[Any, np.dtype[np.float64]]

    def row(self) -> list[str]:
        """p50 to p999 in milliseconds."""
        found = np.quantile(self.seconds, (0.5, 0.9, 0.99, 0.999)) * 1000
        return [f"{value:.2f}" for value in found]

    def at(self, quantile: float) -> float:
        """In milliseconds."""
        return float(np.quantile(self.seconds, quantile) * 1000)


def alternating(calls: int, seconds: float, *ways: Any) -> list[Times]:
    """Each way called in turn, until so many calls or so long."""
    for way in ways:
        for i in range(50):
            way(i)
    found: list[list[float]] = [[] for _ in ways]
    until = time.perf_counter() + seconds
    for i in range(calls):
        for way, times in zip(ways, found, strict=True):
            began = time.perf_counter()
            way(i)
            times.append(time.perf_counter() - began)
        if time.perf_counter() > until:
            break
    return [Times(np.array(times)) for times in found]


def paced(rate: float, calls: int, way: Any) -> Times:
    """Calls that are due at a fixed rate, measured from when each was due."""
    found = np.zeros(calls)

    def run(i: int, due: float) -> None:
        way(i)
        found[i] = time.perf_counter() - due

    with ThreadPoolExecutor(32) as pool:
        began = time.perf_counter() + 0.05
        for i in range(calls):
            due = began + i / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            pool.submit(run, i, due)
    assert found.all(), "a call failed"
    return Times(found)


@dataclass(frozen=True, slots=True)
class Case:
    """What was measured of a number of features and entities."""

    features: int
    batch: int
    rate: int
    """Calls a second; 0: a closed loop."""
    fetch: Times
    echo: Times

    @property
    def above(self) -> float:
        """What the fetch's p99 lies above the echo's, in milliseconds."""
        return self.fetch.at(0.99) - self.echo.at(0.99)

    def row(self) -> list[str]:
        """Of a table."""
        rate = [str(self.rate)] if self.rate else []
        shape = [str(self.features), str(self.batch), *rate, str(len(self.fetch.seconds))]
        return [*shape, *self.fetch.row(), *self.echo.row(), f"{self.above:.2f}"]


def drawn(rng: np.random.Generator, keys: int, calls: int, batch: int) -> np.ndarray[Any, Any]:
    """Of each call the keys that it asks for, no two the same."""
    every = np.broadcast_to(np.arange(keys), (calls, keys))
    return rng.permuted(every, axis=1)[:, :batch]


def measured(
    port: int, echo: int, keys: int, calls: int, seconds: float, rates: Sequence[int]
) -> list[Case]:
    """All numbers of features and entities, in a closed loop and at the rates that can be kept."""
    cases = []
    rng = np.random.default_rng(1)
    now = START + 365 * DAY
    with (
        Client(f"127.0.0.1:{port}", timeout=60.0) as client,
        grpc.insecure_channel(f"127.0.0.1:{echo}") as channel,
    ):
        empty = channel.unary_unary(ECHO)
        for features in FEATURES:
            for batch in BATCHES:
                asked = drawn(rng, keys, calls, batch)

                def fetch(i: int, features: int = features, asked: Any = asked) -> None:
                    given = {"k": asked[i % calls]}
                    answer = client.fetch(f"features_{features}", given, at=now)
                    assert len(answer) == asked.shape[1]

                def nothing(_: int) -> None:
                    empty(b"")

                bare, full = alternating(calls, seconds, nothing, fetch)
                found = [Case(features, batch, 0, full, bare)]
                for rate in rates:
                    if rate * full.at(0.9) / 1000 > BUSY:
                        continue  # calls would wait for each other without end
                    due = max(100, int(rate * seconds / 2))
                    found.append(
                        Case(features, batch, rate, paced(rate, due, fetch),
                             paced(rate, due, nothing))
                    )  # fmt: skip
                for case in found:
                    print(" | ".join(case.row()), flush=True)
                cases += found
    return cases


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "role", nargs="?", choices=("measure", "loop", "threads"), default="measure"
    )
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rates", type=int, nargs="*", default=RATES, help="calls a second")
    parser.add_argument("--store", type=Path, help="use this store; make it if it is not there")
    parser.add_argument("--dry", action="store_true", help="write no file")
    args = parser.parse_args()
    if args.role == "loop":
        asyncio.run(echo_by_loop())
    elif args.role == "threads":
        echo_by_threads()
    else:
        measure(args)


def measure(args: argparse.Namespace) -> None:
    """The whole of it."""
    with tempfile.TemporaryDirectory() as made:
        path = args.store or Path(made) / "store"
        if not path.exists():
            filled(path, args.keys, args.events)
        settings = ServeSettings(store=str(path.absolute()), address="127.0.0.1:0", refresh=1.0)
        with (
            process("bighead.storage.fetch.process", settings.to_json()) as port,
            process("benchmarks.serving", "loop") as loop,
            process("benchmarks.serving", "threads") as threads,
        ):
            echoes = echo_rows(loop, threads, args.calls, args.seconds)
            cases = measured(port, loop, args.keys, args.calls, args.seconds, args.rates)
    if not args.dry:
        (Path(__file__).parent / "SERVING.md").write_text(page(args, echoes, cases))


def echo_rows(loop: int, threads: int, calls: int, seconds: float) -> list[list[str]]:
    """The two ways to serve, doing nothing."""
    with (
        grpc.insecure_channel(f"127.0.0.1:{loop}") as one,
        grpc.insecure_channel(f"127.0.0.1:{threads}") as other,
    ):
        first, second = one.unary_unary(ECHO), other.unary_unary(ECHO)
        found = alternating(calls, seconds, lambda _: first(b""), lambda _: second(b""))
    rows = [["event loop", *found[0].row()], ["threads", *found[1].row()]]
    for row in rows:
        print(" | ".join(row), flush=True)
    return rows


def histogram(case: Case) -> list[str]:
    """How many calls took up to each of the bounds, and longer than the last."""
    milliseconds = case.fetch.seconds * 1000
    counts, _ = np.histogram(milliseconds, [0.0, *BUCKETS, np.inf])
    shape = [str(case.features), str(case.batch), str(case.rate or "closed loop")]
    return [*shape, *(str(count or "") for count in counts), f"{milliseconds.max():.1f}"]


def page(args: argparse.Namespace, echoes: list[list[str]], cases: list[Case]) -> str:
    """The results as a document."""

    def table(head: str, body: list[list[str]]) -> str:
        columns = head.count("|") + 1
        lines = [f"| {head} |", "|" + "---:|" * columns, *(f"| {' | '.join(r)} |" for r in body)]
        return "\n".join(lines)

    cores = len(os.sched_getaffinity(0))
    times = "calls | p50 | p90 | p99 | p999 | echo p50 | p90 | p99 | p999 | p99 above echo"
    bounds = " | ".join(f"{bound:g}" for bound in BUCKETS)
    closed = [case.row() for case in cases if not case.rate]
    counted = list(map(histogram, cases))
    open_ = [case.row() for case in cases if case.rate]
    lines = [
        "# Serving: latency of a fetch",
        "",
        f"`python -m benchmarks.serving`, Python {platform.python_version()}, {cores} cores that",
        f"client, service and echo share. {args.keys} keys with {args.events:,} events each over a",
        f"year, six windows from a day to a year, aggregates {', '.join(AGGREGATES)}. One process",
        "serves, another asks in a closed loop, the service and an empty echo in turn. A fetch is",
        "measured from values in Python to columns in Arrow. Milliseconds; the last column is what",
        "the fetch's p99 lies above the echo's.",
        "",
        table(f"features | entities | {times}", closed),
        "",
        "At fixed rates, in calls a second: from when a call was due, so that one which waits for",
        "others counts in full. Rates that the service cannot keep are left out.",
        "",
        table(f"features | entities | rate | {times}", open_),
        "",
        "How many calls took at most so many milliseconds, and more than the bound before; then",
        "those that took longer, and the longest of all:",
        "",
        table(f"features | entities | rate | {bounds} | more | longest", counted),
        "",
        "The echo alone, as the service is (an event loop) and with a pool of threads:",
        "",
        table("server | p50 | p90 | p99 | p999", echoes),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
