"""The offline rows of sources, as uploads read them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from bighead.planner.runtime import Runtime
from bighead.planner.sources.dataset import Dataset, Span, Streams, Versioned
from bighead.storage.sets.source_versions import base_name, same_rows
from bighead.storage.upload.building import Batch, Read
from bighead.storage.writing.stream_log import time_of
from bighead.zipline.errors import SourceError
from bighead.zipline.ir.sources import Source, Table

PIECE = 1 << 16
"""Rows of a source that are read at once."""


@dataclass(frozen=True, slots=True)
class Batches:
    """The batches of the sources that a runtime knows."""

    runtime: Runtime

    def read(self, as_of: int) -> Read:
        """Reads the batch of a source a piece at a time; rows of `as_of` and later may be left
        out."""

        def read(source: Source, columns: Sequence[str]) -> Batch:
            dataset = self.runtime.dataset(declared(self.runtime, source))
            pieces = pieces_of(dataset, source, columns, as_of - 1)
            return Batch(pieces, len(dataset.files), version_of(dataset))

        return read

    def version(self, source: Source) -> str:
        """Changes when a file of a source's batch does. Raises SourceError without a batch."""
        return version_of(self.runtime.dataset(declared(self.runtime, source)))


def pieces_of(
    dataset: Dataset, source: Source, columns: Sequence[str], last: int
) -> Iterator[pa.Table]:
    """Columns of a source's rows, a piece at a time; rows of times after `last` may be left out."""
    when = time_of(source)
    span = None if when is None else Span(when, None, last)
    if isinstance(dataset, Streams):
        return dataset.pieces(columns, PIECE, None, span)
    return iter([dataset.scan(columns, None, span)])


def declared(runtime: Runtime, source: Source) -> Source:
    """A source of a store as it is declared now, where that gives the same rows: its batch may lie
    elsewhere."""
    name = base_name(source.name)
    found = runtime.definitions.by_name.get(name.casefold())
    if isinstance(found, Table) and same_rows(found, source):
        return found
    return replace(source, name=name)


def version_of(dataset: Dataset) -> str:
    """Changes when a file of a dataset does: its name, size or time, or its object's version.

    Raises SourceError for a file that cannot be looked at.
    """
    told = hashlib.sha256()
    if isinstance(dataset, Versioned):
        for name, version in sorted(dataset.versions().items()):
            told.update(f"{name}\0{version}\0".encode())
    for name in dataset.files:
        path = Path(name)
        try:
            said = path.stat() if path.is_file() else None
        except OSError as error:  # it went just now, or its folder is not ours to read
            raise SourceError(f"cannot look at {name}: {error}") from error
        told.update(f"{name}\0{said and (said.st_size, said.st_mtime_ns)}\0".encode())
    return told.hexdigest()[:16]
