"""How long a fetch takes over gRPC, beside an empty echo server in the same run.

`python -m benchmarks.serving`: a store of keys with 1,000 events each, spread over a year; sets of
10, 50 and 250 features over six windows up to a year; one process serves, another asks in a closed
loop, one call after the other, now the service and now the echo, so that both meet the same noise.
A call is measured from the values in Python to the columns in Arrow. Writes SERVING.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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
                yield int(line.partition('"port": ')[2].partition(",")[0])
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


def measured(port: int, echo: int, keys: int, calls: int, seconds: float) -> list[list[str]]:
    """A row for each number of features and batch."""
    rows = []
    rng = np.random.default_rng(1)
    now = START + 365 * DAY
    with (
        Client(f"127.0.0.1:{port}", timeout=60.0) as client,
        grpc.insecure_channel(f"127.0.0.1:{echo}") as channel,
    ):
        empty = channel.unary_unary(ECHO)
        for features in FEATURES:
            for batch in BATCHES:
                asked = rng.integers(0, keys, (calls, batch))

                def fetch(i: int, features: int = features, asked: Any = asked) -> None:
                    given = {"k": asked[i % calls]}
                    answer = client.fetch(f"features_{features}", given, at=now)
                    assert len(answer) == asked.shape[1]

                bare, full = alternating(calls, seconds, lambda _: empty(b""), fetch)
                rows.append(
                    [str(features), str(batch), str(len(full.seconds)), *full.row(), *bare.row(),
                     f"{full.at(0.99) - bare.at(0.99):.2f}"]
                )  # fmt: skip
                print(" | ".join(rows[-1]), flush=True)
    return rows


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
            rows = measured(port, loop, args.keys, args.calls, args.seconds)
    if not args.dry:
        (Path(__file__).parent / "SERVING.md").write_text(page(args, echoes, rows))


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


def page(args: argparse.Namespace, echoes: list[list[str]], rows: list[list[str]]) -> str:
    """The results as a document."""

    def table(head: str, body: list[list[str]]) -> str:
        columns = head.count("|") + 1
        lines = [f"| {head} |", "|" + "---:|" * columns, *(f"| {' | '.join(r)} |" for r in body)]
        return "\n".join(lines)

    cores = len(os.sched_getaffinity(0))
    fetched = "features | entities | calls | p50 | p90 | p99 | p999"
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
        table(f"{fetched} | echo p50 | p90 | p99 | p999 | p99 above echo", rows),
        "",
        "The echo alone, as the service is (an event loop) and with a pool of threads:",
        "",
        table("server | p50 | p90 | p99 | p999", echoes),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
