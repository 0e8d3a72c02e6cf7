"""`bighead show`: what there is."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Draft, Json, settings_of
from bighead.platform.cli.console import print_json, print_table, say


class What(StrEnum):
    """What can be listed."""

    ALL = "all"
    SOURCES = "sources"
    FEATURE_SETS = "feature-sets"
    TRAINING_SETS = "training-sets"


def show(
    context: typer.Context,
    what: Annotated[What, typer.Argument(help="What to list.")] = What.ALL,
    json: Json = False,
    draft: Draft = False,
) -> None:
    """List the definitions.

    \b
    Examples:
      bighead show
      bighead show feature-sets --json
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from bighead.platform.cli.listing import listing

    found = [e for e in listing(settings_of(context), draft) if what == "all" or _is(e.kind, what)]
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


def _is(kind: str, what: What) -> bool:
    return kind.endswith("source" if what is What.SOURCES else what.value[:-1].replace("-", " "))
