"""`bighead plan`: what an apply would change, and what backfills would compute."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Json, settings_of
from bighead.platform.cli.console import out, print_json, show, waiting
from bighead.platform.cli.project import need_project


def plan(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A training set; else all that were backfilled."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Where NAME is backfilled to."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="DAY", help="The first day, YYYY-MM-DD; else the data's."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--end", metavar="DAY", help="The day AFTER the last; else the data's."),
    ] = None,
    json: Json = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 where something would change.")
    ] = False,
) -> None:
    """Show what would change if the files were applied, and what backfills would compute then.

    Definitions are compared by meaning: spaces, case and comments are no change, and a set
    changes when something that it reads does. Each change says which clauses and which features.

    Where the files of a source hold other columns than it declares, that is told first: a type that
    was widened, or a column that is gone, changes the source and what reads it.

    For each backfill that was made, or the one of NAME to --output, it says which columns of how
    many days would be computed, why, and how many rows and bytes that is. Nothing is computed for
    it and nothing written: footers of files are read, and the spine's times where it has changed.

    \b
    Examples:
      bighead plan
      bighead plan stay_risk --output training/ --start 2025-01-01 --end 2025-02-01
      bighead plan --exit-code --json > changes.json      in a pipeline
    """
    from bighead.planner.backfill.days import parse_day
    from bighead.platform.cli.backfill_plan import backfill_record, backfill_text
    from bighead.platform.cli.backfills_planned import plan_backfills
    from bighead.platform.cli.changes import find_changes
    from bighead.platform.cli.opening import open_registry
    from bighead.platform.cli.plan_text import plan_text
    from bighead.platform.cli.schemas_text import news, news_text

    if name is None and (output or start or end):
        raise typer.BadParameter("--output, --start and --end are of one backfill; add its NAME")
    first = parse_day(start, "--start") if start is not None else None
    after = parse_day(end, "--end") if end is not None else None
    settings = settings_of(context)
    project = need_project(settings.start)
    with waiting("reading the definitions"):
        found = find_changes(project, open_registry(project, settings))
    with waiting("looking at the data"):
        backfills = plan_backfills(project, found.draft.session, name, output, first, after)
    told = news(project, found.state, found.draft.schemas)
    if json:
        print_json(
            {
                "project": project.name,
                "schemas": told,
                "changes": [c.record() for c in found.changes],
                "unchanged": found.kept,
                "backfills": [backfill_record(b.name, b.output, b.plan) for b in backfills],
            }
        )
    else:
        out().print(news_text(told), end="")
        if found.changes:
            out().print(plan_text(found.changes, found.kept))
        else:
            show(f"No changes: {found.kept} definitions are as applied.")
        for b in backfills:
            out().print(backfill_text(b.name, b.output, b.plan), end="")
    if exit_code and (found.changes or any(not d.idle for b in backfills for d in b.plan.days)):
        raise typer.Exit(1)
