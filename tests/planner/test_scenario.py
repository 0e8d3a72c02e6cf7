"""The kit with which users test their features."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path

import pytest

from bighead.planner.testing import Scenario, scenario
from bighead.planner.testing.cases import Case, read_cases, run_cases
from bighead.zipline.errors import BigheadError, SqlError

DEFINITIONS = """
CREATE EVENT SOURCE bookings (
  listing BIGINT, room VARCHAR, nights INTEGER, price DECIMAL(10, 2), ts TIMESTAMP, seen TIMESTAMP
) EVENT TIME ts KNOWN AT seen WITH (batch = 'nowhere/*.parquet');
CREATE EVENT SOURCE requests (id BIGINT, listing BIGINT, late BOOLEAN, ts TIMESTAMP) EVENT TIME ts;
CREATE FEATURE SET stays AS
SELECT listing, SUM(nights) OVER (LAST '7d') AS nights, MAX(price) AS dearest,
       SUM(nights) BY room OVER (LAST '7d') AS by_room, LAST_K(ts, 2) AS times
FROM bookings GROUP BY listing;
CREATE TRAINING SET risk ID (id) AS
SELECT q.id, LABEL q.late, b.nights FROM requests AS q
ASOF LEFT JOIN stays AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing;
"""


@pytest.fixture
def s() -> Scenario:
    made = scenario(DEFINITIONS)
    made.log(
        "bookings", listing=7, room="a", nights=2, price="80.5", ts="2026-01-01", seen="2026-01-02"
    )
    return made


def test_features_are_those_known_before_the_time(s: Scenario) -> None:
    assert s.features("stays", at="2026-01-02", listing=7)["nights"] is None
    assert s.features("stays", at="2026-01-02", inclusive=True, listing=7)["nights"] == 2
    assert s.features("stays", at=datetime(2026, 1, 8), listing=7)["nights"] == 2
    assert s.features("stays", at="2026-01-08 00:00:00.000001", listing=7)["nights"] is None
    assert s.features("stays", at="2026-01-03", listing=8)["nights"] is None
    assert s.features("stays", at="2026-01-03", listing=None)["nights"] is None


def test_values_are_written_as_people_write_them(s: Scenario) -> None:
    s.expect(
        "stays", at="2026-01-03", listing=7, nights=2, dearest=80.5, by_room={"a": 2},
        times=["2026-01-01"],
    )  # fmt: skip
    s.expect("stays", at="2026-01-03", listing=7, nights=pytest.approx(2.0))


def test_a_failure_says_what_differs_and_what_was_logged(s: Scenario) -> None:
    with pytest.raises(AssertionError) as failed:
        s.expect("stays", at="2026-01-03", listing=7, nights=3, dearest="80.50")
    said, differs, logged, row = str(failed.value).splitlines()
    assert said == "stays (listing = 7, as of 2026-01-03):"
    assert differs == "  nights: expected 3, got 2"
    assert logged == "logged:"
    assert row.startswith("  bookings: listing = 7, room = a, nights = 2, price = 80.50, ts = 2")


def test_training_sets_and_queries_are_asked_for_rows(s: Scenario) -> None:
    s.log("requests", id=1, listing=7, late=True, ts="2026-01-03")
    s.log("requests", id=2, listing=9, late=False, ts="2026-01-03")
    assert s.rows("risk")[0] == {"id": 1, "late": True, "nights": 2}
    s.expect_rows("risk", [{"nights": 2}, {"nights": None, "late": False}])
    s.expect_rows("SELECT COUNT(*) AS n FROM requests", [{"n": 2}])
    with pytest.raises(AssertionError, match="row 2, all NULL:\n    nights: expected 1, got None"):
        s.expect_rows("risk", [{"nights": 2}, {"nights": 1}])
    with pytest.raises(AssertionError, match="1 rows expected, 2 came"):
        s.expect_rows("risk", [{"nights": 2}])


def test_scenarios_share_nothing() -> None:
    scenario(DEFINITIONS).log("bookings", listing=1)
    assert scenario(DEFINITIONS).rows("SELECT * FROM bookings") == []


def test_not_a_number_equals_itself() -> None:
    s = scenario("CREATE EVENT SOURCE e (k BIGINT, x DOUBLE, ts TIMESTAMP) EVENT TIME ts")
    s.log("e", k=1, x=math.nan, ts="2026-01-01")
    s.expect_rows("SELECT x FROM e", [{"x": math.nan}])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: s.log("bookings", nigths=1), "no column 'nigths' in bookings; did you mean"),
        (
            lambda s: s.log("bookings", ts="yesterday"),
            "ts of bookings: 'yesterday' is no TIMESTAMP",
        ),
        (lambda s: s.log("bookings", nights=2.5), "nights of bookings: 2.5 is no INTEGER"),
        (lambda s: s.log("stays", nights=2), "stays is no source"),
        (
            lambda s: s.features("stays", at="2026-01-01"),
            "the key of stays is listing, not nothing",
        ),
        (lambda s: s.features("risk", at="2026-01-01"), "risk is no feature set"),
        (lambda s: s.features("stay", at="2026-01-01"), "did you mean 'stays'"),
        (lambda s: s.expect("stays", at="2026-01-01", listing=7), "nothing is expected of stays"),
        (lambda s: s.expect("stays", at="2026-01-01", listing=7, night=1), "no column 'night'"),
        (
            lambda s: s.expect("stays", at="2026-01-01", listing=7, nights="x"),
            "nights: 'x' is no BIGINT",
        ),
        (lambda s: s.features("stays", at="soon", listing=7), "at: 'soon' is no TIMESTAMP"),
    ],
)
def test_a_mistake_is_named(s: Scenario, ask: object, message: str) -> None:
    assert callable(ask)
    with pytest.raises(BigheadError) as raised:
        ask(s)
    assert message in str(raised.value)


def test_columns_may_be_called_like_parameters() -> None:
    s = scenario("""
      CREATE EVENT SOURCE e (source VARCHAR, name VARCHAR, at TIMESTAMP, inclusive BIGINT)
        EVENT TIME at;
      CREATE FEATURE SET f AS
        SELECT name, source AS at, COUNT(*) AS n, MAX(inclusive) AS inclusive
        FROM e GROUP BY name, source;
    """)
    s.log("e", source="web", name="ann", at="2026-01-01", inclusive=3)
    assert s.features_of("f", {"name": "ann", "at": "web"}, at="2026-01-02") == {
        "n": 1,
        "inclusive": 3,
    }
    s.expect_of("f", {"name": "ann", "at": "web"}, {"inclusive": 3}, at="2026-01-02")
    with pytest.raises(AssertionError, match="inclusive: expected 4, got 3"):
        s.expect_of("f", {"name": "ann", "at": "web"}, {"inclusive": 4}, at="2026-01-02")


def test_definitions_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "all.sql").write_text(DEFINITIONS)
    assert scenario(tmp_path).rows("risk") == []
    assert scenario(str(tmp_path / "all.sql"), engine="reference").rows("risk") == []
    with pytest.raises(SqlError):
        scenario("CREATE FEATURE SET x AS SELECT 1")


@pytest.mark.parametrize(
    ("columns", "options", "delete"),
    [
        (", op VARCHAR", "WITH (op = 'op')", {"op": "DELETE"}),
        ("", "WITH (snapshot = 'nowhere/')", {"deleted": True}),
        ("", "WITH (batch = 'nowhere.json', format = 'debezium-json')", {"deleted": True}),
    ],
)
def test_entities_change_and_go(columns: str, options: str, delete: dict[str, object]) -> None:
    s = scenario(f"""
      CREATE ENTITY SOURCE listings (listing BIGINT, host BIGINT, at TIMESTAMP{columns})
        PRIMARY KEY (listing) CHANGED AT at {options};
      CREATE FEATURE SET hosts AS SELECT host, COUNT(*) AS listings FROM listings GROUP BY host;
    """)
    first = {"op": "insert"} if columns else {}
    s.log("listings", listing=1, host=7, at="2026-01-01", **first)
    s.log("listings", listing=2, host=7, at="2026-01-02", **first)
    s.log("listings", listing=1, host=8, at="2026-01-03", **first)
    s.log("listings", listing=2, host=7, at="2026-01-04", **delete)
    for day, of_7, of_8 in [(2, 1, 0), (3, 2, 0), (4, 1, 1), (5, 0, 1)]:
        s.expect("hosts", at=f"2026-01-0{day}", host=7, listings=of_7)
        s.expect("hosts", at=f"2026-01-0{day}", host=8, listings=of_8)


CASES = """
cases:
  - name: holds
    rows: {bookings: [{listing: 7, nights: 2, ts: 2026-01-01, seen: 2026-01-01 01:00}]}
    expect:
      - {features: stays, at: 2026-01-02, key: {listing: 7}, values: {nights: 2}}
      - features: stays
        at: 2026-01-01 01:00:00
        inclusive: true
        key: {listing: 7}
        values: {nights: 2}
      - {query: SELECT nights FROM bookings, rows: [{nights: 2}]}
      - {query: SELECT nigths FROM bookings, error: nigths}
  - name: fails
    expect: [{features: stays, at: 2026-01-02, key: {listing: 7}, values: {nights: 2}}]
  - expect: [{query: SELECT 1, error: no such thing}]
