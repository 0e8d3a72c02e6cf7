"""`bighead drift`: how far columns have moved between two ranges, versions or files."""

from __future__ import annotations

from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Draft, Engine, Json, settings_of
from bighead.platform.cli.commands.stats import Html
from bighead.platform.cli.console import print_json, say, waiting


def drift(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="A", help="What is compared with.")],
    after: Annotated[str, typer.Argument(metavar="B", help="What may have drifted.")],
    psi: Annotated[
        float, typer.Option("--psi", help="The greatest population stability index.")
    ] = 0.2,
    js: Annotated[
        float, typer.Option("--js", help="The greatest Jensen-Shannon divergence, in bits.")
    ] = 0.1,
    nulls: Annotated[
        float, typer.Option("--nulls", help="The greatest difference of the rates of NULLs.")
    ] = 0.05,
    at: Annotated[
        list[str] | None,
        typer.Option(
            "--at",
            metavar="TIME",
            help="The time as of which feature sets are asked; twice: the time of A and that of B.",
        ),
    ] = None,
    all_columns: Annotated[
        bool, typer.Option("--all", help="Judge keys, IDs and times, too.")
    ] = False,
    html: Html = None,
    json: Json = False,
    draft: Draft = False,
    engine: Engine = None,
) -> None:
    """Compare two ranges, versions or files column by column.

    A and B are names as 'bighead stats' takes them. The exit code is 1 where a column is past a
    threshold, or is on one side only. Keys, IDs and times move as a matter of course, and are left
    out.

    \b
    Examples:
      bighead drift stay_risk:2025-01-01..2025-02-01 stay_risk:2025-02-01..2025-03-01
      bighead drift stay_risk@1 stay_risk@2 --psi 0.1 --html drift.html
      bighead drift listing_bookings listing_bookings --at 2025-02-01 --at 2025-03-01
      bighead drift january.parquet february.parquet --json
    """
    from bighead.platform.cli.apart import apart
    from bighead.platform.cli.reading import rows_named
    from bighead.platform.cli.statistics_page import write_drifts
    from bighead.platform.cli.statistics_text import drift_record, print_drifts
    from bighead.platform.cli.workspace import open_session
    from bighead.zipline.statistics import Thresholds
    from bighead.zipline.statistics import drift as compare

    thresholds = Thresholds(psi, js, nulls)
    if at is not None and len(at) > 2:
        raise typer.BadParameter("--at is given once, or once for A and once for B")
    times: list[str | None] = [*at] if at else [None]
    left_out: list[str] = []
    with waiting("reading and comparing"):
        session = open_session(settings_of(context), draft, engine)
        one = rows_named(session, before, times[0])
        two = rows_named(session, after, times[-1])
        if not all_columns:
            known = apart(session, before, one) | apart(session, after, two)
            left_out = [
                n for n in dict.fromkeys((*one.column_names, *two.column_names)) if n in known
            ]
            one, two = (
                t.drop_columns([n for n in left_out if n in t.column_names]) for t in (one, two)
            )
        drifts = compare(one, two, thresholds)
    if html is not None:
        write_drifts(html, before, after, drifts)
    drifted = sum(d.drifted for d in drifts)
    if json:
        print_json([drift_record(d) for d in drifts])
    else:
        print_drifts(drifts)
        page = f"; charts in {html}" if html is not None else ""
        say(f"{drifted} of {len(drifts)} columns drifted{page}")
        if left_out:
            say(f"{', '.join(left_out)} left out (keys, IDs and times); --all judges them, too")
    if drifted:
        raise typer.Exit(1)
