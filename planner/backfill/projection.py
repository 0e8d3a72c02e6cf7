"""Events kept decoded, in the order of key and time, so that one more feature reads what it needs.

A projection is a folder of columns, each one Arrow file that is mapped and not read: the numbers of
the source's rows in the order of a join's key and of their time, and the source's columns in that
order. Its address is made of what it is sorted by and of the files that it was made from; a column
is added when a feature first reads it. It is a cache: whatever is missing or damaged is made again,
and a newer one of the same order takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bighead.planner.backfill import folder
from bighead.planner.backfill.columns import digest, meaning_of
from bighead.planner.backfill.days import ONE_DAY, Days, midnight
from bighead.planner.backfill.inputs import Inputs, Open
from bighead.planner.backfill.manifest import Projection, Stored
from bighead.planner.backfill.plan import width
from bighead.planner.backfill.reach import Sight
from bighead.planner.passes.prune_columns import prune_columns
from bighead.planner.sources.dataset import Dataset, Shrinking, Size, Span
from bighead.planner.sources.pick import column_of, pick, reads
from bighead.zipline.ir.expr import Expr, columns_of
from bighead.zipline.ir.nodes import (
    Events,
    Filter,
    Lookup,
    Node,
    Project,
    Scan,
    TemporalJoin,
    View,
    walk,
)
from bighead.zipline.ir.sources import EventSource

ROWS = "#rows"
"""The column of a projection that says which row of the source each of its rows is."""

SEEN = 0.25
"""A projection is read where a run sees at least this share of the source's files: all its rows are
looked through, while files that no row sees are not opened. Measured: decoding a column of Parquet
takes 5 times as long as looking through one that is mapped."""

OF_MEMORY = 0.25
"""So much of what a query may take is held at once while a projection is made."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a projection is sorted by."""

    source: EventSource
    keys: tuple[Expr, ...]
    time: Expr

    @property
    def meaning(self) -> str:
        """The address of it."""
        read = columns_of(*self.keys, self.time)
        named = tuple((f"k{i}", key) for i, key in enumerate(self.keys))
        return meaning_of(Project(Scan(self.source, read), (*named, ("time", self.time))))


def orders_of(plan: Node) -> tuple[Order, ...]:
    """The sources of a plan that are read in one order alone."""
    orders: dict[str, list[Order]] = {}
    for join in walk(plan):
        source = _source_of(join)
        if source is not None and isinstance(join, TemporalJoin):
            order = Order(source, tuple(join.right.keys), source.event_time)
            orders.setdefault(source.name, []).append(order)
    scans = [node.source.name for node in walk(plan) if isinstance(node, Scan)]
    return tuple(
        found[0]
        for name, found in orders.items()
        if len(set(found)) == 1
        and len(found) == scans.count(name)  # whoever else reads it wants it as it is
        and found[0].keys
        and not any(pa.types.is_nested(k.type) for k in found[0].keys)
    )


def _source_of(node: Node) -> EventSource | None:
    """The source whose rows, or some of them, are the events of a join."""
    if not isinstance(node, TemporalJoin) or type(node.right) not in (View, Lookup):
        return None
    events: Node = node.right.events
    if type(events) is not Events:
        return None
    below = events.inputs[0]
    while isinstance(below, Filter):
        below = below.input
    source = below.source if isinstance(below, Scan) else None
    return source if isinstance(source, EventSource) else None


