"""The results of parts put together in the order of the spine.

The rows of a part carry their numbers, which ascend. Results wait in memory where all of them fit
into a share of it, else in files, and are merged column by column, or piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np
import pyarrow as pa

from bighead.kernels.temporal import Merge
from bighead.planner.engines.datafusion.rows import (
    Numbers,
    batch_of,
    column,
    counted,
    exported,
    is_plain,
    numbers,
    whole,
)
from bighead.planner.spill.folder import File, Folder
from bighead.zipline.expressions.arrow import Array, make

ROW = "__spilled_row"
"""The column of the spine's rows' numbers; no result keeps it."""


class Results(Protocol):
    """What parts of a join gave."""

    def add(self, rows: pa.Table) -> None:
        """Takes the rows of one part, in the order of their numbers."""
        ...

    def pieces(self) -> Iterator[pa.Table]:
        """All rows in the order of their numbers; at least one piece, maybe empty."""
        ...


@dataclass(slots=True)
class InMemory:
    """Results that wait in memory, all columns of types whose values the kernel moves."""

    rows: int
    """Of the spine."""
    size: int
    """Of a piece, in rows of the spine."""
    threads: int
    _places: list[Array] = field(default_factory=list)
    _columns: list[list[Array]] = field(default_factory=list)
    """Of each part."""
    _schema: pa.Schema | None = None

    @staticmethod
    def takes(schema: pa.Schema) -> bool:
        """Whether rows of these columns can wait here."""
        return all(is_plain(f.type) for f in schema)

    def add(self, rows: pa.Table) -> None:
        """Keeps the rows."""
        self._places.append(column(rows, ROW))
        rest = rows.drop_columns([ROW])
        self._schema = rest.schema
        self._columns.append([column(rest, name) for name in rest.column_names])

    def pieces(self) -> Iterator[pa.Table]:
        """Merges a column after the other; what the parts held of it then serves the next."""
        schema, columns = self._schema, self._columns
        assert schema is not None, "there is a part"
        places, rows = _without_gaps(self._places, self.rows)
        merge = Merge(places, rows, self.threads)
        for parts in columns:
            parts.reverse()
        merged = [
            list(map(exported, merge.column([parts.pop() for parts in columns], self.size)))
            for _ in schema.names
        ]
        del merge, places
        self._places, self._columns = [], []
        for start in range(0, max(rows, 1), self.size):
            arrays = [chunks.pop(0) for chunks in merged]
            size = min(self.size, rows - start)
            yield pa.Table.from_arrays(arrays, schema=schema) if arrays else counted(size)


@dataclass(slots=True)
class OnDisk:
    """Results that wait in files, a batch for each piece of the spine."""

    rows: int
    size: int
    threads: int
    folder: Folder
    _files: list[File] = field(default_factory=list)

    def add(self, rows: pa.Table) -> None:
        """Writes the rows."""
        file = self.folder.file(rows.schema)
        starts = np.arange(0, self.rows + self.size, self.size)
        bounds = np.searchsorted(numbers(column(rows, ROW)), starts)
        batch = batch_of(rows)
        for low, high in pairwise(bounds):
            file.write(batch.slice(low, high - low))
        file.close()
        self._files.append(file)

    def pieces(self) -> Iterator[pa.Table]:
        """Merges a piece after the other."""
        for number in range(max(1, -(-self.rows // self.size))):
            yield self._merged([file.batch(number) for file in self._files], number * self.size)
        for file in self._files:
            file.remove()

    def _merged(self, parts: list[pa.Table], start: int) -> pa.Table:
        places = [make(numbers(column(part, ROW)) - start) for part in parts]
        places, rows = _without_gaps(places, min(self.size, self.rows - start))
        merge = Merge(places, rows, self.threads)
        order = None
        arrays: list[Array] = []
        schema = parts[0].drop_columns([ROW]).schema
        for name in schema.names:
            stretches = [column(part, name) for part in parts]
            if is_plain(schema.field(name).type):
                arrays += map(exported, merge.column(stretches, self.size))
                continue
            if order is None:
                order = _order(places)
            joined = whole(pa.concat_tables([part.select([name]) for part in parts]))
            arrays.append(column(joined, name).take(order))
        return pa.Table.from_arrays(arrays, schema=schema) if arrays else counted(rows)


def _without_gaps(places: list[Array], rows: int) -> tuple[list[Array], int]:
    """The places among the rows that are there: an INNER join drops some."""
    there = sum(map(len, places))
    if there == rows:
        return places, rows
    all_ = np.sort(np.concatenate([numbers(p) for p in places]))
    return [make(np.searchsorted(all_, numbers(p))) for p in places], there


def _order(places: Sequence[Array]) -> Array:
    """Which row of all parts goes to each place."""
    order: Numbers = np.argsort(np.concatenate([numbers(p) for p in places]), kind="stable")
    return make(order)
