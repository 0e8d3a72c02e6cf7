"""The answer of one set: its groups read from one snapshot, its columns computed of them.

The groups are asked in the order of their joins, so that the key of one may be what another found.
A fault belongs to an entity and to the columns that it leaves without a value; all others have
theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pyarrow as pa

from bighead.storage.errors import DamagedError
from bighead.storage.fetch.asking import Asked, table_of, values
from bighead.storage.fetch.served import Offer
from bighead.storage.fetch.shelf import Reading
from bighead.storage.reading.fetching import Fetched
from bighead.storage.reading.times import Times, some_times, times_column
from bighead.zipline.expressions.arrow import Array, make, nulls
from bighead.zipline.ir.nodes import Lookup, View
from bighead.zipline.serving import EVER, Group

FRESH, STALE, MISSING = 1, 2, 3
"""The numbers of Status in fetch.proto."""
GREATEST = 2**63 - 1
UNKNOWN = -1
"""The age where no row has come, or where no time is asked."""

BAD_VALUE, BEYOND_RETENTION, NO_RESULT, DERIVED, DAMAGED = 1, 2, 3, 4, 5
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
    statuses: bytes
    """One each, as numbered above."""
    ages: list[int]
    """Microseconds."""
    sources: Mapping[str, int | None] = field(default_factory=dict)
    """Where it reads several, up to which time rows of each have come."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A row an entity, in the set's columns."""

    given: pa.RecordBatch | Callable[[], pa.RecordBatch]
    """The batch, or what makes it."""
    groups: list[GroupState]
    faults: list[EntityFault]
    message: bytes | None = None
    """The batch as Arrow sends it, where that is at hand."""

    @property
    def batch(self) -> pa.RecordBatch:
        """A row an entity."""
        return self.given if isinstance(self.given, pa.RecordBatch) else self.given()

    @classmethod
    def joined(cls, parts: Sequence[Answered], size: int) -> Answered:
        """One answer of several, each of `size` entities but the last."""
        table = pa.Table.from_batches([p.batch for p in parts]).combine_chunks()
        groups = [
            GroupState(
                group.name,
                b"".join(p.groups[i].statuses for p in parts),
                [age for p in parts for age in p.groups[i].ages],
                group.sources,
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

    reading: Reading
    offer: Offer
    asked: Asked
    stale_after: int
    """Microseconds that the store may be behind."""
    pause: Callable[[], None]
    """Called between two pieces of work; raises where nobody waits for the answer any more."""
    values: dict[str, Array] = field(init=False)
    """The inputs and what the groups brought, by the names that expressions have for them."""
    whole: Fetched | None = None
    """What was read, where it is the answer as it stands."""
    groups: list[GroupState] = field(default_factory=list)
    faults: list[EntityFault] = field(default_factory=list)

    def run(self) -> Answered:
        """The answer."""
        self.values = dict(self.asked.columns)
        for entity, reason in self.asked.bad.items():
            self.faults.append(EntityFault(entity, BAD_VALUE, reason))
        for group in self.offer.serving.groups:
            self.read(group)
        if self.whole is not None:
            plain = self.whole.plain
            message = None if plain is None else self.offer.message(plain)
            return Answered(partial(_batch, self.whole), self.groups, [], message)
        batch = pa.RecordBatch.from_arrays(self.columns(), schema=self.offer.schema)
        faults = sorted(self.faults, key=lambda f: (f.entity, f.columns))
        return Answered(batch, self.groups, faults)

    def read(self, group: Group) -> None:
        """Append what a group holds."""
        entities, right, bad = self.asked.entities, group.right, dict[int, str]()
        keys = [values(key, self.values, entities, bad) for key in group.keys]
        when = EVER if group.timeless else self.asked.when
        damaged: dict[int, str] = {}
        fetched = self.fetched(group, keys, when, entities, damaged)
        sound = not (bad or damaged or fetched.faults or self.asked.bad)
        if self.offer.straight and sound and entities:
            self.whole = fetched
        else:
            self._take(group, fetched.table)
        if not sound:
            there = {f"{group.name}.{c}" for c in right.schema.names}
            for entity, reason in bad.items():
                self.fault(entity, BAD_VALUE, reason, there)
            for entity, reason in damaged.items():
                self.fault(entity, DAMAGED, reason, there)
            for fault in fetched.faults:
                code = BEYOND_RETENTION if fault.late else NO_RESULT
                names = {f"{group.name}.{fault.column}"} if fault.column else there
                self.fault(fault.question, code, fault.reason, names)
        self.groups.append(self.state(group, fetched.found))

    def fetched(
        self,
        group: Group,
        keys: Sequence[Array],
        when: Times,
        entities: int,
        damaged: dict[int, str],
        first: int = 0,
    ) -> Fetched:
        """What the store has for so many entities, from `first` on.

        Entities whose blocks are damaged are told in `damaged`, and have nothing; to find them, the
        others are asked for again in halves, unless the set has nothing for nobody either.
        """
        right = group.right
        reads_spine = isinstance(right, Lookup) and right.residual is not None
        spine = table_of(self.values, self.asked.entities) if reads_spine else None
        try:
            return self.reading.store.fetch(
                self.offer.sets[group.name],
                keys,
                when if keys else times_column(when, entities),
                inclusive=group.inclusive,
                spine=None if spine is None else spine.slice(first, entities),
                alias=group.name,
                only=self.offer.only[group.name],
                snapshot=self.reading.snapshot,
                pause=self.pause,
            )
        except DamagedError as error:
            if not entities:
                raise
            every = entities == self.asked.entities
            if entities == 1 or (every and self._is_damaged(group, keys, when)):
                damaged.update(dict.fromkeys(range(first, first + entities), str(error)))
                return _nothing(right, self.offer.only[group.name], entities)
        half = entities // 2
        return _beside(*(
            self.fetched(group, [k.slice(start, n) for k in keys], some_times(when, start, n), n,
                         damaged, first + start)
            for start, n in ((0, half), (half, entities - half))
        ))  # fmt: skip

    def _is_damaged(self, group: Group, keys: Sequence[Array], when: Times) -> bool:
        """Whether a set is damaged as a whole: there is no answer about nobody either."""
        try:
            self.fetched(group, [k.slice(0, 0) for k in keys], some_times(when, 0, 0), 0, {})
        except DamagedError:
            return True
        return False

    def _take(self, group: Group, table: pa.Table) -> None:
        """The columns of a group that anything reads."""
        for name in self.offer.reads[group.name]:
            column = table.column(name)
            single = column.num_chunks == 1  # to combine one would copy it
            array: Any = column.chunk(0) if single else column.combine_chunks()
            self.values[f"{group.name}.{name}"] = array

    def fault(self, entity: int, code: int, reason: str, names: set[str]) -> None:
        """Note that columns of a group have no value for an entity, unless it is bad as a whole."""
        columns = self.offer.serving.made_of(names)
        if columns and entity not in self.asked.bad:
            self.faults.append(EntityFault(entity, code, reason, columns))

    def state(self, group: Group, found: Sequence[bool]) -> GroupState:
        """The status and age of a group for each entity.

        Values in Python: a piece has few entities, for which numpy's calls would take longer.
        """
        statuses = bytearray(FRESH if there else MISSING for there in found)
        for entity in self.asked.bad:
            statuses[entity] = MISSING
        if group.timeless:
            return GroupState(group.name, bytes(statuses), [0] * len(statuses))
        stand = self.reading.newest(self.offer.sets[group.name])
        when = self.asked.when
        if isinstance(when, int):
            ages = [_age(when, stand.time)] * len(statuses)
        else:
            ages = [_age(at, stand.time) for at in when.to_pylist()]
        if max(ages, default=UNKNOWN) > self.stale_after:
            for entity, age in enumerate(ages):
                if age > self.stale_after and statuses[entity] == FRESH:
                    statuses[entity] = STALE
        return GroupState(group.name, bytes(statuses), ages, stand.sources)

    def columns(self) -> list[Array]:
        """What the set gives, NULL where there is a fault."""
        bad_in: dict[str, set[int]] = {}
        for fault in self.faults:
            for name in fault.columns:
                bad_in.setdefault(name, set()).add(fault.entity)
        everywhere, entities = self.asked.bad.keys(), self.asked.entities
        arrays = []
        for name, expr in self.offer.serving.columns:
            bad: dict[int, str] = {}
            array = values(expr, self.values, entities, bad)
            if bad or bad_in or everywhere:
                without = bad_in.get(name, set()) | everywhere
                for entity, reason in bad.items():
                    if entity not in without:
                        self.faults.append(EntityFault(entity, DERIVED, reason, (name,)))
                array = _nulled(array, without)
            arrays.append(array)
        return arrays


def _age(at: int | None, newest: int | None) -> int:
    """How long before a time the newest row lies, in microseconds."""
    return UNKNOWN if at is None or newest is None else min(max(at - newest, 0), GREATEST)


def _batch(whole: Fetched) -> pa.RecordBatch:
    batches = whole.table.to_batches()
    # To combine one would copy it.
    return batches[0] if len(batches) == 1 else whole.table.combine_chunks().to_batches()[0]


def _nothing(right: View | Lookup, only: Collection[str] | None, entities: int) -> Fetched:
    """Entities without values."""
    fields = [f for f in right.schema if only is None or f.name in only]
    columns = [nulls(entities, f.type) for f in fields]
    return Fetched(pa.Table.from_arrays(columns, schema=pa.schema(fields)), [False] * entities)


def _beside(one: Fetched, other: Fetched) -> Fetched:
    """The answers of both, one after the other."""
    names, ahead = one.table.column_names, len(one.found)
    table = pa.concat_tables([one.table, other.table.select(names)]).combine_chunks()
    faults = [replace(f, question=f.question + ahead) for f in other.faults]
    return Fetched(table, [*one.found, *other.found], [*one.faults, *faults])


def _nulled(array: Array, entities: set[int]) -> Array:
    """The column with NULL for some entities."""
    if not entities:
        return array
    places: list[int | None] = list(range(len(array)))
    for entity in entities:
        places[entity] = None
    return array.take(make(places, pa.int64()))
