"""Calls from other threads into the one that writes a store, carried out between its commits."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event
from typing import Any, TypeVar

Found = TypeVar("Found")
_LOOK = 0.1


class Ended(BaseException):
    """The thread that writes ends, and carries nothing out any more.

    No error that somebody catches on the way: whoever waits for that thread ends too.
    """


@dataclass(slots=True)
class Calls:
    """What waits to be carried out."""

    ending: Event
    _waiting: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = field(
        default_factory=queue.SimpleQueue
    )

    def do(self, act: Callable[[], Found]) -> Found:
        """What `act` gives or raises, in the thread that writes. Raises Ended where that ends."""
        found: Future[Found] = Future()
        self._waiting.put((act, found))
        while True:
            try:
                return found.result(_LOOK)
            except TimeoutError:
                if found.done():
                    return found.result()  # it came just now, or the error is the call's own
                if self.ending.is_set():
                    raise Ended from None

    def carry_out(self) -> bool:
        """All that waits, by the thread that writes; whether anything did."""
        some = not self._waiting.empty()
        while not self._waiting.empty():
            act, found = self._waiting.get()
            try:
                found.set_result(act())
            except BaseException as error:  # noqa: BLE001  # it is raised where it was called
                found.set_exception(error)
        return some
