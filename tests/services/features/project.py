"""Projects that are online in a process of their own, and what they are asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bighead.storage.fetch.client import Client
from tests.storage.fetch.running import Running, start

COMMAND = "from bighead.platform.cli.main import main; main()"
AT = datetime(2025, 2, 1, tzinfo=UTC)


@dataclass(slots=True)
class Online:
    """A project that is up."""

    running: Running
    gRPC: str  # noqa: N815  # as the log calls it
    producers: str

    def fetch(self, name: str, columns: dict[str, list[Any]], at: Any = AT) -> list[dict[str, Any]]:
        """The rows of an answer without errors."""
        with Client(self.gRPC, timeout=30.0) as client:
            answer = client.fetch(name, columns, at=at)
        assert answer.errors == ()
        return answer.to_pylist()


def started(folder: Path, *options: str) -> Running:
    """`bighead up`, from its beginning."""
    ports = ("--listen", "127.0.0.1:0", "--producers", "127.0.0.1:0", "--rest", "")
    words = ("up", str(folder), "--json", "--report-every", "0.2", *ports, *options)
    return start("-c", COMMAND, *words)


@contextmanager
def up(folder: Path, *options: str) -> Iterator[Online]:
    """A project that is online, until it ends as by Ctrl-C."""
    running = started(folder, *options)
    try:
        places = running.event("listening")["addresses"]
        online = Online(running, places["gRPC"], places["producers"])
        running.event("ready")
        yield online
    finally:
        code = running.end()
    assert code == 0


def append(file: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Rows at the end of a file of JSON lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as opened:
        opened.writelines(json.dumps(row) + "\n" for row in rows)
