"""From what a user names (a file, a glob, a folder, a list) to files, with their partitions.

A folder is read with all below it, and so is a glob's match that is a folder. `key=value` segments
below the fixed part of a path are partition columns, as Hive writes them; files and folders whose
names begin with `_` or `.` are bookkeeping and left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from bighead.planner.sources.store import FilePath
from bighead.zipline.errors import SchemaError, SourceError
from bighead.zipline.ir.types import sql_name

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_SEGMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class File:
    """A file and the values of its partition columns, as they are written in its path."""

    path: FilePath
    partitions: tuple[tuple[str, str | None], ...] = ()

    def partition(self, name: str) -> str | None:
        """The value of a partition column, matched without case; None is NULL."""
        return {k.casefold(): v for k, v in self.partitions}[name.casefold()]


def find_files(paths: Sequence[str], place: str) -> list[File]:
    """The files that the paths name, those of each path sorted.

    Raises SourceError where a path names nothing.
    """
    found: list[File] = []
    for path in paths:
        found += _find(path, place)
    return found


def _find(text: str, place: str) -> list[File]:
    path = Path(text)
    if path.is_file():
        return [File(path)]
    if path.is_dir():
        files = [File(p, _partitions(p, path)) for p in _below(path)]
        if not files:
            raise SourceError(f"{place}: the folder {text} holds no files")
        return files
    if WILDCARD.search(text):
        fixed = Path(*_before_wildcard(path))
        matches = sorted(fixed.glob(str(path.relative_to(fixed))))
        files = []
        for match in matches:
            if match.is_dir():
                files += [File(p, _partitions(p, fixed)) for p in _below(match)]
            elif not is_bookkeeping(match.relative_to(fixed).parts):
                files.append(File(match, _partitions(match, fixed)))
        if not files:
            raise SourceError(f"{place}: no file matches {text}")
        return list(dict.fromkeys(files))  # `**` matches a folder and the files in it
    nearest = next((p for p in path.parents if p.exists()), None)
    there = f"; the nearest folder that exists is {nearest}" if nearest is not None else ""
    raise SourceError(f"{place}: there is no file {text}{there}")


def _before_wildcard(path: Path) -> list[str]:
    parts = []
    for part in path.parts:
        if WILDCARD.search(part):
            break
        parts.append(part)
    return parts


def _below(folder: Path) -> list[Path]:
    files = (p for p in folder.rglob("*") if p.is_file())
    return sorted(p for p in files if not is_bookkeeping(p.relative_to(folder).parts))


def is_bookkeeping(parts: Iterable[str]) -> bool:
    """Whether a path, below the part that was named, is one that is left out."""
    return any(part.startswith(("_", ".")) for part in parts)


def _partitions(path: Path, base: Path) -> tuple[tuple[str, str | None], ...]:
    return partitions_of(path.relative_to(base).parent.parts)


def partitions_of(folders: Iterable[str]) -> tuple[tuple[str, str | None], ...]:
    """The partition columns that folders name, and their values."""
    matches = (_SEGMENT.fullmatch(part) for part in folders)
    pairs = ((m[1], unquote(m[2])) for m in matches if m is not None)
    return tuple((name, None if value == NULL_PARTITION else value) for name, value in pairs)


def partition_schema(files: Sequence[File], place: str) -> pa.Schema:
    """The partition columns that all files have, typed by their values.

    BIGINT where all are whole numbers, DATE where all are dates, else VARCHAR. Raises SchemaError
    where some files lack a partition that others have.
    """
    names = [name for name, _ in files[0].partitions] if files else []
    for file in files:
        if [name for name, _ in file.partitions] != names:
            raise SchemaError(
                f"{place}: {file.path} has the partitions {_listed(file)}, but {files[0].path} has "
                f"{_listed(files[0])}; all files of a source lie equally deep"
            )
    return pa.schema(
        [pa.field(name, _infer(file.partition(name) for file in files)) for name in names]
    )


def _listed(file: File) -> str:
    return "/".join(name for name, _ in file.partitions) or "none"


def _infer(values: object) -> pa.DataType:
    texts = [v for v in values if v is not None]  # type: ignore[attr-defined]
    if texts and all(_INTEGER.fullmatch(t) for t in texts):
        return pa.int64()
    if texts and all(_DATE.fullmatch(t) for t in texts):
        return pa.date32()
    return pa.string()


def partition_value(file: File, name: str, arrow: pa.DataType) -> pa.Scalar[Any]:
    """The value of a partition column under its type.

    Raises SchemaError where the text in the path is none of that type.
    """
    text = file.partition(name)
    try:
        return pc.cast(pa.scalar(text, pa.string()), arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise SchemaError(
            f"the partition {name}={text} of {file.path} is no {sql_name(arrow)}; "
            "declare the column as VARCHAR, or rename the folder"
        ) from error
