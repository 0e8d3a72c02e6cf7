"""Processes that are there to be killed, forked from one that has imported what they need.

So each begins within milliseconds, and a run of hundreds of kills is one of minutes. What a process
says comes by a pipe; what it has said last is what it had done for certain.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from signal import SIGKILL
from typing import Any
from unittest import mock

ROOT = Path(__file__).parents[2]
Say = Callable[[object], None]
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["tests.storage.ingester", "tests.storage.ingest.killed", "tests.storage.upload.uploader"]
)


def _begin(heard: Connection, run: Callable[..., None], given: tuple[Any, ...]) -> None:
    os.chdir(ROOT)
    run(*given, heard.send)


@dataclass(slots=True)
class Mortal:
    """A process under way."""

    process: ForkServerProcess
    heard: Connection
    said: list[Any] = field(default_factory=list)

    def hear(self, count: int) -> None:
        """Wait until it has said so much, or has ended."""
        while len(self.said) < count:
            try:
                self.said.append(self.heard.recv())
            except (EOFError, OSError):
                return

    def kill(self) -> bool:
        """Kill it; whether it had not ended by itself."""
        self.process.kill()
        self.process.join()
        self.hear(1 << 30)
        return self.process.exitcode == -SIGKILL

    def ended(self) -> int | None:
        """Wait for its end; its exit code, or the negative number of a signal."""
        self.hear(1 << 30)
        self.process.join()
        return self.process.exitcode


@contextmanager
def begun(run: Callable[..., None], *given: Any) -> Iterator[Mortal]:
    """A process that runs a function of a module, whose last argument takes what it says."""
    here, there = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_begin, args=(there, run, given))
    # The first one starts what they are forked from, which has to find the modules.
    with mock.patch.dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), *sys.path])):
        process.start()
    there.close()
    made = Mortal(process, here)
    try:
        yield made
    finally:
        process.kill()
        process.join()
        here.close()


def die_at(step: int, *methods: tuple[type, str]) -> list[int]:
    """Let this process be killed before or after a call of one of these methods.

    step: each call is two of them; 0: it is not. Gives a list of one: the steps so far.
    """
    count = [0]

    def counted() -> None:
        count[0] += 1
        if count[0] == step:
            os.kill(os.getpid(), SIGKILL)

    for owner, name in methods:
        whole = getattr(owner, name)

        def called(*given: Any, _whole: Any = whole, **named: Any) -> Any:
            counted()
            found = _whole(*given, **named)
            counted()
            return found

        setattr(owner, name, called)
    return count


def note(what: str, seed: int, kill: int, left: object) -> None:
    """A line of a kill, for the log of long runs."""
    at = time.strftime("%H:%M:%S", time.gmtime())
    sys.stdout.write(f"{at} {what}: seed {seed}, kill {kill + 1}: {left}\n")
    sys.stdout.flush()
