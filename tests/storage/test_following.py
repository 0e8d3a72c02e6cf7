"""Readers beside a writer in another process see whole commits, one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage import following
from bighead.storage.database.commits import mark, whole
from bighead.storage.database.database import TABLES, Batch, Memory, View
from bighead.storage.database.rocks import Rocks
from bighead.storage.errors import DamagedError, FormatError, StoreError
from bighead.storage.following import Follower, beside_a_writer
from bighead.storage.sets.values import numbers
from bighead.storage.store import Store
from bighead.storage.upkeep.backups import backup
from tests.storage.ingester import BATCH, ROWS, SMALL, set_of_rows
from tests.storage.shop import asking, assert_equal

ROOT = Path(__file__).parents[2]


@contextmanager
def writer(path: Path, seed: int) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun to take rows, 10 a commit."""
    paths = os.pathsep.join([str(ROOT), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.ingester", str(path), str(seed), "0.02"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert process.stdout is not None
    process.stdout.readline()
    drain = threading.Thread(target=process.stdout.read)
    drain.start()
    try:
        yield process
    finally:
        process.kill()
        drain.join()
        process.wait()


def follow_and_compare(path: Path, notes: Path, seed: int) -> int:
    """Follow a writer until it is done; at how many commits the store was looked at."""
    asked, rows = set_of_rows(seed)
    times = numbers(rows["ts"].combine_chunks().cast(pa.int64()))
    rng = np.random.default_rng(seed)
    seen: list[int] = []
    with writer(path, seed) as process, Follower(path, notes) as follower:
        while not seen or seen[-1] < ROWS:
            running = process.poll() is None
            commit = follower.refresh()
            with follower.reading() as store:
                done = store.offset("events", "0")
                assert store.committed == commit == follower.committed
                assert done == BATCH * (commit - 1)
                assert not seen or done >= seen[-1]
                if seen and done == seen[-1]:
                    assert running
                    continue
                assert store.counts()[0].rows == done
                store.verify()
                for table in TABLES:  # by an iterator, and key by key
                    entries = dict(store.database.scan(table, b"", None))
                    assert store.database.get_many(table, list(entries)) == [*entries.values()]
                if len(seen) % 8 == 0:
                    questions = asking(rng, times, 4, 3)
                    assert_equal(store, "set", asked, rows.slice(0, done), questions)
            seen.append(done)
    return len(seen)


def test_a_reader_sees_whole_commits_while_files_change(tmp_path: Path) -> None:
    assert follow_and_compare(tmp_path / "store", tmp_path / "notes", 1) > 3


@pytest.mark.soak
def test_many_readers_see_whole_commits(tmp_path: Path) -> None:
    looks = [follow_and_compare(tmp_path / f"s{i}", tmp_path / f"n{i}", i) for i in range(50)]
    assert sum(looks) > 1000


def test_a_backup_beside_a_writer_is_one_commit(tmp_path: Path) -> None:
    asked, rows = set_of_rows(3)
    with writer(tmp_path / "store", 3):
        number = backup(tmp_path / "store", tmp_path / "backup")
        with beside_a_writer(tmp_path / "store") as beside:
            assert beside.committed >= number
            assert beside.verify() > 0
    with Store.open(tmp_path / "backup", SMALL, create=False) as store:
        assert store.committed == number
        done = store.offset("events", "0")
        assert done == BATCH * (number - 1)
        times = numbers(rows["ts"].combine_chunks().cast(pa.int64()))
        questions = asking(np.random.default_rng(3), times, 4, 4)
        assert_equal(store, "set", asked, rows.slice(0, done), questions)


def test_what_is_read_stays_until_it_is_given_back(tmp_path: Path) -> None:
    asked, rows = set_of_rows(5)
    with Store.open(tmp_path / "store") as store:
        store.define("set", asked)
        store.ingest("events", rows.slice(0, 10))
        with Follower(tmp_path / "store", tmp_path / "notes") as follower:
            assert follower.refresh() == 2
            with follower.reading() as before:
                store.ingest("events", rows.slice(10, 10))
                assert follower.refresh() == 3
                with follower.reading() as now:
                    assert now.counts()[0].rows == 20
                assert before.counts()[0].rows == 10
            with follower.reading() as now, pytest.raises(StoreError, match="reading only"):
                now.ingest("events", rows.slice(20, 10))


def test_a_follower_goes_on_where_files_could_not_be_read_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, away = tmp_path / "store", tmp_path / "away"
    asked, rows = set_of_rows(5)

    def unreadable(_: Rocks) -> None:
        raise StoreError("the store cannot be followed: a file is gone")

    with Store.open(path) as store:
        store.define("set", asked)
        store.ingest("events", rows.slice(0, 10))
    with Follower(path, tmp_path / "notes", patience=0.1) as follower:
        path.rename(away)
        with monkeypatch.context() as patched:
            patched.setattr(Rocks, "catch_up", unreadable)
            for _ in range(2):
                with pytest.raises(StoreError, match=r"a file is gone|there is no store"):
                    follower.refresh()
        with follower.reading() as before:
            assert before.counts()[0].rows == 10
        away.rename(path)
        with Store.open(path) as store:
            store.ingest("events", rows.slice(10, 10))
        assert follower.refresh() == 3
        with follower.reading() as now:
            assert now.counts()[0].rows == 20


def test_a_follower_goes_on_where_what_it_had_open_does_not_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, rows = set_of_rows(5)
    left: list[Rocks] = []
    real = Rocks.close

    def close(rocks: Rocks) -> None:
        left.append(rocks)
        real(rocks)
        raise StoreError("the store cannot be written: no room")

    with Store.open(tmp_path / "store") as store:
        store.define("set", asked)
        store.ingest("events", rows.slice(0, 10))
        follower = Follower(tmp_path / "store", tmp_path / "notes", patience=0.5)
        store.ingest("events", rows.slice(10, 10))
        with monkeypatch.context() as patched:
            patched.setattr(following, "_LOOKS", 1)
            patched.setattr(Rocks, "close", close)
            assert follower.refresh() == 3
            assert len(left) == 1
            with follower.reading() as now:
                assert now.counts()[0].rows == 20
            with pytest.raises(StoreError, match="no room"):
                follower.close()
        assert len(left) == len(set(left)) == 3


def test_a_file_that_goes_while_it_is_looked_at_is_looked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, rows = set_of_rows(5)
    faults: list[StoreError] = []

    def gone(view: View, served: int) -> int | None:
        if faults:
            raise faults.pop()
        return whole(view, served)

    monkeypatch.setattr(following, "whole", gone)
    with Store.open(tmp_path / "store") as store:
        store.define("set", asked)
        faults.append(DamagedError("the store is damaged: no such file"))
        with Follower(tmp_path / "store", tmp_path / "notes") as follower:
            store.ingest("events", rows.slice(0, 10))
            faults.append(DamagedError("the store is damaged: no such file"))
            assert follower.refresh() == 2
            store.ingest("events", rows.slice(10, 10))
            faults.append(FormatError("the store is of format 9"))
            with pytest.raises(StoreError, match="of format 9"):
                follower.refresh()
    assert not faults


def test_a_commit_of_which_parts_are_missing_is_not_whole() -> None:
    database = Memory()
    for number in range(1, 6):
        batch: Batch = {}
        mark(batch, number)
        database.write(batch, sync=False)
    assert whole(database, 0) == whole(database, 3) == 5
    last = max(key for key, _ in database.scan("identities", b"", None))
    for table in TABLES:
        later = Memory(dict(database.values), {t: list(k) for t, k in database.keys.items()})
        later.write({(table, last): None}, sync=False)
        assert whole(later, 3) is None
        old = Memory(dict(database.values), {t: list(k) for t, k in database.keys.items()})
        old.write({(table, b"\xffcommit"): (4).to_bytes(8, "big")}, sync=False)
        assert whole(old, 3) is None
        hole = Memory(dict(database.values), {t: list(k) for t, k in database.keys.items()})
        third = sorted(key for key, _ in hole.scan(table, b"", None))[3]
        hole.write({(table, third): None}, sync=False)
        assert whole(hole, 1) is None
        assert whole(hole, 4) == 5
