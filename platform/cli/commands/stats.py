"""`bighead stats`: what the columns of something hold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Draft, Engine, Json, settings_of
from bighead.platform.cli.console import print_json, say, waiting

Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write a page with charts, too; works offline."),
]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="The time as of which a feature set is asked."),
]


def stats(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A training set, source, table or feature set, or a path to files."
        ),
    ],
    at: At = None,
    html: Html = None,
    json: Json = False,
    draft: Draft = False,
    engine: Engine = None,
) -> None:
    """Show statistics of each column: NULLs, distinct values, quantiles, a histogram.

    NAME may have a version (NAME@2) or, where it has a time, a range of days (NAME:START..END, END
    not included). NULLs are counted with NaN.

    \b
    Examples:
      bighead stats stay_risk
      bighead stats stay_risk:2025-01-01..2025-02-01 --html january.html
      bighead stats listing_bookings --at "2025-02-01 00:00"
      bighead stats 'training/*/*.parquet' --json
    """
    from bighead.platform.cli.reading import rows_named
    from bighead.platform.cli.statistics_page import write_profiles
    from bighead.platform.cli.statistics_text import print_profiles, profile_record
    from bighead.platform.cli.workspace import open_session
    from bighead.zipline.statistics import profile

    with waiting("reading and counting"):
        session = open_session(settings_of(context), draft, engine)
        rows = rows_named(session, name, at)
        profiles = profile(rows)
    if html is not None:
        write_profiles(html, name, profiles)
    if json:
        print_json([profile_record(p) for p in profiles])
    else:
        print_profiles(profiles)
        several = "" if rows.num_rows == 1 else "s"
        say(f"{rows.num_rows:,} row{several}" + (f"; charts in {html}" if html is not None else ""))
