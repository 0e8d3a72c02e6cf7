"""What an upload brought was there as long as its generation was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bighead.storage.upload.building import Asked, Batch
from bighead.storage.upload.switching import advance, go_back
from bighead.storage.upload.uploads import adopt, build
from bighead.zipline.ir.sources import Source
from tests.services.verify import shop as shops
from tests.services.verify.shop import Rows, Shop, at, booking, counts, listed, shop

CLAUSES = {"named": "IDENTITY (id)", "cut": ""}
OPTIONS = {"named": "batch = 'none', stream = 'kafka://b'",
           "cut": "batch = 'none', stream = 'kafka://b', cut = true"}  # fmt: skip
SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts {clause} WITH ({options});
CREATE ENTITY SOURCE listings (listing BIGINT, host BIGINT, city VARCHAR, updated TIMESTAMP)
    PRIMARY KEY (listing) CHANGED AT updated;
CREATE EVENT SOURCE views (listing BIGINT, seconds DOUBLE, ts TIMESTAMP) EVENT TIME ts;
CREATE ENTITY SOURCE hosts (host BIGINT) PRIMARY KEY (host) STATIC;
CREATE EVENT SOURCE requests (request_id BIGINT, ts TIMESTAMP) EVENT TIME ts;
CREATE FEATURE SET nights AS
SELECT listing, SUM(nights) AS nights, COUNT(*) AS bookings FROM bookings GROUP BY listing;
"""


