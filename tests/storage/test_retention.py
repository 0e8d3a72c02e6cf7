"""What a sweep drops, what it keeps, and that a store stays as small as its history."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.planner.sources.changes import open_changes
from bighead.planner.sources.opener import Place, open_source
from bighead.storage.access.authorizer import Open
from bighead.storage.database.database import Memory
from bighead.storage.fetch.served import serve
from bighead.storage.fetch.service import Service
from bighead.storage.fetch.shelf import Shelf
from bighead.storage.retiring import forget_old_stamps
from bighead.storage.sets.prepare import integers
from bighead.storage.store import Settings, Store
from bighead.storage.writing.arrival import Arrival
from bighead.zipline.ir.nodes import TemporalJoin, View
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.windows import DAY, HOUR, Window
from tests.conformance.cases import Case
from tests.conformance.check import REFERENCE, ask
from tests.conformance.compare import difference
from tests.conformance.generate_entities import many_changes_case
from tests.storage.fetch_log.asked import ask as fetch
from tests.storage.shop import (
    CUT,
    SHORT,
    START,
    Asking,
    asking,
    assert_equal,
    bookings,
    source,
    view,
)
from tests.storage.test_store import SMALL, times_of

HORIZON = START + 12 * DAY
FROM = HORIZON + 7 * DAY
"""As of this time the longest window begins at the horizon."""


def later(times: list[int]) -> list[int]:
    """Those that can still be asked."""
    return [t + 1 for t in times if t > FROM] or [FROM]


@pytest.mark.parametrize("most", [None, 1])
def test_windows_above_the_horizon_are_exact_after_a_sweep(store: Store, most: int | None) -> None:
    rng = np.random.default_rng(1)
    asked, times = view(source(), SHORT), times_of(rng, 400, 26)
    rows = bookings(rng, times)
    store.define("set", asked)
    store.ingest("events", rows)
    held = store.counts()[0].rows
    swept = [store.sweep("set", HORIZON, most)]
    while not swept[-1].done:
        assert_equal(store, "set", asked, rows, asking(rng, later(times), 3, 4))
        swept.append(store.sweep("set", HORIZON, most))
    gone = sum(t < HORIZON for t in times)
    assert sum(s.rows for s in swept) == gone
    assert store.counts()[0].rows == held - gone
    store.verify()
    assert_equal(store, "set", asked, rows, asking(rng, later(times), 3, 25))


def test_a_sweep_goes_on_where_it_stopped_after_a_restart(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    asked, times = view(source(), SHORT), times_of(rng, 300, 26)
    rows = bookings(rng, times, 9)
    with Store.open(tmp_path / "store", SMALL) as store:
        store.define("set", asked)
        store.ingest("events", rows)
    keys = 0
    for _ in range(20):
        with Store.open(tmp_path / "store", SMALL) as store:
            swept = store.sweep("set", HORIZON, 2)
            keys += swept.keys
            if swept.done:
                break
    assert keys == 9
    with Store.open(tmp_path / "store", SMALL) as store:
        assert store.counts()[0].rows == sum(t >= HORIZON for t in times)
        assert_equal(store, "set", asked, rows, asking(rng, later(times), 9, 25))


def test_a_window_that_begins_before_the_horizon_is_refused(store: Store) -> None:
    rng = np.random.default_rng(3)
    asked, times = view(source(), SHORT, ["sum"]), times_of(rng, 50)
    store.define("set", asked)
    store.ingest("events", bookings(rng, times))
    store.sweep("set", HORIZON)
    spine = Asking([0, 0], [FROM - 1, FROM]).spine
    fetched = store.fetch(
        "set", [pa.array([0, 0], pa.int64())], spine["t"].combine_chunks().cast(pa.int64())
    )
    assert [f.question for f in fetched.faults] == [0]
    assert "rows are no longer kept" in fetched.faults[0].reason


def test_late_rows_below_the_horizon_are_counted_and_left_out(store: Store) -> None:
    rng = np.random.default_rng(4)
    asked, times = view(source(), SHORT), times_of(rng, 60, 26)
    rows = bookings(rng, times)
    store.define("set", asked)
    store.ingest("events", rows)
    store.sweep("set", HORIZON)
    late = bookings(rng, [HORIZON - 1, HORIZON, HORIZON + HOUR], first=1000)
    assert store.ingest("events", late).expired == 1
    both = pa.concat_tables([rows, late])
    assert_equal(store, "set", asked, both, asking(rng, later(times), 3, 25))


def test_all_history_and_the_newest_rows_survive_a_sweep(store: Store) -> None:
    rng = np.random.default_rng(5)
    asked, times = view(source(), [*SHORT, *CUT, Window()]), times_of(rng, 200, 26)
    rows = bookings(rng, times)
    store.define("set", asked)
    store.ingest("events", rows)
    for horizon in (HORIZON - 3 * DAY, HORIZON):
        assert store.sweep("set", horizon).rows > 0
    late = bookings(rng, [START + DAY, HORIZON - 1, HORIZON], first=1000)
    store.ingest("events", late)
    both = pa.concat_tables([rows, late])
    store.verify()
    assert_equal(store, "set", asked, both, asking(rng, later(times), 3, 25))


@pytest.mark.parametrize("settings", [Settings(), SMALL], ids=["a leaf", "a tree"])
def test_the_newest_rows_of_a_key_are_answered_and_swept_again(settings: Settings) -> None:
    rng = np.random.default_rng(6)
    asked = view(source(), [Window(rows=3)])
    times = [START + i * HOUR for i in range(40)]
    rows = bookings(rng, times, 1)
    store = Store.over(Memory(), settings)
    store.define("set", asked)
    store.ingest("events", rows)
    questions = Asking([0] * 3, [START + 3 * DAY, START + 3 * DAY + 1, START + 9 * DAY])
    for horizon in (START + 2 * DAY, START + 3 * DAY):
        assert store.sweep("set", horizon).rows > 0
        assert store.counts()[0].rows == 3
        assert_equal(store, "set", asked, rows, questions)
        more = bookings(rng, [horizon + i * HOUR for i in range(1, 9)], 1, first=len(rows))
        store.ingest("events", more)
        rows = pa.concat_tables([rows, more])
        assert_equal(store, "set", asked, rows, questions)


def test_a_look_up_finds_what_passes_among_the_rows_that_are_kept() -> None:
    session = Session()
    session.sql("""
        CREATE EVENT SOURCE bookings (listing BIGINT, nights BIGINT, ts TIMESTAMP) EVENT TIME ts;
        CREATE EVENT SOURCE requests (listing BIGINT, least BIGINT, ts TIMESTAMP) EVENT TIME ts;
        CREATE TRAINING SET last_long AS
        SELECT q.ts AS asked, b.nights FROM requests AS q
        ASOF LEFT JOIN bookings AS b MATCH_CONDITION (q.ts > b.ts)
            ON b.listing = q.listing AND b.nights >= q.least;
    """)
    definition: Any = session.definitions.get("last_long")
    rows: dict[str, Any] = {
        "listing": [1, 1, 1, 2, 2, 3],
        "nights": [5, 4, 3, 5, 1, 1],
        "ts": pa.array([START + i * HOUR for i in range(6)]).cast(pa.timestamp("us")),
    }
    store = Store.over(Memory(), Settings(recent=0))
    (held,) = serve(store, definition).sets.values()
    store.ingest("bookings", pa.table(rows))
    assert store.sweep(held, START + DAY).rows == 3
    service = Service(Shelf(lambda: nullcontext(store)), Open())
    times = pa.array([START + 2 * DAY] * 4).cast(pa.timestamp("us"))
    answer = fetch(service, "last_long", {"listing": [1, 2, 3, 4], "least": [2] * 4, "ts": times})
    assert [row["nights"] for row in answer] == [3, None, None, None]
    assert [(e.entity, e.code) for e in answer.errors] == [(1, "BEYOND_RETENTION")]


@pytest.mark.parametrize("seed", range(2))
def test_entities_are_exact_from_the_horizon_on(store: Store, seed: int) -> None:
    case = many_changes_case(seed, 300, 3, 30)
    plan = cast("TemporalJoin", case.plan)
    rows = entity_rows(case)
    spine = case.tables["spine"]
    store.define("set", cast("View", plan.right))
    for first in range(0, 300, 100):
        store.ingest("events", rows.slice(first, 100))
    before = store.counts()[0].rows
    horizon = START + 15 * DAY
    while not store.sweep("set", horizon, 10).done:
        pass
    store.verify()
    assert store.counts()[0].rows < before
    held = store.counts()[0].rows
    again = store.ingest("events", rows)
    assert again.copies + again.expired == 300
    assert again.expired > 0
    assert store.counts()[0].rows == held
    store.verify()
    late = np.flatnonzero(numbers_of(spine) >= horizon)
    kept = replace(case, tables={**case.tables, "spine": spine.take(late)})
    asked = kept.tables["spine"]
    fetched = store.fetch(
        "set", [asked["k0"].combine_chunks()], integers(asked["t"].combine_chunks())
    )
    wanted = ask(REFERENCE, kept).table
    assert wanted is not None
    columns: list[Any] = [*asked.columns, *fetched.table.columns]
    got = pa.Table.from_arrays(columns, names=wanted.column_names)
    assert not fetched.faults
    assert difference(plan, got, wanted) is None


def numbers_of(spine: pa.Table) -> np.ndarray[Any, Any]:
    """The times of a spine."""
    return np.asarray(integers(spine["t"].combine_chunks()).to_pylist())


def entity_rows(case: Case) -> pa.Table:
    """The changes of a case as a scan of the source gives them."""
    (source_,) = case.sources
    assert isinstance(source_, EntitySource)
    data = open_source(case.tables["events"], "events", Place(), source_.schema)
    rows = open_changes(source_, data, Place(), lambda _: None).scan(source_.scanned.names)
    return rows.combine_chunks()


def test_identities_are_forgotten_with_the_rows_that_they_guard(store: Store) -> None:
    rng = np.random.default_rng(6)
    times = times_of(rng, 100, 26)
    rows = bookings(rng, times)
    store.define("set", view(source(identity=True), SHORT, ["sum"]))
    store.ingest("events", rows)
    store.sweep("set", HORIZON)
    old = sum(t < HORIZON for t in times)
    assert store.expire_identities("events") == old
    again = store.ingest("events", rows)
    assert (again.copies, again.expired) == (100 - old, old)


def test_disk_stays_bounded_over_thirty_days(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    asked = view(source(identity=True), [Window(HOUR), Window(DAY)])
    sizes = []
    with Store.open(tmp_path / "store", Settings(stamps=2 * DAY)) as store:
        store.define("set", asked)
        for day in range(30):
            begin = START + day * DAY
            arrival = Arrival(begin + DAY)
            times = begin + rng.integers(0, DAY, 600)
            rows = bookings(rng, times, 40, first=600 * day, late=(0, 0, HOUR))
            for first in range(0, 600, 300):
                store.ingest("events", rows.slice(first, 300), arrival=arrival)
            store.sweep("set", begin)
            store.expire_identities("events")
            forget_old_stamps(store, arrival.time)
            store.database.compact()
            files = (tmp_path / "store").rglob("*.sst")
            sizes.append(sum(f.stat().st_size for f in files))
            assert store.counts()[0].rows == 600
    # Without sweeps it would be sixfold in the end; files that a compaction replaced may linger.
    assert max(sizes[5:]) < 2.5 * sizes[4]
