"""What goes wrong with an upload is said, and the generation before goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.database.database import Table
from bighead.storage.database.keys import set_prefix
from bighead.storage.errors import StoreError
from bighead.storage.following import Follower
from bighead.storage.retiring import clear
from bighead.storage.sets.numbers import last_number
from bighead.storage.store import Store
from bighead.storage.upload import switching
from bighead.storage.upload.building import Asked, Batch, Read
from bighead.storage.upload.forgetting import EVERY, forget_streams
from bighead.storage.upload.package import Package, packages
from bighead.storage.upload.switching import clear_generation, drop_old, switches
from bighead.storage.upload.uploads import adopt, adopt_waiting, build
from bighead.storage.writing.stream_log import entries
from bighead.zipline.ir.sources import Source
from bighead.zipline.windows import DAY, Window
from tests.storage.shop import SHORT, START, asking, assert_equal, bookings, source, view
from tests.storage.upload.scenario import SMALL, online_view

TIMES = [START + i * 1000 for i in range(60)]
EVER = 2**62


def of(rows: pa.Table) -> Read:
    """Reads these rows whatever is asked."""

    def read(_: Source, columns: Sequence[str]) -> Batch:
        return Batch([rows.select(columns)])

    return read


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store that has streamed 60 rows."""
    with Store.open(tmp_path / "store", SMALL) as store:
        store.define("set", online_view("identity"))
        store.ingest("events", bookings(np.random.default_rng(1), TIMES))
    return tmp_path / "store"


def unchanged(store: Store) -> None:
    """Its answers are those of the stream."""
    rows = bookings(np.random.default_rng(1), TIMES)
    asked = asking(np.random.default_rng(2), TIMES, 3, 5)
    assert_equal(store, "set", online_view("identity"), rows, asked)
    assert store.sets["set"].generation == 1


