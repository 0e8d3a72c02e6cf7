"""The blocks of a store: rows and tiles of one key as a tree, written and read as bytes.

    layout = Layout([pyarrow.float64()], [Partial("sum", (0,))], LEVELS)
    for key, rows in layout.group([listings], times, [prices]):
        changes, _ = layout.insert(blocks_of(key), rows)     # what to write, by level and number
    rings = Rings(layout)
    rings.ask(blocks_of(key), last=t - 1, lows=[t - width], at=t)
    values, *_ = rings.finish(partial=0, window=0, kind="avg")

Where blocks lie is the caller's affair: a function from (level, number) to bytes or None. The
states are those of `bighead.kernels.aggregates`; `tree.h` describes the bytes.
"""

from bighead.kernels.tiles._tiles import (
    LOG,
    ROOT,
    UNTIMED,
    Layout,
    Rings,
    RowBlock,
    digest_rows,
    encode_keys,
)
from bighead.kernels.tiles.errors import NotKept
from bighead.kernels.tiles.specs import Changes, Get, Partial

__all__ = [
    "LOG",
    "ROOT",
    "UNTIMED",
    "Changes",
    "Get",
    "Layout",
    "NotKept",
    "Partial",
    "Rings",
    "RowBlock",
    "digest_rows",
    "encode_keys",
]
