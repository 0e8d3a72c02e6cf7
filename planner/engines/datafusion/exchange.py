"""A join as of a time whose two sides do not fit into memory.

What a row of the spine gets depends on the events of its key alone. So both sides are dealt into
files by a hash of the key, each part is joined in memory, and the results are put together again by
the numbers of the spine's rows. A part that a hot key makes too large is dealt again: by time where
the windows have an end, each stretch of the spine with the events that it can reach; else by
another hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.kernels.temporal import deal_keys
from bighead.planner.engines.datafusion.estimate import event_width, spine_width
from bighead.planner.engines.datafusion.events import Prepared, united
from bighead.planner.engines.datafusion.moments import (
    EARLIEST,
    LATEST,
    Moments,
    Range,
    moments_of,
)
from bighead.planner.engines.datafusion.rows import (
    Numbers,
    column,
    exported,
    integers,
    numbers,
    values,
    whole,
)
from bighead.planner.passes.prune_times import reach_of
from bighead.planner.spill.folder import File
from bighead.planner.spill.memory import spelled
from bighead.zipline.expressions.arrow import Array, make
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Events, TemporalJoin, UnionAll, Versions

if TYPE_CHECKING:
    from bighead.planner.engines.datafusion.streaming import Streaming

ROW = "__spilled_row"
"""The column of the spine's rows' numbers; no result keeps it."""

SHARE = 0.4
"""Of the memory, what a part may take by the estimate; buffers and results take the rest."""

MOST_PARTS = 256
DEEPEST = 3
"""How often a part is dealt again."""

_TIMES = ("time", "known", "sequence")
"""The columns of `Prepared` beside its table."""

Codes = npt.NDArray[np.int32]


@dataclass(slots=True, eq=False)
class Part:
    """Rows of the spine, and the events that they may see."""

    spine: File
    events: list[File]
    """Of each source of a UNION ALL."""
    depth: int = 0

    @property
    def event_rows(self) -> int:
        """Of all sources."""
        return sum(f.rows for f in self.events)

    def remove(self) -> None:
        """Gives the disk back."""
        for file in (self.spine, *self.events):
            file.remove()


def exchanged(
    streaming: Streaming, join: TemporalJoin, around: Moments | None
) -> Iterator[pa.Table]:
    """The rows of a join in the spine's order, piece by piece; `around` where they are events."""
    with ThreadPoolExecutor(streaming.threads) as pool:
        yield from _Exchange(streaming, join, around, pool).rows()


