"""What a store serves, by name: definitions, and which of its sets answers each group of them.

An offer stands in the store's `meta` under its name, and under `name@version` where it has one, so
that whoever reads the store knows what it can answer. A set that several offers need is kept once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from bighead.storage.database.database import Batch, View
from bighead.storage.errors import StoreError
from bighead.storage.fetch.frames import Frame, frame_of, widths_of
from bighead.storage.store import Store
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import did_you_mean
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.serialize import deserialize, serialize
from bighead.zipline.serving import Serving, serving
from bighead.zipline.windows import parse_duration

if TYPE_CHECKING:
    from bighead.kernels.aggregates.arrow_door import Result

_SERVED = b"served\0"
_CHANGE = b"served"
"""How often what is served has changed: eight bytes, big endian."""


@dataclass(frozen=True)
class Offer:
    """A set under the name by which it is fetched."""

    definition: FeatureSet | TrainingSet
    version: int | None
    """In the registry; None: it comes from elsewhere."""
    sets: Mapping[str, str]
    """By group, the set of the store that answers it."""

    @cached_property
    def serving(self) -> Serving:
        """What it needs and gives."""
        return serving(self.definition)

    @cached_property
    def schema(self) -> pa.Schema:
        """What a request gets."""
        return self.serving.schema

    @cached_property
    def wire_schema(self) -> tuple[int, bytes]:
        """The schema as Arrow sends it, behind a number that tells it from others."""
        data = self.schema.serialize().to_pybytes()
        return int.from_bytes(hashlib.sha256(data).digest()[:8], "big"), data

    @cached_property
    def reads(self) -> dict[str, tuple[str, ...]]:
        """By group, the columns of it that are read."""
        return {group.name: self.serving.read_of(group) for group in self.serving.groups}

    @cached_property
    def only(self) -> dict[str, frozenset[str] | None]:
        """The same; None where all that a group has is read."""
        names = {g.name: g.right.schema.names for g in self.serving.groups}
        return {
            group: None if len(read) == len(names[group]) else frozenset(read)
            for group, read in self.reads.items()
        }

    @cached_property
    def straight(self) -> bool:
        """The answer is what the one group holds, column by column."""
        groups = self.serving.groups
        if len(groups) != 1 or None not in self.only.values():
            return False
        held = groups[0].right.schema
        columns = [(n, Column(f"{groups[0].name}.{n}", held.field(n).type)) for n in held.names]
        return list(self.serving.columns) == columns

    @cached_property
    def _frames(self) -> dict[int, Frame]:
        return {}

    def message(self, answers: Result) -> bytes | None:
        """The kernel's answers for a set that is `straight`, as Arrow sends them.

        None where some column's values have no fixed width.
        """
        rows = len(answers)
        frame = self._frames.get(rows)
        if frame is None:
            widths = widths_of(self.schema.types)
            if widths is None:
                return None
            frame = self._frames[rows] = frame_of(self.schema, rows, widths)
        return frame.around(answers)

    @cached_property
    def stale_after(self) -> int | None:
        """The option `stale_after` of the set, in microseconds."""
        return self._duration("stale_after")

    @property
    def retention(self) -> int | None:
        """The option `retention` of the set, in microseconds; None: for ever."""
        return self._duration("retention")

    def _duration(self, option: str) -> int | None:
        given = dict(self.definition.options).get(option)
        return parse_duration(given) if isinstance(given, str) else None

    @property
    def name(self) -> str:
        """With its version."""
        bare = self.definition.name
        return bare if self.version is None else f"{bare}@{self.version}"

    def write(self, batch: Batch, names: Iterable[str]) -> None:
        """Puts it into a batch, under names."""
        facts = {
            "version": self.version,
            "definition": serialize(self.definition).hex(),
            "sets": dict(self.sets),
        }
        data = json.dumps(facts).encode()
        for name in names:
            batch["meta", _SERVED + name.casefold().encode()] = data


def serve(
    store: Store,
    definition: FeatureSet | TrainingSet,
    version: int | None = None,
    *,
    beside: bool = False,
) -> Offer:
    """Keep what a set needs from now on, and serve it under its name, and that with its version.

    beside: only under the latter, where another version has the former; it is switched over to when
    it is served again without. What is kept already is shared; what is not begins empty. The same
    again changes nothing. Raises UnsupportedError for a set that is offline only, and says why.
    """
    sets = keep(store, definition, version)
    offer = Offer(definition, version, sets)
    known = offers(store.database)
    names = [offer.name, definition.name]
    if beside and definition.name.casefold() in known:
        names = [offer.name]
    if any(known.get(name.casefold()) != offer for name in names):
        batch: Batch = {("meta", _CHANGE): (changes(store.database) + 1).to_bytes(8, "big")}
        offer.write(batch, names)
        store.commit(batch)
    return offer


def keep(
    store: Store, definition: FeatureSet | TrainingSet, version: int | None = None
) -> dict[str, str]:
    """Keep what a set needs from now on, without serving it; by group, the set of the store.

    Raises UnsupportedError for a set that is offline only, and says why.
    """
    served = serving(definition)
    bare = definition.name if version is None else f"{definition.name}@{version}"
    sets: dict[str, str] = {}
    for group in served.groups:
        kept = store.kept(group.right)
        if kept is None:
            kept = bare if isinstance(definition, FeatureSet) else f"{bare}.{group.name}"
            store.define(kept, group.right)
        sets[group.name] = kept
    return sets


def withdraw(store: Store, name: str) -> None:
    """Serve a set no more, under this name; what is kept for it stays."""
    found = find(offers(store.database), name)
    batch: Batch = {("meta", _CHANGE): (changes(store.database) + 1).to_bytes(8, "big")}
    batch["meta", _SERVED + name.casefold().encode()] = None
    if found.version is None or "@" not in name:
        batch["meta", _SERVED + found.name.casefold().encode()] = None
    store.commit(batch)


def changes(snapshot: View) -> int:
    """How often what is served has changed; tells whether to read the offers again."""
    found = snapshot.get("meta", _CHANGE)
    return 0 if found is None else int.from_bytes(found, "big")


def offers(snapshot: View) -> dict[str, Offer]:
    """What is served, by name without case, with and without versions."""
    found = {}
    for key, value in snapshot.scan("meta", _SERVED, _SERVED[:-1] + b"\1"):
        facts = json.loads(value)
        definition = deserialize(bytes.fromhex(facts["definition"]))
        if not isinstance(definition, FeatureSet | TrainingSet):
            raise StoreError(f"what the store serves as {key!r} is no set; restore a backup")
        name = key.removeprefix(_SERVED).decode()
        found[name] = Offer(definition, facts["version"], facts["sets"])
    return found


def find(
    known: Mapping[str, Offer],
    name: str,
    among: Callable[[Iterable[str]], Iterable[str]] = lambda names: names,
) -> Offer:
    """An offer by name. Raises StoreError; suggests those `among` the names."""
    found = known.get(name.casefold())
    if found is None:
        shown = among({o.definition.name for o in known.values()})
        hint = did_you_mean(name, shown) or "serve it by 'bighead store define'"
        raise StoreError(f"no set '{name}' is served; {hint}")
    return found
