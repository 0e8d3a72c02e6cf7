"""Retention: a sweep over the keys of a set that drops what no question can read any more.

The horizon is written down before the first row goes, so that no question is answered from half of
what it needs; the place where a sweep stops is written with what it did, so that it goes on there.
Of a window of all history the states of what is dropped remain, as the key's base; of windows cut
to a number of rows, and of look-ups, the newest rows of each key remain. Of an entity the versions
go that ended before the horizon, and the changes that decide nothing any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bighead.kernels import tiles
from bighead.storage.database.database import Batch, Table
from bighead.storage.database.database import View as Snapshot
from bighead.storage.database.keys import after, block_key, key_of_block, key_prefix, set_prefix
from bighead.storage.sets.definitions import LEAST, Definition
from bighead.storage.sets.exports import exported
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.writing.versions import (
    difference,
    grouped,
    needed_from,
    pack,
    unpack,
    versions_of,
)
from bighead.zipline.ir.nodes import Versions

TOGETHER = 1000
"""Blocks that change in one commit, and a key more."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did."""

    keys: int
    rows: int
    """How many were dropped."""
    done: bool
    """Whether all keys have been swept."""


@dataclass(slots=True)
class Sweep:
    """A sweep of one set; `remember` commits a batch together with the set's definition."""

    database: Snapshot
    definition: Definition
    plan: SetPlan
    remember: Callable[[Definition, Batch], None]

    def run(self, horizon: int, most: int | None) -> Swept:
        """Sweeps some keys, from where the last run stopped."""
        state = self.definition
        if self.plan.keeps_all:
            return Swept(0, 0, True)
        if not state.swept:
            if horizon <= state.horizon:
                return Swept(0, 0, True)
            state = state.at(horizon, set_prefix(state.generation, state.number).hex())
            self.remember(state, {})
        keys = rows = 0
        batch: Batch = {}
        table: Table = "changes" if self.plan.entity else "blocks"
        for of_key in self._keys(table, bytes.fromhex(state.swept)):
            if most is not None and keys >= most:
                self.remember(state.at(state.horizon, of_key.hex()), batch)
                return Swept(keys, rows, False)
            if len(batch) >= TOGETHER:
                self.remember(state.at(state.horizon, of_key.hex()), batch)
                batch = {}
            sweep = self._changes if self.plan.entity else self._key
            rows += sweep(of_key, state.horizon, batch)
            keys += 1
        self.remember(state.at(state.horizon, ""), batch)
        return Swept(keys, rows, True)

    def _keys(self, table: Table, start: bytes) -> Iterator[bytes]:
        """The prefixes of the set's keys, or its primary keys, from one on."""
        end = after(set_prefix(self.definition.generation, self.definition.number))
        at: bytes | None = start
        while at is not None:
            found = next(iter(self.database.scan(table, at, end)), None)
            if found is None:
                return
            if table == "changes":
                yield found[0]
                at = found[0] + b"\0"
                continue
            of_key, _, _ = key_of_block(found[0])
            yield of_key
            at = after(of_key)

    def _changes(self, name: bytes, horizon: int, batch: Batch) -> int:
        """Sweeps the changes of one primary key, and the versions that ended; how many of these."""
        part = self.plan.parts[0]
        held = self.database.get("changes", name)
        assert isinstance(part, Versions)
        assert held is not None
        rows = unpack(held, part.input.schema)
        kept = needed_from(part, rows, horizon)
        if kept.num_rows == rows.num_rows:
            return 0
        batch["changes", name] = pack(kept)
        was, now = versions_of(self.plan, part, rows), versions_of(self.plan, part, kept)
        gone, come = difference(was, now)
        removed, added = grouped(self.plan, was, gone), grouped(self.plan, now, come)
        prefix = set_prefix(self.definition.generation, self.definition.number)
        for key in {**removed, **added}:
            get, put = self._blocks(key_prefix(prefix, key), batch)
            changes, _ = self.plan.layout.replace(get, added.get(key), removed.get(key), True)
            put(changes)
        return len(gone) - len(come)

    def _key(self, of_key: bytes, horizon: int, batch: Batch) -> int:
        """Sweeps one key; how many rows went."""
        get, put = self._blocks(of_key, batch)
        layout, keep = self.plan.layout, self.plan.keep
        before = self._before(get, horizon)
        if before is None:
            return 0
        changes, late = layout.flush(get, keep)
        put(changes)
        changes, dropped = layout.trim(get, before, keep)
        put(changes)
        return late + dropped

    def _blocks(
        self, of_key: bytes, batch: Batch
    ) -> tuple[tiles.Get, Callable[[tiles.Changes], None]]:
        """Blocks of a key as the batch leaves them, and what puts changes into it."""

        def get(level: int, number: int) -> bytes | None:
            name = block_key(of_key, level, number)
            if ("blocks", name) in batch:
                return batch["blocks", name]
            return self.database.get("blocks", name)

        def put(changes: tiles.Changes) -> None:
            for level, number, data in changes:
                batch["blocks", block_key(of_key, level, number)] = data

        return get, put

    def _before(self, get: tiles.Get, horizon: int) -> int | None:
        """Rows of earlier times may go; None: none may."""
        newest = self.plan.newest
        if newest is None:
            return None
        if newest == 0:
            return horizon
        rows = tiles.RowBlock(self.plan.layout)
        try:
            rows.gather(get, horizon - 1, LEAST, newest + 1)
        except tiles.NotKept:
            return None  # the base begins behind the newest
        if len(rows) <= newest:
            return None
        times = sorted(t for t in exported(rows.arrays()[0]).to_pylist() if t is not None)
        return min(horizon, times[-newest]) if len(times) >= newest else None
