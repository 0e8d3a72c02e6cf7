"""A store on disk: what it answers after restarts, copies, late rows and sweeps."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.errors import StoreError
from bighead.storage.sets.definitions import Definition
from bighead.storage.sets.sets import Sets
from bighead.storage.sets.values import numbers
from bighead.storage.store import Settings, Store
from bighead.storage.writing.ingesting import Stamp
from bighead.zipline.errors import DataError, UnsupportedError
from bighead.zipline.windows import DAY, HOUR, Window
from tests.storage.shop import (
    CUT,
    SHORT,
    START,
    WHOLE,
    asking,
    assert_equal,
    bookings,
    source,
    view,
)

SMALL = Settings(leaf=8, logged=4, recent=4000, waiting=6)


def times_of(rng: np.random.Generator, count: int, days: int = 20) -> list[int]:
    """Times with many on the edges of tiles and windows."""
    around = START + rng.integers(0, days * 24, count) * HOUR
    return [int(t) for t in around + rng.choice([-1, 0, 0, 1, 12_345], count)]


def test_a_store_opens_again_with_what_was_committed(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    asked, times = view(source(), [*WHOLE, *CUT]), times_of(rng, 300)
    rows = bookings(rng, times)
    for first in range(0, 300, 60):
        with Store.open(tmp_path / "store", SMALL) as store:
            store.define("set", asked)
            assert store.committed == 1 + first // 60
            store.ingest("events", rows.slice(first, 60), Stamp("0", first))
    with Store.open(tmp_path / "store", SMALL, create=False) as store:
        assert store.offset("events", "0") == 300
        assert store.verify() > 50
        assert_equal(store, "set", asked, rows, asking(rng, times, 3, 25))


def test_rows_that_come_again_change_nothing(store: Store) -> None:
    rng = np.random.default_rng(2)
    asked, times = view(source(identity=True), SHORT), times_of(rng, 100)
    rows = bookings(rng, times)
    store.define("set", asked)
    assert store.ingest("events", rows.slice(0, 70)).copies == 0
    assert store.ingest("events", rows.slice(40)).copies == 30
    assert_equal(store, "set", asked, rows, asking(rng, times, 3, 25))


def test_an_offset_that_was_committed_is_not_read_again(store: Store) -> None:
    rng = np.random.default_rng(3)
    asked, times = view(source(), SHORT), times_of(rng, 100)
    rows = bookings(rng, times)
    store.define("set", asked)
    store.ingest("events", rows.slice(0, 70), Stamp("0", 0))
    assert store.ingest("events", rows.slice(40), Stamp("0", 40)).copies == 30
    assert store.ingest("events", rows.slice(0, 10), Stamp("0", 0)).copies == 10
    assert store.offset("events", "0") == 100
    assert_equal(store, "set", asked, rows, asking(rng, times, 3, 25))


def test_unequal_rows_of_one_identity_are_refused_and_nothing_of_the_batch_is_taken(
    store: Store,
) -> None:
    rng = np.random.default_rng(4)
    rows = bookings(rng, times_of(rng, 4))
    store.define("set", view(source(identity=True), SHORT))
    store.ingest("events", rows.slice(0, 1))
    other = rows.set_column(4, "nights", pa.array([50] * 4, pa.int64()))
    with pytest.raises(DataError, match=r"two different rows of the identity \(id = 0\)"):
        store.ingest("events", pa.concat_tables([rows.slice(1), other.slice(0, 1)]))
    assert store.ingest("events", rows).copies == 1


@pytest.mark.parametrize("lag", [0, 1, HOUR, DAY])
def test_any_time_can_be_asked_whatever_the_lag_of_knowledge(store: Store, lag: int) -> None:
    rng = np.random.default_rng(5)
    asked, times = view(source(known=True), [*WHOLE, *CUT]), times_of(rng, 250)
    rows = bookings(rng, times, late=(lag, lag, 0, -1))
    store.define("set", asked)
    for i in rng.permutation(5):
        store.ingest("events", rows.slice(50 * int(i), 50))
    edges = [t + w + d for t in times for w in (0, HOUR, DAY) for d in (0, lag)]
    assert_equal(store, "set", asked, rows, asking(rng, edges, 3, 30))


def test_two_sets_over_one_source_take_the_same_rows(store: Store) -> None:
    rng = np.random.default_rng(6)
    times = times_of(rng, 100)
    rows = bookings(rng, times)
    one, other = view(source(), SHORT), view(source(), [Window(rows=5)], ["sum", "last"])
    store.define("one", one)
    store.define("other", other)
    store.ingest("events", rows)
    questions = asking(rng, times, 3, 25)
    assert_equal(store, "one", one, rows, questions)
    assert_equal(store, "other", other, rows, questions)


def test_what_a_store_does_not_keep_is_refused(store: Store) -> None:
    asked = view(source(), SHORT)
    store.define("bookings", asked)
    store.define("bookings", asked)
    with pytest.raises(StoreError, match="another set as bookings; give this one another name"):
        store.define("bookings", replace(asked, tail=DAY))
    with pytest.raises(StoreError, match="no set 'booking'; did you mean 'bookings'"):
        store.plan("booking")
    with pytest.raises(StoreError, match="reads 'event'; did you mean 'events'"):
        store.ingest("event", bookings(np.random.default_rng(0), [START]))
    ahead = view(source(), [Window(DAY, forward=True)], ["sum"])
    with pytest.raises(UnsupportedError, match="a window that looks ahead is a label"):
        store.define("labels", ahead)


def test_there_is_one_writer(tmp_path: Path) -> None:
    refused = pytest.raises(StoreError, match="another process or handle writes the store")
    with Store.open(tmp_path / "store"), refused:
        Store.open(tmp_path / "store")
    with pytest.raises(StoreError, match="there is no store in"):
        Store.open(tmp_path / "none", create=False)


def test_hundreds_of_rows_in_one_microsecond_are_one_tile_for_every_window(store: Store) -> None:
    rng = np.random.default_rng(8)
    asked = view(source(), [*WHOLE, *CUT], ["count_rows", "sum", "last", "max"])
    times = [START] * 600 + times_of(rng, 100)
    rows = bookings(rng, times, 1)
    store.define("set", asked)
    for first in range(0, len(times), 100):
        store.ingest("events", rows.slice(first, 100))
    store.verify()
    edges = [START, START + 1, START + HOUR, START + HOUR + 1, START + DAY, START + 9 * DAY]
    assert_equal(store, "set", asked, rows, asking(rng, edges, 1, 12))
    store.define("windows", view(source(), SHORT))
    store.ingest("events", rows)
    fetched = store.fetch("windows", [pa.array([0])], pa.array([START + HOUR], pa.int64()))
    assert fetched.blocks < 20


def test_plans_for_some_columns_go_with_their_set() -> None:
    sets = Sets(leaf=8, logged=4)
    for number, name in enumerate(("one", "other"), 1):
        right = view(source(), [Window()], ["count_rows", "sum"][:number])
        sets.keep(Definition(name, number, 1, right, (DAY,)), sets.compiled(right, (DAY,)))
        sets.narrowed(name, sets.plans[name], frozenset(["count_rows_0"]))
    before = sets.plans["other"]
    narrow = sets.narrowed("other", before, frozenset(["count_rows_0"]))
    assert len(sets._narrow) == 2
    sets.drop("one")
    assert list(sets._narrow.values()) == [(before, narrow)]


def test_what_is_fetched_is_of_one_commit_while_another_thread_writes(store: Store) -> None:
    rng = np.random.default_rng(9)
    store.define("set", view(source(), [Window()], ["count_rows", "count_distinct"]))
    pieces = [
        bookings(rng, times_of(rng, 20), 2).set_column(
            4, "nights", pa.array(np.arange(20 * i, 20 * i + 20))
        )
        for i in range(60)
    ]

    def write() -> None:
        for piece in pieces:
            store.ingest("events", piece)

    writer = threading.Thread(target=write)
    writer.start()
    keys, at = [pa.array([0, 1])], pa.array([START + 99 * DAY] * 2, pa.int64())
    seen = [0]
    while seen[-1] < 1200:
        view_ = store.snapshot() if len(seen) % 2 else None
        fetched = store.fetch("set", keys, at, snapshot=view_).table
        rows, values = (numbers(c.combine_chunks()) for c in fetched.columns)
        assert rows == values
        assert sum(rows) % 20 == 0
        assert sum(rows) >= seen[-1]
        seen.append(sum(rows))
    writer.join()
