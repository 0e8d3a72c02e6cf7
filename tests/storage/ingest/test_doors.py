"""The doors of sources: what does not open is tried again, and nothing waits for it."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from bighead.storage.errors import SilentError, StoreError
from bighead.storage.ingest.door import Arrived, Door
from bighead.storage.ingest.doors import HASTE, PATIENCE, Doors
from bighead.storage.ingest.ingester import Ingester
from bighead.storage.ingest.sources import sources_of
from bighead.storage.store import Store
from bighead.zipline.ir.sources import Source
from tests.storage.ingest.rows import assert_holds, booked, file_door, ingester, lines

ROWS = booked(10)


def idle(store: Store) -> Ingester:
    """A loop whose doors are still to be opened."""
    loop = ingester(store)
    loop.change({}, [])
    return loop


def until(doors: Doors, loop: Ingester, there: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not there():
        assert time.monotonic() < end
        doors.follow(loop)


def test_what_does_not_open_is_tried_again_and_nothing_waits_for_it(
    store: Store, log: Path
) -> None:
    log.write_bytes(b"\n".join(lines(ROWS)) + b"\n")
    answers, asked = Event(), list[float]()
    notes: list[str] = []

    def opened(_: Source, patience: float) -> Door:
        asked.append(patience)
        if len(asked) > 2:
            return file_door(store, log)
        if len(asked) == 2:
            assert answers.wait(30)
        raise SilentError("nobody answers")

    doors = Doors(opened, notes.append, again=0.0)
    loop = idle(store)
    until(doors, loop, lambda: len(asked) == 2)
    assert (doors.all, doors.faults) == ([], {"events": "nobody answers"})
    for _ in range(3):
        doors.follow(loop)
    assert len(asked) == 2, "it is not asked anew while it is asked"
    answers.set()
    until(doors, loop, lambda: not doors.faults)
    assert asked == [HASTE, PATIENCE, PATIENCE]
    assert notes == [
        "the stream of events is not read: nobody answers; it is tried again",
        "the stream of events is read now",
    ]
    loop.run(once=True)
    assert_holds(store, ROWS)
    doors.close()


def test_it_is_told_of_at_once_and_tried_less_and_less_often(store: Store) -> None:
    now, asked = 0.0, list[float]()
    notes: list[str] = []

    def opened(_: Source, __: float) -> Door:
        asked.append(now)
        raise StoreError("there is no such topic")

    doors = Doors(opened, notes.append, clock=lambda: now)
    loop = idle(store)
    while now < 200:
        doors.follow(loop)
        while doors._trying:
            doors.follow(loop)
        now += 0.5
    assert asked == [0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181]
    assert notes == ["the stream of events is not read: there is no such topic; it is tried again"]
    doors.close()


class Failing:
    """A door that gives what another one gives, and then breaks."""

    def __init__(self, inner: Door, healthy: int) -> None:
        self.inner, self.healthy = inner, healthy

    def take(self, most: int) -> list[Arrived]:
        """What the other one gives."""
        self.healthy -= 1
        if self.healthy < 0:
            raise StoreError("the topic is gone")
        return self.inner.take(most)

    def done(self) -> bool:
        """It breaks before."""
        return False

    def close(self) -> None:
        """Its end."""
        self.inner.close()


def test_a_door_that_breaks_is_opened_anew_behind_what_was_committed(
    store: Store, log: Path
) -> None:
    log.write_bytes(b"".join(line + b"\n" for line in lines(ROWS)))
    notes: list[str] = []
    healthy = iter([1, 1, 1, 100])

    def opened(_: Source, __: float) -> Door:
        return Failing(file_door(store, log), next(healthy))

    doors = Doors(opened, notes.append, again=0.0)
    loop = idle(store)
    loop.settings = type(loop.settings)(wait=0.0, most=200, tick=0.001)
    loop.broken = doors.broke

    def all_taken() -> bool:
        loop.commit(loop.gather())
        return loop.counters["events"].messages >= 10 if loop.counters else False

    until(doors, loop, all_taken)
    assert loop.counters["events"].copies == 0
    assert_holds(store, ROWS)
    told = [note for note in notes if "not read" in note]
    assert told == ["the stream of events is not read: the topic is gone; it is tried again"] * 3
    doors.close()


def test_a_source_that_goes_while_nothing_can_be_written_is_forgotten(store: Store) -> None:
    def opened(_: Source, __: float) -> Door:
        raise SilentError("nobody answers")

    doors = Doors(opened, lambda _: None, again=0.0)
    loop = idle(store)
    until(doors, loop, lambda: bool(doors.faults))
    while doors._trying:
        time.sleep(0.01)
        doors.follow(loop)
        doors._faults["events"].pause = 60.0
    doors.anew(loop, "the store cannot be written")
    store.remove("set", {})
    doors._faults["events"].pause = 0.0
    doors.follow(loop)
    assert doors.faults == {}
    assert (doors.all, doors.held) == ([], {})


def test_a_folder_that_the_system_keeps_from_us_is_tried_again(store: Store, log: Path) -> None:
    log.write_bytes(b"\n".join(lines(ROWS)) + b"\n")
    notes: list[str] = []
    errors = iter([OSError(errno.ESTALE, "Stale file handle", "in")])

    def opened(_: Source, __: float) -> Door:
        for error in errors:
            raise error
        return file_door(store, log)

    doors = Doors(opened, notes.append, again=0.0)
    loop = idle(store)
    until(doors, loop, lambda: bool(doors.all))
    reason = "in cannot be read (Stale file handle); see that it is there and who may read it"
    assert notes == [
        f"the stream of events is not read: {reason}; it is tried again",
        "the stream of events is read now",
    ]
    doors.close()


def test_one_door_of_a_loop_that_ends_by_itself_ends_it(store: Store, log: Path) -> None:
    loop = ingester(store, Failing(file_door(store, log), 0))
    with pytest.raises(StoreError, match="the topic is gone"):
        loop.run(once=True)


def test_who_waits_for_all_is_told_of_one_that_does_not_answer(store: Store) -> None:
    asked = list[float]()

    def opened(_: Source, patience: float) -> Door:
        asked.append(patience)
        raise SilentError("nobody answers")

    notes: list[str] = []
    doors = Doors(opened, notes.append)
    with pytest.raises(SilentError, match="nobody answers"):
        doors.begin(sources_of(store), wait_for_all=True)
    doors.begin(sources_of(store), wait_for_all=False)
    assert asked == [PATIENCE, HASTE]
    assert doors.faults == {"events": "nobody answers"}


def test_what_is_declared_wrongly_ends_the_beginning(store: Store) -> None:
    def opened(_: Source, __: float) -> Door:
        raise StoreError("it cannot be read")

    with pytest.raises(StoreError, match="it cannot be read"):
        Doors(opened, print).begin(sources_of(store), wait_for_all=False)


def test_a_full_door_leaves_room_for_others(store: Store, tmp_path: Path) -> None:
    halves = lines(ROWS)[:5], lines(ROWS)[5:]
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for path, half in zip(paths, halves, strict=True):
        path.write_bytes(b"".join(line + b"\n" for line in half))
    loop = ingester(store, *(file_door(store, path) for path in paths), most=100)
    first = {a.partition for _ in range(2) for a in loop.gather()}
    assert first == {str(path) for path in paths}
