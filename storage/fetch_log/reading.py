"""Reads the log: files of a set in a span of time, and rows drawn from all of them alike.

Journals are read as far as they are written, so that what was served a moment ago is there too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bighead.storage.errors import StoreError
from bighead.storage.fetch_log.journal import JOURNAL, PARQUET, blocks_of, parquet_of
from bighead.storage.fetch_log.keeping import GREATEST, LEAST, hours
from bighead.storage.fetch_log.layout import COMMIT, SERVED_AT, Facts, facts_of
from bighead.zipline.errors import did_you_mean
from bighead.zipline.expressions.arrow import make
from bighead.zipline.ir.types import BIGINT

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Masks = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Span:
    """Times at which rows were served: [since, until), in microseconds."""

    since: int = LEAST
    until: int = GREATEST

    def rows(self, served: Numbers) -> Numbers:
        """The numbers of the rows that were served in it."""
        return np.flatnonzero((served >= self.since) & (served < self.until))


@dataclass(slots=True)
class Drawn:
    """Rows of one definition that were served under a name."""

    facts: Facts
    parts: list[pa.Table] = field(default_factory=list)

    @property
    def rows(self) -> pa.Table:
        """In the order in which they were logged, file by file."""
        return pa.concat_tables([p.replace_schema_metadata() for p in self.parts])


@dataclass(slots=True)
class Sample:
    """What was drawn, and of what."""

    total: int = 0
    """Rows that are logged."""
    cut: int = 0
    """Files whose process was killed, which lack what was served in its last moment."""
    drawn: list[Drawn] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class File:
    """A file with the numbers of its rows that count."""

    path: Path
    facts: Facts
    rows: Numbers
    served: Numbers
    """When each of them was served, in microseconds."""
    commits: Numbers
    """Which commit each of them read."""
    journal: pa.Table | None
    """What was read of one that is still written."""

    @classmethod
    def of(
        cls, path: Path, facts: Facts, span: Span, table: pa.Table, journal: pa.Table | None
    ) -> File:
        """The rows of a file that were served in a time. table: has at least these columns."""
        served, commits = (_integers(table, name) for name in (SERVED_AT, COMMIT))
        rows = span.rows(served)
        return cls(path, facts, rows, served[rows], commits[rows], journal)

    def only(self, which: Masks) -> File:
        """The file with some of its rows."""
        rows, served, commits = (each[which] for each in (self.rows, self.served, self.commits))
        return replace(self, rows=rows, served=served, commits=commits)

    def take(self, which: Numbers) -> pa.Table:
        """Some of its rows; row groups without any are not read."""
        rows = self.rows[which]
        if self.journal is not None:
            return self.journal.take(make(rows, BIGINT))
        with pq.ParquetFile(self.path) as file:
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
            ends = np.cumsum(sizes)
            of_row = np.searchsorted(ends, rows, side="right")
            groups = np.unique(of_row)
            starts = np.cumsum([0, *(sizes[g] for g in groups)])[:-1]
            moved = starts[np.searchsorted(groups, of_row)] + rows - (ends - sizes)[of_row]
            table = file.read_row_groups([int(g) for g in groups])
            return table.take(cast("Any", make(moved, BIGINT)))


def draw(files: Sequence[File], most: int, seed: int = 0) -> Sample:
    """Draw at most so many of the rows of some files, each as likely as any other.

    The same seed draws the same rows of the same files. Files that have become too old meanwhile
    are left out. Raises StoreError where one cannot be read.
    """
    found = Sample()
    counts = [len(f.rows) for f in files]
    found.total = sum(counts)
    found.cut = sum(f.facts.cut for f in files)
    if found.total > most:
        rng = np.random.default_rng(seed)
        chosen = np.sort(rng.choice(found.total, most, replace=False))
    else:
        chosen = np.arange(found.total)
    by_address: dict[tuple[str, str], Drawn] = {}
    first = 0
    for file, count in zip(files, counts, strict=True):
        inside = chosen[(chosen >= first) & (chosen < first + count)] - first
        first += count
        if not len(inside):
            continue
        try:
            rows = file.take(inside)
        except FileNotFoundError:
            found.total -= count
            found.cut -= file.facts.cut
            continue
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(file.path, error) from error
        drawn = by_address.setdefault((file.facts.set, file.facts.address), Drawn(file.facts))
        drawn.parts.append(rows)
    found.drawn = list(by_address.values())
    return found


def served_names(folder: Path) -> dict[str, Path]:
    """The sets of a log by name with version, each with its folder. Raises StoreError."""
    if not folder.is_dir():
        raise StoreError(
            f"there is no folder {folder}; name that of 'bighead serve --log', or serve with it"
        )
    return {unquote(p.name): p for p in sorted(folder.iterdir()) if p.is_dir()}


def files_of(folder: Path, name: str, span: Span) -> list[File]:
    """The files of a set, with the rows that were served in a time.

    name: with a version, or without for all of them. Raises StoreError where the log has nothing of
    the set, and where a file cannot be read.
    """
    known = served_names(folder)
    folded = name.casefold()
    wanted = [p for n, p in known.items() if folded in (n.casefold(), n.casefold().split("@")[0])]
    if not wanted:
        bare = {n.split("@")[0] for n in known} | set(known)
        hint = did_you_mean(name, bare) or "fetch it from a service that logs"
        raise StoreError(f"the log in {folder} has nothing of '{name}'; {hint}")
    return [
        file
        for place in wanted
        for _, inside in hours(place, span.since, span.until)
        for file in _files_in(inside, span)
    ]


def _files_in(place: Path, span: Span) -> Iterator[File]:
    """The files of an hour. A journal may become a Parquet file while we look."""
    journals = sorted(place.glob(f".*{JOURNAL}"))
    paths = set(place.glob(f"*{PARQUET}")) | {parquet_of(j) for j in journals}
    held = {parquet_of(j): j for j in journals}
    for path in sorted(paths):
        try:
            file = _parquet(path, span) or _journal(path, held.get(path), span)
            file = file or _parquet(path, span)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
        if file is not None:
            yield file


def _unreadable(path: Path, error: Exception) -> StoreError:
    return StoreError(f"cannot read {path} of the log: {error}; remove the file")


def _parquet(path: Path, span: Span) -> File | None:
    try:
        with pq.ParquetFile(path) as file:
            facts = facts_of(file.schema_arrow, str(path))
            table = file.read(columns=[SERVED_AT, COMMIT])
    except FileNotFoundError:
        return None  # it is still a journal, or has become too old
    return File.of(path, facts, span, table, None)


def _journal(path: Path, journal: Path | None, span: Span) -> File | None:
    if journal is None:
        return None
    try:
        schema, blocks, _ = blocks_of(journal)
    except (FileNotFoundError, pa.ArrowInvalid):
        return None  # it is a Parquet file now, or has no rows yet
    table = pa.Table.from_batches(blocks, schema)
    facts = facts_of(schema, str(path))
    return File.of(path, facts, span, table, table)


def _integers(table: pa.Table, name: str) -> Numbers:
    column: Any = table.column(name)
    return np.asarray(column.cast(pa.int64()))
