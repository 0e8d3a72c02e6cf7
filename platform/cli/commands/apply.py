"""`bighead apply`: the files become what the other commands read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bighead.platform.cli.commands.options import Json, settings_of
from bighead.platform.cli.console import err, print_json, say, show, waiting
from bighead.platform.cli.project import Project, need_project
from bighead.zipline.errors import BigheadError

if TYPE_CHECKING:
    from bighead.platform.cli.changes import Changes
    from bighead.platform.registry import Registry

TRIES = 5
"""So often --yes looks again where others applied meanwhile."""


def apply(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Check all definitions and make them the applied ones.

    Shows the changes first and asks. All of it is applied or none. A definition whose meaning
    changed gets a new version; another owner, description, tag or spelling makes none. Definitions
    that no file has any more are dropped, and their versions kept. Definitions follow their data: a
    type that was widened and a column that is gone make new versions, too.

    \b
    Examples:
      bighead apply
      bighead apply --yes --json      in a pipeline
      bighead --registry postgresql://ml@db/bighead apply
    """
    from bighead.platform.cli.opening import Registered

    settings = settings_of(context)
    project = need_project(settings.start)
    registered = Registered(project, settings)
    found = _apply(project, registered.registry, yes, json)
    registered.state()  # is kept where it is read, for commands that then need no database
    if json:
        print_json(
            {
                "project": project.name,
                "applied": [c.record() for c in found.changes],
                "unchanged": found.kept,
            }
        )
    elif found.changes:
        count = len(found.changes)
        several = "s" if count != 1 else ""
        show(f"Applied {count} change{several} to {project.name}.")
    else:
        show(f"No changes: {found.kept} definitions are as applied.")


def _apply(project: Project, registry: Registry, yes: bool, json: bool) -> Changes:
    """Finds the changes, shows them, and applies them as they were shown."""
    from bighead.platform.cli.applying import apply_changes, data_remarks
    from bighead.platform.cli.changes import find_changes
    from bighead.platform.cli.plan_text import plan_text
    from bighead.platform.cli.schemas_text import news, news_text
    from bighead.platform.registry import Conflict

    for left in reversed(range(TRIES)):
        with waiting("reading the definitions"):
            found = find_changes(project, registry)
            remarks = data_remarks(found)
        if not json:
            err().print(news_text(news(project, found.state, found.draft.schemas)), end="")
        if found.changes and not json:
            err().print(plan_text(found.changes, found.kept))
        for remark in remarks:
            say(f"note: {remark}")
        if found.changes and not yes:
            if not sys.stdin.isatty():
                raise BigheadError("there is nobody to ask; add --yes")
            if not typer.confirm("Apply?", err=True):
                raise BigheadError("nothing was applied")
        try:
            apply_changes(registry, found)
        except Conflict:
            # Without --yes somebody agreed to other changes than those that would now be made.
            if not yes or not left:
                raise
            say("note: somebody else applied meanwhile; looking again")
            continue
        return found
    raise AssertionError("the last try returns or raises")
