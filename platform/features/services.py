"""What answers and what takes rows beside the thread that writes: doors of this one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from bighead.platform.features.screen import Level, Screen, Told
from bighead.storage.fetch.logs import Log
from bighead.storage.fetch.process import serve
from bighead.storage.fetch.settings import ServeSettings
from bighead.storage.ingest.listening import Listener
from bighead.storage.store import Store
from bighead.zipline.errors import BigheadError


@dataclass(frozen=True, slots=True)
class Own:
    """A store that this process writes: it is always as of its last commit."""

    store: Store

    def reading(self) -> AbstractContextManager[Store]:
        """The store."""
        return nullcontext(self.store)

    def refresh(self) -> int:
        """There is nothing to catch up with."""
        return self.store.committed

    @property
    def committed(self) -> int:
        """The last commit."""
        return self.store.committed


@dataclass(slots=True)
class Heard(Log):
    """The log of the service, on the screen; says when it listens."""

    screen: Screen | None = None
    listening: Callable[[dict[str, Any]], None] = lambda _: None

    def write(self, event: str, level: str = "info", **facts: Any) -> None:
        """One event."""
        known: Level = "error" if level == "error" else "warning" if level == "warning" else "info"
        if event == "listening":
            self.listening(facts)
            if known == "warning" and self.screen is not None:
                text = f"the certificate ends in {facts['certificate_days']} days; renew it"
                self.screen.tell(Told("certificate", text, known, facts))
        elif event in ("stopping", "stopped"):
            return  # all of the process says so
        elif self.screen is not None:
            text = f"{event}: {', '.join(f'{name} {value}' for name, value in facts.items())}"
            self.screen.tell(Told(event, text, known, facts))


def placed(asked: str, port: int) -> str:
    """Where somebody listens who was to listen at an address, perhaps at any port.

    >>> placed("127.0.0.1:0", 7654), placed("unix:/tmp/it", 0)
    ('127.0.0.1:7654', 'unix:/tmp/it')
    """
    return asked if asked.startswith("unix:") else f"{asked.rpartition(':')[0]}:{port}"


@dataclass(slots=True)
class Fetching:
    """The fetch service, in a thread of its own."""

    settings: ServeSettings
    screen: Screen
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _begun: Future[dict[str, Any]] = field(default_factory=Future)
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: Thread | None = None
    _fault: BaseException | None = None

    def start(self, store: Store) -> list[tuple[str, str]]:
        """Begin; where it listens. Raises BigheadError where it cannot."""
        self._thread = Thread(target=self._run, args=(store,), name="service", daemon=True)
        self._thread.start()
        facts = self._begun.result()
        found = [("gRPC", placed(self.settings.address, facts["port"]))]
        if self.settings.rest is not None:
            found.append(("REST", placed(self.settings.rest, facts["rest_port"])))
        return found

    def check(self) -> None:
        """Raises BigheadError where it has ended by itself."""
        if self._fault is not None:
            raise BigheadError(f"the service ended ({self._fault!r}); start again")

    def stop(self) -> None:
        """Take no more requests, and give those under way their time."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def _run(self, store: Store) -> None:
        try:
            asyncio.run(self._serve(store))
        except BaseException as error:  # noqa: BLE001  # it is raised where the service is started
            if not self._begun.done():
                self._begun.set_exception(error)
            self._fault = error

    async def _serve(self, store: Store) -> None:
        self._loop = asyncio.get_running_loop()
        log = Heard(screen=self.screen, listening=self._begun.set_result)
        await serve(self.settings, Own(store), self._stop, log)


@dataclass(slots=True)
class Receiving:
    """The door for producers."""

    listener: Listener

    def start(self, _store: Store) -> list[tuple[str, str]]:
        """Begin; where it listens. Raises BigheadError where it cannot."""
        return [("producers", placed(self.listener.address.place, self.listener.start()))]

    def check(self) -> None:
        """It ends when it is told to."""

    def stop(self) -> None:
        """End all streams."""
        self.listener.stop()
