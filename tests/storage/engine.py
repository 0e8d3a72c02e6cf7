"""The store as an engine, so that what compares engines compares it too.

Each join of a plan becomes a set of a store of its own, and all else is the reference's; the events
come in batches drawn at random, some of them twice, and the store is closed and opened in between,
and swept in the end where that is asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.planner.engine import Open, Run
from bighead.planner.engines.reference.engine import Execution, ReferenceEngine, RunSql
from bighead.planner.engines.reference.values import Row, rows_of, table_of
from bighead.storage.database.database import Memory
from bighead.storage.sets.prepare import integers, source_of, values
from bighead.storage.store import Settings, Store
from bighead.storage.writing.ingesting import Stamp
from bighead.zipline.errors import DataError
from bighead.zipline.ir.nodes import Node, TemporalJoin, UnionAll, View
from bighead.zipline.windows import DAY, Window
from tests.conformance.check import no_sql

SMALL = (1, 2, 50, 1000, 10**6, 3600 * 10**6, 86_400 * 10**6, 32 * 86_400 * 10**6)

SETTINGS = Settings(leaf=4, logged=2, sizes=SMALL, recent=3000, waiting=4)


@dataclass(frozen=True, slots=True)
class StoreEngine(ReferenceEngine):
    """Answers a join from a store; the spine is a plain table."""

    run_sql: RunSql = no_sql
    seed: int = 0
    settings: Settings = SETTINGS
    folder: Path | None = None
    """Where the store lies, which is closed and opened in between; None: in memory."""
    horizon: int | None = None
    """To which it is swept in the end."""
    other_windows: bool = False
    """The set is read from the blocks of one that differs in its windows."""
    name: str = field(default="store", init=False)

    def run(self, plan: Node, open_source: Open, run: Run) -> pa.Table:
        """The rows of the plan."""
        return _Execution(self.run_sql, open_source, run, engine=self).table(plan)

    def join(self, join: TemporalJoin, spine: pa.Table, open_source: Open) -> pa.Table:
        """The spine with what a store answers for its rows."""
        if self.folder is None:
            memory = Memory()
            return self._join(join, spine, open_source, lambda: Store.over(memory, self.settings))
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            path = Path(place) / "store"
            return self._join(join, spine, open_source, lambda: Store.open(path, self.settings))

    def _join(
        self,
        plan: TemporalJoin,
        spine: pa.Table,
        open_source: Open,
        opened: Callable[[], Store],
    ) -> pa.Table:
        rng = np.random.default_rng(self.seed)
        store = opened()
        try:
            if self.other_windows and isinstance(plan.right, View):
                store.define("other", _other(plan.right))
            store.define("set", plan.right)
            if self.other_windows and _is_shared(plan.right):
                assert store.sets["set"].of == "other"
            batches = _batches(rng, plan, open_source)
            for i in rng.permutation(len(batches)):
                name, partition, rows = batches[i]
                store.ingest(name, rows, Stamp(partition, 0))
                if rng.random() < 0.3:
                    store.ingest(name, rows, Stamp(partition, 0))
                if rng.random() < 0.3:
                    store.close()
                    store = opened()
            while self.horizon is not None and not store.sweep("set", self.horizon, 3).done:
                store.close()
                store = opened()
            return answer(store, plan, spine)
        finally:
            store.close()


@dataclass(frozen=True, slots=True)
class _Execution(Execution):
    """One run, whose joins are answered by stores."""

    engine: StoreEngine = field(kw_only=True)

    def temporal_join(self, join: TemporalJoin) -> list[Row]:
        """Each row of the spine asks a store."""
        spine = table_of(self.rows(join.spine), join.spine.schema)
        return rows_of(self.engine.join(join, spine, self.open_source))


def _batches(
    rng: np.random.Generator, plan: TemporalJoin, open_source: Open
) -> list[tuple[str, str, pa.Table]]:
    """The rows of all sources in parts."""
    events = plan.right.events
    parts = events.events if isinstance(events, UnionAll) else (events,)
    batches = []
    for source in {source_of(p.input).name: source_of(p.input) for p in parts}.values():
        rows = open_source(source).scan(source.scanned.names)
        batches += drawn(rng, source.name, rows)
    return batches


def answer(store: Store, plan: TemporalJoin, spine: pa.Table) -> pa.Table:
    """The spine with what the set has for its rows."""
    fetched = store.fetch(
        "set",
        [values(k, spine) for k in plan.keys],
        integers(values(plan.time, spine)),
        inclusive=plan.inclusive,
        spine=spine,
        alias=plan.alias,
    )
    if fetched.faults:
        raise DataError(fetched.faults[0].reason)
    columns: list[Any] = [*spine.columns, *fetched.table.columns]
    names = [*spine.column_names, *(f"{plan.alias}.{n}" for n in fetched.table.column_names)]
    table = pa.Table.from_arrays(columns, names=names)
    found: Any = pa.array(fetched.found, pa.bool_())
    return table.filter(found) if plan.kind == "inner" else table


def _other(view: View) -> View:
    """The view with a window of a day for each that has no number of rows."""
    features = [f if f.window.rows else replace(f, window=Window(DAY)) for f in view.features]
    return replace(view, features=tuple(features))


def _is_shared(right: Node) -> bool:
    return isinstance(right, View) and not any(f.aggregate.user for f in right.features)


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
