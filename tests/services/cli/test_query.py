"""`bighead query` and `explain`: where SQL comes from, and what rows look like."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.services.cli.shell import edit, run, spawn

Golden = Callable[[str, str], None]
MANY = """
SELECT 1 AS whole, CAST(1.5 AS DECIMAL(5, 2)) AS exact, CAST(0.1 AS DOUBLE) AS real,
       'a "b", c' AS text, CAST(NULL AS VARCHAR) AS nothing, '' AS empty, true AS yes,
       TIMESTAMP '2025-01-01 02:03:04.5' AS at, DATE '2025-01-02' AS day
"""


def test_rows_as_a_table(shop: Path, golden: Golden) -> None:
    shown = run(shop, "query", "SELECT listing, city, bedrooms FROM listings ORDER BY 1 LIMIT 3")
    assert shown.code == 0
    golden("cli/query_table.txt", shown.steady())


def test_a_name_is_the_whole_of_it(shop: Path) -> None:
    named = run(shop, "query", "stay_risk", "--json").json
    written = run(shop, "query", "SELECT * FROM stay_risk", "--json").json
    assert named == written
    assert len(named) == 200
    assert named[0]["request_id"] == 1


def test_sql_comes_from_a_file_or_standard_input(shop: Path) -> None:
    (shop / "q.sql").write_text("SELECT COUNT(*) AS n FROM bookings")
    by_file = run(shop, "query", "-f", "q.sql", "--json")
    by_stdin = run(shop, "query", "--json", stdin="SELECT COUNT(*) AS n FROM bookings;")
    by_dash = run(shop, "query", "-", "--json", stdin="SELECT COUNT(*) AS n FROM bookings")
    assert by_file.json == by_stdin.json == by_dash.json == [{"n": 600}]


def test_several_statements_give_the_rows_of_the_last(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,ts\n1,2025-01-01 00:00:00\n2,2025-01-02 00:00:00\n")
    text = (
        "CREATE EVENT SOURCE t (a BIGINT, ts TIMESTAMP) EVENT TIME ts WITH (batch = 't.csv');\n"
        "SELECT SUM(a) AS total FROM t;"
    )
    assert run(tmp_path, "query", text, "--json").json == [{"total": 3}]


def test_a_table_shows_the_first_rows_and_limit_says_how_many(shop: Path) -> None:
    assert "the first 50 of 600 rows" in run(shop, "query", "bookings").out
    assert "the first 2 of 600 rows" in run(shop, "query", "bookings", "-n", "2").out
    assert "\n600 rows" in run(shop, "query", "bookings", "--limit", "0").out
    assert len(run(shop, "query", "bookings", "--json", "--limit", "7").json) == 7


def test_values_as_csv(shop: Path) -> None:
    shown = run(shop, "query", MANY, "--format", "csv")
    assert shown.code == 0, shown.err
    assert shown.out == (
        "whole,exact,real,text,nothing,empty,yes,at,day\n"
        '1,1.50,0.1,"a ""b"", c",,"",true,2025-01-01T02:03:04.500000,2025-01-02\n'
    )
    assert next(csv.reader(io.StringIO(shown.out.splitlines()[1])))[3] == 'a "b", c'


def test_values_as_json(shop: Path) -> None:
    expected = {
        "whole": 1, "exact": "1.50", "real": 0.1, "text": 'a "b", c', "nothing": None, "empty": "",
        "yes": True, "at": "2025-01-01T02:03:04.500000", "day": "2025-01-02",
    }  # fmt: skip
    assert run(shop, "query", MANY, "--json").json == [expected]
    lines = run(shop, "query", MANY, "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == [expected]


def test_maps_are_json_objects(shop: Path) -> None:
    rows = run(shop, "query", "stay_risk", "--json").json
    kept = [r["nights_by_room"] for r in rows if r["nights_by_room"] is not None]
    assert kept
    assert all(isinstance(m, dict) and all(isinstance(v, int) for v in m.values()) for m in kept)


def test_no_rows_are_valid_in_every_format(shop: Path) -> None:
    none = "SELECT listing FROM bookings WHERE price < -1"
    assert run(shop, "query", none, "--json").json == []
    assert run(shop, "query", none, "--format", "jsonl").out == ""
    assert run(shop, "query", none, "--format", "csv").out == "listing\n"
    assert "0 rows" in run(shop, "query", none).out


@pytest.mark.parametrize("name", ["rows.parquet", "rows.csv", "rows.json", "rows.jsonl"])
def test_the_suffix_of_the_output_says_the_format(name: str, shop: Path) -> None:
    shown = run(shop, "query", "bookings", "-o", name)
    assert (shown.code, shown.out) == (0, "")
    assert f"600 rows, {name}" in shown.err
    text = (shop / name).read_bytes()
    if name == "rows.parquet":
        assert pq.read_table(shop / name).num_rows == 600
    elif name == "rows.json":
        assert len(json.loads(text)) == 600
    else:
        assert text.count(b"\n") == 600 + (name == "rows.csv")
    assert not list(shop.glob(".rows*"))


def test_an_output_that_cannot_be_written_is_an_error(shop: Path) -> None:
    shown = run(shop, "query", "bookings", "-o", "no/such/folder/rows.csv")
    assert shown.code == 1
    assert "cannot write no/such/folder/rows.csv" in shown.err


def test_a_name_twice_has_no_json(shop: Path) -> None:
    shown = run(shop, "query", "SELECT 1 AS a, 2 AS a", "--json")
    assert shown.code == 1
    assert "two columns are named 'a'" in shown.err


def test_queries_read_what_was_applied_and_say_so(shop: Path) -> None:
    edit(shop / "features" / "stay_risk.sql", "l.city,", "l.city AS town,")
    applied = run(shop, "query", "SELECT city FROM stay_risk", "--json")
    assert applied.code == 0, applied.err
    assert "files have changed since the last apply" in applied.err
    draft = run(shop, "query", "SELECT town FROM stay_risk", "--json", "--draft")
    assert draft.json == [{"town": row["city"]} for row in applied.json]
    assert draft.err == ""


def test_nothing_applied_says_so(fresh: Path) -> None:
    shown = run(fresh, "query", "stay_risk")
    assert shown.code == 1
    assert "nothing is applied yet" in shown.err


def test_both_engines_give_equal_rows(shop: Path) -> None:
    one = run(shop, "query", "stay_risk", "--format", "csv", "--engine", "reference")
    other = run(shop, "query", "stay_risk", "--format", "csv", "--engine", "datafusion")
    assert one.code == 0, one.err
    assert one.out == other.out


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("column", "SELECT pric FROM bookings"),
        ("name", "SELECT * FROM boookings"),
        ("syntax", "SELECT * FROM bookings WHERE (price > 3"),
    ],
)
def test_wrong_sql_is_an_error_with_its_place(
    name: str, sql: str, shop: Path, golden: Golden
) -> None:
    shown = run(shop, "query", sql)
    assert (shown.code, shown.out) == (1, "")
    golden(f"cli/error_{name}.txt", shown.steady())


def test_a_foreign_dialect_is_read_by_its_meaning(shop: Path) -> None:
    text = (
        "SELECT q.request_id, b.price FROM requests AS q "
        "ASOF JOIN bookings AS b ON q.listing = b.listing AND q.ts >= b.ts ORDER BY 1"
    )
    refused = run(shop, "query", text)
    assert refused.code == 1
    read = run(shop, "query", text, "--from", "duckdb", "--json")
    assert read.code == 0, read.err
    assert 0 < len(read.json) <= 200


def test_a_definition_in_a_query_lasts_as_long_as_the_query(shop: Path) -> None:
    shown = run(shop, "query", "DROP TRAINING SET stay_risk")
    assert (shown.code, shown.out) == (0, "dropped the training set stay_risk\n")
    assert "this lasted as long as the query" in shown.err
    assert len(run(shop, "show", "training-sets", "--json").json) == 1


def test_a_corrupt_file_is_an_error_without_a_traceback(shop: Path) -> None:
    (shop / "data" / "bad.parquet").write_bytes(b"PAR1 and nothing else")
    text = (
        "CREATE EVENT SOURCE bad (a BIGINT, ts TIMESTAMP) EVENT TIME ts "
        "WITH (batch = 'data/bad.parquet'); SELECT * FROM bad"
    )
    shown = spawn(shop, "query", text)
    assert shown.code == 1
    assert "bad.parquet" in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("stage", ["logical", "optimized", "tiled", "physical"])
def test_explain_shows_a_stage(stage: str, shop: Path) -> None:
    shown = run(shop, "explain", "stay_risk", "--stage", stage)
    assert shown.code == 0, shown.err
    assert "requests" in shown.out
    assert "[t - 7d, t)" in shown.out


def test_explain_analyze_tells_rows_and_seconds(shop: Path) -> None:
    shown = run(shop, "explain", "SELECT * FROM stay_risk", "--analyze")
    assert shown.code == 0, shown.err
    assert "200 rows" in shown.out
