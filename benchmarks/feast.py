"""A fetch beside Feast's, with SQLite and with Redis as its online stores, in one run.

`python -m benchmarks.feast`: the store of `benchmarks.serving`, and beside it Feast in an
environment of its own (build/feast). Feast keeps values and reads them back: it is given what our
store answers as of one time, and answers that for ever. Ours keeps events and works the windows out
at the time of the request. So this compares what a request costs; that both give equal values is
checked first. Three processes serve (ours over gRPC, `feast serve` over HTTP for each of its
stores), a fourth asks them in turn in a closed loop, from values in Python to values in Python.
Writes FEAST.md.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.serving import (
    BATCHES,
    DAY,
    FEATURES,
    ROOT,
    START,
    Times,
    alternating,
    drawn,
    filled,
    process,
)
from bighead.storage.fetch.client import Client
from bighead.storage.fetch.settings import ServeSettings

NOW = START + 365 * DAY
PEER = ROOT / "benchmarks" / "peers" / "feast"
HOME = ROOT / "build" / "feast"
Way = Callable[[int], object]
Direct = dict[str, dict[str, list[float]]]
"""Seconds of Feast's calls in its own process, by store and by `set/batch`."""


def environment() -> Path:
    """Feast's own environment, made when it is not there; its programs' folder."""
    wanted = (PEER / "requirements.txt").read_text()
    made = HOME / "installed.txt"
    if not made.exists() or made.read_text() != wanted:
        uv = ROOT / ".venv" / "bin" / "uv"
        subprocess.run([uv, "venv", "-q", "--clear", "-p", "3.11", HOME], check=True)
        python = HOME / "bin" / "python"
        install: list[str | Path] = [uv, "pip", "install", "-q", "--no-deps", "-p", python]
        subprocess.run([*install, "-r", PEER / "requirements.txt"], check=True)
        made.write_text(wanted)
    return HOME / "bin"


