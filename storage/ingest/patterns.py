"""Which files a pattern names, and how those of a name are read."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Literal as OneOf

from bighead.storage.errors import StoreError
from bighead.storage.ingest.followed_packed import COMPRESSIONS

LINES = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
PACKED = tuple(f"{kind}{how}" for kind in LINES for how in COMPRESSIONS)


def kind_of(path: str, source: str) -> OneOf["lines", "rows", "packed", "any"]:
    """How files of a name are read. Raises StoreError where they are not."""
    suffix = Path(path).suffix.lower()
    if suffix in LINES:
        return "lines"
    if suffix in PARQUET:
        return "rows"
    if path.lower().endswith(PACKED):
        return "packed"
    if suffix in ("", ".*") or Path(path).is_dir():
        return "any"
    raise StoreError(
        f"the stream of {source} cannot be read from {path}: files that are followed end in "
        f"{', '.join((*LINES, *PARQUET))}; of lines also {', '.join(COMPRESSIONS)} behind it"
    )


def kind_of_file(path: str) -> OneOf["lines", "rows", "packed"]:
    """How a file that is followed is read.

    Only lines are followed on under a name that no pattern has.

    >>> kind_of_file("/data/in/events.jsonl.1")
    'lines'
    """
    try:
        kind = kind_of(path, "")
    except StoreError:
        return "lines"
    return "lines" if kind == "any" else kind


def paths_of(pattern: str) -> list[str]:
    """The names there are, in order; hidden ones are left out."""
    if Path(pattern).is_dir():
        pattern = f"{glob.escape(pattern)}/*"
    kinds = (*LINES, *PARQUET, *PACKED)
    return sorted(
        path
        for path in glob.glob(pattern, recursive=True)  # noqa: PTH207  # patterns may be absolute
        if not Path(path).name.startswith((".", "_")) and path.lower().endswith(kinds)
    )


def folder_of(pattern: str) -> Path:
    """The folder that all files of a pattern lie in, or below.

    >>> folder_of("/data/in/*.jsonl"), folder_of("/data/*/a.jsonl"), folder_of("/data/a.jsonl")
    (PosixPath('/data/in'), PosixPath('/data'), PosixPath('/data'))
    """
    path = Path(pattern)
    if path.is_dir() or not (path.suffix or glob.has_magic(path.name)):
        return path
    parts = path.parts[:-1]
    wild = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:wild])


def is_listed(pattern: str, folder: Path) -> bool:
    """Whether files are looked for by the names that a folder has."""
    return glob.has_magic(pattern) or folder == Path(pattern)
