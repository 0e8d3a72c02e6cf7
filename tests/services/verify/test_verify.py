"""What was served against what lies offline: equal, late, missing or different, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner.session import Session
from bighead.platform.features.verify import judging
from bighead.platform.features.verify.turns import turns
from bighead.platform.features.verify.verifying import Question, verify
from bighead.storage.fetch.served import serve
from bighead.storage.fetch_log.reading import Span
from bighead.storage.writing.stamps import forget_stamps
from bighead.zipline.errors import BigheadError
from tests.services.verify.shop import (
    DAY,
    SQL,
    START,
    Shop,
    at,
    booking,
    counts,
    listed,
    look,
    shop,
)

FADING = """
CREATE FEATURE SET fading AS
SELECT listing, DECAYED_SUM(seconds, '4d') AS seconds FROM views GROUP BY listing;
"""
FEATURES = ("nights_7d", "nights_30d", "last_nights", "bookings", "spread")


@pytest.fixture
def shopping(tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path) as made:
        yield made


def outcomes(found: Any) -> dict[str, int]:
    """All values by outcome."""
    told = {o: found.count(o) for o in ("equal", "late", "missing", "different")}
    return {o: n for o, n in told.items() if n}


def test_what_was_served_is_equal(shopping: Shop) -> None:
    bookings = [booking(i, 0.5 * i, i % 3, i % 2) for i in range(20)]
    looks = [look(0.3 * i, 0.1 * i, 0.3 * i + i % 4) for i in range(30)]
    changes = [listed(1, "Lima"), listed(3, "Oslo", 2), listed(2, "Lima", listing=0)]
    hosts = [{"host": 2, "tier": "gold", "updated": at(2)}]
    shopping.offline(bookings=bookings, views=looks, listings=changes, hosts=hosts)
    for i in range(0, 30, 5):
        shopping.takes("bookings", *bookings[i : i + 5])
        shopping.takes("views", *looks[i : i + 5])
    shopping.takes("listings", *changes)
    shopping.takes("hosts", *hosts)
    for day in (2, 5.5, 10):
        shopping.fetch("nights", day, listing=[0, 1, None])
        shopping.fetch("looks", day, listing=[0, 1])
        shopping.fetch("in_city", day, city=["Lima", "Oslo", "Rome"])
        shopping.fetch("risk", day, listing=[0, 1], guests=[2, 3])
    assert outcomes(shopping.verify("nights")) == {"equal": 45}
    assert outcomes(shopping.verify("looks")) == {"equal": 12}
    assert outcomes(shopping.verify("in_city")) == {"equal": 9}
    found = shopping.verify("risk")
    assert outcomes(found) == {"equal": 60}
    assert {f.name: f.accuracy for f in found.features if f.accuracy != "exact"} == {
        "spread": "rounded",
        "half_spread": "rounded",
    }
    assert not shopping.whole("risk").failed(0.0)


def test_a_row_that_came_after_the_commit_is_late(shopping: Shop) -> None:
    rows = [booking(1, 1), booking(2, 9, 5)]
    shopping.offline(bookings=rows)
    shopping.takes("bookings", rows[0])
    commit = shopping.fetch("nights").commit
    late = shopping.takes("bookings", rows[1])
    shopping.fetch("nights")
    found = shopping.verify()
    assert counts(found) == {
        "nights_7d": {"equal": 1, "late": 1},
        "nights_30d": {"equal": 1, "late": 1},
        "last_nights": {"equal": 1, "late": 1},
        "bookings": {"equal": 1, "late": 1},
        "spread": {"equal": 1, "late": 1},
    }
    assert (found.late, found.missing) == ({"bookings": 1}, {})
    example = next(e for e in found.examples if e.feature == "nights_30d")
    assert (example.served, example.expected, example.commit) == (2, 7, commit)
    (row,) = example.rows
    assert (row.source, row.what, row.row["id"]) == ("bookings", "late", 2)
    assert (row.commit, row.arrival) == (late, shopping.arrival)
    assert not shopping.whole("nights").failed(0.0)


def test_a_row_that_never_came_is_missing(shopping: Shop) -> None:
    rows = [booking(1, 1), booking(2, 9, 5), booking(3, 9, 5, listing=2)]
    shopping.offline(bookings=rows)
    shopping.takes("bookings", rows[0])
    shopping.fetch("nights", listing=[1, 4])
    found = shopping.verify()
    assert counts(found)["nights_7d"] == {"equal": 1, "missing": 1}
    assert found.missing == {"bookings": 1}  # that of another listing was not asked for
    (row,) = found.examples[0].rows
    assert (row.what, row.row["id"], row.commit, row.arrival) == ("missing", 2, None, None)
    whole = shopping.whole("nights")
    assert whole.failed(0.0)
    assert whole.failed(0.49)
    assert not whole.failed(0.5)


def test_late_and_missing_rows_of_one_key_are_told_apart_by_feature(shopping: Shop) -> None:
    rows = [booking(1, 8), booking(2, 9), booking(3, -10, 7)]
    shopping.offline(bookings=rows)
    shopping.takes("bookings", rows[0])
    shopping.fetch("nights")
    shopping.takes("bookings", rows[1])
    assert counts(shopping.verify()) == {
        "nights_7d": {"late": 1},
        "nights_30d": {"missing": 1},
        "last_nights": {"equal": 1},
        "bookings": {"missing": 1},
        "spread": {"missing": 1},
    }


def test_a_row_that_came_as_another_one_is_different(shopping: Shop) -> None:
    shopping.offline(bookings=[booking(1, 1, 3)])
    shopping.takes("bookings", booking(1, 1, 2))
    shopping.fetch("nights")
    found = shopping.verify()
    assert counts(found)["nights_30d"] == {"different": 1}
    assert counts(found)["bookings"] == {"equal": 1}
    (row,) = found.examples[0].rows
    assert (row.what, row.row["id"]) == ("changed", 1)
    assert shopping.whole("nights").failed(1.0)


def altered(made: Shop, column: str, add: float) -> None:
    """What was logged as served is another value."""
    made.log.close()
    (file,) = (made.path / "log").rglob("*.parquet")
    table = pq.read_table(file)
    place = table.column_names.index(column)
    held: Any = table[column]
    values: Any = [[v + add for v in held.to_pylist()]]
    pq.write_table(table.set_column(place, table.schema.field(place), values), file)


def test_a_value_that_was_altered_is_different(shopping: Shop) -> None:
    rows = [booking(1, 1), booking(2, 2)]
    shopping.offline(bookings=rows)
    shopping.takes("bookings", *rows)
    shopping.fetch("nights")
    altered(shopping, "value.bookings", 1)
    found = shopping.verify()
    assert {n: c for n, c in counts(found).items() if c != {"equal": 1}} == {
        "bookings": {"different": 1}
    }
    (example,) = found.examples
    assert (example.served, example.expected, example.rows) == (3, 2, ())


@pytest.mark.parametrize(("add", "outcome"), [(1e-5, "equal"), (1e-2, "different")])
def test_decayed_sums_are_near_by_the_size_of_their_terms(
    tmp_path: Path, add: float, outcome: str
) -> None:
    rows = [look(9.5, 1e6), look(9.5, -1e6), look(9.75, 1e-3)]
    with shop(tmp_path, SQL + FADING, ("fading",)) as made:
        made.offline(views=rows)
        made.takes("views", *rows)
        made.fetch("fading")
        altered(made, "value.seconds", add)
        assert counts(made.verify("fading")) == {"seconds": {outcome: 1}}


def test_what_comes_late_of_a_decayed_sum_is_told(tmp_path: Path) -> None:
    rows = [look(9.5, 1e6), look(9.5, -1e6), look(9.75, 1.0)]
    with shop(tmp_path, SQL + FADING, ("fading",)) as made:
        made.offline(views=rows)
        made.takes("views", *rows[:2])
        made.fetch("fading")
        made.takes("views", rows[2])
        assert counts(made.verify("fading")) == {"seconds": {"late": 1}}


def test_a_row_that_only_the_store_has_is_different(shopping: Shop) -> None:
    shopping.offline(bookings=[booking(1, 1)])
    shopping.takes("bookings", booking(1, 1), booking(2, 2))
    shopping.fetch("nights")
    assert counts(shopping.verify())["bookings"] == {"different": 1}


def test_changes_of_entities_are_late_or_missing(shopping: Shop) -> None:
    changes = [listed(1, "Lima"), listed(2, "Oslo"), listed(3, "Rome", 2)]
    hosts = [{"host": 2, "tier": "gold", "updated": at(2)}]
    shopping.offline(listings=changes, hosts=hosts)
    shopping.takes("listings", changes[0])
    shopping.fetch("risk", listing=[1], guests=[1])
    shopping.fetch("in_city", city=["Lima", "Oslo"])
    shopping.takes("listings", changes[1])
    shopping.fetch("risk", 2.5, listing=[1], guests=[1])
    shopping.takes("listings", changes[2])
    shopping.fetch("risk", listing=[1], guests=[1])
    risk = shopping.verify("risk")
    assert counts(risk)["city"] == {"late": 1, "equal": 2}
    # The host is found by a change that came late once, and was itself never there.
    assert counts(risk)["tier"] == {"missing": 2, "equal": 1}
    assert risk.missing == {"hosts": 1}
    city = shopping.verify("in_city")
    assert counts(city)["listings"] == {"late": 1, "equal": 1}
    assert city.late == {"listings": 2}


def test_equal_rows_without_an_identity_count_one_by_one(shopping: Shop) -> None:
    shopping.offline(views=[look(9), look(9), look(9)])
    shopping.takes("views", look(9))
    shopping.fetch("looks")
    shopping.takes("views", look(9))
    found = shopping.verify("looks")
    assert counts(found)["seconds"] == {"missing": 1}
    assert (found.late, found.missing) == ({"views": 1}, {"views": 1})


def test_what_was_not_known_yet_is_no_difference(shopping: Shop) -> None:
    rows = [look(8, 1.0, 9.5), look(8, 2.0, 12)]
    shopping.offline(views=rows)
    shopping.takes("views", *rows)
    for day in (9, 10, 12.5):
        shopping.fetch("looks", day)
    assert outcomes(shopping.verify("looks")) == {"equal": 6}


def test_a_set_that_is_kept_later_lacks_what_came_before(tmp_path: Path) -> None:
    rows = [booking(1, 1), booking(2, 2)]
    sql = """
    CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
        EVENT TIME ts IDENTITY (id);
    CREATE FEATURE SET a AS SELECT listing, COUNT(*) AS n FROM bookings GROUP BY listing;
    CREATE FEATURE SET b AS SELECT listing, MAX(nights) AS n FROM bookings GROUP BY listing;
    """
    with shop(tmp_path, sql, ("a",)) as made:
        made.session.supply("bookings", table_of(made, rows))
        first = made.takes("bookings", rows[0])
        found: Any = made.session.definitions.get("b")
        made.store.define("b", found.view)
        serve(made.store, found)
        made.takes("bookings", rows[1])
        made.fetch("a")
        made.fetch("b", day=1.5)
        assert counts(made.verify("a")) == {"n": {"equal": 1}}
        told = made.verify("b")
        assert counts(told) == {"n": {"missing": 1}}
        (row,) = told.examples[0].rows
        assert (row.what, row.row["id"], row.commit) == ("missing", 1, first)


def table_of(made: Shop, rows: list[dict[str, Any]]) -> Any:
    source: Any = made.session.definitions.get("bookings")
    return pa.Table.from_pylist(rows, source.scanned)


def test_errors_are_no_differences_and_are_counted(shopping: Shop) -> None:
    huge = [booking(1, 1, 2**62), booking(2, 2, 2**62), booking(3, 9)]
    shopping.offline(bookings=huge)
    shopping.takes("bookings", *huge)
    answer = shopping.fetch("nights")
    assert [e.code for e in answer.errors] == ["NO_RESULT"]
    found = shopping.verify()
    assert counts(found)["nights_7d"] == {"equal": 1}
    assert counts(found)["nights_30d"] == {}
    assert {f.name: f.faults for f in found.features if f.faults} == {"nights_30d": 1}


def test_errors_of_one_feature_leave_the_others_their_reasons(shopping: Shop) -> None:
    huge = [booking(1, 1, 2**62), booking(2, 2, 2**62)]
    late = [booking(3, 9), booking(4, 9, listing=2)]
    shopping.offline(bookings=[*huge, *late])
    shopping.takes("bookings", *huge)
    answer = shopping.fetch("nights", listing=[1, 2])
    assert [e.code for e in answer.errors] == ["NO_RESULT"]
    shopping.takes("bookings", *late)
    found = shopping.verify()
    assert counts(found)["bookings"] == {"late": 2}
    assert counts(found)["nights_7d"] == {"late": 2}
    assert counts(found)["nights_30d"] == {"late": 1}
    assert {f.name: f.faults for f in found.features if f.faults} == {"nights_30d": 1}


def test_requests_of_many_commits_are_computed_together(
    shopping: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    took: list[int] = []

    def counted(*given: Any) -> Iterator[Any]:
        for turn in turns(*given):
            took.append(len(turn[0]))
            yield turn

    monkeypatch.setattr(judging, "turns", counted)
    first = [booking(i, 1, 2, i) for i in range(20)]
    second = [booking(100 + i, 2, 3, i) for i in range(20)]
    shopping.offline(bookings=[*first, *second])
    for row in first:
        shopping.takes("bookings", row)
        shopping.fetch("nights", listing=[row["listing"]])
    shopping.fetch("nights", listing=[19, 20])
    shopping.takes("bookings", booking(101, 2, 3, 1))
    shopping.fetch("nights", listing=[0, 1])
    found = shopping.verify()
    assert counts(found)["bookings"] == {"late": 1, "missing": 21, "equal": 2}
    assert took == [22], "each listing saw one state of its rows, but for what was equal"


def test_a_value_where_offline_is_an_error_says_so(shopping: Shop) -> None:
    rows = [booking(1, 1, 2**62), booking(2, 2, 2**62)]
    shopping.offline(bookings=rows)
    shopping.takes("bookings", rows[0])
    shopping.fetch("nights", listing=[1, 2])
    shopping.takes("bookings", rows[1])
    found = shopping.verify()
    assert counts(found)["nights_30d"] == {"equal": 1, "late": 1}
    assert counts(found)["nights_7d"] == {"equal": 2}, "it has no error of its own"
    example = next(e for e in found.examples if e.feature == "nights_30d")
    assert example.served == 2**62
    assert "BIGINT" in example.reason


def test_stamps_that_are_gone_mean_that_rows_were_there(shopping: Shop) -> None:
    rows = [booking(1, 1), booking(2, 2, 5)]
    shopping.offline(bookings=rows)
    shopping.takes("bookings", rows[0])
    batch: Any = {}
    assert forget_stamps(shopping.store.database, "bookings", START + DAY, batch) == 1
    shopping.store.commit(batch)
    shopping.fetch("nights", 1.5)
    shopping.fetch("nights")
    found = shopping.verify()
    assert counts(found)["bookings"] == {"equal": 1, "missing": 1}
    assert found.missing == {"bookings": 1}


def test_without_a_store_nothing_is_explained(shopping: Shop) -> None:
    shopping.offline(bookings=[booking(1, 1)])
    shopping.fetch("nights")
    shopping.log.close()
    found = verify(shopping.session, Question("nights", shopping.path / "log", None))
    (one,) = found.sets
    assert counts(one)["bookings"] == {"different": 1}
    assert one.remarks == ["no store is named that could tell late and missing rows"]


def test_a_source_without_offline_rows_is_told(shopping: Shop) -> None:
    shopping.fetch("nights")
    shopping.log.close()
    session = Session()
    with pytest.raises(BigheadError, match="bookings has no data; state WITH"):
        verify(session, Question("nights", shopping.path / "log", shopping.path / "store"))


def test_only_what_was_served_in_the_time_is_looked_at(shopping: Shop) -> None:
    shopping.offline()
    shopping.fetch("nights")
    assert shopping.whole("nights", span=Span(since=at(0), until=at(1))).total == 0
    assert shopping.whole("nights", span=Span(since=at(0))).total == 1
