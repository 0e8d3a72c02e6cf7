"""Backups that open, and damage that is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.database.rocks import Rocks
from bighead.storage.errors import DamagedError, StoreError
from bighead.storage.store import Store
from bighead.storage.upkeep.backups import backup, restore
from bighead.zipline.windows import DAY
from tests.storage.shop import SHORT, START, asking, assert_equal, bookings, source, view
from tests.storage.test_store import SMALL, times_of


def test_a_backup_is_the_store_as_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    asked, times = view(source(), SHORT), times_of(rng, 200)
    rows = bookings(rng, times)
    with Store.open(tmp_path / "store", SMALL) as store:
        store.define("set", asked)
        store.ingest("events", rows.slice(0, 100))
    assert backup(tmp_path / "store", tmp_path / "backups" / "one") == 2
    with Store.open(tmp_path / "store", SMALL) as store:
        store.ingest("events", rows.slice(100))
    assert restore(tmp_path / "backups" / "one", tmp_path / "again") == 2
    with Store.open(tmp_path / "again", SMALL) as store:
        questions = asking(rng, times, 3, 20)
        assert_equal(store, "set", asked, rows.slice(0, 100), questions)
        store.ingest("events", rows.slice(100))
        assert_equal(store, "set", asked, rows, questions)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store"):
        pass
    backup(tmp_path / "store", tmp_path / "backup")
    with pytest.raises(StoreError, match="exists already; name a folder that does not exist yet"):
        backup(tmp_path / "store", tmp_path / "backup")
    with pytest.raises(StoreError, match="exists already; move it away first"):
        restore(tmp_path / "backup", tmp_path / "store")
    with pytest.raises(StoreError, match="there is no backup in"):
        restore(tmp_path / "nothing", tmp_path / "other")


def test_a_backup_that_fails_leaves_nothing_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Rocks) -> None:
        raise StoreError("the store cannot be written: no room")

    with Store.open(tmp_path / "store") as store:
        with monkeypatch.context() as patched:
            patched.setattr("bighead.storage.store.note_copy", full)
            patched.setattr("bighead.storage.upkeep.backups.note_copy", full)
            with pytest.raises(StoreError, match="no room") as at_once:  # keeps what was on the way
                store.backup(tmp_path / "one")
            with pytest.raises(StoreError, match="no room") as beside:
                backup(tmp_path / "store", tmp_path / "two")
        for made in (tmp_path / "one", tmp_path / ".two.part"):
            Store.open(made, create=False).close()
        assert at_once.tb is not beside.tb
        assert backup(tmp_path / "store", tmp_path / "two") == store.committed


def filled(path: Path) -> Store:
    rng = np.random.default_rng(2)
    store = Store.open(path, SMALL)
    store.define("set", view(source(), SHORT))
    store.ingest("events", bookings(rng, times_of(rng, 200)))
    return store


def test_a_missing_block_is_found(tmp_path: Path) -> None:
    with filled(tmp_path / "store") as store:
        leaf = next(k for k, _ in store.database.scan("blocks", b"", b"\xff") if k[-9] < 200)
        store.database.write({("blocks", leaf): None}, sync=False)
        with pytest.raises(DamagedError, match="is damaged: the block of tile .* is missing"):
            store.verify()


def test_a_tile_that_is_not_that_of_its_rows_is_found(tmp_path: Path) -> None:
    with filled(tmp_path / "store") as store:
        leaves = [(k, v) for k, v in store.database.scan("blocks", b"", b"\xff") if k[-9] < 200]
        (one, _), (_, other) = [p for p in leaves if store.plans["set"].layout.rows(p[1])][:2]
        store.database.write({("blocks", one): other}, sync=False)
        with pytest.raises(DamagedError, match="of another time|not that of its rows"):
            store.verify()


def test_bytes_that_are_mangled_are_an_error_and_no_crash(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    with filled(tmp_path / "store") as store:
        blocks = list(store.database.scan("blocks", b"", b"\xff"))
        for _ in range(300):
            key, data = blocks[int(rng.integers(len(blocks)))]
            cut = bytearray(data)
            place = int(rng.integers(len(cut)))
            cut[place] ^= 1 << int(rng.integers(8))
            kept = bytes(cut[:place]) if rng.random() < 0.5 else bytes(cut)
            store.database.write({("blocks", key): kept}, sync=False)
            try:
                store.verify()
                times = pa.array([START + 9 * DAY], pa.int64())
                store.fetch("set", [pa.array([1], pa.int64())], times)
            except (DamagedError, StoreError):
                pass
            store.database.write({("blocks", key): data}, sync=False)
        store.verify()


def test_a_file_that_is_mangled_is_an_error_and_no_answer(tmp_path: Path) -> None:
    with filled(tmp_path / "store") as store:
        store.compact()
    for file in (tmp_path / "store").glob("*.sst"):
        file.write_bytes(bytes(byte ^ 255 for byte in file.read_bytes()))
    with pytest.raises(StoreError, match="restore a backup"):
        Store.open(tmp_path / "store", SMALL).verify()
