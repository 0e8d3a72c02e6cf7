"""`bighead show`: what there is, or the versions of one definition."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Draft, Json, settings_of
from bighead.platform.cli.console import out, print_json, print_table, say

KINDS = {
    "all": "",
    "sources": "source",
    "feature-sets": "feature set",
    "training-sets": "training set",
}
"""What can be listed, and how its kinds end."""


def show(
    context: typer.Context,
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help=f"{', '.join(KINDS)}, or a NAME.")
    ] = "all",
    json: Json = False,
    draft: Draft = False,
) -> None:
    """List the definitions, or the versions of one.

    With a NAME: its versions, when each was applied and by whom, and what happened to it.

    \b
    Examples:
      bighead show
      bighead show feature-sets --json
      bighead show stay_risk              its versions
      bighead show stay_risk@2            one of them
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from bighead.platform.cli.listing import listing

    # SQL has SHOW FEATURE SETS, and keywords of any case.
    kind = "-".join(what.casefold().split())
    if kind not in KINDS:
        if draft:
            raise typer.BadParameter("--draft lists files, and versions are in the registry")
        _history(context, what, json)
        return
    found = [e for e in listing(settings_of(context), draft) if e.kind.endswith(KINDS[kind])]
    if json:
        print_json([e.record() for e in found])
        return
    if not found:
        say("There is nothing to show.")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("name", "kind", "columns", "version", "owner", "description"):
        table.add_column(name, justify="right" if name in ("columns", "version") else "left")
    for e in found:
        version = "draft" if e.version is None else str(e.version)
        table.add_row(
            Text(e.name), e.kind, str(e.columns), version, Text(e.owner), Text(e.description)
        )
    print_table(table, sys.stdout)


def _history(context: typer.Context, name: str, json: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from bighead.platform.cli.history import history

    found = history(settings_of(context), name)
    if json:
        print_json(found.record())
        return
    out().print(found.headline, markup=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("version", "applied", "by", "columns", "owner", "reads", "address"):
        table.add_column(column, justify="right" if column in ("version", "columns") else "left")
    for row in found.rows():
        table.add_row(*map(Text, row))
    print_table(table, sys.stdout)
    for line in found.remarks():
        out().print(line, markup=False)
