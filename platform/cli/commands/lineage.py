"""`bighead lineage`: where columns come from, and where they go."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Json, settings_of
from bighead.platform.cli.console import out, print_json


class Picture(StrEnum):
    """Languages of pictures."""

    MERMAID = "mermaid"
    DOT = "dot"


def lineage(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="NAME, NAME@VERSION, or either with .COLUMN.")
    ],
    downstream: Annotated[
        bool,
        typer.Option("--downstream/--upstream", help="What comes from it; else what it is from."),
    ] = False,
    every: Annotated[
        bool,
        typer.Option("--all", help="Also the columns that are keys, times and filters."),
    ] = False,
    picture: Annotated[
        Picture | None, typer.Option("--picture", help="Write a picture's source instead.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the lineage of columns.

    For each column the columns that its values are made of, through joins, aggregates and derived
    columns, down to the sources, each with the version that was read. Downstream: the columns of
    current definitions that are made of it.

    \b
    Examples:
      bighead lineage stay_risk
      bighead lineage stay_risk.burst --all
      bighead lineage bookings.price --downstream
      bighead lineage stay_risk@1 --picture mermaid > lineage.mmd
    """
    from bighead.platform.cli.lineage_text import dot, mermaid, record, tree
    from bighead.platform.cli.opening import open_registry
    from bighead.platform.cli.project import need_project
    from bighead.platform.cli.tracing import trace

    if json and picture is not None:
        raise typer.BadParameter(f"--json and --picture {picture} contradict each other")
    settings = settings_of(context)
    registry = open_registry(need_project(settings.start), settings)
    found = trace(registry, name, "downstream" if downstream else "upstream", every)
    if json:
        print_json(record(found))
    elif picture is not None:
        print((mermaid if picture is Picture.MERMAID else dot)(found), end="")
    else:
        out().print(tree(found))
