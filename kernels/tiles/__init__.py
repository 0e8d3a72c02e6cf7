"""The blocks of a store: rows and tiles of one key as a tree, written and read as bytes.

    layout = Layout([pyarrow.float64()], [Partial("sum", (0,))], LEVELS)
    shelf = Shelf()
    intake = Intake(layout, shelf, prefix, [listings], times, [prices])
    while names := shelf.wanted():                           # a round for each level of the trees
        shelf.give([blocks.get(name) for name in names])
        intake.advance()
    changes, _ = intake.finish()                             # blocks to write, by name
    windows, shelf = Windows(layout, [DAY], [Output(0, 0, "avg")]), Shelf()
    request = Request(windows, shelf, prefix, [listings], times)
    ...                                                      # rounds, as above
    values, *_ = request.answer()

Where blocks lie is the caller's affair: batches and requests say what they want by the names that
blocks have after a prefix; what changes one key asks a function from (level, number) to bytes or
None.
The states are those of `bighead.kernels.aggregates`; `tree.h` describes the bytes.
"""

from bighead.kernels.tiles._tiles import (
    LOG,
    PARTS,
    ROOT,
    UNTIMED,
    Chosen,
    Collection,
    Intake,
    Layout,
    Request,
    RowBlock,
    Seen,
    Shelf,
    Waiting,
    Windows,
    deal,
    digest_rows,
    encode_keys,
    message,
)
from bighead.kernels.tiles.errors import NotKept
from bighead.kernels.tiles.specs import Changes, Get, Output, Partial

__all__ = [
    "LOG",
    "PARTS",
    "ROOT",
    "UNTIMED",
    "Changes",
    "Chosen",
    "Collection",
    "Get",
    "Intake",
    "Layout",
    "NotKept",
    "Output",
    "Partial",
    "Request",
    "RowBlock",
    "Seen",
    "Shelf",
    "Waiting",
    "Windows",
    "deal",
    "digest_rows",
    "encode_keys",
    "message",
]
