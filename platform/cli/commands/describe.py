"""`bighead describe`: one definition, whole."""

from __future__ import annotations

from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Draft, Json, settings_of
from bighead.platform.cli.console import print_json, waiting


def describe(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A source or a set, or NAME@VERSION."),
    ],
    json: Json = False,
    draft: Draft = False,
) -> None:
    """Show one definition, whole.

    Its columns, what it uses, what uses it, and its SQL.

    \b
    Examples:
      bighead describe listing_bookings
      bighead describe stay_risk --json
      bighead describe stay_risk@1            as it was
    """
    from bighead.platform.cli.describing import described, record
    from bighead.platform.cli.workspace import open_session

    settings = settings_of(context)
    with waiting("reading the definitions"):
        session = open_session(settings, draft)
        definition = session.definitions.get(name)
    if json:
        print_json(record(settings, session, definition, draft))
    else:
        print(described(settings, session, definition, draft))
