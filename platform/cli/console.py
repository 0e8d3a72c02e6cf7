"""What a user sees: results on standard output, everything else on standard error.

Colour and movement are for terminals only; rich looks for one, and for NO_COLOR. Where output is
not a terminal nothing is wrapped or cut, so that a pipe gets whole lines.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console

WIDE = 100_000


def console(file: TextIO) -> Console:
    """A console on a stream: as wide as the terminal, or without end."""
    width = None if file.isatty() else WIDE
    return Console(file=file, highlight=False, soft_wrap=True, width=width)


def out() -> Console:
    """Where results go."""
    return console(sys.stdout)


def err() -> Console:
    """Where progress, remarks and errors go."""
    return console(sys.stderr)


def say(text: str) -> None:
    """A remark, on standard error."""
    err().print(text, markup=False)


def fail(text: str) -> None:
    """An error, on standard error; the snippet of a longer message keeps its lines."""
    err().print("[bold red]error:[/bold red] ", end="")
    err().print(text, markup=False)


def print_json(value: object) -> None:
    """A value for a script, on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Shows that something is being done, where somebody looks."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err(), transient=True) as progress:
        progress.add_task(text, total=None)
        yield
