"""The sets that a store keeps: how each is read, from whose blocks, and over which sources.

A set *owns* blocks, or is read from those of another whose rows and states serve it too (`of`). It
is *placed* over the sources as the store has them, so that the same view means the same set however
its source was declared since. Readers ask for a set as of the view that they read, in which it may
be of another generation, or swept less far, than it is now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

from bighead.storage.database.database import View as Snapshot
from bighead.storage.errors import StoreError
from bighead.storage.sets.definitions import (
    Definition,
    definition_of,
    definitions,
    mirrored,
    set_key,
)
from bighead.storage.sets.set_plan import SetPlan, compile_set, share
from bighead.storage.sets.sharing import Shared, find_shared, with_windows_of
from bighead.storage.sets.source_versions import placed
from bighead.zipline.errors import did_you_mean
from bighead.zipline.ir.nodes import Lookup, Node, Scan, View
from bighead.zipline.ir.rewrite import transform_plan

Kept = tuple[Definition, SetPlan]
"""A set, and how it is written and read."""


@dataclass(frozen=True, slots=True)
class _AsOf:
    """A set as some view had it."""

    commit: int
    data: bytes | None
    """Its definition as it lay there; None: it was not there."""
    definition: Definition
    plan: SetPlan


@dataclass(slots=True, eq=False)
class Sets(Mapping[str, Definition]):
    """Their definitions by name, and what follows from these.

    leaf, logged: rows of a block, and rows of a key's log, in what is written.
    """

    leaf: int
    logged: int
    _kept: dict[str, Kept] = field(default_factory=dict)
    _read: dict[str, _AsOf] = field(default_factory=dict)
    """As each was asked for last."""
    _narrow: dict[tuple[str, frozenset[str]], tuple[SetPlan, SetPlan]] = field(default_factory=dict)
    """Plans, and what they are where some columns alone are wanted, as they were asked for."""

    def __getitem__(self, name: str) -> Definition:
        return self._kept[name][0]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def plans(self) -> dict[str, SetPlan]:
        """How each is written and read."""
        return {name: plan for name, (_, plan) in self._kept.items()}

    def plan(self, name: str) -> Kept:
        """A set by name. Raises StoreError where it is not kept."""
        found = self._kept.get(name)
        if found is None:
            hint = did_you_mean(name, self) or "define it first"
            raise StoreError(f"the store keeps no set '{name}'; {hint}")
        return found

    def find(self, right: View | Lookup) -> str | None:
        """The name of the set that is this view or look-up; None where there is none."""
        right = self.placed(right)
        return next((name for name, known in self.items() if known.right == right), None)

    def owner(self, name: str) -> str:
        """The set from whose blocks one is read. Raises StoreError where it is not kept."""
        definition, _ = self.plan(name)
        return definition.of or name

    def owned(self) -> dict[str, Kept]:
        """The sets that have blocks of their own, by name: these are written."""
        return {name: kept for name, kept in self._kept.items() if not kept[0].of}

    def sources(self) -> set[str]:
        """The names of the sources that they read."""
        return {source.name for _, plan in self.owned().values() for source in plan.sources}

    def over(self, source: str) -> list[Kept]:
        """Those that are written with the rows of a source. Raises StoreError where none is."""
        found = [
            (definition, plan)
            for definition, plan in self.owned().values()
            if any(read.name == source for read in plan.sources)
        ]
        if not found:
            hint = did_you_mean(source, self.sources()) or "define a set over it first"
            raise StoreError(f"no set of the store reads '{source}'; {hint}")
        return found

    def placed(self, right: View | Lookup) -> View | Lookup:
        """A view or look-up as it is kept: over the sources that the store has."""
        held = [source for _, plan in self.owned().values() for source in plan.sources]
        return placed(cast("View | Lookup", transform_plan(right, _without_reach)), held)

    def compiled(self, right: View | Lookup, sizes: tuple[int, ...]) -> SetPlan:
        """How a set with blocks of its own is written and read."""
        return compile_set(right, leaf=self.leaf, logged=self.logged, sizes=sizes)

    def shared(self, right: View | Lookup, now: int, but: str = "") -> Shared | None:
        """The set that keeps what a view counts, perhaps not for long enough; None: none does.

        now: in microseconds. but: another set than this.
        """
        held = {name: kept for name, kept in self.owned().items() if name != but}
        return find_shared(self.placed(right), held, self.leaf, now)

    def drawn(
        self, name: str, right: View | Lookup, number: int, sizes: tuple[int, ...], now: int
    ) -> Kept | None:
        """A set that is to be kept: read from another's blocks where these hold all of it.

        number, sizes: of one with blocks of its own. None: it is kept already.
        Raises StoreError where another one has the name, UnsupportedError for what is not kept.
        """
        right = self.placed(right)
        known = self.get(name)
        if known is not None:
            if known.right == right:
                return None
            raise StoreError(f"the store keeps another set as {name}; give this one another name")
        shared = self.shared(right, now)
        if shared is not None and shared.enough:
            owner = shared.owner
            return replace(owner, name=name, right=right, of=owner.name), shared.plan
        return Definition(name, number, 1, right, sizes), self.compiled(right, sizes)

    def keep(self, definition: Definition, plan: SetPlan) -> None:
        """Have a set from now on, new or changed; those that are read from its blocks follow it."""
        kept = self._kept | {definition.name: (definition, plan)}
        for name, (reader, read) in self._kept.items():
            if reader.of == definition.name:
                kept[name] = mirrored(reader, definition), read
        self._settle(kept)

    def drop(self, name: str) -> None:
        """Have a set no more."""
        self._settle({other: kept for other, kept in self._kept.items() if other != name})

    def load(self, view: Snapshot) -> None:
        """Take them as a database has them. Raises StoreError where one cannot be read."""
        kept: dict[str, Kept] = {}
        for definition in sorted(definitions(view).values(), key=lambda d: d.of != ""):
            known = self._kept.get(definition.name)
            if known is not None and read_alike(known[0], definition):
                kept[definition.name] = definition, known[1]
            else:
                kept[definition.name] = definition, self._planned(definition, kept)
        self._settle(kept)

    def _planned(self, definition: Definition, owners: Mapping[str, Kept]) -> SetPlan:
        """How a set is read: from blocks of its own, or of one of these."""
        if not definition.of:
            return self.compiled(definition.right, definition.sizes)
        _, owner = owners[definition.of]
        made = share(definition.right, owner, leaf=self.leaf, sizes=definition.sizes)
        assert made is not None, f"{definition.of} does not hold what {definition.name} reads"
        return made

    def _settle(self, kept: dict[str, Kept]) -> None:
        """Have these sets instead, all at once, since other threads read them meanwhile.

        What an owner keeps goes by the windows of those that are read from it, too.
        """
        for name, (definition, plan) in kept.items():
            if not definition.of:
                readers = [p for d, p in kept.values() if d.of == name]
                kept[name] = definition, with_windows_of(plan, readers)
        known, self._kept = self._kept, kept
        alike = {n for n, (_, plan) in kept.items() if n in known and known[n][1] is plan}
        self._read = {name: read for name, read in dict(self._read).items() if name in alike}
        self._narrow = {of: held for of, held in dict(self._narrow).items() if of[0] in alike}

    def as_of(self, name: str, view: Snapshot, commit: int = 0) -> Kept:
        """A set as it is in a view, which may be older than what is kept now, or newer.

        commit: what the view shows; 0: it is not known. Raises StoreError where it is not kept.
        """
        known = self._read.get(name)
        if known is not None and known.commit == commit != 0:
            return known.definition, known.plan
        data = view.get("meta", set_key(name))
        if known is None or data is None or known.data != data:
            definition, plan = self._defined_by(name, data)
        else:
            definition, plan = known.definition, known.plan
        if definition.of:
            definition = mirrored(definition, self.as_of(definition.of, view, commit)[0])
        self._read[name] = _AsOf(commit, data, definition, plan)
        return definition, plan

    def _defined_by(self, name: str, data: bytes | None) -> Kept:
        """A set by the bytes of its definition; None: as it is now."""
        definition, plan = self.plan(name)
        if data is None:
            return definition, plan
        found = definition_of(name, data)
        if not found.of and not read_alike(found, definition):
            plan = self.compiled(found.right, found.sizes)
        return found, plan

    def narrowed(self, name: str, plan: SetPlan, columns: frozenset[str]) -> SetPlan:
        """A set's plan of which some columns alone are wanted."""
        known = self._narrow.get((name, columns))
        if known is None or known[0] is not plan:
            known = self._narrow[name, columns] = plan, plan.only(columns)
        return known[1]


def read_alike(one: Definition, other: Definition) -> bool:
    """Whether two definitions are read by the same plan."""
    return (one.right, one.sizes, one.of) == (other.right, other.sizes, other.of)


def _without_reach(node: Node) -> Node:
    """How far a spine reaches is no part of what is kept."""
    return replace(node, reach=None, newest=False) if isinstance(node, Scan) else node
