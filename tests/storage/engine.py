"""The store as an engine, so that what compares engines compares it too.

A plan's one join becomes a set; the events come in batches drawn at random, some of them twice, and
the store is swept, closed and opened in between where the database allows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.planner.engine import Open, Run
from bighead.storage.database.database import Database, Memory
from bighead.storage.sets.prepare import integers, source_of, values
from bighead.storage.store import Settings, Store
from bighead.storage.writing.ingesting import Stamp
from bighead.zipline.errors import DataError
from bighead.zipline.ir.nodes import Node, Project, Scan, TemporalJoin, UnionAll

SMALL = (1, 2, 50, 1000, 10**6, 3600 * 10**6, 86_400 * 10**6, 32 * 86_400 * 10**6)


@dataclass(slots=True)
class StoreEngine:
    """Answers a join from a store; the spine is a plain table."""

    seed: int = 0
    settings: Settings = field(default_factory=lambda: Settings(leaf=4, logged=2, sizes=SMALL))
    database: Database | None = None
    name: str = field(default="store", init=False)

    def supports(self, node: Node) -> str | None:
        """Nothing is known beforehand."""
        return None

    def compile(self, plan: Node) -> Node:
        """The plan itself."""
        return plan

    def foresee(self, _plan: Node, _open_source: Open) -> list[str]:
        """Nothing is known beforehand."""
        return []

    def stream(self, plan: Node, open_source: Open, run: Run) -> Iterator[pa.Table]:
        """The rows of the plan, in one piece."""
        yield self.run(plan, open_source, run)

    def run(self, plan: Node, open_source: Open, run: Run) -> pa.Table:
        """The rows of the plan."""
        if isinstance(plan, Project):
            below = self.run(plan.input, open_source, run)
            arrays = [values(e, below) for _, e in plan.columns]
            return pa.Table.from_arrays(arrays, names=[n for n, _ in plan.columns])
        assert isinstance(plan, TemporalJoin)
        assert isinstance(plan.spine, Scan)
        rng = np.random.default_rng(self.seed)
        database = Memory() if self.database is None else self.database
        store = Store.over(database, self.settings)
        store.define("set", plan.right)
        events = plan.right.events
        parts = events.events if isinstance(events, UnionAll) else (events,)
        batches = []
        for source in {source_of(p.input).name: source_of(p.input) for p in parts}.values():
            rows = open_source(source).scan(source.scanned.names)
            batches += drawn(rng, source.name, rows)
        for i in rng.permutation(len(batches)):
            name, partition, rows = batches[i]
            store.ingest(name, rows, Stamp(partition, 0))
            if rng.random() < 0.3:
                store.ingest(name, rows, Stamp(partition, 0))
            if rng.random() < 0.2:
                store = Store.over(database, self.settings)
        spine = open_source(plan.spine.source).scan(plan.spine.columns)
        keys = [values(k, spine) for k in plan.keys]
        times = integers(values(plan.time, spine))
        fetched = store.fetch(
            "set", keys, times, inclusive=plan.inclusive, spine=spine, alias=plan.alias
        )
        if fetched.faults:
            raise DataError(fetched.faults[0].reason)
        columns: list[Any] = [*spine.columns, *fetched.table.columns]
        names = [*spine.column_names, *(f"{plan.alias}.{n}" for n in fetched.table.column_names)]
        table = pa.Table.from_arrays(columns, names=names)
        found: Any = pa.array(fetched.found, pa.bool_())
        return table.filter(found) if plan.kind == "inner" else table


def drawn(rng: np.random.Generator, name: str, rows: pa.Table) -> list[tuple[str, str, pa.Table]]:
    """The rows of a source in parts, each of a partition of its own, in any order."""
    order: Any = pa.array(rng.permutation(rows.num_rows))
    rows = rows.take(order)
    cuts = sorted(int(c) for c in rng.integers(0, rows.num_rows + 1, int(rng.integers(0, 6))))
    bounds = [0, *cuts, rows.num_rows]
    return [
        (name, f"{i}", rows.slice(first, last - first))
        for i, (first, last) in enumerate(pairwise(bounds))
    ]