def test_a_damaged_file_is_refused_and_the_store_goes_on(path: Path) -> None:
    rows = bookings(np.random.default_rng(3), TIMES, first=100)
    with Store.open(path, SMALL) as store:
        package = build(store, path, "set", Asked(EVER, 0), of(rows))
        file = package.paths("blocks")[0]
        held = bytearray(file.read_bytes())
        held[len(held) // 2] ^= 1
        file.write_bytes(held)
        with pytest.raises(StoreError, match="is damaged or gone; run the upload again"):
            adopt(store, path, package)
        unchanged(store)
        assert adopt_waiting(store, path) is False
        assert packages(path)[0].refused is not None
        again = build(store, path, "set", Asked(EVER, 0), of(rows))
        adopt(store, path, again)
        both = pa.concat_tables([rows, bookings(np.random.default_rng(1), TIMES)])
        asked = asking(np.random.default_rng(2), TIMES, 3, 5)
        assert_equal(store, "set", online_view("identity"), both, asked)
        assert store.sets["set"].generation == 2


def test_files_that_the_database_does_not_take_undo_the_switch(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = bookings(np.random.default_rng(3), TIMES, first=100)
    with Store.open(path, SMALL) as store:
        package = build(store, path, "set", Asked(EVER, 0), of(rows))
        taken = store.database.adopt

        def full(table: Table, files: Sequence[Path]) -> None:
            if table == "identities":
                raise StoreError("the store cannot take files in: No space left on device")
            taken(table, files)

        monkeypatch.setattr(store.database, "adopt", full)
        with pytest.raises(StoreError, match="No space left on device"):
            adopt(store, path, package)
        unchanged(store)
        assert switches(store.database) == []
        prefix = (2).to_bytes(4, "big")
        assert not list(store.database.scan("blocks", prefix, (3).to_bytes(4, "big")))


def test_a_package_of_an_older_state_is_refused(path: Path) -> None:
    rows = bookings(np.random.default_rng(3), TIMES, first=100)
    with Store.open(path, SMALL) as store:
        first = build(store, path, "set", Asked(EVER, 0), of(rows))
        with pytest.raises(StoreError, match="an upload of set waits to be taken in"):
            build(store, path, "set", Asked(EVER, 0), of(rows))
        adopt(store, path, first)
        first.folder.mkdir()
        first.write()
        assert adopt_waiting(store, path) is False
        assert not first.folder.exists()
        assert drop_old(store) == 0


def test_a_package_of_a_set_that_was_cleared_is_refused_by_one_of_its_name(path: Path) -> None:
    rows = bookings(np.random.default_rng(3), TIMES, first=100)
    with Store.open(path, SMALL) as store:
        package = build(store, path, "set", Asked(EVER, 0), of(rows))
        clear(store, "set")
        store.define("set", online_view("identity"))
        assert store.sets["set"].number == 2
        assert adopt_waiting(store, path) is False
        assert "of a set that had the name set before" in str(package.refused)
        assert store.sets["set"].generation == 1


def test_a_number_that_a_set_had_is_not_given_again(path: Path) -> None:
    with Store.open(path, SMALL) as store:
        store.commit({("meta", b"number"): None, ("meta", b"dropped\0" + set_prefix(1, 7)): b""})
        assert last_number(store.database) == 7  # what is left of it is still to be deleted
        for number in (8, 9):
            clear(store, "set")
            store.define("set", online_view("identity"))
            assert store.sets["set"].number == number


def test_who_follows_never_sees_a_set_that_is_cleared_without_its_rows(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = bookings(np.random.default_rng(3), TIMES, first=100)
    seen = []
    with Store.open(path, SMALL) as store:
        adopt(store, path, build(store, path, "set", Asked(EVER, 0), of(rows)))
        with Follower(path, tmp_path / "notes", SMALL, patience=0.5) as follower:

            def cleared(*given: Any) -> None:
                clear_generation(*given)
                follower.refresh()
                with follower.reading() as read:
                    seen.append(list(read.sets))

            monkeypatch.setattr(switching, "clear_generation", cleared)
            clear(store, "set")
        assert seen == [[], []]
        assert not list(store.database.scan("blocks", b"", b"\xff"))


def test_a_batch_beside_a_stream_needs_an_identity_or_a_cut(tmp_path: Path) -> None:
    rows = bookings(np.random.default_rng(3), TIMES)
    declared = source()
    options = (("batch", "b"), ("stream", "s"))
    loose = type(declared)(
        declared.name, declared.schema, options=options, event_time=declared.event_time
    )
    with Store.open(tmp_path / "store", SMALL) as store:
        store.define("set", view(loose, SHORT, ("sum",)))
        with pytest.raises(StoreError, match="nothing says which rows are in both; declare it"):
            build(store, tmp_path / "store", "set", Asked(EVER, 0), of(rows))


def test_an_upload_that_lacks_rows_which_were_let_go_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store"
    rows = bookings(np.random.default_rng(3), [START + i * DAY for i in range(60)])
    with Store.open(path, SMALL) as store:
        store.define("short", online_view("identity", (Window(DAY),)))
        store.ingest("events", rows.slice(0, 50))
        store.ingest("events", rows.slice(50))
        store.sweep("short", START + 58 * DAY)
        assert forget_streams(store) == 1
        store.define("long", online_view("identity", (Window(90 * DAY),)))
        early = build(store, path, "long", Asked(START + 20 * DAY, 0), of(rows))
        with pytest.raises(StoreError, match="rows of events are kept no longer"):
            adopt(store, path, early)
        adopt(store, path, build(store, path, "long", Asked(START + 50 * DAY, 0), of(rows)))
        asked = asking(np.random.default_rng(2), [START + i * DAY for i in range(60)], 3, 20)
        assert_equal(store, "long", online_view("identity", (Window(90 * DAY),)), rows, asked)


def test_a_stream_goes_on_while_files_are_checked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = bookings(np.random.default_rng(3), TIMES, first=100)
    more = bookings(np.random.default_rng(4), TIMES, first=200)
    go_on = threading.Event()
    check = Package.check

    def slow(package: Package) -> None:
        assert go_on.wait(30)
        check(package)

    monkeypatch.setattr(Package, "check", slow)
    with Store.open(path, SMALL) as store:
        build(store, path, "set", Asked(EVER, 0), of(rows))
        assert adopt_waiting(store, path)
        before = time.monotonic()
        for first in range(0, 60, 10):
            store.ingest("events", more.slice(first, 10))
            assert adopt_waiting(store, path)
        assert time.monotonic() - before < 10
        go_on.set()
        while adopt_waiting(store, path):
            pass
        held = [rows, bookings(np.random.default_rng(1), TIMES), more]
        asked = asking(np.random.default_rng(2), TIMES, 3, 10)
        assert_equal(store, "set", online_view("identity"), pa.concat_tables(held), asked)
        assert store.sets["set"].generation == 2


def test_what_streams_brought_goes_without_an_upload(tmp_path: Path) -> None:
    path = tmp_path / "store"
    days = 2 * EVERY
    rows = bookings(np.random.default_rng(3), [START + i * DAY for i in range(days)])
    with Store.open(path, SMALL) as store:
        store.define("set", online_view("identity", (Window(DAY),)))
        kept = []
        for day in range(days):
            store.ingest("events", rows.slice(day, 1))
            if day % 100 == 99:
                store.sweep("set", START + (day - 10) * DAY)
            adopt_waiting(store, path)
            kept.append(len(list(entries(store.database, ["events"], 0))))
        # It is looked through again after 256 commits.
        assert max(kept) < EVERY + 110
        asked = asking(np.random.default_rng(2), [START + (days - 5) * DAY], 3, 5)
        assert_equal(store, "set", online_view("identity", (Window(DAY),)), rows, asked)
