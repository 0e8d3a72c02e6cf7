"""What a store forgets by itself: rows beyond the retention of what it serves, and cleared sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.storage.database.keys import after, identity_prefix
from bighead.storage.errors import StoreError
from bighead.storage.fetch.served import serve, withdraw
from bighead.storage.requests.asking import ask
from bighead.storage.requests.carrying_out import Carrier
from bighead.storage.retiring import Retiring, clear, due, retentions, unserved
from bighead.storage.sets.definitions import LEAST
from bighead.storage.store import Settings, Store
from bighead.zipline.catalog import FeatureSet
from bighead.zipline.windows import DAY, HOUR
from tests.planner.test_user_aggregates import GeometricMean
from tests.storage.shop import START

DECLARED = """
CREATE EVENT SOURCE events (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id);
CREATE FEATURE SET short WITH (retention = '2d') AS
SELECT listing, SUM(nights) OVER (LAST '1d') AS nights FROM events GROUP BY listing;
CREATE FEATURE SET long WITH (retention = '5d') AS
SELECT listing, SUM(nights) OVER (LAST '7d') AS nights FROM events GROUP BY listing;
CREATE FEATURE SET ever AS
SELECT listing, SUM(nights) OVER (LAST '3d') AS nights FROM events GROUP BY listing;
CREATE FEATURE SET other WITH (retention = '1d') AS
SELECT listing, MAX(nights) OVER (LAST '1d') AS most, LAST(nights) AS last
FROM events WHERE nights > 0 GROUP BY listing;
CREATE FEATURE SET own WITH (retention = '1d') AS
SELECT listing, geometric_mean(CAST(nights AS DOUBLE)) AS mean FROM events GROUP BY listing;
"""
LATER = START + 1000 * DAY


def definition(name: str) -> FeatureSet:
    session = Session()
    session.register_aggregate(GeometricMean)
    session.sql(DECLARED)
    found = session.definitions.get(name)
    assert isinstance(found, FeatureSet)
    return found


def fill(store: Store, days: float, first: int = 0) -> None:
    """Rows of three listings, one an hour each."""
    hours = np.repeat(np.arange(first * 24, int(days * 24)), 3)
    count = len(hours)
    columns: dict[str, Any] = {
        "id": np.arange(first * 72, first * 72 + count),
        "listing": np.tile([1, 2, 3], count // 3),
        "nights": np.arange(count) % 5,
        "ts": pa.array(START + hours * HOUR).cast(pa.timestamp("us")),
    }
    store.ingest("events", pa.table(columns))


def all_of(retiring: Retiring) -> int:
    """Turns until nothing is due; rows that went."""
    gone = 0
    while (swept := retiring.turn()) is not None:
        gone += swept.rows
    return gone


def horizon(store: Store, name: str) -> int:
    found, _ = store.plan(store.owner(name))
    return found.horizon


def test_rows_go_that_no_time_within_retention_counts(store: Store) -> None:
    serve(store, definition("short"))
    fill(store, 20)
    assert all_of(Retiring(store, now=lambda: LATER)) == 3 * 24 * 17 - 3
    newest = START + 20 * DAY - HOUR
    assert horizon(store, "short") == newest - 3 * DAY
    times = pa.array([newest - 2 * DAY, newest - 2 * DAY - 1])
    fetched = store.fetch("short", [pa.array([1, 1])], times)
    assert [fault.question for fault in fetched.faults] == [1]
    assert fetched.table.column("nights")[0].as_py() > 0


def test_a_set_without_the_option_keeps_all_and_so_do_those_that_share_its_blocks(
    store: Store,
) -> None:
    for name in ("short", "long"):
        serve(store, definition(name))
    fill(store, 30)
    (owner,) = store.owned()
    assert retentions(store) == {owner: 5 * DAY}
    newest = START + 30 * DAY - HOUR
    assert due(store, LATER) == {owner: newest - 12 * DAY}
    serve(store, definition("ever"))
    assert retentions(store) == {owner: None}
    assert due(store, LATER) == {}
    assert all_of(Retiring(store, now=lambda: LATER)) == 0


def test_neither_a_clock_nor_a_row_from_the_future_moves_it(store: Store) -> None:
    serve(store, definition("short"))
    assert due(store, LATER) == {}
    fill(store, 3)
    assert due(store, LATER) == {"short": START - HOUR}
    assert due(store, START + DAY) == {"short": START - 2 * DAY}


def test_little_is_not_swept_for(store: Store) -> None:
    serve(store, definition("short"))
    fill(store, 10)
    retiring = Retiring(store, now=lambda: LATER, every=0)
    assert all_of(retiring) > 0
    fill(store, 10 + 2 / 24, 10)
    assert retiring.turn() is None
    fill(store, 10 + 4 / 24, 10)
    assert retiring.turn() is not None


def test_identities_go_with_the_rows_that_they_guard(store: Store) -> None:
    serve(store, definition("short"))
    fill(store, 20)
    all_of(Retiring(store, now=lambda: LATER))
    prefix = identity_prefix("events")
    left = list(store.database.scan("identities", prefix, after(prefix)))
    assert len(left) == 3 * 24 * 3 + 3


def test_a_sweep_that_was_stopped_goes_on_though_little_is_left(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store", Settings(leaf=8)) as store:
        serve(store, definition("short"))
        fill(store, 20)
        store.sweep("short", START + 17 * DAY, keys=1)
    with Store.open(tmp_path / "store", Settings(leaf=8)) as store:
        assert due(store, LATER) == {"short": START + 17 * DAY}
        all_of(Retiring(store, now=lambda: LATER))
        assert store.counts()[0].rows == 3 * 24 * 3


def test_a_sweep_begins_with_what_is_asked_of_the_blocks_then(store: Store) -> None:
    for name in ("other", "short"):
        serve(store, definition(name))
    fill(store, 20)
    retiring = Retiring(store, now=lambda: LATER)
    retiring.turn()
    assert horizon(store, "other") > horizon(store, "short") == LEAST
    serve(store, definition("long"))
    all_of(retiring)
    assert store.sets["long"].of == "short"
    assert horizon(store, "short") == START + 20 * DAY - HOUR - 12 * DAY


def test_a_set_that_loses_no_row_is_not_due(store: Store, tmp_path: Path) -> None:
    serve(store, definition("own"))
    fill(store, 20)
    assert due(store, LATER) == {}
    every = {"set": None, "before": None}
    carrier = Carrier(store, tmp_path / "store")
    assert carrier.carry_out("sweep", every) == {"kept": {"own": LEAST}}
    with pytest.raises(StoreError, match="no row of own can go"):
        carrier.carry_out("sweep", {"set": "own", "before": START + DAY})


def test_a_source_whose_sets_were_cleared_has_no_identities_to_forget(store: Store) -> None:
    serve(store, definition("short"))
    fill(store, 20)
    retiring = Retiring(store, now=lambda: LATER)
    retiring.turn()
    assert store.guards
    withdraw(store, "short")
    clear(store, "short")
    assert all_of(retiring) == 0


def test_what_is_asked_for_is_swept_by_whoever_writes(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with Store.open(path) as store:
        serve(store, definition("ever"))
        serve(store, definition("other"))
        fill(store, 20)
    before = START + 10 * DAY
    assert ask(path, "sweep", {"set": "ever", "before": before})["kept"]["ever"] == before
    assert ask(path, "sweep", {"set": None, "before": None})["kept"]["ever"] == before
    with Store.open(path) as store:
        assert horizon(store, "ever") == before
        assert horizon(store, "other") > before


def test_identities_go_in_several_turns_behind_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bighead.storage.retiring.IDENTITIES", 100)
    path = tmp_path / "store"
    with Store.open(path) as store:
        serve(store, definition("ever"))
        fill(store, 20)
    ask(path, "sweep", {"set": "ever", "before": START + 10 * DAY})
    with Store.open(path) as store:
        prefix = identity_prefix("events")
        assert len(list(store.database.scan("identities", prefix, after(prefix)))) == 3 * 24 * 10


def test_a_set_that_is_served_no_more_is_cleared(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with Store.open(path, Settings(leaf=8)) as store:
        for name in ("short", "other"):
            serve(store, definition(name))
        fill(store, 5)
        rows = {c.name: c.rows for c in store.counts()}
        with pytest.raises(StoreError, match="withdraw it first"):
            clear(store, "short")
        withdraw(store, "short")
        assert unserved(store) == ["short"]
    assert ask(path, "clear", {"sets": []}) == {"cleared": ["short"]}
    with Store.open(path) as store:
        assert {c.name: c.rows for c in store.counts()} == {"other": rows["other"]}
        store.verify()
        serve(store, definition("short"))
        assert horizon(store, "short") == LEAST
        asked = pa.array([START + 5 * DAY])
        fetched = store.fetch("short", [pa.array([1])], asked)
        assert fetched.found == [False]


def test_blocks_that_are_still_read_are_not_cleared(store: Store) -> None:
    for name in ("long", "short"):
        serve(store, definition(name))
    fill(store, 5)
    (owner,) = store.owned()
    reader = next(name for name in store.sets if name != owner)
    withdraw(store, owner)
    assert unserved(store) == []
    withdraw(store, reader)
    assert unserved(store) == ["long", "short"]
    with pytest.raises(StoreError, match="clear it first"):
        clear(store, owner)
    clear(store, reader)
    clear(store, owner)
    assert not store.sets