@dataclass(slots=True)
class _Exchange:
    streaming: Streaming
    join: TemporalJoin
    around: Moments | None
    pool: ThreadPoolExecutor
    spine_rows: int = 0
    done: int = 0
    held: Prepared | None = None
    """The changes of an entity: every part has them all."""

    def rows(self) -> Iterator[pa.Table]:
        dealt = self._parts()
        parts = [part for part in dealt if part.spine.rows] or dealt[:1]
        for part in dealt:
            if part not in parts:
                part.remove()
        results = []
        size = self.streaming.piece_rows(self.join.schema)
        largest = 0
        pieces = 0
        for part in parts:
            for fitting in self._fitting(part):
                pieces += 1
                largest = max(largest, self._cost(fitting))
                self.done += fitting.spine.rows
                results.append(self._joined(fitting, size))
                self._report("joining", self.done, self.spine_rows)
        label = getattr(self.join, "label", self.join.alias)
        self.streaming.run.facts.append(
            f"{label}: {pieces:,} parts on disk, the largest about {spelled(largest)} of "
            f"{spelled(self.streaming.memory)}"
        )
        for number in range(max(1, -(-self.spine_rows // size))):
            yield self._merged(results, number)
            done = min(self.spine_rows, (number + 1) * size)
            self._report("putting together", done, self.spine_rows)
        for result in results:
            result.remove()

    # Dealing both sides.

    def _parts(self) -> list[Part]:
        join, folder = self.join, self.streaming.folder
        events = join.right.events
        count = self._count()
        near: Range = (1, 0)
        spines: list[File] = []
        expected = self.streaming.sizes.rows(join.spine)
        for piece in self.streaming.pieces(join.spine, self.around):
            rows = self.spine_rows + np.arange(piece.num_rows, dtype=np.int64)
            self.spine_rows += piece.num_rows
            numbered = piece.append_column(ROW, make(rows))
            if not spines:
                spines = [folder.file(numbered.schema) for _ in range(count)]
            near = _wider(near, moments_of(integers(values(join.time, piece))))
            keys = [values(k, piece) for k in join.keys]
            # A row without a key sees nothing, in any part.
            self._deal(numbered, np.maximum(self._codes(keys, count, 0, piece.num_rows), 0), spines)
            self._report("reading the spine", self.spine_rows, expected)
        moments = Moments(near, near) if self.around is None else self.around.below(near)
        if isinstance(events, Events | UnionAll):
            sources = events.events if isinstance(events, UnionAll) else (events,)
            dealt = [self._events(source, moments, count) for source in sources]
        else:  # which version of an entity holds when is known from all of its changes
            self.held, dealt = self._prepare(events, {}, moments), []
        return [Part(spines[i], [files[i] for files in dealt]) for i in range(count)]

    def _events(self, node: Events, moments: Moments, count: int) -> list[File]:
        folder = self.streaming.folder
        files: list[File] = []
        read, expected = 0, self.streaming.sizes.rows(node)
        for prepared in self._prepared(node, moments):
            rows = _packed(prepared)
            if not files:
                files = [folder.file(rows.schema) for _ in range(count)]
            keys = [values(k, prepared.table) for k in self.join.right.keys]
            self._deal(rows, self._codes(keys, count, 0, rows.num_rows), files)
            read += rows.num_rows
            self._report("reading events", read, expected)
        return files

    def _prepared(self, node: Events, moments: Moments) -> Iterator[Prepared]:
        if node.identity:
            yield from self._without_copies(node, moments)
            return
        for piece in self.streaming.pieces(node.input, moments):
            yield self._prepare(node, {id(node.input): piece}, moments)

    def _without_copies(self, node: Events, moments: Moments) -> Iterator[Prepared]:
        """Copies meet in a part by their identity, whatever their keys."""
        streaming = self.streaming
        count = self._count()
        files: list[File] = []
        for piece in streaming.pieces(node.input, moments):
            if not files:
                files = [streaming.folder.file(piece.schema) for _ in range(count)]
            identity = [column(piece, name) for name in node.identity]
            codes = self._codes(identity, count, 0, piece.num_rows)
            self._deal(piece, np.maximum(codes, 0), files)
        for file in files:
            rows = whole(file.read())
            file.remove()
            yield from _sliced(self._prepare(node, {id(node.input): rows}, moments), streaming)

    def _prepare(
        self,
        node: Events | UnionAll | Versions,
        given: dict[int, pa.Table | Prepared],
        moments: Moments,
    ) -> Prepared:
        execution = self.streaming.execution(given)
        found = execution.prepared(node, moments)
        self.streaming.absorb(execution.run)
        return found

    def _codes(self, keys: Sequence[Array], parts: int, seed: int, rows: int) -> Codes:
        """The part of each row; -1 without a key."""
        plain = [k for k in keys if not (pa.types.is_nested(k.type) or pa.types.is_null(k.type))]
        if parts == 1 or not plain:
            return np.zeros(rows, np.int32)
        dealt = exported(deal_keys(plain, parts, seed, self.streaming.threads))
        found: Codes = dealt.to_numpy(zero_copy_only=True)
        return found

    def _deal(self, rows: pa.Table, codes: npt.NDArray[np.integer], files: list[File]) -> None:
        """Appends each row to the file of its code; those of code -1 to none."""
        order = np.argsort((codes + 1).astype(np.uint16), kind="stable")  # by digits, in one pass
        counts = np.bincount(codes + 1, minlength=len(files) + 1)
        ends = np.cumsum(counts)
        sorted_ = self._taken(rows, order)

        def write(part: int) -> None:
            if counts[part + 1]:
                files[part].write(sorted_.slice(ends[part], counts[part + 1]))

        list(self.pool.map(write, range(len(files))))

    def _taken(self, rows: pa.Table, order: npt.NDArray[np.integer]) -> pa.Table:
        numbers_ = make(order.astype(np.int64, copy=False))
        arrays = self.pool.map(
            lambda i: column(rows.select([i]), rows.schema.names[i]).take(numbers_),
            range(rows.num_columns),
        )
        return pa.Table.from_arrays(list(arrays), schema=rows.schema)

    # How large a part may be.

    def _count(self) -> int:
        """How many parts are made, by the estimate."""
        need = self.streaming.sizes.join(self.join)
        return max(1, min(MOST_PARTS, -(-need // self._target)))

    @property
    def _target(self) -> int:
        return max(1, int(self.streaming.memory * SHARE))

    def _cost(self, part: Part) -> int:
        events = part.event_rows * event_width(self.join)
        return events + part.spine.rows * spine_width(self.join)

    def _fitting(self, part: Part) -> Iterator[Part]:
        """The part, or what it is dealt into where it is too large."""
        pieces = -(-self._cost(part) // self._target)
        if self._cost(part) <= 1.5 * self._target or part.depth == DEEPEST or part.spine.rows < 2:
            yield part
            return
        pieces = min(MOST_PARTS, pieces)
        reach = reach_of(self.join.right)
        if self.held is not None or (reach.back is not None and reach.ahead is not None):
            smaller = self._by_time(part, pieces, reach.back or 0, reach.ahead or 0)
        else:
            smaller = self._by_hash(part, pieces)
        part.remove()
        for piece in smaller:
            if piece.spine.rows:
                # Stretches of time are what they are; other parts may have to be dealt again.
                yield from self._fitting(piece)

    def _by_time(self, part: Part, count: int, back: int, ahead: int) -> list[Part]:
        folder = self.streaming.folder
        times = np.concatenate([self._spine_times(rows) for rows in part.spine.batches()])
        # Each stretch begins at a time, so that rows of equal times stay together.
        cuts = np.unique(np.quantile(times, np.arange(1, count) / count, method="lower"))
        spines = [folder.file(part.spine.schema) for _ in range(len(cuts) + 1)]
        for rows in part.spine.batches():
            codes = np.searchsorted(cuts, self._spine_times(rows), side="right")
            self._deal(rows, codes, spines)
        first, last = int(times.min()), int(times.max())
        starts = [first, *map(int, cuts)]
        ends = [*map(int, cuts), last]
        dealt = []
        for file in part.events:
            files = [folder.file(file.schema) for _ in spines]
            for rows in file.batches():
                time = column(rows, "__time")
                missing = time.is_null().to_numpy(zero_copy_only=False)
                at = numbers(time, 0)
                for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
                    low, high = max(start - back, EARLIEST), min(end + ahead, LATEST)
                    keep = missing | ((at >= low) & (at <= high))
                    if keep.any():
                        files[i].write(whole(rows.filter(make(keep))))
            dealt.append(files)
        return [
            Part(spine, [files[i] for files in dealt], DEEPEST) for i, spine in enumerate(spines)
        ]

    def _spine_times(self, rows: pa.Table) -> Numbers:
        """int64 microseconds; a row without a time sees nothing, in any stretch."""
        return numbers(integers(values(self.join.time, whole(rows))), 0)

    def _by_hash(self, part: Part, count: int) -> list[Part]:
        folder, seed = self.streaming.folder, part.depth + 1

        def deal(file: File, keys: Sequence[Expr]) -> list[File]:
            files = [folder.file(file.schema) for _ in range(count)]
            for rows in file.batches():
                arrays = [values(k, whole(rows)) for k in keys]
                codes = self._codes(arrays, count, seed, rows.num_rows)
                self._deal(rows, np.maximum(codes, 0), files)
            return files

        spines = deal(part.spine, self.join.keys)
        dealt = [deal(file, self.join.right.keys) for file in part.events]
        return [Part(spine, [files[i] for files in dealt], seed) for i, spine in enumerate(spines)]

    # Joining and putting together.

    def _joined(self, part: Part, size: int) -> File:
        """The join of one part, a batch for each piece of the spine."""
        join = self.join
        spine = whole(part.spine.read())
        sources = [_unpacked(whole(f.read()), self._source(i)) for i, f in enumerate(part.events)]
        part.remove()
        events = join.right.events
        if isinstance(events, UnionAll):
            together = united(events, sources)
        else:
            together = sources[0] if self.held is None else self.held
        del sources
        given: dict[int, pa.Table | Prepared] = {id(join.spine): spine, id(events): together}
        del spine, together
        found = self.streaming.table(join, given)
        given.clear()
        result = self.streaming.folder.file(found.schema)
        starts = np.arange(0, self.spine_rows + size, size)
        bounds = np.searchsorted(numbers(column(found, ROW)), starts)
        for low, high in pairwise(bounds):
            result.write(found.slice(low, high - low))
        result.close()
        return result

    def _source(self, i: int) -> str:
        events = self.join.right.events
        node = events.events[i] if isinstance(events, UnionAll) else events
        assert isinstance(node, Events)
        return node.source

    def _merged(self, results: list[File], number: int) -> pa.Table:
        batches = list(self.pool.map(lambda file: file.batch(number), results))
        rows = whole(pa.concat_tables(batches))
        order = np.argsort(numbers(column(rows, ROW)), kind="stable")
        return self._taken(rows.drop_columns([ROW]), order)

    def _report(self, what: str, rows: int, of: int) -> None:
        label = getattr(self.join, "label", self.join.alias)
        self.streaming.run.report(f"{label}: {what}", rows, of)


def _wider(a: Range, b: Range) -> Range:
    """Both ranges; one from late to early is empty."""
    if a[0] > a[1]:
        return b
    return a if b[0] > b[1] else (min(a[0], b[0]), max(a[1], b[1]))


def _packed(prepared: Prepared) -> pa.Table:
    """Events and their times as one table."""
    rows = prepared.table
    for name in _TIMES:
        array = getattr(prepared, name)
        if array is not None:
            rows = rows.append_column(f"__{name}", array)
    return rows


def _unpacked(rows: pa.Table, source: str) -> Prepared:
    there = [f"__{name}" for name in _TIMES if f"__{name}" in rows.schema.names]
    known = column(rows, "__known") if "__known" in there else None
    sequence = column(rows, "__sequence") if "__sequence" in there else None
    time = column(rows, "__time")
    return Prepared(rows.drop_columns(there), time, known, sequence, source)


def _sliced(prepared: Prepared, streaming: Streaming) -> Iterator[Prepared]:
    rows = _packed(prepared)
    for piece in streaming.cut(rows):
        yield _unpacked(whole(piece), prepared.source)
