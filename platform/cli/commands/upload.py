"""`bighead upload`: sets of a store made anew from their offline sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighead.platform.cli.commands.options import StoreOption, duration_of, settings_of, size_of
from bighead.platform.cli.console import say, waiting


def upload(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Feature sets and training sets, or NAME@VERSION."),
    ],
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TIME", help="Rows of earlier times; else all until now."),
    ] = None,
    store: StoreOption = Path("online"),
    written_before: Annotated[
        str | None,
        typer.Option(
            "--written-before",
            metavar="TIME",
            help="With cut = true: the batch has the rows written to the stream before this; else "
            "before now.",
        ),
    ] = None,
    back: Annotated[
        bool, typer.Option("--back", help="Go back to what was read before the last upload.")
    ] = False,
    memory: Annotated[
        str, typer.Option("--memory", metavar="SIZE", help="Rows that are held at once.")
    ] = "64MiB",
    patience: Annotated[
        str,
        typer.Option(
            "--patience",
            metavar="DURATION",
            help="For the process that writes the store to do its part.",
        ),
    ] = "1h",
) -> None:
    """Make what a store keeps of sets anew, from their batch, while it is read and written.

    What streams brought and the batch does not hold comes along. Readers see the sets as they were
    until all of it is there. A second upload drops what was before the first.

    \b
    Examples:
      bighead upload listing_bookings --as-of 2025-01-31
      bighead upload listing_bookings stay_risk --store stores/online
      bighead upload listing_bookings --back
    """
    from bighead.platform.cli.fetching import moment
    from bighead.platform.cli.times import now, shown
    from bighead.platform.cli.uploading import gone_back, microseconds, uploaded
    from bighead.storage.upload.building import Asked

    seconds = duration_of(patience, "--patience") / 1e6
    if back:
        if as_of is not None or written_before is not None:
            raise typer.BadParameter("--back reads no batch; leave out the times")
        for done in gone_back(store, names, seconds):
            set_ = done.definition
            held = "of streams alone"
            if set_.upload is not None:
                held = f"of the upload as of {shown(set_.upload.as_of)}"
            say(f"{set_.name} is generation {set_.generation} again, {held}")
        return
    asked = Asked(
        now() if as_of is None else microseconds(moment(as_of)),
        None if written_before is None else microseconds(moment(written_before)),
        size_of(memory, "--memory"),
    )
    with waiting("uploading"):
        for done in uploaded(settings_of(context), store, names, asked, seconds):
            set_ = done.definition
            say(
                f"{set_.name} is generation {set_.generation}: {done.rows:,} rows of batch as of "
                f"{shown(asked.as_of)}"
            )