"""


def test_cases_in_yaml(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(CASES)
    outcomes = list(run_cases(read_cases(file), lambda _: scenario(DEFINITIONS)))
    assert [o.case.name for o in outcomes] == ["holds", "fails", "case 3"]
    assert outcomes[0].failure is None
    assert "nights: expected 2, got None" in str(outcomes[1].failure)
    assert "expected an error with 'no such thing', got 1 rows" in str(outcomes[2].failure)


def test_cases_may_merge_mappings(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(
        "cases:\n"
        "  - rows: {a: [&row {n: 1, m: 2}, &other {<<: *row, n: 3}, {<<: [*other, *row], m: 4}]}\n"
        "    expect: [{query: SELECT 1, rows: []}]\n"
        "  - rows: {a: [*other]}\n"
        "    expect: [{<<: {query: SELECT 1, rows: []}, query: SELECT 2}]\n"
    )
    first, second = read_cases(file)
    assert first.rows == {"a": [{"n": 1, "m": 2}, {"n": 3, "m": 2}, {"n": 3, "m": 4}]}
    assert second.rows == {"a": [{"n": 3, "m": 2}]}
    assert second.expect == ({"query": "SELECT 2", "rows": []},)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cases: [", "is no YAML"),
        ("[]", "write features, cases"),
        ("# all to come", "is empty; write 'cases:', a list"),
        ("case: []", "unknown key 'case'; did you mean 'cases'?"),
        ("cases: []", "has no cases"),
        ("cases: [{expects: []}]", "unknown key 'expects'; did you mean 'expect'?"),
        ("cases: [{name: x}]", "expects nothing"),
        ("cases: [{expect: [{features: a, values: {}}]}]", "'at' is missing"),
        ("cases: [{expect: [{query: a}]}]", "either rows or an error"),
        ("cases: [{expect: [7]}]", "is 7; write features, at"),
        ("cases: [{rows: {a: 1}, expect: [{query: a, rows: []}]}]", "a list of mappings"),
        ("cases: [{expect: {query: a}}]", "expect is a list"),
        ("cases: [{expect: [{query: a, rows: [7]}]}]", "the rows of a are a list of mappings"),
        ("cases: [{rows: {a: [{1: 2}]}, expect: [{query: a, rows: []}]}]", "1 is no name"),
        ("cases: [{rows: {1: []}, expect: [{query: a, rows: []}]}]", "1 is no name"),
        (
            "cases: [{expect: [{features: a, at: 2026-01-01, values: {n: 2, m: 1, n: 3}}]}]",
            "the key 'n' is there twice",
        ),
        (
            "cases: [{rows: {a: [&b {n: 1}, {<<: *b, n: 2, n: 3}]}, expect: []}]",
            "the key 'n' is there twice",
        ),
    ],
)
def test_a_file_that_is_no_test_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(text)
    with pytest.raises(BigheadError) as raised:
        read_cases(file)
    assert message in str(raised.value)
    assert "cases.yaml" in str(raised.value)


def test_a_case_may_name_its_definitions(tmp_path: Path) -> None:
    (tmp_path / "cases.yaml").write_text(f"features: defs\n{CASES}")
    (case, *_) = read_cases(tmp_path / "cases.yaml")
    assert isinstance(case, Case)
    assert case.features == (tmp_path / "defs",)


def test_an_unknown_operation_is_named() -> None:
    s = scenario("""
      CREATE ENTITY SOURCE listings (listing BIGINT, at TIMESTAMP, op VARCHAR)
        PRIMARY KEY (listing) CHANGED AT at WITH (op = 'op');
    """)
    for op in ("delet", None):
        with pytest.raises(BigheadError, match="op of listings is .*; write 'insert'"):
            s.log("listings", listing=1, at="2026-01-01", op=op)


def test_definitions_are_bound_once_and_each_case_has_rows_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "cases.yaml"
    expect = "- {features: user_clicks, at: 2026-01-02, key: {user: ann}, values: {clicks: 1}}"
    define = "- {query: DROP FEATURE SET user_clicks, rows: [{}]}"
    case = "  - rows: {clicks: [{user: ann, ts: 2026-01-01 12:00}]}\n    expect:\n"
    lines = [f"      {expect}\n", f"      {expect}\n      {define}\n", f"      {expect}\n"]
    file.write_text("cases:\n" + "".join(case + line for line in lines))
    begun: list[list[Path]] = []

    def begin(features: list[Path]) -> Scenario:
        begun.append(features)
        return scenario(CLICKS_OF_USERS)

    assert [o.failure for o in run_cases(read_cases(file), begin)] == [None, None, None]
    assert begun == [[]]


CLICKS_OF_USERS = """
CREATE EVENT SOURCE clicks (user VARCHAR, ts TIMESTAMP) EVENT TIME ts;
CREATE FEATURE SET user_clicks AS
  SELECT user, COUNT(*) OVER (LAST '1d') AS clicks FROM clicks GROUP BY user;
"""
