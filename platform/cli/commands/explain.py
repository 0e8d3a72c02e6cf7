"""`bighead explain`: how a query is understood and run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import (
    Dialect,
    Draft,
    Engine,
    Sql,
    SqlFile,
    settings_of,
    sql_text,
)
from bighead.platform.cli.console import waiting


class Stage(StrEnum):
    """The stages of a plan, in order."""

    LOGICAL = "logical"
    OPTIMIZED = "optimized"
    TILED = "tiled"
    PHYSICAL = "physical"


def explain(
    context: typer.Context,
    sql: Sql = None,
    file: SqlFile = None,
    stage: Annotated[Stage | None, typer.Option("--stage", help="By default optimized.")] = None,
    analyze: Annotated[
        bool, typer.Option("--analyze", help="Run it, and show rows and seconds of each step.")
    ] = False,
    dialect: Dialect = None,
    draft: Draft = False,
    engine: Engine = None,
) -> None:
    """Show the plan of a query.

    With the bounds of each window, as of t.

    \b
    Examples:
      bighead explain stay_risk --stage optimized
      bighead explain "SELECT * FROM stay_risk" --analyze
    """
    from bighead.platform.cli.workspace import open_session

    if analyze and stage not in (None, Stage.PHYSICAL):
        raise typer.BadParameter(f"--analyze shows the physical plan, not the {stage} one")
    text = sql_text(sql, file)
    with waiting("running" if analyze else "planning"):
        session = open_session(settings_of(context), draft, engine)
        result = session.sql(text, dialect)
        shown = result.explain(stage.value if stage is not None else None, analyze)
    print(shown)
