"""What the dialect means: `tests/golden/bind/*.sql`, each case beside its logical plan."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bighead.zipline.ir.format import format_plan
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.types import sql_name
from bighead.zipline.sql import Command
from bighead.zipline.sql.commands import (
    CreateFeatureSet,
    CreateSource,
    CreateTrainingSet,
    Describe,
    Drop,
    Explain,
    Query,
    Show,
)
from bighead.zipline.sql.spelling.unparse import unparse
from tests.conftest import GOLDEN
from tests.zipline.sql.memory import homes

TOPICS = sorted(path.stem for path in (GOLDEN / "bind").glob("*.sql"))
LINE = "\n----\n"


@pytest.mark.parametrize("topic", TOPICS)
def test_logical_plan(topic: str, golden: Callable[[str, str], None]) -> None:
    cases = (GOLDEN / "bind" / f"{topic}.sql").read_text(encoding="utf-8").rstrip("\n")
    shown = []
    for case in cases.split(LINE):
        command = homes().run(case)[-1]
        shown.append(f"{case}\n\n{describe(command)}")
    golden(f"bind/{topic}.txt", LINE.join(shown) + "\n")


def describe(command: Command) -> str:
    """What was bound, as text."""
    match command:
        case Query(plan):
            columns = ", ".join(f"{f.name} {sql_name(f.type)}" for f in plan.schema)
            return f"{format_plan(plan)}\n-> {columns}"
        case CreateFeatureSet(found):
            offered = [f"{name} {sql_name(e.type)} = {format_expr(e)}" for name, e in found.columns]
            head = f"{found.name} by ({', '.join(found.keys)}) of {', '.join(found.uses)}"
            return "\n".join([head, *offered, format_plan(found.view)])
        case CreateTrainingSet(found):
            time = format_expr(found.time) if found.time is not None else "none"
            head = f"{found.name} id {found.id} labels {found.labels} time {time} of {found.uses}"
            return f"{head}\n{format_plan(found.plan)}"
        case CreateSource(source, replace):
            return f"{unparse(source)}\nreplace {replace}, {source.options}"
        case _:
            return str(command)


def test_statements_that_show_and_drop() -> None:
    catalog = homes()
    assert catalog.run("SHOW FEATURE SETS") == [Show("FEATURE SETS")]
    assert catalog.run("DESCRIBE BOOKINGS") == [Describe("bookings")]
    assert catalog.run("DROP FEATURE SET IF EXISTS nothing") == [Drop("feature set", None)]
    assert catalog.run("DROP SOURCE Clicks") == [Drop("event source", "clicks")]


def test_explain_keeps_its_stage_and_its_query() -> None:
    (command,) = homes().run("EXPLAIN ANALYZE STAGE tiled SELECT listing FROM requests")
    assert isinstance(command, Explain)
    assert (command.stage, command.analyze) == ("tiled", True)
    assert command.query.plan.schema.names == ["listing"]


def test_names_match_without_case_and_quoted_ones_exactly() -> None:
    catalog = homes()
    (query,) = catalog.run('SELECT LISTING, Q."ts", Q.Request_ID AS "Odd" FROM Requests AS q')
    assert isinstance(query, Query)
    assert query.plan.schema.names == ["listing", "ts", "Odd"]


def test_a_cte_shadows_the_catalog() -> None:
    (query,) = homes().run("WITH bookings AS (SELECT 1 AS one) SELECT * FROM bookings")
    assert isinstance(query, Query)
    assert query.plan.schema.names == ["one"]


def test_replacing_a_definition_is_said_by_the_command() -> None:
    (command,) = homes().run(
        "CREATE OR REPLACE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings"
    )
    assert isinstance(command, CreateFeatureSet)
    assert command.replace
    assert "REPLACE" not in command.feature_set.sql


@pytest.mark.parametrize("name", sorted(homes().definitions.keys() - {"plain"}))
def test_a_definition_written_as_sql_is_the_same_definition(name: str) -> None:
    catalog = homes()
    text = unparse(catalog.definitions[name])
    assert text is not None
    catalog.run(text.replace("CREATE", "CREATE OR REPLACE", 1))
    assert catalog.definitions[name] == homes().definitions[name]
