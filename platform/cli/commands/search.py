"""`bighead search`: definitions by words."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Json, settings_of
from bighead.platform.cli.console import print_json, print_table, say


def search(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="All must be found.")],
    json: Json = False,
) -> None:
    """Find definitions by words.

    Looks at names, kinds, tags, owners, descriptions and columns, without case; the best come
    first. All projects of the registry are searched. Exits with 1 where nothing is found.

    \b
    Examples:
      bighead search booking
      bighead search "feature set" homes price
      bighead search nights_7d --json
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from bighead.platform.cli.listing import entry
    from bighead.platform.cli.opening import open_registry
    from bighead.platform.cli.project import need_project

    if not all(w.strip() for w in words):
        raise typer.BadParameter("an empty word is found everywhere; leave it out")
    settings = settings_of(context)
    project = need_project(settings.start)
    found = open_registry(project, settings).search(words)
    if json:
        print_json([{"project": m.project} | entry(m.version).record() for m in found])
    elif found:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("name", "kind", "version", "owner", "description", "columns found"):
            table.add_column(name, justify="right" if name == "version" else "left")
        for m in found:
            v = m.version
            name = v.name if m.project == project.name else f"{m.project}: {v.name}"
            table.add_row(
                Text(name), v.kind, str(v.number), Text(v.owner), Text(v.description),
                Text(_columns([c.name for c in v.columns], words)),
            )  # fmt: skip
        print_table(table, sys.stdout)
    else:
        say(f"nothing applied has {' and '.join(words)}")
    if not found:
        raise typer.Exit(1)


def _columns(names: list[str], words: list[str], most: int = 3) -> str:
    found = [n for n in names if any(w.casefold() in n.casefold() for w in words)]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
