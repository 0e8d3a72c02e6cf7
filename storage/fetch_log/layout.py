"""What a row of the log holds: an entity of a request for one set, and what it was answered.

Columns of a request are called `given.NAME`, values `value.NAME`, and of each group `status.GROUP`
and `age.GROUP`. A file says in its metadata which definition it was that was served, so that it can
be read and computed again long after the set has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.storage.errors import StoreError
from bighead.storage.fetch.answering import Answered
from bighead.storage.fetch.asking import Asked
from bighead.storage.fetch.served import Offer
from bighead.storage.sets.prepare import whole
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.expressions.arrow import Array, join, make, nulls, repeat, scalar, view
from bighead.zipline.ir.address import address
from bighead.zipline.ir.expr import Expr, columns_of
from bighead.zipline.ir.serialize import deserialize, serialize
from bighead.zipline.ir.types import BIGINT, VARCHAR
from bighead.zipline.serving import Serving

SERVED_AT, AS_OF, COMMIT, ERRORS = "served_at", "as_of", "commit", "errors"
MOMENT = pa.timestamp("us", "UTC")
ERROR = pa.struct([("code", pa.int8()), ("message", VARCHAR), ("columns", pa.list_(VARCHAR))])
"""What is wrong with an entity: a number of ErrorCode, and the columns without a value; none: all.
"""
STATUSES = join([repeat(scalar(s, VARCHAR), 1) for s in ("FRESH", "STALE", "MISSING")])
"""By their numbers in fetch.proto, from 1 on."""
_FACTS = b"bighead"


def given(name: str) -> str:
    """The log's column of an input.

    >>> given("listing"), value("nights_7d"), status("b"), age("b")
    ('given.listing', 'value.nights_7d', 'status.b', 'age.b')
    """
    return f"given.{name}"


def value(name: str) -> str:
    """The log's column of what a request gets."""
    return f"value.{name}"


def status(group: str) -> str:
    """The log's column of how a group stands."""
    return f"status.{group}"


def age(group: str) -> str:
    """The log's column of how many microseconds a group is behind; NULL: unknown."""
    return f"age.{group}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What all rows of a file have in common."""

    set: str
    """With its version."""
    definition: FeatureSet | TrainingSet
    sets: Mapping[str, str]
    """By group, the set of the store that answered it."""
    share: float
    """Of the keys that are logged."""
    origin: str = ""
    """Of the store whose commits were read; empty: it did not say."""
    cut: bool = False
    """The process ended without closing the file: rows of its last moment may be missing."""

    @property
    def address(self) -> str:
        """The content address of the definition."""
        return address(self.definition)

    def schema(self, columns: pa.Schema) -> pa.Schema:
        """The columns with these facts."""
        told = {
            "set": self.set,
            "address": self.address,
            "definition": serialize(self.definition).hex(),
            "sets": dict(self.sets),
            "share": self.share,
            "origin": self.origin,
            "cut": self.cut,
        }
        return columns.with_metadata({_FACTS: json.dumps(told).encode()})


def facts_of(schema: pa.Schema, place: str) -> Facts:
    """The facts of a file's schema. Raises StoreError where it is no file of the log."""
    data = (schema.metadata or {}).get(_FACTS)
    if data is None:
        raise StoreError(f"{place} is no log of fetches; name the folder of 'bighead serve --log'")
    told: dict[str, Any] = json.loads(data)
    definition = deserialize(bytes.fromhex(told["definition"]))
    if not isinstance(definition, FeatureSet | TrainingSet):
        raise StoreError(f"{place} holds the definition of no set; remove the file")
    origin = told.get("origin", "")
    return Facts(told["set"], definition, told["sets"], told["share"], origin, told["cut"])


