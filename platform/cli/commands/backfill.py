"""`bighead backfill`: a training set for a range of days, as partitioned Parquet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bighead.platform.cli.commands.options import (
    Draft,
    Engine,
    Json,
    Memory,
    SpillLimit,
    settings_of,
)
from bighead.platform.cli.console import print_json, say, show

if TYPE_CHECKING:
    from bighead.planner.runtime import Runtime


def backfill(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A training set, or NAME@VERSION.")],
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
        typer.Option("--restart", help="Remove all that is there, and compute it again."),
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
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Then remove the column groups that no day needs any more."),
    ] = False,
    json: Json = False,
    draft: Draft = False,
    engine: Engine = None,
    memory: Memory = None,
    spill_limit: SpillLimit = None,
) -> None:
    """Compute a training set by days, into Parquet.

    A row belongs to the UTC day of its time: the event time of the spine, else the left side of the
    first MATCH_CONDITION. The days are those from --start up to, and not including, --end. Each
    becomes FOLDER/ds=YYYY-MM-DD/part-0.parquet, a day without rows an empty one.

    Only what is missing is computed: a new column is one column of each day, more history the new
    days, a changed feature or a late file what depends on it. The columns lie in FOLDER/_columns,
    each under the address of what it means and what it was read from, and each day's file is put
    together from them. 'bighead plan NAME --output FOLDER' shows beforehand what would be done.

    Stop it, kill it, run the same command again: it goes on where it was; what is there is checked,
    and made again where it is damaged. Columns that are no longer used are kept, so that a way back
    costs nothing, until --prune.

    \b
    Examples:
      bighead backfill stay_risk --output training/
      bighead backfill stay_risk --start 2025-01-01 --end 2025-02-01 -o training/    January
      bighead backfill stay_risk -o training/ --prune
    """
    from bighead.planner.backfill.backfill import prune as prune_groups
    from bighead.planner.backfill.days import parse_day
    from bighead.platform.cli.applied import open_runtime
    from bighead.platform.cli.backfilling import (
        Asked,
        run_backfill,
        size,
        summary_record,
        summary_text,
    )

    first = parse_day(start, "--start") if start is not None else None
    after = parse_day(end, "--end") if end is not None else None
    if first is not None and after is not None and after <= first:
        raise typer.BadParameter(
            f"--end {after} is not after --start {first}; --end is the day after the last"
        )
    asked = Asked(name, output, first, after, restart, rows_per_run)
    settings = settings_of(context)
    if draft:
        from bighead.platform.cli.workspace import open_session

        runtime: Runtime = open_session(settings, draft, engine)
    else:
        runtime = open_runtime(settings, engine)
    summary, seconds = run_backfill(settings, asked, runtime, memory, spill_limit)
    if prune:
        groups, gone = prune_groups(output)
        summary = replace(summary, unused_bytes=0)
        of = f" of {groups:,} column groups" if groups else ""
        say(f"{size(gone)}{of} that no day needs are removed")
    if json:
        print_json(summary_record(summary, output, seconds))
    else:
        show(summary_text(summary, output, seconds))
