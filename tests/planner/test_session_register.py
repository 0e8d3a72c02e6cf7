"""Registering data: every clause of CREATE SOURCE is a keyword, and names are one namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner import Session
from bighead.zipline.errors import (
    BigheadError,
    CatalogError,
    SchemaError,
    SourceError,
    SqlError,
)
from bighead.zipline.ir.sources import EntitySource, EventSource, Table

EVENTS = {"listing": [1, 1, 2], "nights": [2, 3, 4], "at": [10, 20, 30], "lsn": [1, 2, 3]}


def seconds(*values: int) -> pa.Array[Any]:
    return pa.array([v * 1_000_000 for v in values], pa.timestamp("us"))


@pytest.fixture
def session() -> Session:
    return Session()


def test_every_clause_is_a_keyword_of_the_same_name(session: Session) -> None:
    session.register(
        "data.bookings",
        EVENTS,
        event_time="at",
        known_at="at + 5",
        sequence="lsn",
        identity=["listing", "lsn"],
        unit="s",
        skip_null_times=True,
        owner="homes",
        description="it's booked",
        tags=["a", "b"],
        partition_lag="2d",
        complete="3d",
    )
    source = session.definitions.get("DATA.Bookings")
    assert isinstance(source, EventSource)
    assert source.sequence == "lsn"
    assert source.identity == ("listing", "lsn")
    assert source.skip_null_times
    assert dict(source.options) == {
        "owner": "homes",
        "description": "it's booked",
        "tags": ("a", "b"),
        "partition_lag": "2d",
        "complete": "3d",
    }
    shown = session.sql("DESCRIBE data.bookings")
    assert "known at" in str(shown)
    assert shown.to_arrow()["name"].to_pylist() == ["listing", "nights", "at", "lsn"]


def test_a_primary_key_makes_an_entity_and_changed_at_one_that_changes(session: Session) -> None:
    session.register("hosts", {"host": [1], "name": ["x"]}, primary_key="host")
    static = session.definitions.get("hosts")
    assert isinstance(static, EntitySource)
    assert static.static
    session.register(
        "hosts", {"host": [1], "at": [1]}, primary_key="host", changed_at="at", unit="s"
    )
    changing = session.definitions.get("hosts")
    assert isinstance(changing, EntitySource)
    assert not changing.static


def test_neither_makes_a_plain_table_and_its_clauses_are_refused(session: Session) -> None:
    session.register("t", {"a": [1]}, description="plain")
    assert type(session.definitions.get("t")) is Table
    with pytest.raises(
        BigheadError, match="known_at says nothing of a plain table; add event_time"
    ):
        session.register("t", {"a": [1]}, known_at="a")


def test_an_event_time_may_be_an_expression(session: Session) -> None:
    frame = pa.table({"day": pa.array([0, 1], pa.date32()), "hour": [5, 6], "x": [1, 2]})
    session.register("e", frame, event_time="day + hour * INTERVAL '1' HOUR")
    session.register("q", pa.table({"t": seconds(10**6)}))
    found = session.sql(
        "SELECT e.x FROM q ASOF LEFT JOIN e MATCH_CONDITION (q.t > e.event_time)"
    ).to_arrow()
    assert found["x"].to_pylist() == [2]


def test_a_column_that_is_not_there_is_shown_in_the_statement(session: Session) -> None:
    with pytest.raises(SqlError, match="attt") as error:
        session.register("bookings", EVENTS, event_time="attt")
    assert "did you mean 'at'?" in str(error.value)
    with pytest.raises(SqlError, match="unit"):
        session.register("bookings", EVENTS, event_time="at")


def test_names_match_without_case_and_may_be_odd(session: Session) -> None:
    session.register('My "odd" table', {"Select": [1], 'a"b': [2]}, event_time="Select", unit="s")
    found = session.sql('SELECT "a""b" FROM "my ""odd"" TABLE"').to_arrow()
    assert found.to_pydict() == {'a"b': [2]}
    with pytest.raises(BigheadError, match=r"'a\.\.b' is no name"):
        session.register("a..b", {"x": [1]})


@pytest.mark.parametrize(
    ("clauses", "message"),
    [
        ({"event_time": 5}, "event_time takes a text, not 5"),
        ({"event_time": ""}, "event_time is empty; leave it out"),
        ({"identity": []}, "identity takes the name of a column, or a list of them"),
        ({"tags": [1]}, "tags takes a text, or a list of them"),
        ({"skip_null_times": "yes"}, "skip_null_times takes True or False, not 'yes'"),
        ({"event_time": "at; DROP EVENT SOURCE x"}, "one expression over the columns, without"),
        ({"event_time": "at", "unit": "h"}, "unknown unit 'h'; write UNIT 's'"),
        ({"event_time": "at", "unit": "s", "partition_lag": "2x"}, "has the unknown unit 'x'"),
    ],
)
def test_a_keyword_takes_what_it_says(
    session: Session, clauses: dict[str, Any], message: str
) -> None:
    with pytest.raises(BigheadError, match=message):
        session.register("bookings", EVENTS, **clauses)


def test_registering_again_replaces_the_data(session: Session) -> None:
    session.register("t", {"a": [1]})
    query = session.sql("SELECT a FROM t")
    session.register("t", {"a": [5]})
    assert session.sql("SELECT a FROM t").to_arrow()["a"].to_pylist() == [5]
    assert query.to_arrow()["a"].to_pylist() == [5], "a query runs when its rows are asked for"


def test_replacing_a_source_binds_its_users_anew(session: Session) -> None:
    session.register("bookings", EVENTS, event_time="at", unit="s")
    session.sql(
        "CREATE FEATURE SET f AS SELECT listing, SUM(nights) AS n FROM bookings GROUP BY listing"
    )
    wider = {**EVENTS, "nights": [0.5, 0.5, 0.5]}
    session.register("bookings", wider, event_time="at", unit="s")
    session.register("q", pa.table({"listing": [1], "t": seconds(100)}))
    rows = session.sql(
        "SELECT f.n FROM q ASOF LEFT JOIN f MATCH_CONDITION (q.t > f.event_time) "
        "ON f.listing = q.listing"
    ).to_arrow()
    assert rows["n"].to_pylist() == [1.0]
    with pytest.raises(
        CatalogError, match="bookings cannot be replaced: the feature set f uses it"
    ):
        session.register("bookings", {"listing": [1], "at": [1]}, event_time="at", unit="s")
    assert isinstance(session.definitions.get("bookings"), EventSource)
    assert session.definitions.get("bookings").schema.names == ["listing", "nights", "at", "lsn"]


def test_a_name_that_is_taken_is_refused_without_or_replace(session: Session) -> None:
    session.register("t", {"a": [1]})
    with pytest.raises(BigheadError, match="t is already a table"):
        session.sql("CREATE EVENT SOURCE t (ts TIMESTAMP) EVENT TIME ts")


def test_drop_of_what_is_used_lists_its_users(session: Session) -> None:
    session.register("bookings", EVENTS, event_time="at", unit="s")
    for name in ("g", "f"):
        session.sql(f"CREATE FEATURE SET {name} AS SELECT COUNT(*) AS n FROM bookings")
    with pytest.raises(BigheadError, match="bookings is used by f, g"):
        session.sql("DROP EVENT SOURCE bookings")
    session.sql("DROP FEATURE SET f; DROP FEATURE SET g")
    assert str(session.sql("DROP EVENT SOURCE bookings")) == "dropped the event source bookings"
    with pytest.raises(BigheadError, match="bookings"):
        session.sql("SELECT * FROM bookings")
    assert "nothing is dropped" in str(session.sql("DROP EVENT SOURCE IF EXISTS bookings"))


def test_a_batch_lies_relative_to_the_folder_of_the_session(tmp_path: Path) -> None:
    (tmp_path / "warehouse").mkdir()
    session = Session(folder=tmp_path)
    session.sql(
        "CREATE EVENT SOURCE e (x BIGINT, ts TIMESTAMP) EVENT TIME ts "
        "WITH (batch = 'warehouse/*.parquet')"
    )
    with pytest.raises(SourceError, match="e: no file matches"):
        session.sql("SELECT x FROM e").to_arrow()
    pq.write_table(
        pa.table({"x": [7], "ts": pa.array([1], pa.timestamp("ns"))}),
        tmp_path / "warehouse/a.parquet",
    )
    assert session.sql("SELECT x FROM e").to_arrow()["x"].to_pylist() == [7]
    pq.write_table(pa.table({"x": [7.5]}), tmp_path / "warehouse/a.parquet")
    with pytest.raises(SchemaError, match=r"a\.parquet"):
        session.sql("SELECT x FROM e").to_arrow()


def test_a_source_without_data_says_how_to_give_it_some(session: Session) -> None:
    session.sql("CREATE EVENT SOURCE e (x BIGINT, ts TIMESTAMP) EVENT TIME ts")
    with pytest.raises(SourceError, match=r"e has no data; state WITH \(batch"):
        session.sql("SELECT x FROM e").to_arrow()


def test_an_engine_that_is_not_known_is_refused() -> None:
    with pytest.raises(BigheadError, match="there is no engine 'datafuson'; did you mean"):
        Session(engine="datafuson")
    with pytest.raises(BigheadError, match="there is no engine 'None'"):
        Session(engine=None)  # type: ignore[arg-type]
    with pytest.raises(BigheadError, match=r"sql\(\) takes a text, not NoneType"):
        Session().sql(None)  # type: ignore[arg-type]


def test_both_engines_answer_alike() -> None:
    found = []
    for engine in ("datafusion", "reference"):
        session = Session(engine=engine)
        session.register("bookings", EVENTS, event_time="at", unit="s")
        session.register("q", pa.table({"listing": [1, 2, 3], "t": seconds(20, 31, 5)}))
        query = session.sql(
            "SELECT q.listing, b.n_15s, b.all_n FROM q ASOF LEFT JOIN "
            "(SELECT listing, SUM(nights) OVER (LAST '15s', '1h') AS n, COUNT(*) AS all_n "
            "FROM bookings GROUP BY listing) AS b "
            "MATCH_CONDITION (q.t >= b.event_time) ON b.listing = q.listing"
        )
        found.append(query.to_arrow())
    assert found[0].equals(found[1])
    assert found[0].to_pydict() == {"listing": [1, 2, 3], "n_15s": [5, 4, None], "all_n": [2, 1, 0]}


def test_load_takes_definitions_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    (tmp_path / "features/a.sql").write_text("CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM e;")
    (tmp_path / "features/b.sql").write_text(
        "CREATE EVENT SOURCE e (x BIGINT, ts TIMESTAMP) EVENT TIME ts;"
    )
    session = Session(folder=tmp_path)
    assert session.load("features") == ["e", "f"]
    (tmp_path / "bad.sql").write_text("CREATE FEATURE SET g AS SELECT COUNT(*) AS n FROM missing;")
    with pytest.raises(SqlError, match=r"bad\.sql: .*missing"):
        session.load("bad.sql")
    (tmp_path / "query.sql").write_text("SELECT * FROM e;")
    with pytest.raises(BigheadError, match="defines nothing"):
        session.load("query.sql")
    with pytest.raises(SourceError, match=r"no file or folder .*nowhere"):
        session.load("nowhere")
