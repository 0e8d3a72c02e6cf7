"""`bighead serve`: a store of features, over gRPC."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import (
    Certificate,
    Clients,
    Folder,
    Key,
    LargestRequest,
    Plaintext,
    Tokens,
    check_pair,
    duration_of,
    size_of,
)


def serve(
    store: Folder,
    listen: Annotated[
        str,
        typer.Option(
            "--listen", metavar="HOST:PORT", help="Where; port 0: any that is free; or unix:FILE."
        ),
    ] = "127.0.0.1:7654",
    processes: Annotated[
        int,
        typer.Option("--processes", metavar="N", min=1, help="Share the port; one a core."),
    ] = 1,
    rest: Annotated[
        str | None,
        typer.Option("--rest", metavar="HOST:PORT", help="Answer HTTP with JSON too, for curl."),
    ] = None,
    tokens: Tokens = None,
    certificate: Certificate = None,
    key: Key = None,
    clients: Clients = None,
    plaintext: Plaintext = False,
    metrics: Annotated[
        int | None,
        typer.Option(
            "--metrics",
            metavar="PORT",
            help="Tell Prometheus on 127.0.0.1; each process has the next port.",
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FOLDER", help="Log what is served, as Parquet."),
    ] = None,
    log_sample: Annotated[
        float, typer.Option("--log-sample", metavar="SHARE", help="Of the keys that are logged.")
    ] = 1.0,
    log_keep: Annotated[
        str, typer.Option("--log-keep", metavar="DURATION", help="Then the log is removed.")
    ] = "30d",
    stale_after: Annotated[
        str,
        typer.Option(
            "--stale-after", metavar="DURATION", help="Groups are STALE when the store is behind."
        ),
    ] = "1h",
    entities: Annotated[
        int, typer.Option("--entities", metavar="N", min=1, help="The most of one request.")
    ] = 10_000,
    largest_request: LargestRequest = "4MiB",
    largest_reply: Annotated[
        str, typer.Option("--largest-reply", metavar="SIZE", help="Larger ones are not sent.")
    ] = "64MiB",
    grace: Annotated[
        float,
        typer.Option("--grace", metavar="SECONDS", min=0, help="For requests at the end."),
    ] = 10.0,
    slow: Annotated[
        float,
        typer.Option("--slow", metavar="SECONDS", min=0, help="Log requests that take longer."),
    ] = 0.25,
) -> None:
    """Answer requests for the sets of a store, over gRPC and perhaps HTTP.

    What is served are the sets that 'bighead store define' named, with the rows that another
    process writes meanwhile. Ends by Ctrl-C or SIGTERM, once requests under way have their answers.
    The log is JSON lines on standard error.

    \b
    Examples:
      bighead serve online
      bighead serve online --rest 127.0.0.1:7656
      bighead serve online --processes 4 --metrics 9464 --tokens tokens.json
      bighead serve online --log served --log-sample 0.01
      bighead serve online --listen 0.0.0.0:7654 --certificate cert.pem --key key.pem
    """
    from bighead.storage.fetch.process import run
    from bighead.storage.fetch.processes import Processes
    from bighead.storage.fetch.settings import ServeSettings

    check_pair(certificate, key, clients)

    def text(path: Path | None) -> str | None:
        return None if path is None else str(path.absolute())

    settings = ServeSettings(
        store=str(store.absolute()),
        address=listen,
        rest=rest,
        tokens=text(tokens),
        certificate=text(certificate),
        key=text(key),
        clients=text(clients),
        plaintext=plaintext,
        metrics=metrics,
        log=text(log),
        log_sample=log_sample,
        log_keep=duration_of(log_keep, "--log-keep") / 1e6,
        stale_after=duration_of(stale_after, "--stale-after") / 1e6,
        entities=entities,
        largest_request=size_of(largest_request, "--largest-request"),
        largest_reply=size_of(largest_reply, "--largest-reply"),
        grace=grace,
        slow=slow,
    )
    settings.check()
    if processes == 1:
        run(settings)
    else:
        Processes(settings, processes).run()
