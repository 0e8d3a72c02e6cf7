"""What a store holds, as a table and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from bighead.platform.cli.console import print_table
from bighead.storage.upkeep.checking import Counts
from bighead.zipline.ir.expr import Literal
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.types import TIMESTAMP


def print_counts(counts: Sequence[Counts]) -> None:
    """A row a set, on standard output."""
    table = Table(box=None, pad_edge=False)
    for title in ("set", "keys", "rows", "blocks", "bytes", "largest block", "rows are kept from"):
        right = title not in ("set", "rows are kept from")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for c in counts:
        numbers = (c.keys, c.rows, c.blocks, c.bytes, c.largest)
        table.add_row(c.name, *(f"{n:,}" for n in numbers), time_text(c.horizon))
    print_table(table, sys.stdout)


def counts_record(
    counts: Sequence[Counts], committed: int, sizes: Mapping[Any, int]
) -> dict[str, Any]:
    """The same as JSON; the horizon in microseconds, None where all rows are kept."""
    sets = [
        {
            "name": c.name,
            "keys": c.keys,
            "rows": c.rows,
            "blocks": c.blocks,
            "bytes": c.bytes,
            "largest_block": c.largest,
            "horizon": None if c.horizon == -(2**63) else c.horizon,
            "generation": c.generation,
            "upload": c.upload,
        }
        for c in counts
    ]
    return {"commit": committed, "sets": sets, "files": dict(sizes)}


def time_text(horizon: int) -> str:
    """From when on rows are kept, in microseconds, as a time."""
    if horizon == -(2**63):
        return "the start"
    return format_expr(Literal(horizon, TIMESTAMP)).removeprefix("TIMESTAMP ").strip("'")
