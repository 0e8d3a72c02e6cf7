"""Row look-ups: of each question the nearest row that passes the condition, with its columns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.storage.reading.chosen import ALL, Rows, newest
from bighead.storage.sets.nested import decode, is_encoded
from bighead.storage.sets.prepare import values, whole
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.sets.values import numbers
from bighead.zipline.expressions.arrow import Array, compute, join, make, nulls
from bighead.zipline.ir.nodes import Lookup

Numbers = npt.NDArray[np.int64]


@dataclass(slots=True)
class Nearest:
    """The rows that have been found so far."""

    lookup: Lookup
    row: Numbers
    """Of each question, among the rows that are kept; -1: none yet."""
    kept: dict[str, list[Array]] = field(default_factory=dict)
    count: int = 0

    def take(
        self, plan: SetPlan, rows: Rows, spine: pa.Table, alias: str, wanted: int
    ) -> list[int]:
        """Look at the newest rows of some questions; those for which more must be gathered."""
        lookup = self.lookup
        limit = 1 if lookup.residual is None else ALL
        asked, found = newest(plan, rows, range(len(plan.columns)), limit)
        columns = rows_of(lookup, rows.arrays)
        if lookup.residual is not None and len(asked):
            passes = self._passing(columns, asked, found, spine, alias)
            asked, found = asked.filter(passes), found.filter(passes)
        questions, first = np.unique(_numbers(asked), return_index=True)
        self.row[questions] = np.arange(len(first)) + self.count
        self.count += len(first)
        chosen = found.take(make(first, pa.int64()))
        for name in lookup.columns:
            self.kept.setdefault(name, []).append(columns[name].take(chosen))
        if lookup.residual is None:
            return []
        counts = np.bincount(_numbers(rows.owners), minlength=len(self.row))
        return [q for q in numbers(rows.questions) if self.row[q] < 0 and counts[q] >= wanted]

    def _passing(
        self, columns: dict[str, Array], asked: Array, found: Array, spine: pa.Table, alias: str
    ) -> Array:
        """Whether the condition is true for each pair of a question and a row."""
        assert self.lookup.residual is not None
        left = spine.take(asked)
        arrays = [*(column.take(found) for column in columns.values()), *map(whole, left.columns)]
        names = [*(f"{alias}.{name}" for name in columns), *left.column_names]
        both = pa.Table.from_arrays(arrays, names=names)
        return compute("coalesce", values(self.lookup.residual, both), pa.scalar(False))

    def found(self) -> list[bool]:
        """Which questions have a row."""
        there: list[bool] = (self.row >= 0).tolist()
        return there

    def table(self) -> pa.Table:
        """The columns of the look-up, NULL where no row was found."""
        which = make(self.row, pa.int64(), self.row < 0)
        arrays = []
        for name in self.lookup.columns:
            parts = self.kept.get(name, [])
            if parts:
                arrays.append(join(parts).take(which))
            else:
                arrays.append(nulls(len(self.row), self.lookup.schema.field(name).type))
        return pa.Table.from_arrays(arrays, names=list(self.lookup.columns))


def nearest(lookup: Lookup, count: int) -> Nearest:
    """A look-up for so many questions, of which none has been looked at."""
    return Nearest(lookup, np.full(count, -1, np.int64))


def rows_of(lookup: Lookup, arrays: list[Array]) -> dict[str, Array]:
    """The columns of rows as the source has them."""
    made: dict[str, Array] = {}
    for field_, array in zip(lookup.events.schema, arrays[3:], strict=False):
        if is_encoded(field_.type):
            made[field_.name] = decode(array, field_.type)
        else:
            made[field_.name] = array if array.type == field_.type else array.cast(field_.type)
    return made


def _numbers(array: Array) -> Numbers:
    return array.to_numpy(zero_copy_only=False)
