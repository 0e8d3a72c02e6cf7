"""What the engines see of a source: columns, an estimate of its size, and a scan.

A scan gives at least what was asked for: the rows for which the predicate is true, in the order of
the source. Rows outside a span may be left out, which saves reading them, or come along.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pyarrow as pa

from bighead.zipline.ir.expr import Expr


@dataclass(frozen=True, slots=True)
class Span:
    """The times that matter: in `[lower, upper]`, microseconds; None is no bound.

    Rows whose time lies outside need not be read; those whose time is NULL always are.
    """

    time: Expr
    lower: int | None
    upper: int | None


@dataclass(frozen=True, slots=True)
class Size:
    """What is known of a dataset's size before it is read; None where it is not."""

    rows: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Lag:
    """The promise of `partition_lag`: the rows of `ds = D` have times in `[D - lag, D + 1 day)`."""

    time: Expr
    microseconds: int


class Dataset(Protocol):
    """Rows that can be scanned."""

    @property
    def schema(self) -> pa.Schema:
        """The columns, of the plan's types."""
        ...

    def scan(
        self, columns: Sequence[str], predicate: Expr | None = None, span: Span | None = None
    ) -> pa.Table:
        """The columns, in this order, of the rows for which the predicate is true.

        Predicate and span may read any column of the schema. Raises SourceError where the data
        cannot be read, SchemaError where it is not of the declared types, DataError where a row
        breaks what was promised of it.
        """
        ...

    def size(self) -> Size:
        """How large it is, as far as that is known without reading it."""
        ...

    @property
    def files(self) -> tuple[str, ...]:
        """The files behind it, in the order they are read; none for data in memory."""
        ...


@runtime_checkable
class Dated(Protocol):
    """A dataset whose times are known to some degree before its rows are read."""

    def newest(self, time: Expr) -> int | None:
        """A time that some row has, in microseconds, the greatest that is known; None: none is."""
        ...


@runtime_checkable
class Shrinking(Protocol):
    """A dataset that tells which declared columns it has no more."""

    @property
    def lost(self) -> frozenset[str]:
        """Their names; reading one is an error."""
        ...


@runtime_checkable
class Versioned(Protocol):
    """A dataset of which some files are objects of a store, which tells when one changes."""

    def versions(self) -> Mapping[str, str]:
        """By the name of an object, what changes when it does."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A dataset that need not be held whole."""

    def pieces(
        self, columns: Sequence[str], rows: int, predicate: Expr | None, span: Span | None
    ) -> Iterator[pa.Table]:
        """What `scan` gives, in pieces of at most about so many rows read."""
        ...
