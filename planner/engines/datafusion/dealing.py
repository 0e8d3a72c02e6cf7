"""Rows dealt into files by the part that each belongs to.

The rows of a piece are put in the order of their parts first, so that each file gets its own in one
stretch. That and the writing go on while the next piece is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.kernels.temporal import Deal, deal_keys
from bighead.planner.engines.datafusion.rows import column, exported, is_plain
from bighead.planner.spill.folder import File
from bighead.zipline.expressions.arrow import Array, make


def parts_of(keys: Sequence[Array], count: int, seed: int, rows: int, threads: int) -> Array:
    """The part of each row, int32: one for all rows of a key, -1 without a key."""
    plain = [k for k in keys if not (pa.types.is_nested(k.type) or pa.types.is_null(k.type))]
    if count == 1 or not plain:
        return make(np.zeros(rows, np.int32))
    return exported(deal_keys(plain, count, seed, threads))


def somewhere(parts: Array) -> Array:
    """The same, with rows that have no key in the first part."""
    found: npt.NDArray[np.int32] = parts.to_numpy(zero_copy_only=True)
    return make(np.maximum(found, 0))


@dataclass(slots=True)
class Dealer:
    """Deals tables into files, one a part, while the caller goes on."""

    files: list[File]
    threads: int
    behind: ThreadPoolExecutor
    """One thread: rows stay in order."""
    pool: ThreadPoolExecutor
    _last: Future[None] | None = None

    def deal(self, rows: pa.Table, parts: Array) -> None:
        """Appends each row to the file of its part, soon; raises SpillError of earlier rows."""
        self.finish()
        self._last = self.behind.submit(self._deal, rows, parts)

    def finish(self) -> list[File]:
        """The files, when all rows are there."""
        if self._last is not None:
            last, self._last = self._last, None
            last.result()
        return self.files

    def _deal(self, rows: pa.Table, parts: Array) -> None:
        deal = Deal(parts, len(self.files), self.threads)
        names = rows.schema.names
        plain = [n for n in names if is_plain(rows.schema.field(n).type)]
        arrays = dict(
            zip(plain, map(exported, deal.columns([column(rows, n) for n in plain])), strict=True)
        )
        if len(plain) < len(names):
            numbers = exported(deal.rows())
            arrays |= {n: column(rows, n).take(numbers) for n in names if n not in arrays}
        dealt = pa.RecordBatch.from_arrays([arrays[n] for n in names], schema=rows.schema)
        ends = deal.ends

        def write(part: int) -> None:
            start = ends[part - 1] if part else 0
            if start < ends[part]:
                self.files[part].write(dealt.slice(start, ends[part] - start))

        list(self.pool.map(write, range(len(ends))))
