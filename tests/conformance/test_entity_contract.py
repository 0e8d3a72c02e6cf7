"""Entities by the time contract, line 11: deletes and updates are exact, as of any time.

Every test runs on every engine, with the answers written out. `c` holds changes of listings; hosts
ask. Times are told in hours from a midnight.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.zipline.errors import DataError
from tests.conformance.rows import HOUR, STAMP, US, T

Change = tuple[Any, ...]


def at(hours: float | None) -> Any:
    """A time so many hours after the midnight."""
    return None if hours is None else T + hours * HOUR


def asked(s: Session, hours: list[float], host: int = 1) -> None:
    """The spine `q`: a host, a listing and the times at which they are asked for."""
    count = len(hours)
    columns: dict[str, Any] = {
        "host": pa.array([host] * count, pa.int64()),
        "listing": pa.array([5] * count, pa.int64()),
        "ts": pa.array([at(h) for h in hours], STAMP),
    }
    s.register("q", pa.table(columns))


def changed(s: Session, rows: list[Change], **more: Any) -> None:
    """Changes of `c`: (listing, host, price, op, hour); more columns are given by name."""
    extra = {name: more.pop(name) for name in ("known", "seq", "made") if name in more}
    given = zip(*rows, strict=True) if rows else [()] * 5
    listing, host, price, op, hour = (list(column) for column in given)
    columns: dict[str, Any] = {
        "listing": pa.array(listing, pa.int64()),
        "host": pa.array(host, pa.int64()),
        "price": pa.array(price, pa.float64()),
        "op": pa.array(op, pa.string()),
        "changed": pa.array([at(h) for h in hour], STAMP),
    }
    for name, values in extra.items():
        kind = pa.int64() if name == "seq" else STAMP
        values = values if name == "seq" else [at(h) for h in values]
        columns[name] = pa.array(values, kind)
    if "known" in extra:
        more["known_at"] = "known"
    if "seq" in extra:
        more["sequence"] = "seq"
    if "made" in extra:
        more["event_time"] = "made"
    s.register("c", pa.table(columns), primary_key="listing", changed_at="changed", op="op", **more)


def of_host(
    s: Session, select: str, sign: str = ">", where: str = "", kind: str = "LEFT"
) -> list[Any]:
    """An aggregate over the rows of each asking host."""
    table = s.sql(
        f"SELECT b.x FROM q ASOF {kind} JOIN (SELECT host, {select} AS x FROM c {where} "
        f"GROUP BY host) AS b MATCH_CONDITION (q.ts {sign} b.event_time) ON b.host = q.host"
    ).to_arrow()
    return list(table["x"].to_pylist())


def row_of(
    s: Session, on: str = "c.listing = q.listing", sign: str = ">", **more: str
) -> list[Any]:
    """The price of the row that is looked up."""
    rest = more.get("rest", "")
    table = s.sql(
        f"SELECT c.price AS x FROM q ASOF LEFT JOIN c MATCH_CONDITION (q.ts {sign} c.event_time) "
        f"ON {on} {rest}"
    ).to_arrow()
    return list(table["x"].to_pylist())


EXACT = ("COUNT(*)", "SUM(price)", "AVG(price)", "MIN(price)", "MAX(price)", "LAST(price)")


@pytest.mark.parametrize("aggregate", EXACT)
def test_an_update_takes_the_place_of_the_row_before(s: Session, aggregate: str) -> None:
    asked(s, [1, 3])
    changed(s, [(5, 1, 10.0, "insert", 0), (5, 1, 4.0, "update", 2)])
    wanted = [1, 1] if aggregate == "COUNT(*)" else [10.0, 4.0]
    assert of_host(s, aggregate) == wanted


@pytest.mark.parametrize("aggregate", EXACT)
def test_a_delete_takes_the_row_away(s: Session, aggregate: str) -> None:
    asked(s, [1, 3, 5])
    changed(
        s,
        [(5, 1, 10.0, "insert", 0), (6, 1, 8.0, "c", 0.5), (5, 1, 10.0, "delete", 2),
         (6, None, None, "d", 4)],
    )  # fmt: skip
    both = {
        "COUNT(*)": 2, "SUM(price)": 18.0, "AVG(price)": 9.0, "MIN(price)": 8.0,
        "MAX(price)": 10.0, "LAST(price)": 8.0,
    }[aggregate]  # fmt: skip
    none = 0 if aggregate == "COUNT(*)" else None
    assert of_host(s, aggregate) == [both, 1 if aggregate == "COUNT(*)" else 8.0, none]


def test_a_row_that_moves_leaves_one_host_and_joins_another(s: Session) -> None:
    changed(s, [(5, 1, 10.0, "insert", 0), (5, 2, 10.0, "update", 2), (5, 1, 10.0, "update", 4)])
    asked(s, [1, 3, 5], host=1)
    assert of_host(s, "COUNT(*)") == [1, 0, 1]
    asked(s, [1, 3, 5], host=2)
    assert of_host(s, "COUNT(*)") == [0, 1, 0]


def test_a_change_shows_after_its_microsecond(s: Session) -> None:
    asked(s, [2])
    changed(s, [(5, 1, 10.0, "insert", 0), (5, 1, 4.0, "update", 2)])
    assert of_host(s, "SUM(price)") == [10.0]
    assert of_host(s, "SUM(price)", ">=") == [4.0]
    assert row_of(s) == [10.0]
    assert row_of(s, sign=">=") == [4.0]


def test_a_delete_sorts_before_an_upsert_of_its_microsecond(s: Session) -> None:
    asked(s, [3])
    changed(s, [(5, 1, 10.0, "insert", 0), (5, 2, 7.0, "update", 2), (5, 1, 10.0, "delete", 2)])
    assert row_of(s) == [7.0]
    assert of_host(s, "COUNT(*)") == [0]


def test_the_sequence_tells_what_came_last_in_a_microsecond(s: Session) -> None:
    asked(s, [3])
    rows = [(5, 1, 10.0, "insert", 2), (5, 1, 99.0, "update", 2), (5, 1, 0.0, "delete", 2)]
    changed(s, rows, seq=[2, 1, 3])
    assert row_of(s) == [None]
    changed(s, rows, seq=[3, 1, 2])
    assert row_of(s) == [10.0]
    changed(s, rows[:2], seq=[7, 7])
    assert row_of(s) == [99.0]  # the greatest whole row


def test_a_late_change_counts_when_it_is_known(s: Session) -> None:
    asked(s, [1, 3, 5, 7])
    changed(
        s,
        [(5, 1, 10.0, "insert", 0), (5, 1, 4.0, "update", 2), (5, 1, 4.0, "delete", 2.5)],
        known=[0, 6, 4],
    )
    # The delete is known first; the update before it never shows.
    assert row_of(s) == [10.0, 10.0, None, None]
    assert of_host(s, "COUNT(*)") == [1, 1, 0, 0]


def test_a_late_change_does_not_bring_back_an_older_row(s: Session) -> None:
    asked(s, [3, 5])
    changed(s, [(5, 1, 1.0, "insert", 0), (5, 1, 2.0, "update", 2)], known=[4, 2])
    assert row_of(s) == [2.0, 2.0]


def test_a_row_can_be_made_again(s: Session) -> None:
    asked(s, [1, 3, 5])
    changed(s, [(5, 1, 1.0, "insert", 0), (5, 1, 1.0, "delete", 2), (5, 1, 2.0, "insert", 4)])
    assert row_of(s) == [1.0, None, 2.0]
    assert of_host(s, "SUM(price)") == [1.0, None, 2.0]


def test_the_version_is_chosen_before_any_filter(s: Session) -> None:
    asked(s, [3])
    changed(s, [(5, 1, 10.0, "insert", 0), (5, 1, -1.0, "update", 2)])
    assert of_host(s, "COUNT(*)", where="WHERE price > 0") == [0]
    assert of_host(s, "COUNT(*) FILTER (WHERE price > 0)") == [0]
    assert row_of(s, "c.listing = q.listing AND c.price > 0") == [None]
    table = s.sql(
        "SELECT c.price AS x FROM q ASOF LEFT JOIN (SELECT * FROM c WHERE price > 0) AS c "
        "MATCH_CONDITION (q.ts > c.event_time) ON c.listing = q.listing"
    ).to_arrow()
    assert table["x"].to_pylist() == [None]


def test_by_another_column_the_row_that_changed_last_is_found(s: Session) -> None:
    asked(s, [1, 3, 5, 7])
    changed(
        s,
        [(5, 1, 1.0, "insert", 0), (6, 1, 2.0, "insert", 2), (6, 2, 2.0, "update", 4),
         (5, 1, 1.0, "delete", 6)],
    )  # fmt: skip
    assert row_of(s, "c.host = q.host") == [1.0, 2.0, 1.0, None]


def test_windows_go_by_the_event_time_of_the_version(s: Session) -> None:
    asked(s, [10])
    changed(
        s,
        [(1, 1, 1.0, "insert", 1), (2, 1, 2.0, "insert", 1), (3, 1, 4.0, "insert", 1),
         (4, 1, 8.0, "insert", 1), (1, 1, 16.0, "update", 9)],
        made=[0, 8, None, 12, 7],
    )  # fmt: skip
    assert of_host(s, "SUM(price) OVER (LAST '3h')") == [18.0]
    assert of_host(s, "SUM(price) OVER (LAST '2h')") == [2.0]
    assert of_host(s, "SUM(price) OVER (LAST 2 ROWS)") == [18.0]
    assert of_host(s, "SUM(price) OVER (LAST '5h' LIMIT 1 ROWS)") == [2.0]
    assert of_host(s, "SUM(price)") == [30.0]


def test_a_null_event_time_is_the_oldest_and_lies_in_no_window(s: Session) -> None:
    asked(s, [10])
    rows = [(1, 1, 1.0, "insert", 1), (2, 1, 2.0, "insert", 5)]
    changed(s, rows, made=[3, None])
    assert of_host(s, "FIRST(price)") == [2.0]
    assert of_host(s, "LAST(price)") == [1.0]
    assert of_host(s, "COUNT(*) OVER (LAST '1y')") == [1]
    assert of_host(s, "COUNT(*) OVER (LAST 5 ROWS)") == [1]
    assert of_host(s, "COUNT(*)") == [2]


def test_without_event_time_windows_go_by_the_change(s: Session) -> None:
    asked(s, [3, 5])
    changed(s, [(5, 1, 10.0, "insert", 0), (5, 1, 4.0, "update", 2), (6, 1, 1.0, "insert", 0)])
    assert of_host(s, "SUM(price) OVER (LAST '2h')") == [4.0, None]
    assert of_host(s, "LAST(price)") == [4.0, 4.0]


def test_inner_keeps_what_has_a_valid_row(s: Session) -> None:
    asked(s, [1, 3, 5])
    changed(s, [(5, 1, 1.0, "insert", 0), (5, 1, 1.0, "delete", 2), (6, 1, 2.0, "insert", 4)],
            made=[None, None, None])  # fmt: skip
    assert of_host(s, "SUM(price)", kind="INNER") == [1.0, 2.0]
    assert of_host(s, "SUM(price) OVER (LAST 1 ROWS)", kind="INNER") == []


def test_buckets_and_filters_see_valid_rows(s: Session) -> None:
    asked(s, [3])
    changed(s, [(5, 1, 1.0, "insert", 0), (6, 1, 2.0, "insert", 1), (5, 1, 3.0, "update", 2)])
    assert of_host(s, "COUNT(*) BY price") == [[(2.0, 1), (3.0, 1)]]
    assert of_host(s, "SUM(price) FILTER (WHERE price < 3)") == [2.0]


def test_the_same_change_twice_changes_nothing(s: Session) -> None:
    asked(s, [3])
    rows = [(5, 1, 1.0, "insert", 0), (6, 1, 2.0, "insert", 1)]
    changed(s, rows + rows)
    assert of_host(s, "SUM(price)") == [3.0]


def test_a_set_over_an_entity_is_asked_as_of_a_time(s: Session) -> None:
    changed(s, [(5, 1, 1.0, "insert", 0), (6, 2, 2.0, "insert", 1), (5, 1, 1.0, "delete", 2)])
    s.sql("CREATE FEATURE SET hosts AS SELECT host, COUNT(*) AS n FROM c GROUP BY host")
    table = s.sql("SELECT * FROM hosts AS OF TIMESTAMP '2013-01-01 01:30:00'").to_arrow()
    assert table.to_pylist() == [{"host": 1, "n": 1}, {"host": 2, "n": 1}]
    table = s.sql("SELECT * FROM hosts AS OF TIMESTAMP '2013-01-01 03:00:00'").to_arrow()
    assert table.to_pylist() == [{"host": 2, "n": 1}]


def test_tolerance_is_of_the_chosen_version(s: Session) -> None:
    asked(s, [3])
    changed(s, [(5, 1, 1.0, "insert", 0), (5, 1, 1.0, "delete", 2)])
    assert row_of(s, rest="TOLERANCE INTERVAL '10' HOUR") == [None]
    changed(s, [(5, 1, 1.0, "insert", 0)])
    assert row_of(s, rest="TOLERANCE INTERVAL '3' HOUR") == [1.0]
    assert row_of(s, rest="TOLERANCE INTERVAL '2' HOUR") == [None]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((None, 1, 1.0, "insert", 0), "primary key"),
        ((5, 1, 1.0, "insert", None), "CHANGED AT is NULL|NULL time"),
        ((5, 1, 1.0, "merge", 0), "op is 'merge'; write 'insert', 'update' or 'delete'"),
        ((5, 1, 1.0, None, 0), "op is NULL"),
    ],
)
def test_a_change_without_key_time_or_operation_is_an_error(
    s: Session, row: Change, reason: str
) -> None:
    asked(s, [3])
    changed(s, [row])
    with pytest.raises(DataError, match=reason):
        of_host(s, "COUNT(*)")


def test_microseconds_before_and_after_a_change(s: Session) -> None:
    s.register(
        "q",
        pa.table(
            {
                "host": pa.array([1] * 3, pa.int64()),
                "ts": pa.array([at(2) - US, at(2), at(2) + US], STAMP),
            }
        ),
    )
    changed(s, [(5, 1, 1.0, "insert", 0), (5, 1, 1.0, "delete", 2)])
    assert of_host(s, "COUNT(*)") == [1, 1, 0]
    assert of_host(s, "COUNT(*)", ">=") == [1, 0, 0]
