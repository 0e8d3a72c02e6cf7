"""`bighead up`: a project online, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import (
    Certificate,
    Clients,
    CommitEvery,
    Kafka,
    KafkaOption,
    Key,
    LargestRequest,
    LateAfter,
    Plaintext,
    Sync,
    Tokens,
    check_pair,
    duration_of,
    named_values,
    settings_of,
    size_of,
)
from bighead.zipline.errors import BigheadError


def up(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="The project, or a folder in it."),
    ] = None,
    listen: Annotated[
        str,
        typer.Option(
            "--listen", metavar="HOST:PORT", help="Answer over gRPC; port 0: any that is free."
        ),
    ] = "127.0.0.1:7654",
    rest: Annotated[
        str | None,
        typer.Option(
            "--rest",
            metavar="HOST:PORT",
            help="Answer HTTP with JSON too, for curl; '': nowhere. Else on 127.0.0.1:7656 where "
            "bighead[rest] is installed.",
            show_default=False,
        ),
    ] = None,
    producers: Annotated[
        str,
        typer.Option(
            "--producers", metavar="HOST:PORT", help="Let rows be written over gRPC; '': nowhere."
        ),
    ] = "127.0.0.1:7655",
    store: Annotated[
        Path | None,
        typer.Option(
            "--store",
            metavar="STORE",
            help="The folder of the store, with the log of what is served in STORE.fetches; else "
            ".bighead/online.",
        ),
    ] = None,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="Delete the store and its log first; all is read again."),
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="TIME",
            help="Batches hold rows of earlier times, at least; else all until now.",
        ),
    ] = None,
    memory: Annotated[
        str, typer.Option("--memory", metavar="SIZE", help="Rows of batches held at once.")
    ] = "64MiB",
    kafka: Kafka = None,
    kafka_option: KafkaOption = None,
    commit_every: CommitEvery = 0.05,
    late_after: LateAfter = "1h",
    stale_after: Annotated[
        str,
        typer.Option(
            "--stale-after", metavar="DURATION", help="Groups are STALE when the store is behind."
        ),
    ] = "1h",
    sync: Sync = True,
    tokens: Tokens = None,
    certificate: Certificate = None,
    key: Key = None,
    clients: Clients = None,
    plaintext: Plaintext = False,
    largest_request: LargestRequest = "4MiB",
    metrics: Annotated[
        int | None,
        typer.Option(
            "--metrics",
            metavar="PORT",
            help="Tell Prometheus on 127.0.0.1; of streams on the port behind it.",
        ),
    ] = None,
    report_every: Annotated[
        float,
        typer.Option("--report-every", metavar="SECONDS", min=0.1, help="Counts, off a terminal."),
    ] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="Log JSON lines, for scripts.")] = False,
) -> None:
    """Have a project's features online: apply, upload, follow streams and serve, in one process.

    The definitions are applied, now and whenever a file of them is saved. Sets that are declared
    with online = true are kept in a store below .bighead, filled from their batch where they have
    none yet or it has changed, followed on their streams (files as they grow, topics of Kafka, and
    what producers write), and served. A set that changed is served as it was until the new one has
    all of its batch. Ctrl-C ends it; the next start goes on exactly there.

    \b
    Examples:
      bighead up
      bighead up shop --listen 127.0.0.1:0 --json
      bighead up --kafka 127.0.0.1:9092 --as-of 2025-01-31
    """
    import sys

    from bighead.platform.cli.fetching import moment
    from bighead.platform.cli.up_screen import Json, Lines, Picture
    from bighead.platform.cli.uploading import microseconds
    from bighead.platform.cli.upping import Asked, rest_place, run_up
    from bighead.platform.features.doors import Streams
    from bighead.platform.features.keeper import Uploading
    from bighead.storage.access.address import Address
    from bighead.storage.fetch.settings import ServeSettings
    from bighead.storage.ingest.ingester import Settings

    check_pair(certificate, key, clients)
    settings = settings_of(context)
    start = settings.start if folder is None else settings.start / folder
    if not start.is_dir():
        raise BigheadError(
            f"there is no folder {start}; name a project, or make one by 'bighead init'"
        )

    def text(path: Path | None) -> str | None:
        return None if path is None else str(path.absolute())

    fetch = ServeSettings(
        store="",
        address=listen,
        rest=rest_place() if rest is None else rest or None,
        tokens=text(tokens),
        certificate=text(certificate),
        key=text(key),
        clients=text(clients),
        plaintext=plaintext,
        metrics=metrics,
        stale_after=duration_of(stale_after, "--stale-after") / 1e6,
        largest_request=size_of(largest_request, "--largest-request"),
    )
    fetch.check()
    asked = Asked(
        fetch=fetch,
        producers=Address(producers, fetch.tls, plaintext) if producers else None,
        streams=Streams(Path(), kafka, named_values(kafka_option or [], "--kafka-option")),
        uploading=Uploading(
            None if as_of is None else microseconds(moment(as_of)), size_of(memory, "--memory")
        ),
        ingesting=Settings(wait=commit_every, late_after=duration_of(late_after, "--late-after")),
        store=store,
        fresh=fresh,
        sync=sync,
    )
    if json:
        run_up(settings, start, asked, Json(report_every))
    elif sys.stderr.isatty():
        with Picture(start.absolute().name) as screen:
            run_up(settings, start, asked, screen)
    else:
        run_up(settings, start, asked, Lines(report_every))
