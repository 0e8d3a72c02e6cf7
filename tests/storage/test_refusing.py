"""Rows that break a rule are told of, and their neighbours are taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.database.database import Batch, Memory
from bighead.storage.store import Settings, Store
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.ingesting import Report, Stamp
from bighead.storage.writing.refusing import sift
from bighead.zipline.errors import DataError
from bighead.zipline.windows import DAY
from tests.storage.shop import SHORT, START, Asking, assert_equal, bookings, source, view

TIMES = [START + DAY * i for i in range(8)]


@pytest.fixture
def store() -> Store:
    made = Store.over(Memory(), Settings(leaf=4, logged=2))
    made.define("set", view(source(identity=True), SHORT, ["sum", "count_rows"]))
    return made


def rows_with(column: str, changed: dict[int, Any]) -> pa.Table:
    """Eight bookings of one listing, some with another value of a column."""
    rows = bookings(np.random.default_rng(1), TIMES, keys=1)
    values = [changed.get(i, v) for i, v in enumerate(rows[column].to_pylist())]
    at = rows.column_names.index(column)
    return rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type))


def assert_holds(store: Store, rows: pa.Table) -> None:
    """The store answers what the reference says of some rows."""
    asked = view(source(identity=True), SHORT, ["sum", "count_rows"])
    assert_equal(store, "set", asked, rows, Asking([0] * 8, [t + 1 for t in TIMES]))


def test_a_null_time_refuses_its_row_alone(store: Store) -> None:
    rows = rows_with("ts", {2: None, 5: None})
    report = store.ingest("events", rows, refuse=True)
    assert [r.row for r in report.refused] == [2, 5]
    assert all("NULL time" in r.reason for r in report.refused)
    assert_holds(store, rows.take(pa.array([0, 1, 3, 4, 6, 7])))


def test_unequal_rows_of_one_identity_refuse_the_later(store: Store) -> None:
    rows = rows_with("id", {3: 1, 6: 1})
    report = store.ingest("events", rows, refuse=True)
    assert [r.row for r in report.refused] == [3, 6]
    assert "two different rows of the identity (id = 1)" in report.refused[0].reason
    assert report.copies == 0
    assert_holds(store, rows.take(pa.array([0, 1, 2, 4, 5, 7])))


def test_all_kinds_at_once(store: Store) -> None:
    rows = rows_with("id", {3: 1}).slice(0, 6)
    rows = pa.concat_tables([rows, rows_with("ts", {6: None}).slice(6), rows.slice(0, 1)])
    report = store.ingest("events", rows, refuse=True)
    assert [r.row for r in report.refused] == [3, 6]
    assert report.copies == 1
    assert report.rows == 9
    assert_holds(store, rows.take(pa.array([0, 1, 2, 4, 5, 7])))


def test_numbers_of_refused_rows_count_those_that_were_read_before(store: Store) -> None:
    rows = rows_with("ts", {6: None})
    store.ingest("events", rows.slice(0, 4), Stamp("0", 0))
    report = store.ingest("events", rows, Stamp("0", 0), refuse=True)
    assert [r.row for r in report.refused] == [6]
    assert report.copies == 4
    assert store.offset("events", "0") == 8


def test_without_refusing_nothing_of_the_batch_is_taken(store: Store) -> None:
    with pytest.raises(DataError, match="NULL time"):
        store.ingest("events", rows_with("ts", {2: None}))
    assert store.committed == 1
    assert store.ingest("events", rows_with("ts", {})).copies == 0


def test_what_else_is_written_knows_what_became_of_the_rows(store: Store) -> None:
    def also(report: Report) -> Batch:
        told = f"{report.commit} {len(report.refused)}"
        return {("meta", b"test"): told.encode()}

    report = store.ingest("events", rows_with("ts", {2: None}), refuse=True, also=also)
    assert store.database.get("meta", b"test") == f"{report.commit} 1".encode()


def test_rows_that_do_not_say_it_are_known_on_arrival() -> None:
    store = Store.over(Memory(), Settings(leaf=4, logged=2))
    asked = view(source(known=True), SHORT, ["count_rows"])
    store.define("set", asked)
    rows = rows_with("known", dict.fromkeys(range(8)))
    unsaid: Any = pa.array([True] * 4 + [False] * 4)
    arrived = START + 20 * DAY
    store.ingest("events", rows, arrival=Arrival(arrived, unsaid))
    stamps: list[Any] = [pa.scalar(arrived, pa.timestamp("us"))] * 4 + [None] * 4
    known = pa.array(stamps, pa.timestamp("us"))
    filled = rows.set_column(rows.column_names.index("known"), rows.schema.field("known"), known)
    times = [t + d for t in (START + 5 * DAY, arrived) for d in (0, 1)]
    assert_equal(store, "set", asked, filled, Asking([0] * 4, times))


def test_a_copy_that_arrives_later_is_a_copy() -> None:
    store = Store.over(Memory(), Settings())
    store.define("set", view(source(known=True, identity=True), SHORT, ["count_rows"]))
    rows = rows_with("known", dict.fromkeys(range(8)))
    unsaid: Any = pa.array([True] * 8)
    first = store.ingest("events", rows, arrival=Arrival(START, unsaid), refuse=True)
    again = store.ingest("events", rows, arrival=Arrival(START + DAY, unsaid), refuse=True)
    assert (first.copies, again.copies, again.refused) == (0, 8, [])


def test_what_passes_alone_and_not_together_refuses_the_later() -> None:
    attempts = 0

    def attempt(rows: Sequence[int]) -> None:
        nonlocal attempts
        attempts += 1
        if 700 in rows or {3, 500} <= set(rows):
            raise DataError("no")

    kept, refused = sift(range(1000), attempt)
    assert [r.row for r in refused] == [500, 700]
    assert kept == [i for i in range(1000) if i not in (500, 700)]
    assert attempts < 80
