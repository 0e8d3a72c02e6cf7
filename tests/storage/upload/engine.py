"""A store that was uploaded, as an engine: part of the rows from batch, the others by streams.

Some come before the upload, some while it is made and taken in, some later; those that came before
are in the batch too. The answers are those of a store that has each row once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.planner.engine import Open
from bighead.storage.sets.prepare import integers, source_of, values
from bighead.storage.store import Store
from bighead.storage.upload.building import Asked, Batch
from bighead.storage.upload.switching import advance, take_in
from bighead.storage.upload.uploads import build
from bighead.storage.writing.arrival import Arrival
from bighead.storage.writing.stream_log import time_of
from bighead.zipline.ir.nodes import Lookup, Node, Scan, TemporalJoin, UnionAll, View
from bighead.zipline.ir.rewrite import transform_plan
from bighead.zipline.ir.sources import Source
from tests.storage.engine import StoreEngine, answer

INSTANT, EVER = 1_000_000, 2**63 - 1


@dataclass(frozen=True, slots=True)
class UploadEngine(StoreEngine):
    """Answers a join from a store that was uploaded while rows came."""

    memory: int = 2000
    """Bytes of rows that the upload holds at once: few, so that it deals them in files."""

    def join(self, join: TemporalJoin, spine: pa.Table, open_source: Open) -> pa.Table:
        """The spine with what a store answers for its rows."""
        right = cast("View | Lookup", transform_plan(join.right, _online))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store"
            with Store.open(path, self.settings) as store:
                store.define("set", right)
                self._fill(store, path, right, open_source)
                store.verify()
                return answer(store, join, spine)

    def _fill(self, store: Store, path: Path, right: View | Lookup, open_source: Open) -> None:
        rng = np.random.default_rng(self.seed)
        events = right.events
        parts = events.events if isinstance(events, UnionAll) else (events,)
        batches: dict[str, pa.Table] = {}
        later: list[tuple[str, pa.Table]] = []
        for source in {source_of(p.input).name: source_of(p.input) for p in parts}.values():
            rows = open_source(source).scan(source.scanned.names)
            order = rng.permutation(rows.num_rows)
            cut = int(rng.integers(0, rows.num_rows + 1))
            if (time := time_of(source)) is not None:
                # The batch has the rows before a moment, and no moment lies behind the last.
                last = np.array([t == EVER for t in integers(values(time, rows)).to_pylist()], bool)
                order = np.concatenate([order[~last[order]], order[last[order]]])
                cut = min(cut, int((~last).sum()))
            batches[source.name] = rows.take(cast("Any", pa.array(order[:cut])))
            early = rows.take(cast("Any", pa.array(order[: cut // 2])))
            store.ingest(source.name, early, arrival=Arrival(INSTANT - 1))
            rest = order[cut:]
            half = len(rest) // 2
            later += [
                (source.name, rows.take(cast("Any", pa.array(some))))
                for some in (rest[:half], rest[half:])
            ]

        def read(source: Source, columns: Sequence[str]) -> Batch:
            rows = batches[source.name].select(columns)
            return Batch([rows.slice(i, 7) for i in range(0, max(rows.num_rows, 1), 7)])

        package = build(store, path, "set", Asked(EVER, INSTANT, self.memory), read)
        now = INSTANT
        turns = iter(later)
        for name, rows in list(turns)[: len(later) // 2]:
            store.ingest(name, rows, arrival=Arrival(now))
        take_in(store, path, package)
        rest_of = iter(later[len(later) // 2 :])
        while advance(store, path, rows=3):
            if (come := next(rest_of, None)) is not None:
                store.ingest(come[0], come[1], arrival=Arrival(now + 1))
        for name, rows in rest_of:
            store.ingest(name, rows, arrival=Arrival(now + 2))
        assert store.plan("set")[0].generation == 2


def _online(node: Node) -> Node:
    """The node, its source one that has a batch and a stream, with a cut between them."""
    if not isinstance(node, Scan):
        return node
    options = {**dict(node.source.options), "batch": "b", "stream": "s", "cut": True}
    return replace(node, source=replace(node.source, options=tuple(sorted(options.items()))))
