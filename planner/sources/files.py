"""Files of one kind as one dataset: found once, read in order, checked file by file.

Partition columns come from the paths. Files are left out by `ds=` only where the source promises a
`partition_lag`, never by trusting that ds is the day of the rows; and the promise is checked on
each row that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, TypeVar, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.planner.sources.dataset import Lag, Size, Span
from bighead.planner.sources.kind import Dates, Kind, Streaming
from bighead.planner.sources.lag import DS, outside_lag
from bighead.planner.sources.paths import File, partition_schema, partition_value
from bighead.planner.sources.pick import column_of, pick, reads
from bighead.planner.sources.store import REQUESTS, FilePath, Remote, versions_of
from bighead.zipline.errors import SchemaError, SourceError
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.records.conform import check_type, conform, plan_schema, resolve
from bighead.zipline.records.utf8 import check_text
from bighead.zipline.records.wanted import Wanted
from bighead.zipline.windows import DAY

_T = TypeVar("_T")

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Files:
    """Rows that lie in files."""

    kind: Kind
    found: tuple[File, ...]
    schema: pa.Schema
    partitions: frozenset[str]
    """The columns of the schema that the paths hold."""
    place: str
    lag: Lag | None = None
    everywhere: frozenset[str] = frozenset()
    """The columns that no file may lack; another one is NULL in the files that lack it."""
    gone: tuple[FilePath | None, frozenset[str]] = (None, frozenset())
    """The newest file, the last one, and the columns that it lacks: the source has them no more.

    No file where it cannot be read.
    """

    @property
    def files(self) -> tuple[str, ...]:
        """The paths, in the order they are read."""
        return tuple(str(f.path) for f in self.found)

    @property
    def lost(self) -> frozenset[str]:
        """The declared columns that the source has no more."""
        return self.gone[1]

    def check(self) -> None:
        """Raises SchemaError where the newest file is not of the declared types."""
        newest, gone = self.gone
        if self.kind.tells != "types" or newest is None:
            return
        own = self.kind.schema(newest)
        names = [n for n in self.schema.names if n not in self.partitions and n not in gone]
        for name, found in zip(names, resolve(names, own.names, str(newest)), strict=True):
            check_type(name, own.field(found).type, self.schema.field(name).type, str(newest))

    def ask_each(self, ask: Callable[[FilePath], _T]) -> list[_T]:
        """What is told of each file, in order; objects are asked many at a time."""
        paths = [f.path for f in self.found]
        if not self._remote:
            return [ask(path) for path in paths]
        with ThreadPoolExecutor(REQUESTS) as asks:
            return list(asks.map(ask, paths))

    @property
    def _remote(self) -> bool:
        return any(isinstance(f.path, Remote) for f in self.found)

    def versions(self) -> dict[str, str]:
        """By the name of each object among the files, what changes when it does.

        Raises SourceError where one is gone, or closed to us.
        """
        found = [f.path for f in self.found if isinstance(f.path, Remote)]
        return dict(zip(map(str, found), versions_of(found), strict=True)) if found else {}

    def size(self) -> Size:
        """The sum over the files."""
        sizes = self.ask_each(self.kind.size)
        rows = [s.rows for s in sizes]
        return Size(
            None if None in rows else sum(r for r in rows if r is not None),
            sum(s.bytes or 0 for s in sizes),
        )

    def scan(
        self, columns: Sequence[str], predicate: Expr | None = None, span: Span | None = None
    ) -> pa.Table:
        """The columns of the rows for which the predicate is true, file by file."""
        asked = self._asked(columns, predicate, span)
        schema = pa.schema([self.schema.field(c) for c in asked])
        inside = replace(self, found=tuple(f for f in self.found if not self._outside(f, span)))
        if self._remote and self.kind.tells == "types":
            inside.ask_each(self.kind.schema)  # their footers are then known, all at once
        pieces = [p for f in inside.found for p in self._read(f, asked, predicate, span)]
        whole = pa.concat_tables(pieces) if pieces else schema.empty_table()
        return whole.select(list(columns))

    def pieces(
        self, columns: Sequence[str], rows: int, predicate: Expr | None, span: Span | None
    ) -> Iterator[pa.Table]:
        """The same in pieces; a file of text is one piece."""
        asked = self._asked(columns, predicate, span)
        for file in self.found:
            if not self._outside(file, span):
                for piece in self._read(file, asked, predicate, span, rows):
                    yield piece.select(list(columns))

    def newest(self, time: Expr) -> int | None:
        """The greatest time that a file's own statistics tell.

        Where the days of `ds=` promise times, the last day is looked at first, and days before what
        was found are not.
        """
        if not isinstance(self.kind, Dates) or not isinstance(time, Column):
            return None
        if time.name in self.partitions or time.name in self.gone[1]:
            return None
        kind, name = self.kind, time.name
        if self.lag is None or self.lag.time != time:
            told = self.ask_each(lambda path: kind.newest(path, name))
            return max((t for t in told if t is not None), default=None)
        days = {file: self._day(file) for file in self.found}
        greatest: int | None = None
        for file in sorted(self.found, key=lambda f: -(days[f] or 0)):
            day = days[file]
            if day is not None and greatest is not None and (day + 1) * DAY <= greatest:
                continue
            found = kind.newest(file.path, name)
            if found is not None and (greatest is None or found > greatest):
                greatest = found
        return greatest

    def promised(self, file: File, time: Expr) -> tuple[int, int] | None:
        """The first and the last time that a file may have by `partition_lag`; None: no promise."""
        day = None if self.lag is None or self.lag.time != time else self._day(file)
        if day is None or self.lag is None:
            return None
        return day * DAY - self.lag.microseconds, (day + 1) * DAY - 1

    def _asked(
        self, columns: Sequence[str], predicate: Expr | None, span: Span | None
    ) -> list[str]:
        """The columns to read, at least one; raises SchemaError for one that is gone."""
        newest, gone = self.gone
        asked = list(columns) or [n for n in self.schema.names if n not in gone][:1]
        lost = [n for n in reads(asked, predicate, span) if n in gone]
        if lost:
            assert newest is not None, "the newest file says what is gone"
            resolve(lost, self.kind.schema(newest).names, str(newest))
        return asked

    def _outside(self, file: File, span: Span | None) -> bool:
        """Whether no row of a file can lie in the span, by the promise of `partition_lag`.

        Rows without a time are in no partition by that promise, so none is missed.
        """
        if self.lag is None or span is None or span.time != self.lag.time:
            return False
        day = self._day(file)
        if day is None:
            return False
        first, end = day * DAY - self.lag.microseconds, (day + 1) * DAY
        late = span.lower is not None and end <= span.lower
        return late or (span.upper is not None and first > span.upper)

    def _day(self, file: File) -> int | None:
        """The number of the day of `ds=`, from 1970 on; None where there is no such partition."""
        names = {k.casefold() for k, _ in file.partitions}
        text = file.partition(DS) if DS in names else None
        if text is None:
            return None
        try:
            return (date.fromisoformat(text) - _EPOCH).days
        except ValueError:
            raise SchemaError(
                f"the partition ds={text} of {file.path} is no day, which partition_lag asks for; "
                "write it as ds=2013-01-31"
            ) from None

    def _read(
        self,
        file: File,
        columns: Sequence[str],
        predicate: Expr | None,
        span: Span | None,
        most: int | None = None,
    ) -> Iterator[pa.Table]:
        needed = reads(columns, predicate, span)
        if self.lag is not None:
            needed = list(dict.fromkeys((*needed, *columns_of(self.lag.time))))
        place = str(file.path)
        lying = [n for n in needed if n not in self.partitions]
        declared = [n for n in self.schema.names if n not in self.partitions]
        names = lying = lying or declared[:1]  # the rows have to be counted all the same
        if self.kind.tells != "nothing":
            held = self.kind.schema(file.path).names
            folded = {n.casefold() for n in held}
            there = [n for n in lying if n.casefold() in folded or n in self.everywhere]
            lying = there or [n for n in declared if n.casefold() in folded][:1] or lying
            names = resolve(lying, held, place)
        wanted = [
            Wanted(n, o, self.schema.field(n).type) for n, o in zip(lying, names, strict=True)
        ]
        if most is not None and isinstance(self.kind, Streaming):
            pieces = self.kind.stream(file.path, wanted, predicate, span, most)
        else:
            pieces = self.kind.read(file.path, wanted, predicate, span)
        for piece in pieces:
            rows = piece.rows
            arrays = {w.name: conform(rows.column(w.own), w.type, w.name, place) for w in wanted}
            for name, column in arrays.items():
                check_text(column, name, place)
            for name in needed:
                arrow = self.schema.field(name).type
                if name in self.partitions:
                    value = partition_value(file, name, arrow)
                    arrays[name] = pa.chunked_array([pa.repeat(cast("Any", value), rows.num_rows)])
                elif name not in arrays:  # the file is older than the column
                    arrays[name] = pa.chunked_array([pa.nulls(rows.num_rows, cast("Any", arrow))])
            whole = pa.table([arrays[n] for n in needed], names=needed)
            self._check(file, whole)
            yield pick(whole, columns, predicate, span if piece.beyond_span else None)

    def _check(self, file: File, rows: pa.Table) -> None:
        """Raises DataError where a row breaks the promise of `partition_lag`."""
        day = self._day(file) if self.lag is not None else None
        if self.lag is None or day is None or not rows.num_rows:
            return
        times = column_of(rows, self.lag.time)
        known = pc.min_max(times.cast(pa.int64()))
        first, end = day * DAY - self.lag.microseconds, (day + 1) * DAY
        least, greatest = known["min"].as_py(), known["max"].as_py()
        if least is None or (first <= least and greatest < end):
            return
        bad = pc.min_max(times)["min" if least < first else "max"]
        raise outside_lag(str(file.path), bad, file.partition(DS), self.lag)


def files_dataset(
    kind: Kind,
    found: Sequence[File],
    place: str,
    declared: pa.Schema | None = None,
    lag: Lag | None = None,
    everywhere: frozenset[str] = frozenset(),
) -> Files:
    """The files as a dataset, with the schema that is declared, else that of the first file.

    The last file, the newest, says which columns the source has now: one that it lacks is an error
    where it is read, one that another file lacks is NULL there, unless it is to be `everywhere`.
    Types are checked by `check`, and when rows are read. Raises SourceError or SchemaError.
    """
    newest = found[-1].path
    in_paths = partition_schema(found, place)
    if declared is None:
        inside = plan_schema(kind.schema(found[0].path), str(found[0].path))
        fields = [f for f in inside if f.name not in in_paths.names] + list(in_paths)
        declared = pa.schema(fields)
    by_path = {n.casefold() for n in in_paths.names}
    partitions = frozenset(n for n in declared.names if n.casefold() in by_path)
    made = Files(kind, tuple(found), declared, partitions, place, lag, everywhere)
    if kind.tells == "nothing":
        return made
    try:
        own = kind.schema(newest)
    except SourceError:  # said where its rows are read, which may be nowhere
        return made
    folded = {n.casefold() for n in own.names}
    lying = [n for n in declared.names if n not in partitions]
    there = [n for n in lying if n.casefold() in folded]
    return replace(made, gone=(newest, frozenset(lying) - frozenset(there)))