@pytest.fixture(params=["named", "cut"])
def shopping(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    kind: str = request.param
    sql = SQL.format(clause=CLAUSES[kind], options=OPTIONS[kind])
    with shop(tmp_path, sql, ("nights",)) as made:
        yield made


@pytest.fixture
def named(tmp_path: Path) -> Iterator[Shop]:
    """Where rows have an identity, it is known which of them an upload had."""
    sql = SQL.format(clause=CLAUSES["named"], options=OPTIONS["named"])
    with shop(tmp_path, sql, ("nights",)) as made:
        yield made


def uploaded(made: Shop, as_of: float, rows: Rows) -> None:
    """The set is uploaded from these rows."""
    made.offline(bookings=rows)

    def read(source: Source, columns: Sequence[str]) -> Batch:
        return Batch([made.session.dataset(source).scan(columns)])

    path = made.path / "store"
    asked = Asked(at(as_of), made.arrival)
    adopt(made.store, path, build(made.store, path, "nights", asked, read))


def test_rows_of_a_batch_count_as_there_since_its_commit(shopping: Shop) -> None:
    rows = [booking(1, 1), booking(2, 2), booking(3, 6, 7)]
    shopping.fetch("nights")
    uploaded(shopping, 5, rows)
    shopping.fetch("nights")
    shopping.takes("bookings", rows[2])
    shopping.fetch("nights")
    found = shopping.verify()
    assert counts(found) == {
        "nights": {"late": 2, "equal": 1},
        "bookings": {"late": 2, "equal": 1},
    }
    assert found.late == {"bookings": 3}
    by_commit = sorted(found.examples, key=lambda e: e.commit)
    assert [r.row["id"] for r in by_commit[0].rows] == [3, 2, 1]
    assert [r.commit is None for r in by_commit[0].rows] == [False, True, True]
    assert [r.row["id"] for r in by_commit[-1].rows] == [3]


def test_a_row_that_streams_brought_and_that_is_not_offline_is_ahead(shopping: Shop) -> None:
    rows = [booking(1, 1), booking(2, 2), booking(3, 6, 7)]
    uploaded(shopping, 5, rows[:2])
    commit = shopping.takes("bookings", rows[2])
    shopping.takes("bookings", booking(4, 7, 1, listing=8))
    shopping.fetch("nights")
    shopping.fetch("nights", 6)
    found = shopping.verify()
    assert counts(found) == {
        "nights": {"ahead": 1, "equal": 1},
        "bookings": {"ahead": 1, "equal": 1},
    }
    assert found.ahead == {"bookings": 1}
    (row,) = found.examples[0].rows
    assert (row.what, row.row["id"], row.commit) == ("ahead", 3, commit)
    assert not shopping.whole("nights").failed(0.0)
    shopping.offline(bookings=rows)
    assert counts(shopping.verify())["bookings"] == {"equal": 2}


def test_rows_ahead_of_the_offline_ones_and_late_ones_are_told_together(shopping: Shop) -> None:
    rows = [booking(1, 1), booking(2, 2), booking(3, 6, 7)]
    uploaded(shopping, 5, rows[:1])
    shopping.takes("bookings", rows[2])
    shopping.fetch("nights")
    shopping.takes("bookings", booking(4, 7))
    shopping.offline(bookings=[rows[0], booking(4, 7)])
    found = shopping.verify()
    assert counts(found)["nights"] == {"ahead": 1}
    assert [(r.what, r.row["id"]) for r in found.examples[0].rows] == [("late", 4), ("ahead", 3)]


def test_a_change_that_takes_an_entity_to_another_key_is_ahead(tmp_path: Path) -> None:
    rule = "PRIMARY KEY (listing) CHANGED AT updated"
    sql = shops.SQL.replace(rule, f"{rule} WITH (batch = 'none', stream = 'kafka://b')")
    moved = listed(6, "Oslo")
    with shop(tmp_path, sql, ("in_city",)) as made:
        made.offline(listings=[listed(1, "Lima")])
        made.takes("listings", listed(1, "Lima"))
        made.takes("listings", moved)
        made.takes("listings", moved)
        made.fetch("in_city", city=["Lima"])
        found = made.verify("in_city")
        assert counts(found)["listings"] == {"ahead": 1}
        assert found.ahead == {"listings": 1}, "a copy of a change is the same change"
        made.offline(listings=[listed(1, "Lima"), moved])
        assert counts(made.verify("in_city"))["listings"] == {"equal": 1}


def test_a_row_that_lies_offline_since_the_upload_is_missing(named: Shop) -> None:
    shopping = named
    rows = [booking(1, 1), booking(2, 2)]
    uploaded(shopping, 5, rows)
    shopping.fetch("nights")
    shopping.offline(bookings=[*rows, booking(3, 3)])
    found = shopping.verify()
    assert counts(found)["bookings"] == {"missing": 1}
    (row,) = found.examples[0].rows
    assert (row.what, row.row["id"]) == ("missing", 3)


def test_it_is_late_where_the_next_upload_brought_it(named: Shop) -> None:
    rows = [booking(1, 1), booking(2, 2)]
    uploaded(named, 5, rows[:1])
    named.fetch("nights")
    uploaded(named, 5, rows)
    named.fetch("nights")
    assert counts(named.verify())["bookings"] == {"late": 1, "equal": 1}


def test_going_back_takes_the_rows_of_the_upload_away(named: Shop) -> None:
    shopping = named
    rows = [booking(1, 1), booking(2, 2)]
    uploaded(shopping, 5, rows[:1])
    uploaded(shopping, 5, rows)
    go_back(shopping.store, "nights")
    while advance(shopping.store, shopping.path / "store"):
        pass
    shopping.fetch("nights")
    found = shopping.verify()
    assert counts(found)["bookings"] == {"missing": 1}
    (row,) = found.examples[0].rows
    assert (row.what, row.row["id"]) == ("missing", 2)
    told: Any = found.missing
    assert told == {"bookings": 1}


def test_changes_of_an_entity_that_an_upload_had_or_missed(tmp_path: Path) -> None:
    rule = "PRIMARY KEY (listing) CHANGED AT updated"
    sql = shops.SQL.replace(rule, f"{rule} WITH (batch = 'none', stream = 'kafka://b')")
    first, missed, had = listed(1, "Lima"), listed(2, "Oslo"), listed(3, "Lima", listing=2)
    with shop(tmp_path, sql, ("in_city",)) as made:
        made.offline(listings=[first, had])

        def read(source: Source, columns: Sequence[str]) -> Batch:
            return Batch([made.session.dataset(source).scan(columns)])

        path = made.path / "store"
        adopt(made.store, path, build(made.store, path, "in_city", Asked(at(5), at(9)), read))
        made.fetch("in_city", city=["Lima", "Oslo"])
        made.takes("listings", had)  # late in the stream: a copy of what the batch had
        made.fetch("in_city", city=["Lima", "Oslo"])
        made.takes("listings", missed, had)  # late in both, so that the batch had it not
        made.fetch("in_city", city=["Lima", "Oslo"])
        made.offline(listings=[first, missed, had])
        found = made.verify("in_city")
        assert counts(found)["listings"] == {"late": 4, "equal": 2}
        assert (found.late, found.missing) == ({"listings": 1}, {})


def test_rows_that_lie_offline_since_an_upload_are_counted(shopping: Shop) -> None:
    rows = [booking(1, 1), booking(2, 2)]
    uploaded(shopping, 5, rows)
    shopping.fetch("nights")
    shopping.offline(bookings=[*rows, booking(3, 3), booking(4, 6)])
    found = shopping.verify()
    source: Any = shopping.session.definitions.get("bookings")
    if source.identity:
        assert counts(found)["bookings"] == {"missing": 1}
        assert found.remarks == []
    else:
        assert counts(found)["bookings"] == {"different": 1}
        (remark,) = found.remarks
        assert remark == (
            "the upload as of '2024-01-06 00:00:00' had 2 rows of bookings, and 3 lie offline "
            "below that time now: those that no stream brought may make values different; upload "
            "anew"
        )
