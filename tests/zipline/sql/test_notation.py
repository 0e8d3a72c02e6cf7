"""The older notation: HOCON and YAML load, and show the SQL that they mean."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bighead.zipline.errors import SqlError
from bighead.zipline.sql.commands import CreateFeatureSet
from bighead.zipline.sql.notation import load_notation
from tests.conftest import GOLDEN
from tests.zipline.sql.memory import MemoryCatalog

HOCON = (GOLDEN / "notation" / "feature_set.conf").read_text(encoding="utf-8")
YAML = """
owner: homes
source:
  type: hive
  query: |
    SELECT n_bookings, n_nights_booked, listing FROM data.bookings
    WHERE ds BETWEEN '{{start_date}}' AND '{{end_date}}'
  dependencies: [data.bookings]
  start_date: 2019-01-01
operation: sum
windows: [7d, 14d, 30d, 90d, 180d, 1y]
features:
  n_bookings: Total bookings
  n_nights_booked: Total number of nights booked
"""


def test_the_definition_of_the_paper_is_one_statement(golden: Callable[[str, str], None]) -> None:
    golden("notation/feature_set.txt", load_notation(HOCON, "listing_bookings"))


def test_yaml_with_the_same_keys_means_the_same() -> None:
    assert load_notation(YAML, "x") == load_notation(HOCON, "x")


def test_its_sql_binds_and_names_columns_after_feature_and_window() -> None:
    catalog = MemoryCatalog()
    catalog.run(
        "CREATE EVENT SOURCE data.bookings (n_bookings BIGINT, n_nights_booked BIGINT, "
        "listing BIGINT, ds VARCHAR, ts TIMESTAMP) EVENT TIME ts"
    )
    (command,) = catalog.run(load_notation(HOCON, "listing_bookings"))
    assert isinstance(command, CreateFeatureSet)
    assert command.feature_set.keys == ("listing",)
    names = [name for name, _ in command.feature_set.columns]
    assert names[:2] == ["n_bookings_7d", "n_bookings_14d"]
    assert names[-1] == "n_nights_booked_1y"


@pytest.mark.parametrize(("change", "message"), [
    (("operation: sum", "operation: smu"), "'smu' is not an operation"),
    (("operation: sum", ""), "the definition needs 'operation'"),
    (("owner:", "ower:"), "unknown key 'ower'; did you mean 'owner'"),
    (("type: hive", "type: kafka"), "source of the type 'kafka'"),
    (("n_bookings: Total", "n_booking: Total"), "selects no column 'n_booking'"),
    (("[data.bookings]", "[data.other]"), "not among the dependencies"),
    (("start_date: 2019-01-01", ""), "source has no start_date"),
    (("2019-01-01", "soon"), "'soon' is not a date"),
    (("[7d,", "[7x,"), "unknown unit 'x'"),
    (("windows: [7d, 14d, 30d, 90d, 180d, 1y]", "windows: 7d"), "a list of durations"),
    (("listing FROM", "* FROM"), "names its columns"),
    (("{{end_date}}", "{{today}}"), "unknown placeholder"),
    (("WHERE", "GROUP BY listing HAVING"), "columns of one table"),
    (("FROM data.bookings", ""), "reads one table"),
    (("SELECT", "SELEC"), "did you mean 'SELECT'"),
    (("features:", "feature:"), "unknown key 'feature'"),
])  # fmt: skip
def test_a_mistake_is_an_error(change: tuple[str, str], message: str) -> None:
    with pytest.raises(SqlError) as caught:
        load_notation(YAML.replace(*change), "x")
    assert message in str(caught.value)


def test_a_definition_needs_a_name() -> None:
    with pytest.raises(SqlError, match="no name"):
        load_notation(YAML)
    assert "FEATURE SET called" in load_notation("name: called\n" + YAML)


@pytest.mark.parametrize("text", ["", "{{{", "a: [", "just words", "source: {query: 3}"])
def test_what_is_no_definition_is_an_error(text: str) -> None:
    with pytest.raises(SqlError):
        load_notation(text, "x")
