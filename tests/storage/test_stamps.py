"""When rows came is kept beside them: by identity, else as a whole, as long as it is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.storage import retiring
from bighead.storage.database.database import Batch, Memory
from bighead.storage.retiring import Retiring
from bighead.storage.store import Settings, Store
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.ingesting import Stamp
from bighead.storage.writing.stamps import (
    LEAST,
    digests_of,
    forget_stamps,
    fresh_bit,
    reigns,
    stamped_sources,
    stamps,
    unstamped_before,
)
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import DataError
from bighead.zipline.ir.sources import Source
from bighead.zipline.serving import serving
from bighead.zipline.windows import DAY

SQL = """
CREATE EVENT SOURCE named (id BIGINT, k BIGINT, v DOUBLE, ts TIMESTAMP) EVENT TIME ts IDENTITY (id);
CREATE EVENT SOURCE bare (id BIGINT, k BIGINT, v DOUBLE, ts TIMESTAMP) EVENT TIME ts;
CREATE ENTITY SOURCE held (id BIGINT, k BIGINT, v DOUBLE, ts TIMESTAMP)
    PRIMARY KEY (id) CHANGED AT ts;
CREATE FEATURE SET of_named AS SELECT k, SUM(v) AS s FROM named GROUP BY k;
CREATE FEATURE SET of_bare AS SELECT k, SUM(v) AS s FROM bare GROUP BY k;
CREATE FEATURE SET of_held AS SELECT k, SUM(v) AS s FROM held GROUP BY k;
"""
SOURCES = ("named", "bare", "held")
WARM = """
CREATE FEATURE SET warm AS SELECT k, SUM(v) AS s FROM held WHERE v > 0 GROUP BY k;
CREATE FEATURE SET of_warm AS SELECT k, SUM(w) AS s FROM (
    SELECT id, k, v * 2 AS w, ts FROM held WHERE v > 0
) AS h WHERE w > 1 GROUP BY k;
"""
ROOMS = """
CREATE ENTITY SOURCE rooms (room BIGINT, beds BIGINT) PRIMARY KEY (room) STATIC;
CREATE EVENT SOURCE stays (id BIGINT, room BIGINT, ts TIMESTAMP) EVENT TIME ts;
CREATE TRAINING SET with_beds ID (id) AS
SELECT q.id, q.ts, r.beds FROM stays AS q LEFT JOIN rooms AS r ON r.room = q.room
"""


def rows_of(ids: list[int | None], value: float = 1.5) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "k": pa.array([1] * len(ids), pa.int64()),
            "v": pa.array([value] * len(ids)),
            "ts": pa.array([7] * len(ids)).cast(pa.timestamp("us")),
        }
    )


@pytest.fixture(scope="module")
def session() -> Session:
    made = Session("reference")
    made.sql(SQL)
    return made


def source(session: Session, name: str) -> Source:
    found: Any = session.definitions.get(name)
    return found  # type: ignore[no-any-return]


def opened(session: Session, **given: Any) -> Store:
    store = Store.over(Memory(), Settings(**given))
    for name in SOURCES:
        found = session.definitions.get(f"of_{name}")
        assert isinstance(found, FeatureSet)
        store.define(f"of_{name}", found.view)
    return store


def came(store: Store, name: str) -> list[tuple[int, int, int]]:
    """The commit, the arrival and the number of rows of each batch."""
    return [(s.commit, s.arrival, len(s.digests.names)) for s in stamps(store.database, name)]


@pytest.mark.parametrize("name", SOURCES)
def test_each_commit_says_which_rows_came_and_when(session: Session, name: str) -> None:
    store = opened(session)
    one = store.ingest(name, rows_of([1, 2]), arrival=Arrival(100))
    two = store.ingest(name, rows_of([3]), arrival=Arrival(200))
    assert came(store, name) == [(one.commit, 100, 2), (two.commit, 200, 1)]
    first, _ = stamps(store.database, name)
    wanted = digests_of(source(session, name), rows_of([1, 2]))
    assert (first.digests.names == wanted.names).all()
    assert (first.digests.rows == wanted.rows).all()
    assert first.digests.named == (name == "named")
    assert unstamped_before(store.database, name) == LEAST
    assert stamped_sources(store.database) == [name]


def test_copies_and_refused_rows_have_no_stamp(session: Session) -> None:
    store = opened(session)
    store.ingest("named", rows_of([1, 2]), Stamp("0", 0), arrival=Arrival(100))
    store.ingest("named", rows_of([1, 2, 3]), Stamp("1", 0), arrival=Arrival(200))
    store.ingest("named", rows_of([1], 2.5), refuse=True, arrival=Arrival(300))
    with pytest.raises(DataError):
        store.ingest("named", rows_of([1, 4], 2.5), arrival=Arrival(300))
    assert [rows for _, _, rows in came(store, "named")] == [2, 1]


def test_hashes_are_of_the_rows_that_remain(session: Session) -> None:
    store = opened(session)
    store.ingest("named", rows_of([2]), arrival=Arrival(100))
    store.ingest("named", rows_of([1, 2, 1, 3]), arrival=Arrival(200))
    store.ingest("named", rows_of([4]).select(["ts", "v", "k", "id"]), arrival=Arrival(300))
    _, second, third = stamps(store.database, "named")
    for came_, ids in ((second, [1, 3]), (third, [4])):
        wanted = digests_of(source(session, "named"), rows_of([*ids]))
        assert (came_.digests.rows == wanted.rows).all()
        assert (came_.digests.names == wanted.names).all()


def test_rows_are_named_by_identity_else_as_a_whole(session: Session) -> None:
    named, bare = source(session, "named"), source(session, "bare")
    a, b = digests_of(named, rows_of([1, None, None])), digests_of(named, rows_of([1, None], 2.5))
    assert a.names[0] == b.names[0]
    assert a.rows[0] != b.rows[0]
    assert a.names[1] != b.names[1]  # NULL equals nothing: it is the whole row
    assert a.names[1] == a.names[2] == a.rows[1]
    c, d = digests_of(bare, rows_of([1])), digests_of(bare, rows_of([1], 2.5))
    assert c.names[0] == c.rows[0] != d.names[0]


def test_the_hash_of_a_row_does_not_depend_on_its_batch(session: Session) -> None:
    rows = rows_of(list(range(50)))
    whole = digests_of(source(session, "named"), rows)
    parts = [digests_of(source(session, "named"), rows.slice(i, 7)) for i in range(0, 50, 7)]
    assert (np.concatenate([p.rows for p in parts]) == whole.rows).all()
    assert len(set(whole.names.tolist())) == 50


def test_a_copy_of_a_change_is_one_for_sets_with_a_condition_too(session: Session) -> None:
    made = Session("reference")
    made.sql(SQL + WARM)
    store = opened(session)
    for name in ("warm", "of_warm"):
        found = made.definitions.get(name)
        assert isinstance(found, FeatureSet)
        store.define(name, found.view)
    bits = {name: fresh_bit(store.sets[name].number) for name in ("of_held", "warm", "of_warm")}
    store.ingest("held", rows_of([1, 2]), arrival=Arrival(100))
    rows = pa.concat_tables([rows_of([8], -1.0), rows_of([1, 3]), rows_of([9], 0.5)])
    store.ingest("held", rows, arrival=Arrival(200))
    *_, last = stamps(store.database, "held")
    assert last.fresh is not None
    for bit in bits.values():
        assert [bool(f & bit) for f in last.fresh.tolist()] == [True, False, True, True]


def test_stamps_go_and_it_is_known_up_to_when(session: Session) -> None:
    store = opened(session)
    for arrival in (100, 200, 300):
        store.ingest("bare", rows_of([arrival]), arrival=Arrival(arrival))
    batch: Batch = {}
    assert forget_stamps(store.database, "bare", 300, batch) == 2
    store.commit(batch)
    assert [arrival for _, arrival, _ in came(store, "bare")] == [300]
    assert unstamped_before(store.database, "bare") == 201
    assert forget_stamps(store.database, "bare", 300, {}) == 0


def test_whoever_writes_the_store_lets_stamps_go(session: Session) -> None:
    store = opened(session, stamps=1000)
    for arrival in (100, 200, 1300):
        store.ingest("held", rows_of([arrival]), arrival=Arrival(arrival))
    Retiring(store, now=lambda: 1200).turn()
    assert [arrival for _, arrival, _ in came(store, "held")] == [200, 1300]
    commit = store.committed
    Retiring(store, now=lambda: 1200).turn()
    assert store.committed == commit


def test_a_store_that_kept_none_says_since_when_it_does(session: Session) -> None:
    store = opened(session, stamps=None)
    store.ingest("named", rows_of([1]), arrival=Arrival(100))
    assert came(store, "named") == []
    assert reigns(store.database, 1) == []
    store.settings = Settings()
    store.ingest("named", rows_of([2]), arrival=Arrival(200))
    assert unstamped_before(store.database, "named") == 200


def test_a_gap_in_stamps_is_known(session: Session) -> None:
    store = opened(session)
    for arrival, keep in ((100, DAY), (200, None), (300, DAY)):
        store.settings = Settings(stamps=keep)
        store.ingest("bare", rows_of([arrival]), arrival=Arrival(arrival))
    assert [arrival for _, arrival, _ in came(store, "bare")] == [100, 300]
    assert unstamped_before(store.database, "bare") == 201


def test_rows_without_a_time_may_have_come_before_stamps_were_kept() -> None:
    session = Session("reference")
    session.sql(ROOMS)
    found = session.definitions.get("with_beds")
    assert isinstance(found, TrainingSet)
    store = Store.over(Memory(), Settings(stamps=None))
    store.define("beds", serving(found).groups[0].right)
    for arrival, keep in ((100, None), (200, DAY)):
        store.settings = Settings(stamps=keep)
        rows = pa.table({"room": pa.array([arrival]), "beds": pa.array([2])})
        store.ingest("rooms", rows, arrival=Arrival(arrival))
    assert unstamped_before(store.database, "rooms") == 200


def test_of_many_stamps_some_go_each_turn(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retiring, "STAMPED", 3)
    store = opened(session, stamps=1000)
    for arrival in range(100, 108):
        store.ingest("bare", rows_of([arrival]), arrival=Arrival(arrival))
    turns = Retiring(store, now=lambda: 5000)
    left = [(turns.turn(), len(came(store, "bare")))[1] for _ in range(4)]
    assert left == [5, 2, 0, 0]
    assert turns.turn() is None


def test_a_set_begins_its_reign_with_the_commit_that_defines_it(session: Session) -> None:
    store = opened(session)
    found = {n: reigns(store.database, store.sets[f"of_{n}"].number) for n in SOURCES}
    assert [(r.commit, r.generation, r.as_of) for r in found["named"]] == [(1, 1, None)]
    assert [r.commit for r in found["held"]] == [3]


def test_stamps_outlive_the_process(session: Session, tmp_path: Path) -> None:
    definition = session.definitions.get("of_named")
    assert isinstance(definition, FeatureSet)
    with Store.open(tmp_path / "store") as store:
        store.define("of_named", definition.view)
        store.ingest("named", rows_of([1]), arrival=Arrival(100))
    with Store.open(tmp_path / "store", read_only=True) as again:
        assert came(again, "named") == [(2, 100, 1)]
