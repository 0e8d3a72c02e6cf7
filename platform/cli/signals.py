"""Ending a long run by Ctrl-C or SIGTERM.

A signal's handler runs in the main thread between any two of its instructions, so it may find a
lock held by the very code that it interrupts: an event that is set there while the thread waits for
it waits for ever. So the handler only puts a note into a queue, whose `put` may interrupt itself,
and another thread does what is to be done.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

ENDING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGINT and SIGTERM call `stop`, in another thread; a second one does what it did before.

    In another thread than the main one, which alone hears signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: SimpleQueue[bool] = SimpleQueue()

    def wait() -> None:
        if came.get():
            stop()

    def note(number: int, _frame: object) -> None:
        signal.signal(number, before[signal.Signals(number)])
        came.put(True)

    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in ENDING}
    waiting = threading.Thread(target=wait, name="signals", daemon=True)
    waiting.start()
    try:
        for number in ENDING:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        came.put(False)
        waiting.join()
