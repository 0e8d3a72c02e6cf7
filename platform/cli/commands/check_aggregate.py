"""`bighead check-aggregate`: whether a user-defined aggregate obeys its laws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bighead.platform.cli.commands.options import Json, settings_of
from bighead.platform.cli.console import print_json, say, waiting
from bighead.platform.cli.settings import Settings

if TYPE_CHECKING:
    from bighead.zipline.aggregates.laws import Broken, Report
    from bighead.zipline.aggregates.user import UserAggregate

SHOWN = 3
"""Rows that are not taken, of which a person is told."""


def check_aggregate(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="MODULE[:CLASS]", help="A module of the project, and a class in it; else all."
        ),
    ],
    examples: Annotated[
        int, typer.Option("--examples", metavar="N", min=1, help="Examples for each law.")
    ] = 300,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Other examples for another number.")
    ] = 0,
    json: Json = False,
) -> None:
    """Try the laws of a user-defined aggregate.

    Windows are put together from parts in any order, and rows are taken out again; that is right
    only where merging is associative and commutative, zero() changes nothing, remove() undoes
    add(), and no method changes what it must leave alone. Each law is tried on values at the edges
    of their types; for one that is broken the smallest example found is shown.

    Exit code: 0 where all laws hold, 1 where one is broken, 2 for no such class.

    \b
    Examples:
      bighead check-aggregate shop_aggregates
      bighead check-aggregate shop_aggregates:GeometricMean --examples 2000
      bighead check-aggregate shop_aggregates --json
    """
    from bighead.planner.catalog import check_free
    from bighead.zipline.aggregates.laws import check_laws
    from bighead.zipline.errors import BigheadError

    found = _classes(settings_of(context), name)
    try:
        for user in found:
            check_free(user.name)
    except BigheadError as error:
        raise typer.BadParameter(str(error)) from error
    with waiting("trying the laws"):
        reports = [(user, check_laws(user, seed, examples)) for user in found]
    if json:
        print_json([_record(user, report) for user, report in reports])
    else:
        print("\n\n".join(_text(user, report) for user, report in reports))
    broken = sum(len(report.broken) for _, report in reports)
    if broken:
        say(f"{broken} law{'s are' if broken > 1 else ' is'} broken")
        raise typer.Exit(1)


def _classes(settings: Settings, name: str) -> list[UserAggregate]:
    from bighead.platform.cli.aggregates import load_module
    from bighead.platform.cli.project import find_project
    from bighead.zipline.aggregates.user import aggregates_of, user_aggregate
    from bighead.zipline.errors import BigheadError, did_you_mean

    module_name, _, class_name = name.partition(":")
    project = find_project(settings.start)
    folder = settings.start.absolute() if project is None else project.folder
    try:
        module = load_module(module_name, folder, "MODULE")
        if not class_name:
            found = list(aggregates_of(module))
            if not found:
                raise typer.BadParameter(f"the module {module_name} declares no aggregate")
            return found
        made: object = module
        for part in class_name.split("."):
            if not hasattr(made, part):
                known = [n for n, v in vars(made).items() if isinstance(v, type)]
                near = did_you_mean(class_name, known)
                raise typer.BadParameter(
                    f"no class {class_name} in {module_name}" + (f"; {near}" if near else "")
                )
            made = getattr(made, part)
        return [user_aggregate(made)]
    except BigheadError as error:
        raise typer.BadParameter(str(error)) from error


def _text(user: UserAggregate, report: Report) -> str:
    lines = [f"{user.signature}, {user.accuracy}, version {user.version}"]
    lines += [f"  holds   {law}" for law in report.held]
    for broken in report.broken:
        lines.append(f"  BROKEN  {broken.law}: {broken.reason}")
        lines += [f"            {part} adds {rows}" for part, rows in _example(broken)]
    for row, raised in report.refused[:SHOWN]:
        values = ", ".join(map(repr, row))
        lines.append(f"  note: add() does not take ({values}): {raised}")
    if len(report.refused) > SHOWN:
        lines.append(f"  note: nor {len(report.refused) - SHOWN} more of the rows tried")
    if report.refused:
        lines.append("  note: such rows stop a query; leave them out by FILTER, or take them")
    return "\n".join(lines)


def _example(broken: Broken) -> list[tuple[str, str]]:
    return [
        (part, ", ".join(f"({', '.join(map(repr, row))})" for row in rows))
        for part, rows in broken.example
    ]


def _record(user: UserAggregate, report: Report) -> dict[str, object]:
    return {
        "aggregate": user.name,
        "signature": user.signature,
        "accuracy": user.accuracy,
        "version": user.version,
        "held": list(report.held),
        "broken": [
            {"law": b.law, "reason": b.reason, "example": dict(_example(b))} for b in report.broken
        ],
        "refused": [
            {"row": [repr(v) for v in row], "raised": raised} for row, raised in report.refused
        ],
    }
