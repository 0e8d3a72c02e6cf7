"""`bighead query`: the rows of SQL."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import (
    Dialect,
    Draft,
    Engine,
    Json,
    Memory,
    SpillLimit,
    Sql,
    SqlFile,
    settings_of,
    sql_text,
)
from bighead.platform.cli.console import say, waiting


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"


SUFFIXES = {".csv": Format.CSV, ".json": Format.JSON, ".jsonl": Format.JSONL,
            ".parquet": Format.PARQUET, ".pq": Format.PARQUET, ".txt": Format.TABLE}  # fmt: skip
SHOWN_ROWS = 50


def query(
    context: typer.Context,
    sql: Sql = None,
    file: SqlFile = None,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", help="How to write the rows; else by the suffix of --output, else table."
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            "-n",
            min=0,
            metavar="ROWS",
            help=f"Write at most so many rows; a table shows {SHOWN_ROWS} unless told. 0: all.",
        ),
    ] = None,
    json: Json = False,
    dialect: Dialect = None,
    draft: Draft = False,
    engine: Engine = None,
    memory: Memory = None,
    spill_limit: SpillLimit = None,
) -> None:
    """Run SQL and show the rows.

    SQL may be several statements; the rows are those of the last. A bare NAME means SELECT * FROM
    NAME. The definitions are those last applied; with --draft, those of the files.

    \b
    Examples:
      bighead query "SELECT * FROM bookings WHERE price > 100"
      bighead query stay_risk --limit 5
      bighead query stay_risk -o training.parquet --memory 4GiB
      bighead query -f report.sql --format csv > report.csv
      echo "SHOW FEATURE SETS" | bighead query --json
    """
    from bighead.platform.cli.rows import print_rows, write_pieces, write_rows
    from bighead.platform.cli.workspace import open_session

    text = sql_text(sql, file)
    wanted = _format(format_, output, json)
    with waiting("running") as report:
        session = open_session(settings_of(context), draft, engine)
        session.limit(memory, spill_limit)
        session.report = report
        started = time.perf_counter()
        result = session.sql(text, dialect)
        if wanted is Format.PARQUET and output is not None and not limit and result.text is None:
            written = write_pieces(output, result.schema, result.pieces())
            seconds = time.perf_counter() - started
            say(f"{written:,} rows, {output}, {seconds:.2f} s")
            return
        rows = None if result.text is not None and wanted is Format.TABLE else result.to_arrow()
        seconds = time.perf_counter() - started
    if rows is None:
        assert result.text is not None
        if output is None:
            print(result.text)
            if result.text.startswith(("created", "dropped")):
                say("note: this lasted as long as the query; write it to features/*.sql and apply")
        else:
            write_rows(output, Format.TABLE, result.to_arrow(), result.text)
        return
    shown = rows.slice(0, limit) if limit else rows
    if output is not None:
        write_rows(output, wanted, shown)
        say(f"{shown.num_rows:,} rows, {output}, {seconds:.2f} s")
    elif wanted is Format.TABLE and limit is None:
        print_rows(wanted, rows.slice(0, SHOWN_ROWS), rows.num_rows, seconds)
    else:
        print_rows(wanted, shown, rows.num_rows, seconds)


def _format(named: Format | None, output: Path | None, json: bool) -> Format:
    if json:
        if named not in (None, Format.JSON):
            raise typer.BadParameter(f"--json and --format {named} contradict each other")
        return Format.JSON
    if named is None and output is not None:
        if output.suffix.lower() not in SUFFIXES:
            known = ", ".join(SUFFIXES)
            raise typer.BadParameter(
                f"the suffix of {output} tells no format; add --format, or end it in {known}"
            )
        return SUFFIXES[output.suffix.lower()]
    if named is Format.PARQUET and output is None:
        raise typer.BadParameter("Parquet is no text; add --output FILE")
    return named or Format.TABLE
