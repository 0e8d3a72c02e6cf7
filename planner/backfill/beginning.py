"""What a day's file and the one that takes its place begin with: bytes that stay where they are.

Columns lie one after the other in a file, in the order of the set. So a feature that is added at
the end leaves all before it in its place, and of the footer the entries that tell where that is. A
file with one column more is then the file that is there, copied by the system up to its footer,
with one column and a footer behind. That can be begun before the new values are computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from bighead.kernels import parquet
from bighead.kernels.checks import crc32
from bighead.planner.backfill.folder import Range, content_of
from bighead.planner.backfill.footers import AFTER_META, BEFORE_META, Entries, footer_of, name_of
from bighead.planner.backfill.manifest import Partition, Stored


@dataclass(frozen=True, slots=True)
class Beginning:
    """The leading columns of a file that is whole."""

    columns: int
    """How many."""
    rows: int
    stored: Stored
    """Their bytes, from the first of the file on."""
    entries: Entries
    """What the footer says of them."""


def beginning_of(
    path: Path, partition: Partition, wanted: Mapping[str, str]
) -> tuple[Beginning, Range] | None:
    """What a day's file shares with the one that is wanted: columns by name and address, in order.

    The range holds the file open and mapped, the beginning does not: a run keeps one for each day,
    and would have more files open than a process may.

    None where that is nothing, where the file is not the one that is recorded, and where its rows
    are in several groups, of which only the first would stay in its place.
    """
    pairs = zip(partition.columns, wanted.items(), strict=False)
    shared = [there for there, _ in takewhile(lambda pair: pair[0] == pair[1], pairs)]
    try:
        content = memoryview(content_of(path)) if shared else memoryview(b"")
    except OSError:
        return None
    if not shared or len(content) != partition.file.size:
        return None
    names = {name for name, _ in shared} if len(shared) < len(partition.columns) else None
    try:
        found = _leading(footer_of(content), names)
    except (ValueError, IndexError):  # the footer is damaged
        return None
    if found is None:
        return None
    rows, end, entries = found
    check = crc32(content[:end])
    if crc32(content[end:], check) != partition.file.crc32:
        return None
    return Beginning(len(shared), rows, Stored(end, check), entries), Range(path, 0, content[:end])


def _leading(footer: bytes, names: set[str] | None) -> tuple[int, int, Entries] | None:
    """The rows of a file, where the first columns of these names end, and their entries.

    names: None for all columns.
    """
    groups = parquet.row_groups(footer)
    if len(groups) != 1:
        return None
    rows, chunks = groups[0]
    if names is not None:
        chunks = list(takewhile(lambda chunk: name_of(footer, chunk[1]) in names, chunks))
    said, _, (data, _, dictionary), size, _, _ = chunks[-1]
    first = dictionary or data
    if first is None:
        return None
    told = footer[chunks[0][0][0] - len(BEFORE_META) : said[1] + len(AFTER_META)]
    return rows, first[2] + size, Entries(told, len(chunks), sum(chunk[4] for chunk in chunks))
