"""What a user sees: results on standard output, everything else on standard error.

Colour and movement are for terminals only; rich looks for one, and for NO_COLOR. Where output is
not a terminal nothing is wrapped or cut, so that a pipe gets whole lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

WIDE = 100_000

Report = Callable[[str, int, int], None]
"""Hears what is being done, to how many rows it is done, and of about how many."""


def console(file: TextIO) -> Console:
    """A console on a stream: as wide as the terminal, or without end."""
    from rich.console import Console  # a third of the time that --help takes

    if file.isatty():
        return Console(file=file, highlight=False)
    return Console(file=file, highlight=False, soft_wrap=True, width=WIDE)


def out() -> Console:
    """Where results go."""
    return console(sys.stdout)


def err() -> Console:
    """Where progress, remarks and errors go."""
    return console(sys.stderr)


def print_table(table: Table, file: TextIO) -> None:
    """A table, without the blanks that rich puts behind each line and around the whole."""
    target = console(file)
    target.soft_wrap = False
    with target.capture() as captured:
        target.print(table)
    lines = (line.rstrip() for line in captured.get().splitlines())
    file.write("\n".join(line for line in lines if line) + "\n")


def show(text: str) -> None:
    """A result, on standard output."""
    _put(text, sys.stdout)


def say(text: str) -> None:
    """A remark, on standard error."""
    _put(text, sys.stderr)


def _put(text: str, file: TextIO) -> None:
    if file.isatty():
        console(file).print(text, markup=False)
    else:
        file.write(f"{text}\n")  # rich takes a tenth of a second to load


def fail(text: str) -> None:
    """An error, on standard error; the snippet of a longer message keeps its lines."""
    from rich.text import Text

    err().print(Text.assemble(("error:", "bold red"), " ", text))


def print_json(value: object) -> None:
    """A value for a script, on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def waiting(text: str) -> Iterator[Report]:
    """Shows that something is being done, where somebody looks; and how far it is, when told."""
    if not sys.stderr.isatty():
        yield lambda what, rows, of: None
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]}", style="cyan"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err(), transient=True) as progress:
        task = progress.add_task(text, total=None, rows="")

        def report(what: str, rows: int, of: int) -> None:
            counted = f"{rows:,} of {of:,} rows" if of >= rows else f"{rows:,} rows"
            total = of if of >= rows else None
            progress.update(task, description=what, completed=rows, total=total, rows=counted)

        yield report
