"""`bighead backfill`: a training set for a range of days, as partitioned Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Draft, Engine, Json, settings_of
from bighead.platform.cli.console import out, print_json, say


def backfill(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A training set.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the days are written.")
    ],
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="DAY", help="The first day, YYYY-MM-DD; else the data's."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--end", metavar="DAY", help="The day AFTER the last; else the data's."),
    ] = None,
    restart: Annotated[
        bool,
        typer.Option("--restart", help="Remove the days that are there, and compute all again."),
    ] = False,
    rows_per_run: Annotated[
        int | None,
        typer.Option(
            "--rows-per-run",
            metavar="ROWS",
            min=1,
            help="Days are computed together up to so many rows; less takes less memory.",
        ),
    ] = None,
    json: Json = False,
    draft: Draft = False,
    engine: Engine = None,
) -> None:
    """Compute a training set by days, into Parquet.

    A row belongs to the UTC day of its time: the event time of the spine, else the left side of the
    first MATCH_CONDITION. The days are those from --start up to, and not including, --end. Each
    becomes FOLDER/ds=YYYY-MM-DD/part-0.parquet, a day without rows an empty one.

    Stop it, kill it, run the same command again: it goes on where it was, and days that are there
    are checked and kept. A changed definition or a changed file of the data is refused unless
    --restart is given; new files of the data are not, and do not change days that are there.

    \b
    Examples:
      bighead backfill stay_risk --output training/
      bighead backfill stay_risk --start 2025-01-01 --end 2025-02-01 -o training/    January
    """
    from bighead.planner.backfill.backfill import ROWS_PER_RUN
    from bighead.planner.backfill.days import parse_day
    from bighead.platform.cli.backfilling import run_backfill, summary_record, summary_text

    first = parse_day(start, "--start") if start is not None else None
    after = parse_day(end, "--end") if end is not None else None
    if first is not None and after is not None and after <= first:
        raise typer.BadParameter(
            f"--end {after} is not after --start {first}; --end is the day after the last"
        )
    summary, seconds = run_backfill(
        settings_of(context),
        name=name,
        output=output,
        start=first,
        end=after,
        restart=restart,
        rows_per_run=rows_per_run or ROWS_PER_RUN,
        draft=draft,
        engine=engine,
    )
    for file in summary.new_inputs[:3]:
        say(f"note: {file} came after some of these days were computed; --restart counts it in")
    if len(summary.new_inputs) > 3:
        say(f"note: and {len(summary.new_inputs) - 3} more files")
    if json:
        print_json(summary_record(summary, output, seconds))
    else:
        out().print(summary_text(summary, output, seconds), markup=False)
