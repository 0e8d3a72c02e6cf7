"""`bighead diff`: what two versions have not in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bighead.platform.cli.commands.options import Json, settings_of
from bighead.platform.cli.console import out, print_json
from bighead.zipline.errors import BigheadError

if TYPE_CHECKING:
    from bighead.platform.registry import Registry


def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="NAME@VERSION, or NAME.")],
    after: Annotated[
        str | None,
        typer.Argument(metavar="AFTER", help="NAME@VERSION, or NAME: its newest version."),
    ] = None,
    json: Json = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 where they differ.")
    ] = False,
) -> None:
    """Show what changed between two versions, by meaning.

    Which clauses and which columns differ, and the lines of the SQL. Without AFTER, the version is
    compared with the newest one of its name, and the newest with the one before it.

    \b
    Examples:
      bighead diff stay_risk                     the newest, with the one before it
      bighead diff stay_risk@1 stay_risk@3
      bighead diff listing_bookings@1            with the newest
      bighead diff listing_bookings@2 listing_bookings --json
    """
    from bighead.platform.cli.diff import compare
    from bighead.platform.cli.opening import open_registry
    from bighead.platform.cli.plan_text import diff_text
    from bighead.platform.cli.project import need_project
    from bighead.zipline.names import versioned

    settings = settings_of(context)
    registry = open_registry(need_project(settings.start), settings)
    if after is None and versioned(before) is None:
        after, before = before, _older(registry, before)
    elif after is None:
        after = (versioned(before) or (before,))[0]
    first, second = (
        registry.version(*(versioned(name) or (name, None))) for name in (before, after)
    )
    change = compare(first, second)
    if json:
        ends = {"before": f"{first.name}@{first.number}", "after": f"{second.name}@{second.number}"}
        print_json(ends | {"change": change.record() if change is not None else None})
    elif change is None:
        out().print(
            f"{first.name}@{first.number} and {second.name}@{second.number} mean the same.",
            markup=False,
        )
    else:
        out().print(diff_text(change, first, second))
    if exit_code and change is not None:
        raise typer.Exit(1)


def _older(registry: Registry, name: str) -> str:
    """The version that was made before the newest one of a name, as NAME@VERSION."""
    newest = registry.version(name).number
    others = [v.number for v in registry.versions(name) if v.number != newest]
    if not others:
        raise BigheadError(f"{name} has only version {newest}; name something to compare it with")
    return f"{name}@{max(others)}"
