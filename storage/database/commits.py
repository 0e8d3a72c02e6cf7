"""The numbers of commits, as they stand in each table, and whether a reader sees all of them.

A reader that follows a writer from another process may see a commit in one table and not yet in
another, or a later one and not an earlier one: memory that the writer moves into files is missing
until the reader has seen both ends. So each commit leaves a marker in each table, in the batch of
its rows, and what is seen is whole only where no marker lacks in any of them.

Memory that has become a file may also stand before it in such a reader, so that a key has its old
value although the file has a new one. Each commit therefore writes one key over in each table: what
is seen is whole only where that has the number of the last marker. (Memory is let go of as soon as
the reader sees a later commit in it, and each commit writes to each table.)
"""

from __future__ import annotations

from bighead.storage.database.database import TABLES, Batch, Table, View
from bighead.storage.database.keys import after

_COMMIT = b"\xffcommit"
"""After all other keys of each table."""
KEPT = 1024
"""So many of the last markers stay."""


def committed(view: View) -> int:
    """The number of the last commit; 0: none."""
    found = view.get("meta", _COMMIT)
    return 0 if found is None else int.from_bytes(found, "big")


def mark(batch: Batch, number: int) -> None:
    """Put the markers of a commit into its batch, and drop those of old ones."""
    for table in TABLES:
        batch[table, _COMMIT] = number.to_bytes(8, "big")
        batch[table, _marker(number)] = b""
        if number > KEPT:
            batch[table, _marker(number - KEPT)] = None


def whole(view: View, served: int) -> int | None:
    """The commit that a view shows, all of it; None: it shows parts.

    served: the last commit that was seen whole, and whose followers must be there; 0: none was.
    """
    first, *others = [_markers(view, table, served) for table in TABLES]
    if any(other != first for other in others):
        return None
    last = (first[-1] if first else served).to_bytes(8, "big")
    if any(view.get(table, _COMMIT) != last for table in TABLES if first or served):
        return None
    if not first:
        return served
    gapless = first == list(range(first[0], first[-1] + 1))
    begins = first[0] == served + 1 or len(first) >= KEPT
    return first[-1] if gapless and begins else None


def _marker(number: int) -> bytes:
    return _COMMIT + number.to_bytes(8, "big")


def _markers(view: View, table: Table, served: int) -> list[int]:
    """The numbers after `served` that have a marker in a table."""
    found = view.scan(table, _marker(served + 1), after(_COMMIT))
    return [int.from_bytes(key[len(_COMMIT) :], "big") for key, _ in found]
