"""From a `batch` option, or what a caller hands to `register`, to a dataset: a table of kinds.

A path's suffix says how it is read, a scheme (`s3://`) where it lies; everything else has to hold
rows itself.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa

from bighead.planner.sources.arrow import hold, to_table
from bighead.planner.sources.dataset import Dataset, Lag
from bighead.planner.sources.delimited import DelimitedFiles
from bighead.planner.sources.files import files_dataset
from bighead.planner.sources.json_lines import JsonLines
from bighead.planner.sources.kind import Kind
from bighead.planner.sources.learned import Learned
from bighead.planner.sources.mirror import Mirror
from bighead.planner.sources.objects import SCHEMES, find_objects
from bighead.planner.sources.parquet import ParquetFiles
from bighead.planner.sources.paths import File, find_files
from bighead.planner.sources.store import ObjectStore
from bighead.zipline.errors import SourceError

Kinds = Mapping[str, Kind]

KINDS: Kinds = {
    ".parquet": ParquetFiles(),
    ".pq": ParquetFiles(),
    ".csv": DelimitedFiles(),
    ".tsv": DelimitedFiles("\t"),
    ".jsonl": JsonLines(),
    ".ndjson": JsonLines(),
    ".json": JsonLines(),
}
"""How the files of a suffix are read."""

COMPRESSIONS = (".gz", ".bz2", ".zst", ".lz4")
"""Suffixes that text formats may have behind their own."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where paths begin, and how object stores are reached."""

    folder: Path = field(default_factory=Path)
    store: ObjectStore = field(default_factory=ObjectStore)
    mirror: Mirror = field(init=False)
    """The objects that are read as files."""
    learned: Learned = field(init=False, compare=False, repr=False, default_factory=Learned)
    """Of the objects that are read where they lie."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "mirror", Mirror(self.store))


def open_source(
    data: object,
    name: str,
    place: Place,
    declared: pa.Schema | None = None,
    lag: Lag | None = None,
    kinds: Kinds | None = None,
    everywhere: frozenset[str] = frozenset(),
) -> Dataset:
    """The dataset that a path, several paths, or an object that holds rows stands for.

    name: the source's, for messages; kinds: of files, where they are others; everywhere: the
    columns that no file may lack.

    Raises SourceError or SchemaError.
    """
    if is_path(data):
        paths = [data] if isinstance(data, str | os.PathLike) else data
        texts = [os.fspath(p) for p in paths]  # type: ignore[attr-defined]
        return open_paths(texts, name, place, declared, lag, kinds, everywhere)
    table = to_table(data, name)
    if table is None:
        raise SourceError(
            f"{name} cannot be read from {type(data).__name__} objects; give a path, a list of "
            "paths, an Arrow, pandas or polars table, or an object with __arrow_c_stream__"
        )
    return hold(table, name, declared)


def is_path(data: object) -> bool:
    """Whether it names files, one or several."""
    if isinstance(data, str | os.PathLike):
        return True
    several = isinstance(data, list | tuple) and len(data) > 0
    return several and all(isinstance(d, str | os.PathLike) for d in data)  # type: ignore[attr-defined]


def open_paths(
    paths: Sequence[str],
    name: str,
    place: Place,
    declared: pa.Schema | None = None,
    lag: Lag | None = None,
    kinds: Kinds | None = None,
    everywhere: frozenset[str] = frozenset(),
) -> Dataset:
    """The dataset of the files that the paths name, all of one kind."""
    schemes = {p.partition("://")[0] for p in paths if "://" in p}
    if schemes - {"file"}:
        unknown = sorted(schemes - set(SCHEMES) - {"file"})
        if unknown:
            known = ", ".join(f"{s}://" for s in SCHEMES)
            raise SourceError(
                f"{name} cannot be read from {unknown[0]}://; files and {known} can, so copy it "
                "there first"
            )
    found: list[File] = []
    for path in paths:
        if path.partition("://")[0] in SCHEMES:
            found += find_objects(path, name, place.store, place.learned)
        else:
            found += find_files([str(place.folder / path.removeprefix("file://"))], name)
    kind = one_kind(found, name, kinds)
    return files_dataset(kind, found, name, declared, lag, everywhere)


def one_kind(found: Sequence[File], name: str, kinds: Kinds | None = None) -> Kind:
    """The kind that all files are of; raises SourceError where they are of several."""
    each = {id(k): k for k in (kind_of(f.path.name, name, kinds) for f in found)}
    if len({k.name for k in each.values()}) > 1:
        listed = " and ".join(sorted({k.name for k in each.values()}))
        raise SourceError(f"{name} mixes {listed} files; name one kind, such as '*.parquet'")
    return next(iter(each.values()))


def kind_of(file: str, name: str, kinds: Kinds | None = None) -> Kind:
    """How a file is read, by its suffix; raises SourceError for one that is not known."""
    path = PurePosixPath(file)
    suffix = path.suffix.lower()
    if suffix in COMPRESSIONS:
        suffix = PurePosixPath(path.stem).suffix.lower()
        if suffix in (".parquet", ".pq"):
            suffix = path.suffix.lower()
    kind = (KINDS if kinds is None else kinds).get(suffix)
    if kind is None:
        known = ", ".join(KINDS)
        raise SourceError(
            f"{name} cannot be read from {file}: its suffix tells no format; those known are "
            f"{known}"
        )
    return kind