def as_cut(schema: pa.Schema, place: str) -> pa.Schema:
    """The schema of a file whose process ended early."""
    return replace(facts_of(schema, place), cut=True).schema(schema)


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer of one set."""

    served_at: int
    commit: int
    asked: Asked
    answered: Answered
    rows: Sequence[int] | None
    """The entities that are logged; None: all."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of the log of one offer."""

    facts: Facts
    serving: Serving
    keys: tuple[str, ...]
    """Those columns of a request, as the set's expressions call them, of which keys are made."""
    schema: pa.Schema
    place: tuple[str, str, str]
    """What tells its files from those of others: the set, the address of its definition, and the
    origin of the store."""

    @classmethod
    def of(cls, offer: Offer, share: float, origin: str) -> Layout:
        """How answers of an offer are logged."""
        facts = Facts(offer.name, offer.definition, offer.sets, share, origin)
        schema = _schema(facts, offer.serving)
        place = (facts.set, facts.address, origin)
        return cls(facts, offer.serving, keys_of(offer.serving), schema, place)

    def block(self, entries: Sequence[Entry]) -> pa.RecordBatch:
        """The rows of answers."""
        counts = [e.answered.batch.num_rows for e in entries]

        def repeated(values: list[int]) -> Array:
            return make(np.repeat(np.array(values, np.int64), counts), BIGINT)

        arrays = [
            view(repeated([e.served_at for e in entries]), MOMENT),
            view(join([e.asked.times for e in entries]), MOMENT),
            repeated([e.commit for e in entries]),
            _errors(entries, counts),
        ]
        for needed in self.serving.inputs:
            parts = (e.asked.columns.get(needed.column) for e in entries)
            pairs = zip(parts, counts, strict=True)
            arrays.append(join([nulls(n, needed.type) if p is None else p for p, n in pairs]))
        for i in range(len(self.serving.groups)):
            numbers = np.frombuffer(b"".join(e.answered.groups[i].statuses for e in entries), "u1")
            arrays.append(STATUSES.take(make(numbers.astype(np.int64) - 1, BIGINT)))
            ages = np.array([a for e in entries for a in e.answered.groups[i].ages], np.int64)
            arrays.append(make(ages, BIGINT, mask=ages < 0))
        values = pa.Table.from_batches([e.answered.batch for e in entries])
        arrays += [whole(column) for column in values.columns]
        block = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        if all(e.rows is None for e in entries):
            return block
        return block.take(make(_chosen(entries, counts), BIGINT))


def keys_of(served: Serving) -> tuple[str, ...]:
    """The inputs of which the keys of the groups are made, as the set's expressions call them."""
    exprs: list[Expr] = []
    for group in served.groups:
        exprs += group.keys
    read = set(columns_of(*exprs))
    return tuple(i.column for i in served.inputs if i.column in read)


def _schema(facts: Facts, served: Serving) -> pa.Schema:
    fields: list[Any] = [
        pa.field(SERVED_AT, MOMENT),
        pa.field(AS_OF, MOMENT),
        pa.field(COMMIT, BIGINT),
        pa.field(ERRORS, pa.list_(ERROR)),
    ]
    fields += [pa.field(given(i.name), i.type) for i in served.inputs]
    for group in served.groups:
        fields += [pa.field(status(group.name), VARCHAR), pa.field(age(group.name), BIGINT)]
    fields += [pa.field(value(name), expr.type) for name, expr in served.columns]
    return facts.schema(pa.schema(fields))


def _errors(entries: Sequence[Entry], counts: Sequence[int]) -> Array:
    if not any(e.answered.faults for e in entries):
        return nulls(sum(counts), pa.list_(ERROR))
    found: list[list[dict[str, object]] | None] = [None] * sum(counts)
    first = 0
    for entry, count in zip(entries, counts, strict=True):
        for fault in entry.answered.faults:
            at = first + fault.entity
            told = {"code": fault.code, "message": fault.message, "columns": list(fault.columns)}
            found[at] = [*(found[at] or []), told]
        first += count
    return make(found, pa.list_(ERROR))


def _chosen(entries: Sequence[Entry], counts: Sequence[int]) -> list[int]:
    chosen: list[int] = []
    first = 0
    for entry, count in zip(entries, counts, strict=True):
        which = range(count) if entry.rows is None else entry.rows
        chosen += [first + row for row in which]
        first += count
    return chosen
