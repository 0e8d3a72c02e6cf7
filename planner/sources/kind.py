"""A kind of file: how its columns are learned and how its rows are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import pyarrow as pa

from bighead.planner.sources.dataset import Size, Span
from bighead.planner.sources.store import FilePath, Remote, refused
from bighead.zipline.errors import SourceError
from bighead.zipline.ir.expr import Expr
from bighead.zipline.records.wanted import Wanted

Tells = Literal["types", "names", "nothing"]
"""`nothing`: a column may be absent from a row or from all of them, and is NULL there."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a file, in its order, and whether the span may still drop some of them."""

    rows: pa.Table
    """The columns under their own names and types, at least those that were wanted."""
    beyond_span: bool


class Kind(Protocol):
    """Reads one file at a time; the columns of all are checked by whoever asks."""

    @property
    def name(self) -> str:
        """What users call it."""
        ...

    @property
    def tells(self) -> Tells:
        """What each file says of its own columns; the declaration says the rest."""
        ...

    def schema(self, path: FilePath) -> pa.Schema:
        """The columns of a file; raises SourceError where it cannot be read."""
        ...

    def size(self, path: FilePath) -> Size:
        """What can be told of its size without reading it."""
        ...

    def read(
        self, path: FilePath, wanted: Sequence[Wanted], predicate: Expr | None, span: Span | None
    ) -> Iterator[Piece]:
        """The rows of a file. Predicate and span are hints: what they rule out may be left out."""
        ...


@runtime_checkable
class Dates(Protocol):
    """A kind whose files tell times of their rows."""

    def bounds(self, path: FilePath, column: str) -> tuple[int, int] | None:
        """The least and the greatest time of a column, in microseconds, (1, 0) of no rows.

        None where the file does not tell, or has a NULL there. Raises SourceError.
        """
        ...

    def newest(self, path: FilePath, column: str) -> int | None:
        """The greatest time of a column, in microseconds; None where the file does not tell."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A kind whose files need not be held whole."""

    def stream(
        self,
        path: FilePath,
        wanted: Sequence[Wanted],
        predicate: Expr | None,
        span: Span | None,
        rows: int,
    ) -> Iterator[Piece]:
        """What `read` gives, in pieces of at most so many rows."""
        ...


def stream_of(path: FilePath) -> pa.NativeFile:
    """The bytes of a file, decompressed where its suffix says so."""
    found: pa.NativeFile = path.stream() if isinstance(path, Remote) else pa.input_stream(path)
    return found


def bytes_of(path: FilePath) -> int:
    """The size of a file."""
    return path.size if isinstance(path, Remote) else path.stat().st_size


def no_access(path: FilePath, error: Exception) -> SourceError | None:
    """The error for a file that is gone or closed to us; None for any other reason."""
    if isinstance(path, Remote) and "AWS Error" in str(error):
        return refused(str(path), error)
    if isinstance(error, FileNotFoundError):
        return SourceError(f"there is no file {path} any more")
    if isinstance(error, PermissionError):
        return SourceError(f"no permission to read {path}")
    if isinstance(error, IsADirectoryError):
        return SourceError(f"{path} is a folder, not a file")
    return None


def reason_of(error: Exception) -> str:
    """The first line of a foreign error, as part of a sentence."""
    text = str(error).strip()
    return text.splitlines()[0].rstrip(". ") if text else type(error).__name__
