"""The doors of sources: what does not open is tried again, and nothing waits for it."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

from bighead.storage.errors import StoreError
from bighead.storage.ingest.door import Door
from bighead.storage.ingest.doors import Doors
from bighead.storage.store import Store
from bighead.zipline.ir.sources import Source
from tests.storage.ingest.rows import assert_holds, booked, file_door, ingester, lines

ROWS = booked(10)


def test_what_does_not_open_is_tried_again_and_nothing_waits_for_it(
    store: Store, log: Path
) -> None:
    log.write_bytes(b"\n".join(lines(ROWS)) + b"\n")
    answers, asked = Event(), 0
    notes: list[str] = []

    def opened(_: Source) -> Door:
        nonlocal asked
        asked += 1
        if asked > 2:
            return file_door(store, log)
        if asked == 2:
            assert answers.wait(30)
        raise StoreError("nobody answers")

    doors = Doors(opened, notes.append, again=0.0)
    loop = ingester(store)
    loop.change({}, [])
    doors.follow(loop)
    assert (asked, doors.all, list(doors.faults)) == (1, [], ["events"])
    doors.follow(loop)
    doors.again = 3600.0  # from the end of the second attempt on, which still waits
    for _ in range(3):
        doors.follow(loop)
    assert doors.faults
    answers.set()
    while doors._trying:
        doors.follow(loop)
    doors.follow(loop)
    assert asked == 2
    doors.again = 0.0
    until = time.monotonic() + 30
    while doors.faults and time.monotonic() < until:
        doors.follow(loop)
    assert asked == 3
    assert notes == [
        "the stream of events is not read: nobody answers",
        "the stream of events is read now",
    ]
    loop.run(once=True)
    assert_holds(store, ROWS)
    doors.close()
