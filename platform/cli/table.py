"""Rows as a table for a terminal.

On a terminal as many columns are shown as fit, from the left, and the last line names the others;
anywhere else all of them are, as wide as they are. A row that is looked at alone may stand: a line
a column.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal as OneOf
from typing import TextIO

import pyarrow as pa
from rich import box
from rich.table import Table
from rich.text import Text

from bighead.platform.cli.console import console
from bighead.platform.cli.console import print_table as print_lines
from bighead.zipline.ir.types import is_number

WIDEST_CELL = 48
LINE = 100
"""Characters that a person reads at a glance, where no terminal says how many there are."""
BETWEEN = 3
"""Characters that a column takes beside its text."""


def print_table(
    rows: pa.Table,
    total: int,
    seconds: float | None,
    file: TextIO | None = None,
    *,
    upright: bool = False,
) -> None:
    """Prints rows, then how many there are of how many.

    `upright`: a single row that is longer than a line is printed as a line a column, and whole.
    """
    stream = file if file is not None else sys.stdout
    terminal = stream.isatty()
    target = console(stream)
    names = rows.column_names
    cells = [[_cell(v) for v in column.to_pylist()] for column in rows.columns]
    fitting = _fitting(names, cells, target.width if terminal else LINE)
    standing = upright and rows.num_rows == 1 and fitting < len(names)
    shown = fitting if terminal and not standing else len(names)
    if shown:
        lines = _standing(rows, target.width) if standing else _lying(rows, cells[:shown])
        print_lines(lines, stream)
    target.print(_last_line(rows, total, seconds), style="dim", markup=False)
    if shown < len(names):
        hidden = ", ".join(names[shown:])
        target.print(
            f"{len(names) - shown} more columns: {hidden}",
            style="dim",
            markup=False,
        )


def _lying(rows: pa.Table, cells: Sequence[Sequence[Text]]) -> Table:
    """The first columns of rows, beside each other."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for field in list(rows.schema)[: len(cells)]:
        side: OneOf["left", "right"] = "right" if is_number(field.type) else "left"
        table.add_column(Text(field.name), justify=side, no_wrap=True, overflow="ellipsis")
    for row in zip(*cells, strict=True):
        table.add_row(*row)
    return table


def _standing(rows: pa.Table, width: int) -> Table:
    """The columns of one row, below each other; of a value what fits into the width is shown."""
    names = [Text(name) for name in rows.column_names]
    longest = max(name.cell_len for name in names)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("column", no_wrap=True, min_width=longest)
    table.add_column("value", no_wrap=True)
    for name, column in zip(names, rows.columns, strict=True):
        value = _cell(column[0].as_py(), None)
        value.truncate(max(width - longest - 2 * BETWEEN, WIDEST_CELL // 4), overflow="ellipsis")
        table.add_row(name, value)
    return table


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


def _cell(value: object, widest: int | None = WIDEST_CELL) -> Text:
    from bighead.zipline.spelling import spelled

    if value is None:
        return Text("NULL", style="dim")
    text = spelled(value).replace("\n", "\\n").replace("\t", "\\t")
    return Text(text if widest is None or len(text) <= widest else text[: widest - 1] + "…")
