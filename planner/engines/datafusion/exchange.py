"""A join as of a time whose two sides do not fit into memory.

What a row of the spine gets depends on the events of its key alone. So both sides are dealt into
files by a hash of the key, each part is joined in memory while the next one is read, and the
results are put together again by the numbers of the spine's rows. A part that a hot key makes too
large is dealt again: by time where the windows have an end, each stretch of the spine with the
events that it can reach; else by another hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.kernels.temporal import join_arrays
from bighead.planner.engines.datafusion.dealing import Dealer, parts_of, somewhere
from bighead.planner.engines.datafusion.estimate import event_width, spine_width, waiting_width
from bighead.planner.engines.datafusion.events import Prepared, united
from bighead.planner.engines.datafusion.gathering import ROW, InMemory, OnDisk, Results
from bighead.planner.engines.datafusion.moments import (
    EARLIEST,
    LATEST,
    Moments,
    Range,
    moments_of,
)
from bighead.planner.engines.datafusion.packing import Packing, packing
from bighead.planner.engines.datafusion.rows import (
    Numbers,
    batch_of,
    column,
    exported,
    integers,
    is_plain,
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

SHARE = 0.4
"""Of the memory, what a part may take by the estimate; buffers and results take the rest."""

KEPT = 0.66
"""Of the memory, what results that wait for the others may take; else they wait on disk."""

MOST_PARTS = 256
DEEPEST = 3
"""How often a part is dealt again."""

Given = dict[int, pa.Table | Prepared]
"""The rows of nodes of the plan, by their identity."""


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
    kept = streaming.sizes.rows(join.spine) * waiting_width(join.schema)
    keeps = InMemory.takes(join.schema) and kept <= KEPT * streaming.memory
    with ThreadPoolExecutor(streaming.threads) as pool, ThreadPoolExecutor(1) as behind:
        yield from _Exchange(streaming, join, around, pool, behind, keeps).rows()


@dataclass(slots=True)
class _Exchange:
    streaming: Streaming
    join: TemporalJoin
    around: Moments | None
    pool: ThreadPoolExecutor
    behind: ThreadPoolExecutor
    keeps: bool
    """Whether results wait in memory."""
    spine_rows: int = 0
    begun: int = 0
    """Rows of the spine in the parts that are read, or were."""
    done: int = 0
    held: Prepared | None = None
    """The changes of an entity: every part has them all."""

    def rows(self) -> Iterator[pa.Table]:
        dealt = self._parts()
        parts = [part for part in dealt if part.spine.rows] or dealt[:1]
        for part in dealt:
            if part not in parts:
                part.remove()
        size = self.streaming.piece_rows(self.join.schema)
        results = self._results(size)
        pieces = largest = 0
        pa.default_memory_pool().release_unused()  # what reading took
        # Those that take most while there are few results beside them.
        for part, cost, given in self._read_ahead(sorted(parts, key=self._cost, reverse=True)):
            # What one part gives back serves the next.
            self.streaming.keeping.allow(self._target(self.begun))
            pieces += 1
            largest = max(largest, cost)
            results.add(self._joined(given))
            self.done += part.spine.rows
            self._report("joining", self.done, self.spine_rows)
        self.streaming.keeping.allow(self.streaming.idle)
        label = getattr(self.join, "label", self.join.alias)
        self.streaming.run.facts.append(
            f"{label}: {pieces:,} parts on disk, the largest about {spelled(largest)} of "
            f"{spelled(self.streaming.memory)}"
        )
        done = 0
        for piece in results.pieces():
            yield piece
            done = min(self.spine_rows, done + size)
            self._report("putting together", done, self.spine_rows)

    def _results(self, size: int) -> Results:
        threads = self.streaming.threads
        if self.keeps and self.spine_rows <= self.streaming.sizes.rows(self.join.spine):
            return InMemory(self.spine_rows, size, threads)
        return OnDisk(self.spine_rows, size, threads, self.streaming.folder)

    # Dealing both sides.

    def _parts(self) -> list[Part]:
        join = self.join
        events = join.right.events
        count = self._count()
        near: Range = (1, 0)
        dealer: Dealer | None = None
        expected = self.streaming.sizes.rows(join.spine)
        for piece in self.streaming.pieces(join.spine, self.around):
            rows = self.spine_rows + np.arange(piece.num_rows, dtype=np.int64)
            self.spine_rows += piece.num_rows
            near = _wider(near, moments_of(integers(values(join.time, piece))))
            keys = [values(k, piece) for k in join.keys]
            # A row without a key sees nothing, in any part.
            parts = somewhere(self._parts_of(keys, count, 0, piece.num_rows))
            numbered = piece.append_column(ROW, make(rows))
            dealer = dealer or self._dealer(count, numbered.schema)
            dealer.deal(numbered, parts)
            self._report("reading the spine", self.spine_rows, expected)
        assert dealer is not None, "there is at least one piece"
        spines = dealer.finish()
        moments = Moments(near, near) if self.around is None else self.around.below(near)
        if isinstance(events, Events | UnionAll):
            dealt = [self._events(source, moments, count) for source in self._sources()]
        else:  # which version of an entity holds when is known from all of its changes
            self.held, dealt = self._prepare(events, {}, moments), []
        return [Part(spines[i], [files[i] for files in dealt]) for i in range(count)]

    def _events(self, node: Events, moments: Moments, count: int) -> list[File]:
        dealer: Dealer | None = None
        read, expected = 0, self.streaming.sizes.rows(node)
        packed = packing(node, self.join.right)
        for prepared in self._prepared(node, moments):
            rows = packed.pack(prepared)
            keys = [values(k, prepared.table) for k in self.join.right.keys]
            dealer = dealer or self._dealer(count, rows.schema)
            dealer.deal(rows, self._parts_of(keys, count, 0, rows.num_rows))
            read += rows.num_rows
            self._report("reading events", read, expected)
        assert dealer is not None, "there is at least one piece"
        return dealer.finish()

    def _prepared(self, node: Events, moments: Moments) -> Iterator[Prepared]:
        if node.identity:
            yield from self._without_copies(node, moments)
            return
        for piece in self.streaming.pieces(node.input, moments):
            yield self._prepare(node, {id(node.input): piece}, moments)

    def _without_copies(self, node: Events, moments: Moments) -> Iterator[Prepared]:
        """Copies meet in a part by their identity, whatever their keys."""
        count = self._count()
        dealer: Dealer | None = None
        for piece in self.streaming.pieces(node.input, moments):
            identity = [column(piece, name) for name in node.identity]
            dealer = dealer or self._dealer(count, piece.schema)
            dealer.deal(piece, somewhere(self._parts_of(identity, count, 0, piece.num_rows)))
        assert dealer is not None, "there is at least one piece"
        for file in dealer.finish():
            rows = whole(file.read())
            file.remove()
            prepared = self._prepare(node, {id(node.input): rows}, moments)
            size = self.streaming.piece_rows(prepared.table.schema)
            for start in range(0, max(1, prepared.table.num_rows), size):
                yield prepared.slice(start, size)

    def _prepare(
        self,
        node: Events | UnionAll | Versions,
        given: Given,
        moments: Moments,
    ) -> Prepared:
        execution = self.streaming.execution(given)
        found = execution.prepared(node, moments)
        self.streaming.absorb(execution.run)
        return found

    def _parts_of(self, keys: Sequence[Array], count: int, seed: int, rows: int) -> Array:
        return parts_of(keys, count, seed, rows, self.streaming.threads)

    def _dealer(self, count: int, schema: pa.Schema) -> Dealer:
        files = [self.streaming.folder.file(schema) for _ in range(count)]
        return Dealer(files, self.streaming.threads, self.behind, self.pool)

    def _sources(self) -> tuple[Events, ...]:
        events = self.join.right.events
        if isinstance(events, UnionAll):
            return events.events
        return (events,) if isinstance(events, Events) else ()

    # How large a part may be.

    def _count(self) -> int:
        """How many parts are made, by the estimate."""
        sizes = self.streaming.sizes
        target = self._target(sizes.rows(self.join.spine))
        return max(1, min(MOST_PARTS, -(-sizes.join(self.join) // target)))

    def _target(self, rows: int) -> int:
        """What a part may take beside the results of so many rows of the spine."""
        kept = rows * waiting_width(self.join.schema) if self.keeps else 0
        return max(1, int((self.streaming.memory - kept) * SHARE))

    def _cost(self, part: Part) -> int:
        events = part.event_rows * event_width(self.join)
        return events + part.spine.rows * spine_width(self.join)

    def _fitting(self, part: Part) -> Iterator[Part]:
        """The part, or what it is dealt into where it is too large."""
        target = self._target(self.begun)
        pieces = -(-self._cost(part) // target)
        if self._cost(part) <= 1.5 * target or part.depth == DEEPEST or part.spine.rows < 2:
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
        times = np.concatenate([self._spine_times(rows) for rows in part.spine.batches()])
        # Each stretch begins at a time, so that rows of equal times stay together.
        cuts = np.unique(np.quantile(times, np.arange(1, count) / count, method="lower"))
        spines = self._dealer(len(cuts) + 1, part.spine.schema)
        for rows in part.spine.batches():
            stretch = np.searchsorted(cuts, self._spine_times(rows), side="right")
            spines.deal(rows, make(stretch.astype(np.int32)))
        first, last = int(times.min()), int(times.max())
        reached = [
            (max(start - back, EARLIEST), min(end + ahead, LATEST))
            for start, end in pairwise([first, *map(int, cuts), last])
        ]
        dealt = [
            self._reached(file, packing(node, self.join.right), reached)
            for file, node in zip(part.events, self._sources(), strict=True)
        ]
        return [
            Part(spine, [files[i] for files in dealt], DEEPEST)
            for i, spine in enumerate(spines.finish())
        ]

    def _reached(self, file: File, packed: Packing, reached: Sequence[Range]) -> list[File]:
        """The rows of each of these stretches of time, which overlap, and those without a time."""
        files = [self.streaming.folder.file(file.schema) for _ in reached]
        for rows in file.batches():  # each is read once, however many stretches there are
            time = packed.time(rows)
            timeless = time.is_null().to_numpy(zero_copy_only=False)
            write = partial(_write_reached, rows, numbers(time, 0), timeless)
            list(self.pool.map(write, files, reached))
        return files

    def _spine_times(self, rows: pa.Table) -> Numbers:
        """int64 microseconds; a row without a time sees nothing, in any stretch."""
        return numbers(integers(values(self.join.time, rows)), 0)

    def _by_hash(self, part: Part, count: int) -> list[Part]:
        seed = part.depth + 1

        def deal(file: File, keys: Sequence[Expr]) -> list[File]:
            dealer = self._dealer(count, file.schema)
            for rows in file.batches():
                found = [values(k, rows) for k in keys]
                dealer.deal(rows, somewhere(self._parts_of(found, count, seed, rows.num_rows)))
            return dealer.finish()

        spines = deal(part.spine, self.join.keys)
        dealt = [deal(file, self.join.right.keys) for file in part.events]
        return [Part(spine, [files[i] for files in dealt], seed) for i, spine in enumerate(spines)]

    # Joining.

    def _read_ahead(self, parts: Sequence[Part]) -> Iterator[tuple[Part, int, Given]]:
        """Each part, or what it is dealt into, its size by the estimate and its rows.

        While the caller works on one, the next is read.
        """
        ahead: tuple[Part, int, Future[Given]] | None = None
        for part in parts:
            for fitting in self._fitting(part):
                self.begun += fitting.spine.rows
                coming = fitting, self._cost(fitting), self.behind.submit(self._read, fitting)
                if ahead is not None:
                    yield ahead[0], ahead[1], ahead[2].result()
                ahead = coming
        if ahead is not None:
            yield ahead[0], ahead[1], ahead[2].result()

    def _read(self, part: Part) -> Given:
        join, events = self.join, self.join.right.events
        spine = self._whole(part.spine)
        sources = [
            packing(node, join.right).unpack(self._whole(file))
            for node, file in zip(self._sources(), part.events, strict=True)
        ]
        part.remove()
        if isinstance(events, UnionAll):
            together = united(events, sources)
        else:
            together = sources[0] if self.held is None else self.held
        return {id(join.spine): spine, id(events): together}

    def _whole(self, file: File) -> pa.Table:
        """All rows of a file, in memory."""
        rows = file.read()
        arrays = []
        for name in rows.schema.names:
            chunks = rows.column(name).chunks
            if chunks and is_plain(rows.schema.field(name).type):
                arrays.append(exported(join_arrays(chunks, self.streaming.threads)))
            else:
                arrays.append(column(whole(rows.select([name])), name))
        return pa.Table.from_arrays(arrays, schema=rows.schema)

    def _joined(self, given: Given) -> pa.Table:
        found = self.streaming.table(self.join, given)
        given.clear()
        return found

    def _report(self, what: str, rows: int, of: int) -> None:
        label = getattr(self.join, "label", self.join.alias)
        self.streaming.run.report(f"{label}: {what}", rows, of)


def _write_reached(
    rows: pa.Table, at: Numbers, timeless: npt.NDArray[np.bool_], file: File, reached: Range
) -> None:
    keep = (at >= reached[0]) & (at <= reached[1]) | timeless
    if keep.any():
        file.write(batch_of(rows.filter(make(keep))))


def _wider(a: Range, b: Range) -> Range:
    """Both ranges; one from late to early is empty."""
    if a[0] > a[1]:
        return b
    return a if b[0] > b[1] else (min(a[0], b[0]), max(a[1], b[1]))
