"""The definitions that a session holds: one namespace, matched without case.

It is a value to the binder (`zipline.catalog.Catalog`) and a mutable thing to its session only.
Replacing a definition binds anew what uses it, so that no set goes on with columns that are gone; a
change that would break a user is refused and leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from bighead.planner.engines.datafusion.relational import relational_schema
from bighead.zipline.aggregates import UserAggregate
from bighead.zipline.aggregates import find as find_aggregate
from bighead.zipline.catalog import (
    KINDS,
    Definition,
    FeatureSet,
    TrainingSet,
    Versions,
    cycle,
    users_of,
)
from bighead.zipline.errors import BigheadError, CatalogError, did_you_mean
from bighead.zipline.expressions import find as find_function
from bighead.zipline.names import versioned

Rebind = Callable[["Definitions", FeatureSet | TrainingSet], Definition]
"""Binds the SQL of a set against other definitions."""


def check_free(name: str) -> None:
    """Raises CatalogError where an aggregate of one's own cannot have this name."""
    if find_aggregate(name) is not None or find_function(name) is not None:
        raise CatalogError(
            f"{name.upper()} is a function of SQL already; choose another name: "
            "@aggregate(name=...)"
        )


@dataclass(slots=True)
class Definitions:
    """What names mean, in the order in which they were defined."""

    by_name: dict[str, Definition] = field(default_factory=dict)
    user: dict[str, UserAggregate] = field(default_factory=dict)
    """User-defined aggregates, in a name space of their own: that of functions."""
    versions: Versions | None = None
    """Where `name@3` is looked up; None: there are no versions."""
    pinned: dict[str, Definition] = field(default_factory=dict)
    """The versions that were asked for; each is called `name@3`."""

    def __iter__(self) -> Iterator[Definition]:
        return iter(self.by_name.values())

    def __len__(self) -> int:
        return len(self.by_name)

    def find(self, name: str) -> Definition | None:
        """The definition of a name; None where there is none.

        `name@3` is the third version; raises CatalogError where there is no such version.
        """
        found = self.by_name.get(name.casefold()) or self.pinned.get(name.casefold())
        version = versioned(name) if found is None else None
        return self._version(*version) if version is not None else found

    def names(self) -> Iterable[str]:
        """All names."""
        return [d.name for d in self.by_name.values()]

    def aggregates(self) -> Mapping[str, UserAggregate]:
        """The user-defined aggregates."""
        return self.user

    def relational_schema(self, sql: str, tables: Mapping[str, pa.Schema]) -> pa.Schema:
        """What plain SQL over tables of these schemas returns; BigheadError where it is wrong."""
        return relational_schema(sql, tables)

    def get(self, name: str) -> Definition:
        """The definition of a name; CatalogError where there is none."""
        found = self.find(name)
        if found is None:
            hint = did_you_mean(name, self.names())
            raise CatalogError(f"there is no '{name}'" + (f"; {hint}" if hint else ""))
        return found

    def put(self, definition: Definition, replace: bool, rebind: Rebind) -> None:
        """Adds a definition, or replaces the one of its name and binds its users anew.

        Raises CatalogError where the name is taken and `replace` is not set, or where a user would
        not go on working.
        """
        name = definition.name
        if "@" in name:
            raise CatalogError(f"{name} is no name: what follows @ is the number of a version")
        there = self.find(name)
        if there is not None and not replace:
            raise CatalogError(
                f"{name} is already {_a(KINDS[type(there)])}; write CREATE OR REPLACE, or choose "
                "another name"
            )
        if there is None or there == definition:
            self.by_name[name.casefold()] = definition
            return
        self._refuse_cycle(definition)
        changed = self.holding({**self.by_name, name.casefold(): definition})
        for user in self.users(name):
            try:
                changed.by_name[user.name.casefold()] = rebind(changed, user)
            except BigheadError as error:
                reason = str(error).splitlines()[0]
                raise CatalogError(
                    f"{name} cannot be replaced: {_the(user)} {user.name} uses it and would not go "
                    f"on working ({reason}); change or drop {user.name} first"
                ) from error
        self.by_name = changed.by_name

    def put_aggregate(self, added: UserAggregate, rebind: Rebind) -> None:
        """Adds an aggregate, or takes the newer version of one and binds its users anew.

        Raises CatalogError where the name is that of another function, or where a set would not go
        on working with the new version.
        """
        name = added.name
        check_free(name)
        there = self.user.get(name)
        changed = replace(self, by_name=dict(self.by_name), user={**self.user, name: added})
        if there is not None and there != added:
            for definition in self.by_name.values():
                if not isinstance(definition, FeatureSet | TrainingSet):
                    continue
                try:
                    changed.by_name[definition.name.casefold()] = rebind(changed, definition)
                except BigheadError as error:
                    reason = str(error).splitlines()[0]
                    raise CatalogError(
                        f"{name.upper()} cannot be replaced: {_the(definition)} "
                        f"{definition.name} would not go on working ({reason})"
                    ) from error
        self.by_name, self.user = changed.by_name, changed.user

    def drop(self, name: str) -> Definition:
        """Removes a definition; CatalogError where there is none or something uses it."""
        found = self.get(name)
        if found.name.casefold() not in self.by_name:
            raise CatalogError(f"{found.name} is a version, and versions are kept for ever")
        users = used_by(name, self)
        if users:
            raise CatalogError(f"{found.name} is {users}; drop these first")
        del self.by_name[name.casefold()]
        return found

    def _refuse_cycle(self, definition: Definition) -> None:
        """A set that would come to be made of itself."""
        uses = {d.name: d.uses for d in self if isinstance(d, FeatureSet | TrainingSet)}
        if isinstance(definition, FeatureSet | TrainingSet):
            uses[definition.name] = definition.uses
        found = cycle(uses)
        if found:
            raise CatalogError(
                f"{definition.name} would be made of itself: {' reads '.join(found)}; let one of "
                "them read a source"
            )

    def copy(self) -> Definitions:
        """The same definitions and aggregates; what comes later in one is not in the other."""
        return replace(
            self, by_name=dict(self.by_name), user=dict(self.user), pinned=dict(self.pinned)
        )

    def holding(self, by_name: dict[str, Definition]) -> Definitions:
        """Other definitions, with the same aggregates and the same versions."""
        return replace(self, by_name=by_name)

    def _version(self, name: str, number: int) -> Definition:
        if self.versions is None:
            raise CatalogError(
                f"there are no versions here, and so no {name}@{number}; a registry keeps them, "
                "which this session does not have"
            )
        found = self.versions.find(name, number)
        version = replace(found, name=f"{found.name}@{number}")
        self.pinned[version.name.casefold()] = version
        return version

    def users(self, name: str) -> list[FeatureSet | TrainingSet]:
        """The sets that use a name, directly or through others, in the order of definition."""
        reached = {name.casefold()}
        users: list[FeatureSet | TrainingSet] = []
        for definition in self.by_name.values():
            if isinstance(definition, FeatureSet | TrainingSet):
                if reached & {u.casefold() for u in definition.uses}:
                    reached.add(definition.name.casefold())
                    users.append(definition)
        return users


def used_by(name: str, definitions: Definitions) -> str:
    """'used by a, and through it by b'; nothing where nothing uses the name."""
    direct = users_of(name, definitions)
    if not direct:
        return ""
    beyond = sorted({d.name for d in definitions.users(name)} - set(direct))
    text = f"used by {', '.join(direct)}"
    them = "it" if len(direct) == 1 else "them"
    return f"{text}, and through {them} by {', '.join(beyond)}" if beyond else text


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _the(definition: Definition) -> str:
    return f"the {KINDS[type(definition)]}"
