"""A log that went on over another store: what is not of the store is left out, and told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bighead.platform.cli.verify_text import found_record, remarks
from bighead.storage.database.origins import origin_of
from bighead.storage.errors import StoreError
from bighead.storage.upkeep.backups import backup, restore
from tests.services.verify.shop import booking, counts, shop

SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id);
CREATE EVENT SOURCE views (listing BIGINT, ts TIMESTAMP) EVENT TIME ts;
CREATE ENTITY SOURCE listings (listing BIGINT, at TIMESTAMP) PRIMARY KEY (listing) CHANGED AT at;
CREATE ENTITY SOURCE hosts (host BIGINT) PRIMARY KEY (host) STATIC;
CREATE EVENT SOURCE requests (request_id BIGINT, ts TIMESTAMP) EVENT TIME ts;
CREATE FEATURE SET nights AS
SELECT listing, SUM(nights) AS nights FROM bookings GROUP BY listing;
"""
SETS = ("nights",)


def test_what_another_store_served_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with shop(tmp_path / "one", SQL, SETS, log) as one:
        one.takes("bookings", booking(1, 1, 9))
        one.fetch("nights")
        other = origin_of(one.store.database)
    with shop(tmp_path / "two", SQL, SETS, log) as two:
        two.offline(bookings=[booking(2, 1, 4)])
        two.takes("bookings", booking(2, 1, 4))
        two.fetch("nights", listing=[1, 2])
        found = two.whole("nights")
        assert counts(found.sets[0]) == {"nights": {"equal": 2}}
        assert (found.total, found.unnamed) == (2, 0)
        (left,) = found.left_out
        assert (left.origin, left.shared, left.rows) == (other, None, 1)
        (told,) = remarks(found)
        assert told.startswith("1 row of the log, served 20")
        assert told.endswith(f", left out: they are of another store ({other})")
        assert found_record(found, False)["left_out"][0]["rows"] == 1


def test_a_log_without_a_row_of_the_store_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with shop(tmp_path / "one", SQL, SETS, log) as one:
        one.fetch("nights", listing=[1, 2])
    with shop(tmp_path / "two", SQL, SETS, log) as two:
        two.offline()
        with pytest.raises(StoreError) as told:
            two.whole("nights")
    assert str(told.value) == (
        f"the log in {log} has 2 rows of 'nights', and none is of the store in "
        f"{tmp_path / 'two' / 'store'}: they were served from another store; name that one by "
        "--store"
    )


def test_a_store_and_its_restored_copy_each_have_their_own(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ours, theirs, both = booking(2, 2, 10), booking(3, 2, 100), booking(1, 1, 1)
    with shop(tmp_path / "one", SQL, SETS, log) as one:
        one.takes("bookings", both)
        shared = one.fetch("nights").commit
        backup(tmp_path / "one" / "store", tmp_path / "backup")
        one.takes("bookings", ours)
        one.fetch("nights", listing=[1, 1])
        mine = origin_of(one.store.database)
        restore(tmp_path / "backup", tmp_path / "two" / "store")
        with shop(tmp_path / "two", SQL, SETS, log) as two:
            two.fetch("nights")  # nothing has been written yet: it is the store's own commit
            two.takes("bookings", theirs)
            two.fetch("nights", listing=[1, 1, 1])
            one.log.close()
            two.offline(bookings=[both, theirs])
            of_two = two.whole("nights")
            copied = origin_of(two.store.database)
        one.offline(bookings=[both, ours])
        of_one = one.whole("nights")
    (left,) = of_two.left_out
    assert (left.origin, left.shared, left.rows) == (mine, shared, 2)
    assert counts(of_two.sets[0]) == {"nights": {"equal": 3, "late": 2}}
    (left,) = of_one.left_out
    assert (left.origin, left.shared, left.rows) == (copied, None, 3)
    assert counts(of_one.sets[0]) == {"nights": {"equal": 2, "late": 2}}


def test_what_a_store_served_before_it_was_set_back_is_left_out(tmp_path: Path) -> None:
    log, path = tmp_path / "log", tmp_path / "one" / "store"
    with shop(tmp_path / "one", SQL, SETS, log) as one:
        one.takes("bookings", booking(1, 1))
        kept = one.fetch("nights").commit
    shutil.copytree(path, tmp_path / "copy")
    with shop(tmp_path / "one", SQL, SETS, log) as one:
        one.takes("bookings", booking(2, 1))
        one.fetch("nights")
    shutil.rmtree(path)
    (tmp_path / "copy").rename(path)
    with shop(tmp_path / "one", SQL, SETS, log) as one:
        one.offline(bookings=[booking(1, 1)])
        found = one.whole("nights")
    assert [(left.shared, left.rows) for left in found.left_out] == [(kept, 1)]
    assert f": they read commits after {kept}, the last that " in remarks(found)[0]
    assert counts(found.sets[0]) == {"nights": {"equal": 1}}


def test_rows_that_name_no_store_are_taken_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bighead.storage.store.note_origin", lambda *_: None)
    with shop(tmp_path, SQL, SETS) as made:
        made.takes("bookings", booking(1, 1))
        made.offline(bookings=[booking(1, 1)])
        made.fetch("nights")
        monkeypatch.undo()
        made.takes("bookings", booking(2, 30))
        made.fetch("nights")
        found = made.whole("nights")
    assert (found.unnamed, found.left_out) == (1, ())
    assert remarks(found) == ["1 row of the log without a store's name: taken to be of this one"]
    assert counts(found.sets[0]) == {"nights": {"equal": 2}}
