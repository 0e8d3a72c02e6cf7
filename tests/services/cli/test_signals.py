"""Ending by signals, whatever the main thread holds when they come."""

from __future__ import annotations

import signal
import threading

import pytest

from bighead.platform.cli.signals import ENDING, stopped_by_signals


@pytest.mark.parametrize("number", ENDING)
def test_it_is_stopped_while_the_main_thread_holds_a_lock(number: signal.Signals) -> None:
    lock, stopped = threading.Lock(), threading.Event()

    def stop() -> None:
        if lock.acquire(timeout=5):  # as an event does that somebody waits for
            stopped.set()

    before = signal.getsignal(number)
    with stopped_by_signals(stop):
        with lock:
            signal.raise_signal(number)
            assert signal.getsignal(number) == before, "a second one ends it at once"
        assert stopped.wait(5)
    assert signal.getsignal(number) == before


def test_without_a_signal_nothing_is_stopped() -> None:
    stopped: list[bool] = []
    before = [signal.getsignal(number) for number in ENDING]
    with stopped_by_signals(lambda: stopped.append(True)):
        assert [signal.getsignal(number) for number in ENDING] != before
    assert [signal.getsignal(number) for number in ENDING] == before
    assert stopped == []


def test_other_threads_hear_no_signals() -> None:
    entered = []

    def enter() -> None:
        with stopped_by_signals(lambda: None):
            entered.append(True)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert entered == [True]