@dataclass(slots=True)
class Projections:
    """The projections of a folder."""

    root: Path
    open_source: Open
    inputs: Inputs
    most: int | None
    """Bytes that one may take; None: there is no telling."""
    least: int
    """Rows; a smaller source is read from its files each time."""
    kept: dict[str, Projection]
    """By address; changed as they are made."""

    def datasets(self, plan: Node, sights: Iterable[Sight], days: Days) -> dict[str, Sorted]:
        """Sources of a plan by name, sorted, where that pays for these days.

        sights: what rows of a day can see of each source.
        """
        found = {}
        sights = tuple(sights)
        for order in orders_of(plan):
            name = order.source.name
            if self._seen(name, sights, days):
                original = self.open_source(order.source)
                address = self._address(order)
                kept = self.kept.get(address)
                counted = kept.rows if kept is not None else None
                size = original.size() if counted is None else Size(counted, None)
                if self._fits(plan, name, original.schema, size.rows or 0):
                    found[name] = Sorted(self, order, original, address, size)
        return found

    def missing(self, plan: Node, sights: Iterable[Sight], days: Days) -> dict[str, int]:
        """By source, about how many bytes `datasets` would come to write."""
        found = {}
        for name, dataset in self.datasets(plan, sights, days).items():
            kept = self.kept.get(dataset.address)
            there = kept.columns if kept is not None else {}
            added = [c for c in (ROWS, *_read_of(plan, name)) if _file(c) not in there]
            if added:
                found[name] = (dataset.size().rows or 0) * _width(dataset.schema, added)
        return found

    def _seen(self, name: str, sights: tuple[Sight, ...], days: Days) -> bool:
        """Whether rows of the days see enough of a source."""
        files = self.inputs.get(name, ())
        first, last = midnight(days.start), midnight(days.end - ONE_DAY)
        seen = sum(
            any(s.source.name == name and s.sees(f.times, first, last) for s in sights)
            for f in files
        )
        return bool(files) and seen >= SEEN * len(files)

    def _fits(self, plan: Node, name: str, schema: pa.Schema, rows: int) -> bool:
        if not rows or rows < self.least:
            return False
        bytes_ = rows * _width(schema, (ROWS, *_read_of(plan, name)))
        return self.most is None or bytes_ <= self.most * OF_MEMORY

    def _address(self, order: Order) -> str:
        return digest("projection", order.meaning, marks_of(self.inputs, order.source.name))

    def column(self, dataset: Sorted, name: str) -> pa.ChunkedArray[Any]:
        """A column in the order of a projection: mapped, or made and kept."""
        kept = self.kept.get(dataset.address)
        stored = kept.columns.get(_file(name)) if kept is not None else None
        if stored is not None:
            mapped = _mapped(folder.projected(self.root, dataset.address, _file(name)), stored)
            if mapped is not None:
                return mapped
        made = self._rows(dataset) if name == ROWS else self._taken(dataset, name)
        self._keep(dataset, name, made)
        return made

    def _rows(self, dataset: Sorted) -> pa.ChunkedArray[Any]:
        order = dataset.order
        table = dataset.original.scan(columns_of(*order.keys, order.time))
        columns = [column_of(table, e) for e in (*order.keys, order.time)]
        return pa.chunked_array([pa.array(_sorted(columns), pa.int64())])

    def _taken(self, dataset: Sorted, name: str) -> pa.ChunkedArray[Any]:
        rows = self.column(dataset, ROWS)
        column: Any = dataset.original.scan([name]).column(name).combine_chunks()
        taken = column.take(rows.chunk(0))
        # Texts of more than 2 GiB stay in pieces.
        return taken if isinstance(taken, pa.ChunkedArray) else pa.chunked_array([taken])

    def _keep(self, dataset: Sorted, name: str, column: pa.ChunkedArray[Any]) -> None:
        """Writes a column; what is of the same order and of other files is forgotten."""
        content = _written(column)
        path = folder.projected(self.root, dataset.address, _file(name))
        folder.write_whole(path, content)
        order = dataset.order
        kept = self.kept.get(dataset.address) or Projection(
            order.source.name,
            order.meaning,
            marks_of(self.inputs, order.source.name),
            len(column),
        )
        columns = {**kept.columns, path.stem: Stored.of(content)}
        self.kept[dataset.address] = replace(kept, columns=columns)
        for address, other in list(self.kept.items()):
            if other.meaning == kept.meaning and address != dataset.address:
                del self.kept[address]


