"""`bighead apply`: the files become what the other commands read."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Json, settings_of
from bighead.platform.cli.console import err, out, print_json, say, waiting
from bighead.platform.cli.project import need_project
from bighead.zipline.errors import BigheadError


def apply(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Check all definitions and make them the applied ones.

    Shows the changes first and asks. All of it is applied or none; each changed definition gets a
    new version. The state is kept in .bighead/state.json in the project's folder.

    \b
    Examples:
      bighead apply
      bighead apply --yes --json      in a pipeline
    """
    from bighead.planner.backfill.folder import locked
    from bighead.platform.cli.applying import apply_changes, data_remarks
    from bighead.platform.cli.changes import find_changes
    from bighead.platform.cli.plan_text import plan_text

    project = need_project(settings_of(context).start)
    with locked(project.state):
        with waiting("reading the definitions"):
            found = find_changes(project)
            remarks = data_remarks(found)
        if found.changes and not json:
            err().print(plan_text(found.changes, found.kept))
        for remark in remarks:
            say(f"note: {remark}")
        if found.changes and not yes:
            if not sys.stdin.isatty():
                raise BigheadError("there is nobody to ask; add --yes")
            if not typer.confirm("Apply?", err=True):
                raise BigheadError("nothing was applied")
        apply_changes(project, found)
    if json:
        print_json(
            {
                "project": project.name,
                "applied": [c.record() for c in found.changes],
                "unchanged": found.kept,
            }
        )
    elif found.changes:
        out().print(f"Applied {len(found.changes)} changes to {project.name}.", markup=False)
    else:
        out().print(f"No changes: {found.kept} definitions are as applied.", markup=False)
