"""Rows that wait in segments for the blocks of their keys: seen at once, kept in bounds, folded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.database.database import Batch, Memory
from bighead.storage.errors import DamagedError, StoreError
from bighead.storage.following import Follower
from bighead.storage.store import Settings, Store
from bighead.storage.writing.ingesting import Stamp
from bighead.zipline.windows import DAY, HOUR, Window
from tests.storage.shop import START, Asking, asking, assert_equal, bookings, source, view

ASKED = view(source(), [Window(HOUR), Window(DAY), Window(rows=3)], ["count_rows", "sum", "last"])
TIMES = [START + n * HOUR for n in range(200)]


def rows_of(seed: int, count: int, keys: int = 5) -> pa.Table:
    rng = np.random.default_rng(seed)
    return bookings(rng, rng.choice(np.asarray(TIMES), count), keys)


def questions(seed: int) -> Asking:
    return asking(np.random.default_rng(seed), TIMES, 5, 20)


def waits(store: Store) -> int:
    return sum(w.rows.rows for w in store.recent.sets.values())


def segments(store: Store) -> int:
    return len(list(store.database.scan("meta", b"segment\0", b"segment\1")))


def test_rows_that_wait_are_answered_from_and_so_are_folded_ones() -> None:
    store, rows = Store.over(Memory(), Settings(leaf=8, logged=4)), rows_of(1, 300)
    store.define("set", ASKED)
    for first in range(0, 300, 50):
        store.ingest("events", rows.slice(first, 50))
    assert (waits(store), segments(store)) == (300, 6)
    assert (store.counts()[0].rows, store.counts()[0].keys) == (300, 5)
    assert_equal(store, "set", ASKED, rows, questions(1))
    before = store.snapshot()
    store.fold()
    assert (waits(store), segments(store)) == (0, 0)
    assert (store.counts()[0].rows, store.counts()[0].keys) == (300, 5)
    assert store.verify() > 30
    assert_equal(store, "set", ASKED, rows, questions(2))
    keys, at = [pa.array([0, 1, 2])], pa.array([TIMES[150]] * 3, pa.int64())
    was = store.fetch("set", keys, at, snapshot=before)
    assert was.table.equals(store.fetch("set", keys, at).table)


def test_of_a_key_no_more_rows_wait_than_may_and_all_take_no_more_memory_than_may() -> None:
    store = Store.over(Memory(), Settings(leaf=8, logged=4, recent=20_000, waiting=7))
    store.define("set", ASKED)
    parts = [rows_of(seed, 40, keys=[2, 200][seed % 2]) for seed in range(40)]
    (waiting,) = store.recent.sets.values()
    for part in parts:
        store.ingest("events", part)
        assert waiting.rows.memory < 20_000 + 40 * 300
        assert waiting.rows.rows <= 7 * len(waiting.rows.keys())
    assert store.counts()[0].rows == 1600
    store.verify()
    assert_equal(store, "set", ASKED, pa.concat_tables(parts), questions(3))


def test_rows_of_which_few_come_do_not_wait_for_ever() -> None:
    store = Store.over(Memory(), Settings(leaf=8, logged=4))
    store.define("set", ASKED)
    store.ingest("events", rows_of(1, 5))
    later = rows_of(2, 1)
    for first in range(1100):
        store.ingest("events", later.slice(0, 0), Stamp("0", first))
    assert (waits(store), segments(store)) == (0, 0)
    assert store.counts()[0].rows == 5


def test_rows_do_not_wait_for_ever_either_where_others_commit_in_between() -> None:
    store = Store.over(Memory(), Settings(leaf=8, logged=4))
    store.define("set", ASKED)
    store.commit({})
    store.ingest("events", rows_of(1, 5))
    later = rows_of(2, 1)
    for first in range(600):
        store.commit({})
        store.ingest("events", later.slice(0, 0), Stamp("0", first))
    assert (waits(store), segments(store)) == (0, 0)


def test_a_commit_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    database = Memory()
    store, rows = Store.over(database, Settings(recent=3000, waiting=6)), rows_of(5, 120)
    store.define("set", ASKED)
    store.ingest("events", rows.slice(0, 60))

    def full(batch: Batch, sync: bool) -> None:
        raise StoreError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(Memory, "write", lambda self, batch, sync: full(batch, sync))
        with pytest.raises(StoreError, match="no room"):
            store.ingest("events", rows.slice(60, 30))
    assert_equal(store, "set", ASKED, rows.slice(0, 60), questions(5))
    store.ingest("events", rows.slice(60, 60))
    assert_equal(store, "set", ASKED, rows, questions(6))
    assert store.counts()[0].rows == 120


def test_what_waits_of_other_sets_is_known_after_a_commit_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store.over(Memory())
    store.define("set", ASKED)
    store.define("other", view(replace(source(), name="others"), [Window(DAY)], ["sum"]))
    store.ingest("events", rows_of(1, 20))
    store.ingest("others", rows_of(2, 30))
    with monkeypatch.context() as patched:
        patched.setattr(Memory, "write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.ingest("events", rows_of(3, 5))
    assert waits(store) == 50
    store.ingest("events", rows_of(3, 5))
    assert waits(store) == 55
    assert len(store.waits.rows) == 2


def test_of_two_errors_of_a_commit_the_first_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.over(Memory())
    store.define("set", ASKED)
    store.define("other", view(replace(source(), name="others"), [Window(DAY)], ["sum"]))
    store.ingest("events", rows_of(1, 20))
    store.ingest("others", rows_of(2, 30))

    def full(*_: object) -> None:
        raise StoreError("no room")

    def unreadable(*_: object) -> None:
        raise DamagedError("unreadable")

    with monkeypatch.context() as patched:
        patched.setattr(Memory, "write", full)
        patched.setattr(Memory, "scan", unreadable)
        with pytest.raises(StoreError, match="no room") as raised:
            store.ingest("events", rows_of(3, 5))
    assert isinstance(raised.value.__context__, DamagedError)
    assert_equal(store, "set", ASKED, rows_of(1, 20), questions(1))
    fetched = store.fetch("set", [pa.array([1])], pa.array([TIMES[-1]]), snapshot=store.snapshot())
    assert fetched.found == [True]
    store.ingest("events", rows_of(3, 5))
    assert waits(store) == 55
    assert len(store.waits.rows) == 2
    rows = pa.concat_tables([rows_of(1, 20), rows_of(3, 5)])
    assert_equal(store, "set", ASKED, rows, questions(2))


def test_a_commit_is_not_tried_while_what_waits_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store.over(Memory())
    store.define("set", ASKED)
    store.ingest("events", rows_of(1, 20))
    with monkeypatch.context() as patched:
        patched.setattr(Memory, "scan", lambda *_: 1 / 0)
        with monkeypatch.context() as also:
            also.setattr(Memory, "write", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                store.commit({})
        before = store.committed
        with pytest.raises(ZeroDivisionError):
            store.commit({})
    assert store.committed == before
    store.commit({})
    assert waits(store) == 20


def test_rows_are_folded_in_portions_and_readers_see_each(tmp_path: Path) -> None:
    rows = rows_of(1, 300, keys=40)
    with Store.open(tmp_path / "store", Settings(leaf=8, logged=4)) as store:
        store.define("set", ASKED)
        for first in range(0, 300, 50):
            store.ingest("events", rows.slice(first, 50))
        with Follower(tmp_path / "store", tmp_path / "notes") as follower:
            left = [waits(store)]
            while (folded := store.fold_some(4000)) is not None:
                assert folded.sources == ("events",)
                left.append(waits(store))
                assert_equal(store, "set", ASKED, rows, questions(left[-1]))
                follower.refresh()
                with follower.reading() as read:
                    assert waits(read) == left[-1]
                    assert_equal(read, "set", ASKED, rows, questions(left[-1]))
        assert left == sorted(left, reverse=True)
        assert left[-1] == 0
        assert 3 < len(left) < 100
        assert segments(store) == 0


def test_readers_see_whole_commits_while_rows_come_and_are_folded(tmp_path: Path) -> None:
    keys, stop = list(range(5)), Event()
    asked = view(source(), [Window()], ["count_rows"])
    at = pa.array([TIMES[-1] + HOUR] * len(keys), pa.int64())

    def read(store: Store) -> list[int]:
        seen = [0]
        while not stop.is_set():
            fetched = store.fetch("set", [pa.array(keys)], at).table
            counts: list[Any] = fetched.column(0).to_pylist()
            assert len(set(counts)) == 1, "each commit brings a row of each key"
            seen.append(counts[0])
        return seen

    with (
        Store.open(tmp_path / "store", Settings(leaf=8, logged=4)) as store,
        ThreadPoolExecutor(2) as pool,
    ):
        store.define("set", asked)
        reading = [pool.submit(read, store) for _ in range(2)]
        try:
            for number in range(100):
                rng = np.random.default_rng(number)
                rows = bookings(rng, np.asarray(TIMES[number : number + 5]), 5)
                rows = rows.set_column(1, "listing", pa.array(keys))
                store.ingest("events", rows)
                if number % 7 == 0:
                    store.fold_some(1)
        finally:
            stop.set()
        for each in reading:
            seen = each.result()
            assert seen == sorted(seen)
            assert seen[-1] <= 100
        assert store.fetch("set", [pa.array(keys)], at).table.column(0).to_pylist() == [100] * 5


def test_a_store_that_is_only_read_has_the_rows_that_wait(tmp_path: Path) -> None:
    rows = rows_of(7, 60)
    with Store.open(tmp_path / "store") as store:
        store.define("set", ASKED)
        store.ingest("events", rows)
        with Store.open(tmp_path / "store", create=False, read_only=True) as reader:
            store.ingest("events", rows_of(8, 10))
            assert waits(reader) == 60
            assert_equal(reader, "set", ASKED, rows, questions(7))


def test_a_damaged_segment_is_named(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store") as store:
        store.define("set", ASKED)
        store.ingest("events", rows_of(9, 10))
        [(key, data)] = store.database.scan("meta", b"segment\0", b"segment\1")
        store.database.write({("meta", key): data[:-3]}, sync=True)
        with pytest.raises(DamagedError, match="the rows that commit 2 brought are damaged"):
            store.verify()
    with pytest.raises(DamagedError, match="restore a backup"):
        Store.open(tmp_path / "store", create=False)
