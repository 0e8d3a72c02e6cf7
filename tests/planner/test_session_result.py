"""What a query gives: rows in every form, in the order and with the names of the query."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner import Session
from bighead.zipline.errors import BigheadError, SourceError, SqlError


@pytest.fixture
def session() -> Session:
    session = Session()
    session.register(
        "t",
        pa.table(
            {
                "b": [3, 1, 2],
                "a": ["x", None, "a very long text that no table can show in full"],
                "at": pa.array([0, 1, None], pa.timestamp("us")),
                "zoned": pa.array([0, 1, None], pa.timestamp("us", "Europe/Rome")),
            }
        ),
    )
    return session


def test_columns_and_rows_keep_the_order_of_the_query(session: Session) -> None:
    found = session.sql("SELECT b, a FROM t").to_arrow()
    assert found.column_names == ["b", "a"]
    assert found["b"].to_pylist() == [3, 1, 2]
    assert session.sql("SELECT b FROM t ORDER BY b").to_arrow()["b"].to_pylist() == [1, 2, 3]


def test_rows_come_in_every_form(session: Session) -> None:
    query = session.sql("SELECT b, at FROM t")
    assert isinstance(query.to_pandas(), pd.DataFrame)
    assert query.to_pandas()["b"].tolist() == [3, 1, 2]
    frame = query.to_polars()
    assert isinstance(frame, pl.DataFrame)
    assert frame["b"].to_list() == [3, 1, 2]
    batches = list(query.to_batches(max_rows=2))
    assert [b.num_rows for b in batches] == [2, 1]
    assert pa.table(query).equals(query.to_arrow())
    assert len(query) == 3


def test_times_are_microseconds_and_zoned_ones_utc(session: Session) -> None:
    query = session.sql("SELECT at, zoned FROM t")
    assert query.schema.types == [pa.timestamp("us"), pa.timestamp("us", "UTC")]
    assert query.to_arrow().schema.types == query.schema.types
    assert query.to_arrow()["zoned"].to_pylist()[1] == datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)


def test_a_query_runs_once_and_only_when_it_is_asked(session: Session) -> None:
    query = session.sql("SELECT CAST(a AS BIGINT) AS n FROM t")
    assert query.schema.names == ["n"]
    with pytest.raises(BigheadError):
        query.to_arrow()
    fine = session.sql("SELECT b FROM t")
    assert fine.to_arrow() is fine.to_arrow()


def test_a_parquet_file_appears_whole_or_not_at_all(session: Session, tmp_path: Path) -> None:
    path = session.sql("SELECT b, zoned FROM t").write_parquet(tmp_path / "deep" / "out.parquet")
    assert pq.read_table(path)["b"].to_pylist() == [3, 1, 2]
    with pytest.raises(BigheadError):
        session.sql("SELECT CAST(a AS BIGINT) AS n FROM t").write_parquet(tmp_path / "no.parquet")
    assert [p.name for p in tmp_path.iterdir()] == ["deep"]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["out.parquet"]
    with pytest.raises(SourceError, match="cannot write"):
        session.sql("SELECT b FROM t").write_parquet(path / "below" / "a_file.parquet")


def test_names_that_repeat_are_fine_in_arrow_and_named_elsewhere(
    session: Session, tmp_path: Path
) -> None:
    query = session.sql("SELECT x.b, y.b FROM t AS x JOIN t AS y ON x.b = y.b ORDER BY 1")
    names = query.to_arrow().column_names
    assert len(names) == 2
    if len(set(names)) == 1:
        with pytest.raises(BigheadError, match="two columns are named 'b', and a polars frame"):
            query.to_polars()
        with pytest.raises(BigheadError, match="two columns are named 'b', and a Parquet file"):
            query.write_parquet(tmp_path / "x.parquet")


def test_a_table_is_shown_short(session: Session) -> None:
    shown = repr(session.sql("SELECT b, a FROM t"))
    assert shown == (
        " b │ a\n"
        "───┼──────────────────────────────────\n"
        " 3 │ x\n"
        " 1 │ NULL\n"
        " 2 │ a very long text that no table …\n"
        "3 rows, 2 columns"
    )
    session.register("long", {"i": list(range(1_000))})
    assert repr(session.sql("SELECT i FROM long")).endswith(
        "9\n …\n1,000 rows, 1 column, the first 10 shown"
    )


def test_a_notebook_shows_a_table_and_escapes_it(session: Session) -> None:
    session.register("h", {"<b>": ["<script>", None]})
    shown = session.sql('SELECT "<b>" FROM h')._repr_html_()
    assert '<th title="VARCHAR">&lt;b&gt;</th>' in shown
    assert "<td>&lt;script&gt;</td>" in shown
    assert "<td>NULL</td>" in shown
    assert session.sql("SHOW TABLES")._repr_html_().startswith("<table>")


def test_several_statements_give_the_last_ones_result(session: Session) -> None:
    result = session.sql(
        "CREATE EVENT SOURCE e (x BIGINT, ts TIMESTAMP) EVENT TIME ts; SHOW EVENT SOURCES;"
    )
    assert result.to_arrow()["name"].to_pylist() == ["e"]
    made = session.sql("CREATE OR REPLACE EVENT SOURCE e (x BIGINT, ts TIMESTAMP) EVENT TIME ts")
    assert made.to_arrow().to_pydict() == {"status": ["created the event source e"]}
    assert str(made) == "created the event source e"
    with pytest.raises(SqlError, match="no statement"):
        session.sql(" -- nothing\n")


def test_a_plan_is_explained_at_every_stage(session: Session) -> None:
    query = session.sql("SELECT b FROM t WHERE b > 1")
    for stage in ("logical", "optimized", "tiled", "physical"):
        assert "Scan t" in query.explain(stage)
        assert query.explain(stage) == str(
            session.sql(f"EXPLAIN STAGE {stage} SELECT b FROM t WHERE b > 1")
        )
    analyzed = query.explain(analyze=True)
    assert "2 rows" in analyzed
    assert " s" in analyzed
    with pytest.raises(BigheadError, match="there is no stage 'physic'; the stages are logical"):
        query.explain("physic")  # type: ignore[arg-type]
    with pytest.raises(BigheadError, match="only a query has a plan"):
        session.sql("SHOW TABLES").explain()


def test_describe_says_how_exact_and_what_grows(session: Session) -> None:
    session.sql(
        "CREATE EVENT SOURCE e (k BIGINT, x DOUBLE, ts TIMESTAMP) EVENT TIME ts IDENTITY (k);"
        "CREATE FEATURE SET f WITH (owner = 'homes', tail = '1h') AS SELECT k, "
        "SUM(x) OVER (LAST '7d') AS s, STDDEV(x) OVER (LAST '1d') AS d, MEDIAN(x) AS m "
        "FROM e GROUP BY k"
    )
    text = str(session.sql("DESCRIBE f"))
    assert "SUM(x) over [floor(t - 7d, 1h), t), exact" in text
    assert "STDDEV_SAMP(x) over [floor(t - 1d, 1h), t), rounded" in text
    assert "state grows with the distinct values or rows of a window: m" in text
    assert "over all history, so all events are read: m" in text
    assert "identities are remembered for ever" in text
    assert "tail '1h'" in text
    assert "owner = 'homes'" in text


def test_describe_of_a_training_set_says_what_it_is_as_of(session: Session) -> None:
    times = pa.array([5_000_000], pa.timestamp("us"))
    spine = pa.table({"id": [1], "k": [1], "t": times, "y": [True]})
    session.register("q", spine, event_time="t")
    session.register("e", {"k": [1], "ts": [1]}, event_time="ts", unit="s")
    session.sql(
        "CREATE FEATURE SET f AS SELECT k, COUNT(*) AS n FROM e GROUP BY k;"
        "CREATE TRAINING SET s ID (id) AS SELECT q.id, LABEL q.y, f.n FROM q "
        "ASOF LEFT JOIN f MATCH_CONDITION (q.t > f.event_time) ON f.k = q.k"
    )
    text = str(session.sql("DESCRIBE s"))
    assert "id" in text
    assert "label" in text
    assert "f: LEFT JOIN, features of the events before t = " in text
    assert session.sql("SELECT * FROM s").to_arrow().to_pydict() == {
        "id": [1],
        "y": [True],
        "n": [1],
    }
