"""Rows as a table for a terminal.

On a terminal as many columns are shown as fit, from the left, and the last line names the others;
anywhere else all of them are, as wide as they are.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO

import pyarrow as pa
from rich import box
from rich.table import Table
from rich.text import Text

from bighead.platform.cli.console import console
from bighead.platform.cli.console import print_table as print_lines
from bighead.zipline.ir.types import is_number

WIDEST_CELL = 48
BETWEEN = 3
"""Characters that a column takes beside its text."""


def print_table(
    rows: pa.Table, total: int, seconds: float | None, file: TextIO | None = None
) -> None:
    """Prints rows, then how many there are of how many."""
    stream = file if file is not None else sys.stdout
    terminal = stream.isatty()
    target = console(stream)
    cells = [[_cell(v) for v in column.to_pylist()] for column in rows.columns]
    names = rows.column_names
    shown = _fitting(names, cells, target.width) if terminal else len(names)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for i in range(shown):
        number = is_number(rows.schema.field(i).type)
        table.add_column(
            Text(names[i]), justify="right" if number else "left", no_wrap=True, overflow="ellipsis"
        )
    for row in zip(*cells[:shown], strict=True):
        table.add_row(*row)
    if shown:
        print_lines(table, stream)
    target.print(_last_line(rows, total, seconds), style="dim", markup=False)
    if shown < len(names):
        hidden = ", ".join(names[shown:])
        target.print(
            f"{len(names) - shown} more columns: {hidden}",
            style="dim",
            markup=False,
        )


def _fitting(names: Sequence[str], cells: Sequence[Sequence[Text]], width: int) -> int:
    """How many columns fit, at least one."""
    used = 0
    for i, (name, column) in enumerate(zip(names, cells, strict=True)):
        used += max(len(name), *(c.cell_len for c in column), 1) + BETWEEN
        if used > width and i > 0:
            return i
    return len(names)


def _last_line(rows: pa.Table, total: int, seconds: float | None) -> str:
    counted = f"{total:,} row{'' if total == 1 else 's'}"
    if rows.num_rows < total:
        counted = f"the first {rows.num_rows:,} of {counted}"
    columns = f"{rows.num_columns} column{'' if rows.num_columns == 1 else 's'}"
    took = "" if seconds is None else f", {seconds:.2f} s"
    return f"{counted}, {columns}{took}"


def _cell(value: object) -> Text:
    from bighead.zipline.spelling import spelled

    if value is None:
        return Text("NULL", style="dim")
    text = spelled(value).replace("\n", "\\n").replace("\t", "\\t")
    return Text(text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…")