@dataclass(frozen=True, slots=True)
class Sorted:
    """A source whose rows come in the order of a projection."""

    projections: Projections
    order: Order
    original: Dataset
    address: str
    held: Size
    """That of the source, which is asked more than once."""

    @property
    def schema(self) -> pa.Schema:
        """That of the source."""
        return self.original.schema

    @property
    def files(self) -> tuple[str, ...]:
        """Those of the source."""
        return self.original.files

    @property
    def lost(self) -> frozenset[str]:
        """Those of the source."""
        return self.original.lost if isinstance(self.original, Shrinking) else frozenset()

    def size(self) -> Size:
        """That of the source."""
        return self.held

    def scan(
        self, columns: Sequence[str], predicate: Expr | None = None, span: Span | None = None
    ) -> pa.Table:
        """The columns of the rows for which the predicate is true."""
        asked = list(columns) or self.schema.names[:1]
        return pick(self._columns(asked, predicate, span), asked, predicate, span).select(
            list(columns)
        )

    def pieces(
        self, columns: Sequence[str], rows: int, predicate: Expr | None, span: Span | None
    ) -> Iterator[pa.Table]:
        """The same in pieces."""
        asked = list(columns) or self.schema.names[:1]
        table = self._columns(asked, predicate, span)
        for start in range(0, table.num_rows, rows):
            yield pick(table.slice(start, rows), asked, predicate, span).select(list(columns))

    def _columns(self, asked: list[str], predicate: Expr | None, span: Span | None) -> pa.Table:
        needed = reads(asked, predicate, span)
        return pa.table([self.projections.column(self, n) for n in needed], names=needed)


def marks_of(inputs: Inputs, source: str) -> str:
    """The address of the files of a source."""
    return digest(*sorted(f"{f.name}\0{f.mark}" for f in inputs.get(source, ())))


def current(kept: Mapping[str, Projection], inputs: Inputs) -> dict[str, Projection]:
    """The projections that are of the files as they were last looked at."""
    return {a: p for a, p in kept.items() if p.marks == marks_of(inputs, p.source)}


def _sorted(columns: list[pa.ChunkedArray[Any]]) -> Any:
    """The row numbers in the order of some columns; equal rows keep theirs."""
    plain = all(pa.types.is_integer(c.type) or pa.types.is_timestamp(c.type) for c in columns)
    if plain and not any(c.null_count for c in columns):
        numbers = [c.combine_chunks().view(_bits(c.type)).to_numpy() for c in columns]
        return np.lexsort(numbers[::-1])
    names = [f"c{i}" for i in range(len(columns))]
    keys: Any = [(n, "ascending") for n in names]
    return pc.sort_indices(pa.table(columns, names=names), sort_keys=keys).to_numpy()


def _bits(arrow: pa.DataType) -> Any:
    return pa.int64() if pa.types.is_timestamp(arrow) else arrow


def _read_of(plan: Node, name: str) -> tuple[str, ...]:
    """The columns of a source that a plan reads."""
    scans = (n for n in walk(prune_columns(plan)) if isinstance(n, Scan) and n.source.name == name)
    columns = ((*scan.columns, *columns_of(scan.predicate)) for scan in scans)
    return tuple(dict.fromkeys(c for each in columns for c in each))


def _width(schema: pa.Schema, columns: Iterable[str]) -> int:
    return sum(8 if c == ROWS else width(schema.field(c).type) for c in columns)


def _file(column: str) -> str:
    return digest(column)


def _written(column: pa.ChunkedArray[Any]) -> memoryview:
    sink = pa.BufferOutputStream()
    table = pa.table([column], names=["c"])
    with pa.ipc.new_file(sink, table.schema) as file:
        file.write_table(table)
    return memoryview(sink.getvalue())


def _mapped(path: Path, stored: Stored) -> pa.ChunkedArray[Any] | None:
    """The column of a file; None where that is not what was written."""
    try:
        with pa.memory_map(str(path)) as file:
            content = file.read_buffer()
    except OSError:
        return None
    if not stored.holds(memoryview(content)):
        return None
    return pa.ipc.open_file(content).read_all().column(0)
