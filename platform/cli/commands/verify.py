"""`bighead verify`: whether what was served is what the offline sources say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Engine, Json, settings_of
from bighead.platform.cli.console import print_json, waiting


def verify(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A set that was served, or NAME@VERSION.")
    ],
    log: Annotated[
        Path | None,
        typer.Option(
            "--log", metavar="FOLDER", help="Of 'bighead serve --log'; else that of 'bighead up'."
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option("--store", metavar="STORE", help="Its folder; else that of 'bighead up'."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="What was served from then on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="What was served before then.")
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", metavar="N", min=1, help="Rows of the log, at most.")
    ] = 10_000,
    seed: Annotated[int, typer.Option("--seed", help="Another one draws other rows.")] = 0,
    at_most: Annotated[
        float,
        typer.Option(
            "--at-most", metavar="SHARE", min=0.0, max=1.0, help="Of the values may be missing."
        ),
    ] = 0.0,
    examples: Annotated[
        int, typer.Option("--examples", metavar="N", min=0, help="Of each kind, at most.")
    ] = 5,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page, too.")
    ] = None,
    json: Json = False,
    engine: Engine = None,
) -> None:
    """Compute what was served anew from the offline sources, and compare.

    A value is equal (exactly, where its aggregate is), or late: rows came to the store after the
    commit that was read; or missing: rows never came; or different: the rows that the store had do
    not give what was served. The exit code is 1 where one is different, or more than --at-most are
    missing.

    \b
    Examples:
      bighead verify stay_risk
      bighead verify stay_risk --log served --store online --html verify.html
      bighead verify listing_bookings@2 --since 2025-01-31 --sample 100000 --json
    """
    from bighead.platform.cli.fetching import moment
    from bighead.platform.cli.project import FETCHES, STORE, need_project
    from bighead.platform.cli.verify_page import write_found
    from bighead.platform.cli.verify_text import found_record, print_found
    from bighead.platform.cli.workspace import open_session
    from bighead.platform.features.verify.verifying import Question
    from bighead.platform.features.verify.verifying import verify as compare
    from bighead.storage.fetch.answers import microseconds
    from bighead.storage.fetch_log.keeping import GREATEST, LEAST
    from bighead.storage.fetch_log.reading import Span

    span = Span(
        LEAST if since is None else microseconds(moment(since)),
        GREATEST if until is None else microseconds(moment(until)),
    )
    settings = settings_of(context)
    if log is None or store is None:
        state = need_project(settings.start).state
        log, store = log or state / FETCHES, store or state / STORE
    with waiting("reading and comparing"):
        session = open_session(settings, engine=engine)
        found = compare(session, Question(name, log, store, span, sample, seed, examples))
    failed = found.failed(at_most)
    if html is not None:
        write_found(html, name, found)
    if json:
        print_json(found_record(found, failed))
    else:
        print_found(found)
    if failed:
        raise typer.Exit(1)
