"""`bighead fetch`: features of a service, for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import Json, Key, check_pair
from bighead.platform.cli.console import out, print_json, say


def fetch(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A set, NAME@VERSION, or several: a,b.")
    ],
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="COLUMN=VALUE", help="The key, and what else it needs."),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option("--rows", metavar="FILE", help="Many: a JSON object a line; - is stdin."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="As of this time, in UTC; else now."),
    ] = None,
    needs: Annotated[
        bool, typer.Option("--needs", help="Show what the set needs and gives, and fetch nothing.")
    ] = False,
    address: Annotated[
        str,
        typer.Option("--address", envvar="BIGHEAD_ADDRESS", metavar="HOST:PORT", help="Where."),
    ] = "127.0.0.1:7654",
    token: Annotated[
        str | None,
        typer.Option(
            "--token", envvar="BIGHEAD_TOKEN", metavar="TOKEN", help="Better by BIGHEAD_TOKEN."
        ),
    ] = None,
    tls: Annotated[bool, typer.Option("--tls", help="The service has a certificate.")] = False,
    authorities: Annotated[
        Path | None,
        typer.Option("--authorities", metavar="FILE", help="Who signed it, in PEM; means --tls."),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="Ours, where one is asked.")
    ] = None,
    key: Key = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Give up after.")
    ] = 5.0,
    json: Json = False,
) -> None:
    """Fetch features from a service that 'bighead serve' runs.

    A feature set needs its key; a training set the columns of its spine that its joins and derived
    columns read. 'bighead fetch NAME --needs' shows which.

    \b
    Examples:
      bighead fetch listing_bookings listing=7
      bighead fetch stay_risk listing=7 ts=2025-01-31T12:00 --json
      bighead fetch listing_bookings listing=7 --at 2025-01-31
      bighead fetch listing_bookings,hosts --rows entities.jsonl
      bighead fetch stay_risk --needs
    """
    from bighead.platform.cli.fetched_text import print_answer, print_needs
    from bighead.platform.cli.fetching import assignments, columns_of, moment, record, rows_of
    from bighead.storage.fetch.client import Client, ClientTls

    if rows is not None and values:
        raise typer.BadParameter("give COLUMN=VALUE for one entity, or --rows for many, not both")
    check_pair(certificate, key)
    secure = tls or authorities is not None or certificate is not None
    ours = ClientTls(authorities, certificate, key) if secure else None
    names = [part.strip() for part in name.split(",")]
    with Client(address, token=token, tls=ours, timeout=timeout) as client:
        described = [client.describe(one) for one in names]
        if needs:
            for told in described:
                print_needs(told)
            return
        given = rows_of(rows) if rows is not None else assignments(values or [])
        columns = columns_of(described, given)
        count = len(given) if given or rows is not None else None
        when = None if at is None else moment(at)
        answers = client.fetch_sets(names, columns, at=when, entities=count)
    if json:
        print_json([record(a) for a in answers] if len(answers) > 1 else record(answers[0]))
        return
    for i, answer in enumerate(answers):
        if i:
            out().print()
        print_answer(answer)
    faults = sum(len(a.errors) for a in answers)
    if faults:
        say(f"{faults} of the answers are incomplete, as said above")
