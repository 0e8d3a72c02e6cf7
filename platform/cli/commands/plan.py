"""`bighead plan`: what an apply would change."""

from __future__ import annotations

from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Json, settings_of
from bighead.platform.cli.console import out, print_json, waiting
from bighead.platform.cli.project import need_project


def plan(
    context: typer.Context,
    json: Json = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 where something would change.")
    ] = False,
) -> None:
    """Show what would change if the files were applied.

    Definitions are compared by meaning: spaces, case and comments are no change, and a set
    changes when something that it reads does. Each change says which clauses and which features.

    \b
    Examples:
      bighead plan
      bighead plan --exit-code --json > changes.json      in a pipeline
    """
    from bighead.platform.cli.changes import find_changes
    from bighead.platform.cli.plan_text import plan_text

    project = need_project(settings_of(context).start)
    with waiting("reading the definitions"):
        found = find_changes(project)
    if json:
        print_json(
            {
                "project": project.name,
                "changes": [c.record() for c in found.changes],
                "unchanged": found.kept,
            }
        )
    elif found.changes:
        out().print(plan_text(found.changes, found.kept))
    else:
        out().print(f"No changes: {found.kept} definitions are as applied.", markup=False)
    if exit_code and found.changes:
        raise typer.Exit(1)
