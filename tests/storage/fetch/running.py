"""A service in processes of its own, for tests that speak to it as a client does."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bighead.storage.fetch.settings import ServeSettings

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0


@dataclass(slots=True)
class Running:
    """A process that serves, and what it logs."""

    process: subprocess.Popen[str]
    lines: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)
    port: int = 0
    began: dict[str, Any] = field(default_factory=dict)
    """What was logged when it began to listen."""

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def event(self, name: str, *, keep: bool = False) -> dict[str, Any]:
        """The next line of an event; those before it are passed over, or kept for later."""
        end = time.monotonic() + PATIENCE
        passed: list[dict[str, Any]] = []
        while (left := end - time.monotonic()) > 0:
            try:
                line = self.lines.get(timeout=min(left, 0.5))
            except queue.Empty:
                if self.process.poll() is not None and self.lines.empty():
                    break
                continue
            if line["event"] == name:
                for one in passed:
                    self.lines.put(one)
                return line
            if keep:
                passed.append(line)
        raise AssertionError(f"no '{name}' in the log; exit code {self.process.poll()}")

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            try:
                self.lines.put(json.loads(line))
            except ValueError:
                self.lines.put({"event": "text", "text": line})

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it and waits; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def start(*command: str) -> Running:
    """A process of this Python whose log is read."""
    paths = os.pathsep.join([str(ROOT), *sys.path])
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    running = Running(process)
    threading.Thread(target=running._read, daemon=True).start()
    return running


@contextmanager
def serving(store: Path, **given: Any) -> Iterator[Running]:
    """A store that is served by one process, on a port of its own."""
    settings = ServeSettings(store=str(store), **{"address": "127.0.0.1:0", **given})
    running = start("-m", "bighead.storage.fetch.process", settings.to_json())
    try:
        running.began = running.event("listening", keep=True)
        running.port = running.began["port"]
        yield running
    finally:
        running.end()
