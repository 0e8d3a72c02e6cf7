"""Several processes on one port: the kernel deals connections among them, this looks after them.

A process that dies is started again; one that dies before it has ever served ends all, because the
next would die of the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from bighead.storage.access.address import bound
from bighead.storage.access.authorizer import AccessError
from bighead.storage.errors import StoreError
from bighead.storage.fetch.logs import Log
from bighead.storage.fetch.settings import ServeSettings

LOOK = 0.2
"""Seconds between looks at the processes, and at whether to stop."""


@dataclass(slots=True)
class _Process:
    """One of the processes, and the pipe on which it says that it listens."""

    running: subprocess.Popen[bytes]
    pipe: int

    def has_begun(self) -> bool:
        """Whether it has ever listened; asked once, when it has ended."""
        said = os.read(self.pipe, 1)  # what it held open is closed, so that this does not wait
        os.close(self.pipe)
        return said != b""


@dataclass(slots=True)
class Processes:
    """The processes of a service."""

    settings: ServeSettings
    count: int
    log: Log = field(default_factory=Log)
    _running: list[_Process] = field(default_factory=list)
    _stopping: bool = False

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT. Raises StoreError where a process cannot begin."""
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not an event: its lock may be held by this thread, which waits for it.
            signal.signal(number, self._note)
        with ExitStack() as stack:
            address = stack.enter_context(held(self.settings.address))
            rest = self.settings.rest and stack.enter_context(held(self.settings.rest))
            self.settings = replace(self.settings, address=address, rest=rest, shared=True)
            self._running = [self._start(i) for i in range(self.count)]
            try:
                while not self._stopping:
                    self._look_after()
                    time.sleep(LOOK)
            finally:
                self._end()

    def _note(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _look_after(self) -> None:
        for i, one in enumerate(self._running):
            code = one.running.poll()
            if code is None:
                continue
            self.log.write("process ended", "error", process=i, code=code)
            if not one.has_begun():
                raise StoreError("a process of the service could not begin; its log says why")
            self._running[i] = self._start(i)

    def _start(self, number: int) -> _Process:
        ours, theirs = os.pipe()
        own = replace(self.settings, process=number, begun=theirs)
        command = [sys.executable, "-m", "bighead.storage.fetch.process", own.to_json()]
        try:
            return _Process(subprocess.Popen(command, pass_fds=(theirs,)), ours)
        finally:
            os.close(theirs)

    def _end(self) -> None:
        """SIGTERM to all, and SIGKILL to those that do not end in time."""
        left = [one.running for one in self._running if one.running.poll() is None]
        for process in left:
            process.terminate()
        deadline = time.monotonic() + self.settings.grace + 5
        for process in left:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def held(address: str) -> Iterator[str]:
    """An address that stays ours while processes come and go: bound, but not listened on.

    Gives the address with its port. Raises AccessError where it cannot be had.
    """
    if address.startswith("unix:"):
        raise AccessError("one process listens on a socket of a file; give a port for several")
    with bound(address, shared=True) as kept:
        host = address.rpartition(":")[0]
        yield f"{host}:{kept.getsockname()[1]}"
