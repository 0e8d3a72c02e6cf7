"""The answer of one set: its groups read from one snapshot, its columns computed of them.

The groups are asked in the order of their joins, so that the key of one may be what another found.
A fault belongs to an entity and to the columns that it leaves without a value; all others have
theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bighead.storage.database.database import View as Snapshot
from bighead.storage.fetch.asking import Asked, values
from bighead.storage.fetch.served import Offer
from bighead.storage.store import Store
from bighead.zipline.expressions.arrow import Array, make
from bighead.zipline.serving import EVER, Group

FRESH, STALE, MISSING = 1, 2, 3
"""The numbers of Status in fetch.proto."""
UNKNOWN = -1
"""The age where no row has come, or where no time is asked."""

BAD_VALUE, BEYOND_RETENTION, NO_RESULT, DERIVED = 1, 2, 3, 4
"""The numbers of ErrorCode in fetch.proto."""


@dataclass(frozen=True, slots=True)
class EntityFault:
    """Why an entity has no value in some columns."""

    entity: int
    code: int
    message: str
    columns: tuple[str, ...] = ()
    """None: all of the set's."""


@dataclass(frozen=True, slots=True)
class GroupState:
    """How a group stands for each entity."""

    name: str
    statuses: npt.NDArray[np.uint8]
    ages: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answered:
    """A row an entity, in the set's columns."""

    batch: pa.RecordBatch
    groups: list[GroupState]
    faults: list[EntityFault]

    @classmethod
    def joined(cls, parts: Sequence[Answered], size: int) -> Answered:
        """One answer of several, each of `size` entities but the last."""
        table = pa.Table.from_batches([p.batch for p in parts]).combine_chunks()
        groups = [
            GroupState(
                group.name,
                np.concatenate([p.groups[i].statuses for p in parts]),
                np.concatenate([p.groups[i].ages for p in parts]),
            )
            for i, group in enumerate(parts[0].groups)
        ]
        faults = [
            replace(f, entity=f.entity + i * size) for i, p in enumerate(parts) for f in p.faults
        ]
        return cls(table.to_batches()[0], groups, faults)


@dataclass(slots=True)
class Answering:
    """One set for the entities of one request."""

    store: Store
    offer: Offer
    snapshot: Snapshot
    asked: Asked
    stale_after: int
    """Microseconds that the store may be behind."""
    pause: Callable[[], None]
    """Called between two pieces of work; raises where nobody waits for the answer any more."""
    table: pa.Table = field(init=False)
    groups: list[GroupState] = field(default_factory=list)
    faults: list[EntityFault] = field(default_factory=list)

    def run(self) -> Answered:
        """The answer."""
        self.table = self.asked.table
        for entity, reason in self.asked.bad.items():
            self.faults.append(EntityFault(entity, BAD_VALUE, reason))
        for group in self.offer.serving.groups:
            self.pause()
            self.read(group)
        columns = self.columns()
        batch = pa.RecordBatch.from_arrays(columns, schema=self.offer.schema)
        faults = sorted(self.faults, key=lambda f: (f.entity, f.columns))
        return Answered(batch, self.groups, faults)

    def read(self, group: Group) -> None:
        """Append what a group holds."""
        times = self.asked.times
        bad: dict[int, str] = {}
        keys = [values(key, self.table, bad) for key in group.keys]
        if group.timeless:
            times = make(np.full(len(times), EVER, np.int64))
        fetched = self.store.fetch(
            self.offer.sets[group.name],
            keys,
            times,
            inclusive=group.inclusive,
            spine=self.table,
            alias=group.name,
            only=self.offer.reads[group.name],
            snapshot=self.snapshot,
        )
        there = {f"{group.name}.{c}" for c in group.right.schema.names}
        for entity, reason in bad.items():
            self.fault(entity, BAD_VALUE, reason, there)
        for fault in fetched.faults:
            code = BEYOND_RETENTION if fault.late else NO_RESULT
            names = {f"{group.name}.{fault.column}"} if fault.column else there
            self.fault(fault.question, code, fault.reason, names)
        for name in self.offer.reads[group.name]:
            array = fetched.table.column(name)
            self.table = self.table.append_column(f"{group.name}.{name}", array)
        self.groups.append(self.state(group, np.asarray(fetched.found, np.bool_)))

    def fault(self, entity: int, code: int, reason: str, names: set[str]) -> None:
        """Note that columns of a group have no value for an entity, unless it is bad as a whole."""
        columns = self.offer.serving.made_of(names)
        if columns and entity not in self.asked.bad:
            self.faults.append(EntityFault(entity, code, reason, columns))

    def state(self, group: Group, found: npt.NDArray[np.bool_]) -> GroupState:
        """The status and age of a group for each entity."""
        entities = len(found)
        statuses = np.where(found, FRESH, MISSING).astype(np.uint8)
        if self.asked.bad:
            statuses[list(self.asked.bad)] = MISSING
        if group.timeless:
            return GroupState(group.name, statuses, np.zeros(entities, np.int64))
        newest = self.store.newest(self.offer.sets[group.name], self.snapshot)
        if newest is None:
            return GroupState(group.name, statuses, np.full(entities, UNKNOWN, np.int64))
        times = self.asked.times
        unasked = np.asarray(times.is_null())
        at = np.asarray(times.fill_null(newest) if times.null_count else times)
        # Beyond int64 apart they are as good as this far.
        ages = np.where(at > newest, at - newest, 0)
        ages = np.where(ages < 0, np.iinfo(np.int64).max, ages)
        statuses[(statuses == FRESH) & (ages > self.stale_after)] = STALE
        return GroupState(group.name, statuses, np.where(unasked, UNKNOWN, ages))

    def columns(self) -> list[Array]:
        """What the set gives, NULL where there is a fault."""
        bad_in: dict[str, set[int]] = {}
        for fault in self.faults:
            for name in fault.columns:
                bad_in.setdefault(name, set()).add(fault.entity)
        arrays = []
        for name, expr in self.offer.serving.columns:
            without = bad_in.get(name, set()) | self.asked.bad.keys()
            bad: dict[int, str] = {}
            array = values(expr, self.table, bad)
            for entity, reason in bad.items():
                if entity not in without:
                    self.faults.append(EntityFault(entity, DERIVED, reason, (name,)))
            arrays.append(_nulled(array, without))
        return arrays


def _nulled(array: Array, entities: set[int]) -> Array:
    """The column with NULL for some entities."""
    if not entities:
        return array
    places: list[int | None] = list(range(len(array)))
    for entity in entities:
        places[entity] = None
    return array.take(make(places, pa.int64()))
