"""A run that does not fit into memory: pieces of rows go through the plan one after the other.

What is row by row (scans, filters, projections, joins with a STATIC entity) works on a piece and
forgets it. A join as of a time goes through files: see `exchange.py`. Anything else is computed
whole and then cut: plain SQL, which DataFusion runs, and the changes of entities.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from bighead.planner.engine import Open, Run
from bighead.planner.engines.datafusion.estimate import Sizes, width
from bighead.planner.engines.datafusion.events import Prepared
from bighead.planner.engines.datafusion.exchange import exchanged
from bighead.planner.engines.datafusion.execution import Execution
from bighead.planner.engines.datafusion.keeping import Keeping
from bighead.planner.engines.datafusion.moments import Moments, span_of
from bighead.planner.engines.datafusion.questions import reads_of
from bighead.planner.engines.datafusion.rows import batch_of, whole
from bighead.planner.sources.dataset import Dataset, Span, Streams
from bighead.planner.spill.folder import File, Folder
from bighead.zipline.ir.common import Common, Within, readers
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Filter, Node, Project, Scan, StaticJoin, TemporalJoin

MOST_ROWS = 1 << 20
LEAST_ROWS = 1 << 10
PIECES = 32
"""A piece of rows takes one of so many parts of the memory."""

IDLE = 16
"""Memory that waits to be used again takes one of so many."""

_COUNTED = re.compile(r"(?<![\w.])[0-9][0-9,]*(?![\w.])")


@dataclass(slots=True)
class Streaming:
    """One run, within a memory limit."""

    open_source: Open
    run: Run
    threads: int
    folder: Folder
    memory: int
    """Bytes that it may take."""
    sizes: Sizes
    least_rows: int = LEAST_ROWS
    facts: dict[str, list[int]] = field(default_factory=dict)
    """Remarks of the pieces without their counts, and the sums of these."""
    common: dict[tuple[int, Moments | None], File] = field(default_factory=dict)
    """The rows that several parts of the plan read."""
    reads: Counter[int] = field(default_factory=Counter)
    """How often they will still be read, by the number of the Common."""
    keeping: Keeping = field(default_factory=Keeping)

    def rows(self, plan: Node) -> Iterator[pa.Table]:
        """The rows of a plan, in order, piece by piece; at least one, maybe empty."""
        self.reads = readers(plan)
        self.keeping.allow(self.idle)
        try:
            yield from self.pieces(plan)
        finally:
            self.keeping.end()
        self.run.facts += [_spelled(text, counts) for text, counts in self.facts.items()]
        self.run.facts.append(
            f"spilled {self.folder.total:,} bytes to {self.folder.path.parent}, "
            f"{self.folder.highest:,} at a time"
        )

    def pieces(self, node: Node, moments: Moments | None = None) -> Iterator[pa.Table]:
        """The rows of a node; scans below it that have a reach are limited by the moments."""
        match node:
            case Scan():
                yield from self._scan(node, moments)
            case Filter() | Project():
                for piece in self.pieces(node.input, moments):
                    yield self.table(node, {id(node.input): piece})
            case StaticJoin():
                entity = self.table(node.entity)
                for piece in self.pieces(node.spine, moments):
                    yield self.table(node, {id(node.spine): piece, id(node.entity): entity})
            case TemporalJoin():
                yield from exchanged(self, node, moments)
            case Within():
                for piece in self.pieces(node.input, moments):
                    yield self.table(node, {id(node.input): piece}, moments)
            case Common():
                yield from self._common(node, moments)
            case _:
                yield from self.cut(self.table(node, moments=moments))

    def table(
        self,
        node: Node,
        given: dict[int, pa.Table | Prepared] | None = None,
        moments: Moments | None = None,
    ) -> pa.Table:
        """A node's rows at once, over the rows given for nodes below it."""
        execution = self.execution(given or {})
        found = execution.table(node, moments)
        self.absorb(execution.run)
        return found

    def execution(self, given: dict[int, pa.Table | Prepared]) -> Execution:
        """A run of a part of the plan, over the rows given for nodes below it."""
        return Execution(self.open_source, Run(), self.threads, given)

    def cut(self, rows: pa.Table) -> Iterator[pa.Table]:
        """A table in pieces; at least one."""
        size = self.piece_rows(rows.schema)
        for start in range(0, max(rows.num_rows, 1), size):
            yield rows.slice(start, size)

    def piece_rows(self, schema: pa.Schema) -> int:
        """How many rows of these columns are worked on at a time."""
        fitting = self.memory // PIECES // max(1, width(schema))
        return max(self.least_rows, min(MOST_ROWS, fitting))

    @property
    def idle(self) -> int:
        """How much memory may wait to be used again."""
        return self.memory // IDLE

    def absorb(self, run: Run) -> None:
        """Adds what is known of the run of a part."""
        for label, seconds in run.seconds.items():
            self.run.seconds[label] = self.run.seconds.get(label, 0.0) + seconds
        for label, rows in run.rows.items():
            self.run.rows[label] = self.run.rows.get(label, 0) + rows
        for fact in run.facts:
            label, _, rest = fact.partition(": ")
            if label in run.seconds:  # which path the kernel took; its counts do not add up
                self.facts[f"{label}: {rest.partition(';')[0]}"] = []
                continue
            text = _COUNTED.sub("{}", fact)
            counts = [int(n.replace(",", "")) for n in _COUNTED.findall(fact)]
            known = self.facts.setdefault(text, [0] * len(counts))
            self.facts[text] = [a + b for a, b in zip(known, counts, strict=True)]

    def _common(self, node: Common, moments: Moments | None) -> Iterator[pa.Table]:
        """The rows that several read, written to disk for the first of them."""
        if node.reach is None or moments is None:
            moments = None
        else:
            moments = Moments(moments.base, moments.base)
        file = self.common.get((node.number, moments))
        if file is None:
            for piece in self.pieces(node.input, moments):
                if file is None:
                    file = self.common[node.number, moments] = self.folder.file(piece.schema)
                file.write(batch_of(piece))
            assert file is not None, "there is at least one piece"
            file.close()
        self.run.rows[str(getattr(node, "label", type(node).__name__))] = file.rows
        some = False
        for piece in file.batches():
            some = True
            yield whole(piece)
        if not some:
            yield node.schema.empty_table()
        self.reads[node.number] -= 1
        if self.reads[node.number] <= 0:
            for kept in [kept for kept in self.common if kept[0] == node.number]:
                self.common.pop(kept).remove()

    def _scan(self, node: Scan, moments: Moments | None) -> Iterator[pa.Table]:
        schema = pa.schema([node.source.schema.field(c) for c in reads_of(node)])
        span = span_of(node, moments, self.open_source)
        dataset = self.open_source(node.source)
        some, label = False, str(getattr(node, "label", type(node).__name__))
        for piece in _read(dataset, schema, node.predicate, span, self.piece_rows(schema)):
            some = True
            self.run.rows[label] = self.run.rows.get(label, 0) + piece.num_rows
            yield whole(piece.select(list(node.columns)))
        if not some:
            yield node.schema.empty_table()


def _read(
    dataset: Dataset, schema: pa.Schema, predicate: Expr | None, span: Span | None, rows: int
) -> Iterator[pa.Table]:
    if isinstance(dataset, Streams):
        yield from dataset.pieces(schema.names, rows, predicate, span)
        return
    table = dataset.scan(schema.names, predicate, span)
    for start in range(0, table.num_rows, rows):
        yield table.slice(start, rows)


def _spelled(text: str, counts: list[int]) -> str:
    first, *others = text.split("{}")
    return first + "".join(f"{n:,}{part}" for n, part in zip(counts, others, strict=True))
