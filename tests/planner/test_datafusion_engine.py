"""The default engine: what it shares, what it leaves unread, and what it says of bad rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner import Session
from bighead.planner.sources.arrow import ArrowTable
from bighead.planner.sources.dataset import Span
from bighead.zipline.errors import BigheadError, DataError, SourceError
from bighead.zipline.ir.expr import Expr

SECOND = 1_000_000


def seconds(*values: int | None) -> pa.Array[Any]:
    return pa.array([None if v is None else v * SECOND for v in values], pa.timestamp("us"))


@pytest.fixture
def session() -> Session:
    session = Session()
    bookings = pa.table(
        {
            "listing": [1, 1, 2, 1],
            "nights": pa.array([1, 2, 3, 4], pa.int64()),
            "price": [10.0, None, 30.0, -0.0],
            "ts": seconds(10, 20, 20, 30),
        }
    )
    session.register("bookings", bookings, event_time="ts")
    requests = pa.table({"id": [1, 2, 3], "listing": [1, 2, None], "ts": seconds(30, 21, 25)})
    session.register("requests", requests, event_time="ts")
    return session


SUMS = (
    "SELECT q.id, b.n FROM requests AS q ASOF LEFT JOIN (SELECT listing, SUM(nights) AS n FROM "
    "bookings GROUP BY listing) AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing"
)
LAST = (
    "SELECT q.id, b.nights FROM requests AS q ASOF LEFT JOIN bookings AS b "
    "MATCH_CONDITION (q.ts > b.ts) ON b.listing = q.listing"
)


def rows(session: Session, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(r.values()) for r in session.sql(sql).to_arrow().to_pylist()]


def bookings_of(listing: list[int | None], nights: list[int], ts: pa.Array[Any]) -> pa.Table:
    return pa.table({"listing": pa.array(listing, pa.int64()), "nights": nights, "ts": ts})


def test_a_null_time_of_a_key_that_is_asked_for_is_an_error(session: Session) -> None:
    session.register("bookings", bookings_of([1, 2], [1, 2], seconds(None, 5)), event_time="ts")
    for query in (SUMS, LAST):
        with pytest.raises(DataError) as error:
            session.sql(query).to_arrow()
        assert str(error.value) == (
            "bookings has a row of the key (listing = 1) whose EVENT TIME is NULL; "
            "correct the row, or declare the source with SKIP NULL TIMES"
        )


def test_a_null_time_of_another_key_does_no_harm(session: Session) -> None:
    table = bookings_of([7, 2, None], [1, 2, 3], seconds(None, 5, None))
    session.register("bookings", table, event_time="ts")
    assert rows(session, SUMS) == [(1, None), (2, 2), (3, None)]


def test_null_times_are_skipped_and_counted_where_that_is_declared(session: Session) -> None:
    table = bookings_of([1, 1], [1, 2], seconds(None, 5))
    session.register("bookings", table, event_time="ts", skip_null_times=True)
    assert rows(session, SUMS) == [(1, 2), (2, None), (3, None)]
    assert "1 row skipped: NULL event time in bookings" in session.sql(SUMS).explain(analyze=True)


def test_an_overflow_names_the_feature_the_key_and_the_time(session: Session) -> None:
    big = 2**63 - 1
    table = bookings_of([1, 1, 1], [big, 1, -big], seconds(1, 2, 3))
    session.register("bookings", table, event_time="ts")
    assert rows(session, SUMS)[0] == (1, 1), "only the exact value of the window is judged"
    session.register("bookings", table.slice(0, 2), event_time="ts")
    with pytest.raises(DataError) as error:
        session.sql(SUMS).to_arrow()
    for part in ("SUM(nights)", "does not fit BIGINT", "listing = 1", "1970-01-01 00:00:30"):
        assert part in str(error.value)


def test_unequal_rows_of_one_identity_are_an_error_and_equal_ones_count_once(
    session: Session,
) -> None:
    table = bookings_of([1, 1, 1], [5, 5, 6], seconds(1, 1, 2))
    session.register("bookings", table.slice(0, 2), event_time="ts", identity=["listing", "ts"])
    assert rows(session, SUMS)[0] == (1, 5)
    session.register("bookings", table, event_time="ts", identity="listing")
    with pytest.raises(DataError) as error:
        session.sql(SUMS).to_arrow()
    assert "bookings holds two different rows of the identity (listing = 1): they differ in" in str(
        error.value
    )


def test_a_static_key_that_repeats_is_an_error_that_names_it(session: Session) -> None:
    hosts = pa.table({"listing": [1, 2, 1], "host": ["a", "b", "c"]})
    join = "SELECT q.id, h.host FROM requests AS q {} JOIN hosts AS h ON h.listing = q.listing"
    session.register("hosts", hosts.slice(0, 2), primary_key="listing")
    session.sql("CREATE TRAINING SET s ID (id) AS " + join.format("LEFT"))
    assert rows(session, "SELECT * FROM s") == [(1, "a"), (2, "b"), (3, None)]
    session.register("hosts", hosts, primary_key="listing")
    with pytest.raises(DataError) as error:
        session.sql("SELECT * FROM s").to_arrow()
    assert str(error.value) == (
        "hosts is STATIC and has more than one row of the key (listing = 1); a primary key occurs "
        "once, so remove the copies, or state CHANGED AT"
    )


def test_empty_tables_on_either_side(session: Session) -> None:
    full = session.dataset(session.definitions.get("bookings"))  # type: ignore[arg-type]
    assert isinstance(full, ArrowTable)
    empty = full.table.slice(0, 0)
    session.register("bookings", empty, event_time="ts")
    assert rows(session, SUMS) == [(1, None), (2, None), (3, None)]
    assert rows(session, LAST) == [(1, None), (2, None), (3, None)]
    assert rows(session, SUMS.replace("LEFT", "INNER")) == []
    session.register(
        "requests", pa.table({"id": [1], "listing": [1], "ts": seconds(1)}).slice(0, 0)
    )
    for query in (SUMS, LAST):
        found = session.sql(query).to_arrow()
        assert found.num_rows == 0
        assert found.schema == session.sql(query).schema


def test_an_inner_join_keeps_the_rows_whose_window_holds_one(session: Session) -> None:
    assert rows(session, SUMS.replace("LEFT", "INNER")) == [(1, 3), (2, 3)]
    filtered = SUMS.replace("LEFT", "INNER").replace(
        "SUM(nights)", "SUM(nights) FILTER (WHERE nights > 9)"
    )
    assert rows(session, filtered) == [(1, None), (2, None)]
    assert rows(session, LAST.replace("LEFT", "INNER")) == [(1, 2), (2, 3)]


def test_what_an_aggregate_selects_is_never_negative_zero(session: Session) -> None:
    query = (
        "SELECT b.last, b.listed, b.price FROM requests AS q ASOF LEFT JOIN (SELECT listing, "
        "LAST(price) AS last, LAST_K(price, 2) AS listed, MIN(price) AS price FROM bookings "
        "GROUP BY listing) AS b MATCH_CONDITION (q.ts >= b.event_time) ON b.listing = q.listing"
    )
    assert str(rows(session, query)[0]) == "(0.0, [0.0, 10.0], 0.0)"
    looked_up = LAST.replace("b.nights", "b.price").replace(">", ">=")
    assert str(rows(session, looked_up)[0]) == "(1, -0.0)", "a look-up gives the stored bits"


def test_conditions_on_both_sides_choose_among_the_candidates(session: Session) -> None:
    assert rows(session, LAST + " AND b.nights < q.id * 2") == [(1, 1), (2, 3), (3, None)]
    many = bookings_of([1] * 300, list(range(300)), seconds(*range(300)))
    session.register("bookings", many, event_time="ts")
    session.register("requests", pa.table({"id": [3], "listing": [1], "ts": seconds(1_000)}))
    assert rows(session, LAST + " AND b.nights < q.id") == [(3, 2)]


def test_lists_and_structs_are_ordered_where_nothing_else_tells(session: Session) -> None:
    table = pa.table(
        {
            "listing": [1, 1, 1],
            "tags": [["b"], ["a", "z"], ["b", "a"]],
            "ts": seconds(1, 1, 1),
        }
    )
    session.register("bookings", table, event_time="ts")
    assert rows(session, LAST.replace("nights", "tags"))[0] == (1, ["b", "a"])


def test_structs_and_lists_are_values_like_others(session: Session) -> None:
    ages = [-(2**62), 2**62, None]  # beyond the years of Python's calendar
    table = pa.table(
        {
            "listing": [1, 1, 1],
            "pair": pa.array(
                [{"n": i, "at": at} for i, at in enumerate(ages)],
                pa.struct([("n", pa.int64()), ("at", pa.timestamp("us"))]),
            ),
            "tags": [["a"], ["b"], None],
            "ts": seconds(1, 1, 1),
        }
    )
    twice = pa.concat_tables([table, table])
    session.register("bookings", twice, event_time="ts", identity=["listing", "ts"])
    with pytest.raises(DataError, match="two different rows of the identity"):
        session.sql(SUMS.replace("SUM(nights)", "LAST(pair)")).to_arrow()
    session.register("bookings", twice, event_time="ts")
    last = session.sql(SUMS.replace("SUM(nights)", "LAST(pair)")).to_arrow()
    assert str(last["n"].cast(pa.struct([("n", pa.int64()), ("at", pa.int64())]))[0]) == (
        "[('n', 2), ('at', None)]"
    )
    newest = session.sql(SUMS.replace("SUM(nights)", "LAST_K(tags, 3)")).to_arrow()
    assert newest["n"][0].as_py() == [["b"], ["b"], ["a"]]


def test_events_of_several_sources_are_one_timeline(session: Session) -> None:
    session.register(
        "old", bookings_of([1, 2], [100, 200], seconds(5, 5)), event_time="ts", known_at="ts"
    )
    query = SUMS.replace("FROM bookings GROUP", "FROM bookings UNION ALL old GROUP")
    session.register("bookings", bookings_of([1, 1], [1, 2], seconds(10, 20)), event_time="ts")
    assert rows(session, query) == [(1, 103), (2, 200), (3, None)]


class Watched:
    """A dataset that notes what is scanned."""

    def __init__(self, inner: ArrowTable, scans: list[tuple[tuple[str, ...], Span | None]]) -> None:
        self.inner, self.scans = inner, scans
        self.schema, self.files, self.size = inner.schema, inner.files, inner.size

    def scan(
        self, columns: Any, predicate: Expr | None = None, span: Span | None = None
    ) -> pa.Table:
        self.scans.append((tuple(columns), span))
        return self.inner.scan(columns, predicate, span)


def test_joins_of_one_source_by_several_keys_read_it_once(session: Session) -> None:
    table = pa.table(
        {"a": [1, 1], "b": [1, 2], "c": [1, 1], "x": [1, 2], "ts": seconds(1, 2), "unread": [0, 0]}
    )
    session.register("e", table, event_time="ts")
    session.register("q", pa.table({"a": [1], "b": [2], "t": seconds(9)}))
    for key in "ab":
        session.sql(
            f"CREATE FEATURE SET by_{key} AS SELECT {key}, SUM(x) OVER (LAST '5s', '1h') AS s, "
            f"COUNT(c) AS n FROM e GROUP BY {key}"
        )
    query = session.sql(
        "SELECT q.a, f.s_5s, g.s_1h, g.n FROM q "
        "ASOF LEFT JOIN by_a AS f MATCH_CONDITION (q.t > f.event_time) ON f.a = q.a "
        "ASOF LEFT JOIN by_b AS g MATCH_CONDITION (q.t > g.event_time) ON g.b = q.b"
    )
    scans: list[tuple[tuple[str, ...], Span | None]] = []
    held = session.dataset(session.definitions.get("e"))  # type: ignore[arg-type]
    assert isinstance(held, ArrowTable)
    session._data.given["e"] = Watched(held, scans)
    assert query.to_arrow().to_pydict() == {"a": [1], "s_5s": [None], "s_1h": [2], "n": [1]}
    assert [columns for columns, _ in scans] == [("a", "b", "c", "x", "ts")]


def test_events_that_no_window_reaches_are_not_read(session: Session, tmp_path: Path) -> None:
    days = 100
    table = bookings_of([1] * days, [1] * days, seconds(*(d * 86_400 for d in range(days))))
    pq.write_table(table, tmp_path / "b.parquet", row_group_size=10)
    session.register("bookings", str(tmp_path / "b.parquet"), event_time="ts")
    at = seconds(50 * 86_400, 52 * 86_400)
    session.register("requests", pa.table({"id": [1, 2], "listing": [1, 1], "ts": at}))
    query = session.sql(SUMS.replace("SUM(nights)", "SUM(nights) OVER (LAST '7d')"))
    assert query.to_arrow()["n"].to_pylist() == [7, 7]
    text = query.explain(analyze=True)
    scanned = next(line for line in text.splitlines() if "ArrowScan bookings" in line)
    assert "-- 10 rows" in scanned, "days 43 to 52"


def test_folders_beyond_the_reach_are_left_out_by_a_declared_lag_only(tmp_path: Path) -> None:
    day = 19_723  # 2024-01-01
    for i, ds in enumerate(("2024-01-01", "2024-01-02", "2024-01-03")):
        (tmp_path / f"ds={ds}").mkdir()
        at = seconds((day + i) * 86_400 + 60)
        pq.write_table(
            pa.table({"k": [1], "x": [i], "at": at}), tmp_path / f"ds={ds}" / "p.parquet"
        )
    (tmp_path / "ds=2024-03-01").mkdir()
    (tmp_path / "ds=2024-03-01" / "p.parquet").write_bytes(b"not read, so not missed")
    session = Session(folder=tmp_path)
    session.register("q", pa.table({"k": [1], "t": seconds((day + 2) * 86_400 + 120)}))
    create = (
        "CREATE OR REPLACE EVENT SOURCE e (k BIGINT, x BIGINT, at TIMESTAMP, ds DATE) "
        "EVENT TIME at WITH (batch = '.'{})"
    )
    query = (
        "SELECT f.n, f.days FROM q ASOF LEFT JOIN (SELECT k, COUNT(*) OVER (LAST '1d') AS n, "
        "COUNT(DISTINCT ds) OVER (LAST '7d') AS days FROM e GROUP BY k) AS f "
        "MATCH_CONDITION (q.t > f.event_time) ON f.k = q.k"
    )
    session.sql(create.format(", partition_lag = '1d'"))
    assert rows(session, query) == [(1, 3)]
    session.sql(create.format(""))
    with pytest.raises(SourceError, match=r"ds=2024-03-01/p\.parquet is no Parquet file"):
        session.sql(query).to_arrow()


def test_plain_sql_keeps_the_order_and_the_words_of_an_error(session: Session) -> None:
    assert rows(session, "SELECT listing, COUNT(*) FROM bookings GROUP BY listing") == [
        (1, 3),
        (2, 1),
    ]
    with pytest.raises(BigheadError) as error:
        session.sql("SELECT no_such_function(listing) FROM bookings").to_arrow()
    assert "DataFusion error" not in str(error.value)
    assert "no_such_function" in str(error.value)
    with pytest.raises(BigheadError):
        session.sql("SELECT nights + 9223372036854775807 FROM bookings").to_arrow()


def test_a_key_may_be_a_list_or_a_struct(session: Session) -> None:
    keys = pa.array([[1], [2, None], None, []], pa.list_(pa.int64()))
    session.register(
        "e", pa.table({"k": keys, "ts": seconds(1, 2, 3, 4), "x": [1, 2, 3, 4]}), event_time="ts"
    )
    session.register(
        "q", pa.table({"k": keys.take(pa.array([1, 0, 2, 3])), "t": seconds(9, 9, 9, 9)})
    )
    query = "SELECT e.x FROM q ASOF LEFT JOIN e MATCH_CONDITION (q.t > e.ts) ON e.k = q.k"
    assert rows(session, query) == [(2,), (1,), (None,), (4,)]