def repository(*arguments: str | Path) -> Any:
    """What the peer's script prints."""
    command = [environment() / "python", PEER / "repository.py", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(done.stdout.splitlines()[-1])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def listening(port: int, *command: str | Path) -> Iterator[int]:
    """A server that somebody else wrote, from when it can be reached."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            for _ in range(300):
                if running.poll() is not None:
                    raise SystemExit(f"{Path(command[0]).name} ended with {running.returncode}")
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.2)
            yield port
        finally:
            running.terminate()


@contextmanager
def redis(folder: Path) -> Iterator[int]:
    """A Redis that keeps all in memory."""
    port = free_port()
    options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder))
    with listening(port, "redis-server", "--port", str(port), *options):
        yield port


@contextmanager
def served_by_feast(folder: Path) -> Iterator[int]:
    """`feast serve` over a repository."""
    port = free_port()
    options = ("--no-access-log", "--max-requests", "0", "--keep-alive-timeout", "600")
    command = (environment() / "feast", "-c", folder, "serve", "-p", str(port), *options)
    with listening(port, *command):
        yield port


class FeastClient:
    """Asks `feast serve` over one connection that is kept."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def fetch(self, name: str, keys: list[int]) -> dict[str, list[Any]]:
        """The columns of a set."""
        body = json.dumps({"feature_service": f"{name}_all", "entities": {"k": keys}})
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/get-online-features", body, headers)
        reply = self._connection.getresponse()
        read = reply.read()
        assert reply.status == 200, read[:500]
        found = json.loads(read)
        names = found["metadata"]["feature_names"]
        columns = [column["values"] for column in found["results"]]
        return dict(zip(names, columns, strict=True))


def values(client: Client, folder: Path, keys: int) -> None:
    """What our store answers for every key, as files that Feast takes."""
    folder.mkdir(parents=True)
    for features in FEATURES:
        name = f"features_{features}"
        rows = client.fetch(name, {"k": np.arange(keys)}, at=NOW).to_arrow()
        if "k" not in rows.column_names:
            rows = rows.append_column("k", pa.array(range(keys), pa.int64()))
        when = pa.array([NOW] * keys, pa.timestamp("us", "UTC"))
        pq.write_table(rows.append_column("ts", when), folder / f"{name}.parquet")


def check(ours: Client, theirs: FeastClient, keys: list[int]) -> None:
    """Raise unless both give equal values."""
    for features in FEATURES:
        name = f"features_{features}"
        mine = ours.fetch(name, {"k": keys}, at=NOW).to_arrow()
        for column, found in theirs.fetch(name, keys).items():
            if column != "k" and mine[column].to_pylist() != found:
                raise SystemExit(f"{name}: {column} is not what Feast answers")


@dataclass(frozen=True, slots=True)
class Row:
    """One size of request: ours, and Feast's by the name of its online store."""

    features: int
    batch: int
    times: dict[str, Times]

    def cells(self) -> list[str]:
        """For the table: p50 and p99 of each, and Feast's p50 as a multiple of ours."""
        ours = self.times["bighead"].at(0.5)
        cells = [str(self.features), str(self.batch)]
        for name, times in self.times.items():
            cells += [f"{times.at(0.5):.2f}", f"{times.at(0.99):.2f}"]
            if name != "bighead":
                cells.append(f"{times.at(0.5) / ours:.1f}x")
        return cells


def measured(
    ours: Client, feasts: dict[str, FeastClient], keys: int, calls: int, seconds: float
) -> list[Row]:
    """Each size of request, all systems in turn."""
    rows = []
    for features in FEATURES:
        for batch in BATCHES:
            name = f"features_{features}"
            asked = drawn(np.random.default_rng(1), keys, calls, batch)

            def bighead(i: int, name: str = name, asked: Any = asked) -> None:
                answer = ours.fetch(name, {"k": asked[i % calls]}, at=NOW).to_pylist()
                assert len(answer) == asked.shape[1]

            def feast(client: FeastClient, name: str = name, asked: Any = asked) -> Way:
                return lambda i: client.fetch(name, asked[i % calls].tolist())

            ways = [bighead, *(feast(client) for client in feasts.values())]
            found = alternating(calls, seconds, *ways)
            rows.append(Row(features, batch, dict(zip(("bighead", *feasts), found, strict=True))))
            print(" | ".join(rows[-1].cells()), flush=True)
    return rows


def measure(args: argparse.Namespace) -> None:
    """The whole of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        filled(folder / "store", args.keys, args.events)
        settings = ServeSettings(store=str(folder / "store"), address="127.0.0.1:0", refresh=1.0)
        port = stack.enter_context(process("bighead.storage.fetch.process", settings.to_json()))
        ours = stack.enter_context(Client(f"127.0.0.1:{port}", timeout=60.0))
        online = {"sqlite": "sqlite"}
        if shutil.which("redis-server"):
            online["redis"] = f"redis:{stack.enter_context(redis(folder))}"
        else:
            print("redis-server is not there (Debian: apt-get install redis-server): SQLite alone")
        feasts: dict[str, FeastClient] = {}
        direct: Direct = {}
        for name, kind in online.items():
            values(ours, folder / name / "values", args.keys)
            repository(folder / name, kind)
            direct[name] = repository(folder / name, "ask", str(args.calls), str(args.seconds))
            feasts[name] = FeastClient(stack.enter_context(served_by_feast(folder / name)))
            check(ours, feasts[name], list(range(0, args.keys, 7)))
        rows = measured(ours, feasts, args.keys, args.calls, args.seconds)
    if not args.dry:
        (Path(__file__).parent / "FEAST.md").write_text(page(args, rows, direct))


def page(
    args: argparse.Namespace, rows: list[Row], direct: dict[str, dict[str, list[float]]]
) -> str:
    """The results as a document."""
    stores = [name for name in rows[0].times if name != "bighead"]
    head = ["features", "entities", "Bighead p50", "p99"]
    for name in stores:
        head += [f"Feast, {name} p50", "p99", "to ours"]
    alone = ["features", "entities", *(f"{name} {q}" for name in stores for q in ("p50", "p99"))]
    inside = []
    for row in rows:
        found = [Times(np.array(direct[s][f"features_{row.features}/{row.batch}"])) for s in stores]
        cells = [f"{times.at(q):.2f}" for times in found for q in (0.5, 0.99)]
        inside.append([str(row.features), str(row.batch), *cells])
    version = next(
        line.partition("==")[2]
        for line in (PEER / "requirements.txt").read_text().splitlines()
        if line.startswith("feast==")
    )
    lines = [
        "# A fetch beside Feast",
        "",
        f"`python -m benchmarks.feast`, Feast {version}, Python {platform.python_version()},",
        f"{len(os.sched_getaffinity(0))} cores that all share. {args.keys} keys with",
        f"{args.events:,} events each over a year, six windows from a day to a year. Bighead",
        "keeps the events and works out exact windows as of the time of the request; Feast is",
        "given those values for one time, and reads them back. Both give equal values at that",
        "time, which is checked first. Bighead is asked over gRPC, Feast by `feast serve` over",
        "HTTP on a connection that is kept, one call after the other in turn, from values in",
        "Python to values in Python. Milliseconds.",
        "",
        table(head, [row.cells() for row in rows]),
        "",
        "Feast asked inside its own process, no server between:",
        "",
        table(alone, inside),
        "",
    ]
    return "\n".join(lines)


def table(head: list[str], rows: list[list[str]]) -> str:
    """As Markdown."""
    rule = "|" + "---:|" * len(head)
    return "\n".join([f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(r)} |" for r in rows)])


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a size of request")
    parser.add_argument("--dry", action="store_true", help="write no file")
    measure(parser.parse_args())


if __name__ == "__main__":
    main()
