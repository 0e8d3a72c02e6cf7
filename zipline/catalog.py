"""What names mean: sources, feature sets and training sets, in one namespace.

The binder asks a `Catalog`; who keeps the definitions (a session, a project folder, a registry) is
not its business. Definitions are immutable values with the SQL that made them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from bighead.zipline.aggregates.user import UserAggregate
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Lookup, Node, View
from bighead.zipline.ir.sources import EntitySource, EventSource, OptionValue, Source, Table


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """A named temporal view: key and time to values."""

    name: str
    view: View | Lookup
    """Features may include unnamed parts that only `columns` reads."""
    keys: tuple[str, ...]
    """The names of the key columns, in the order of `view.keys`."""
    columns: tuple[tuple[str, Expr], ...]
    """What the set offers, in order: expressions over `view.schema`."""
    sql: str
    """The statement in canonical spelling."""
    uses: tuple[str, ...]
    """The sources that it reads."""
    options: tuple[tuple[str, OptionValue], ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The names and types of the feature columns."""
        return pa.schema([pa.field(name, e.type) for name, e in self.columns])


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A spine with feature sets joined to it, each as of its own time."""

    name: str
    plan: Node
    """A Project over temporal joins over the (filtered) spine."""
    id: tuple[str, ...]
    """Output columns that name a row for its reader; they need not be unique."""
    labels: tuple[str, ...]
    """Output columns that no feature may read."""
    time: Expr | None
    """Over the spine's columns as the lowest join sees them: the spine source's event time, else
    the first MATCH_CONDITION's left side; backfills are partitioned by its day."""
    sql: str
    uses: tuple[str, ...]
    options: tuple[tuple[str, OptionValue], ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The names and types of the output columns."""
        return self.plan.schema


Definition = Table | EventSource | EntitySource | FeatureSet | TrainingSet

KINDS: dict[type, str] = {
    Table: "table",
    EventSource: "event source",
    EntitySource: "entity source",
    FeatureSet: "feature set",
    TrainingSet: "training set",
}


class Catalog(Protocol):
    """What the binder needs to know of names."""

    def find(self, name: str) -> Definition | None:
        """The definition of a (dotted) name, matched without case; None where there is none."""
        ...

    def names(self) -> Iterable[str]:
        """All names, for suggestions."""
        ...

    def aggregates(self) -> Mapping[str, UserAggregate]:
        """The user-defined aggregates that SQL may name, by their names in lower case."""
        ...

    def relational_schema(self, sql: str, tables: Mapping[str, pa.Schema]) -> pa.Schema:
        """What plain SQL over tables of these schemas returns; BigheadError where it is wrong."""
        ...


class Versions(Protocol):
    """The versions of definitions, which never change: what `name@3` means."""

    def find(self, name: str, number: int) -> Definition:
        """A version by its name, matched without case, and its number.

        Raises CatalogError, which lists the versions that there are.
        """
        ...


def users_of(name: str, definitions: Iterable[Definition]) -> list[str]:
    """The names of the definitions that use `name`, sorted."""
    folded = name.casefold()
    return sorted(
        d.name
        for d in definitions
        if isinstance(d, FeatureSet | TrainingSet) and folded in (u.casefold() for u in d.uses)
    )


def cycle(uses: Mapping[str, Iterable[str]]) -> list[str]:
    """Names of which each uses the next, from one name back to it; empty where there is none.

    >>> cycle({"a": ["b"], "b": ["source", "a"]})
    ['a', 'b', 'a']
    """
    spelled = {name.casefold(): name for name in uses}
    sound: set[str] = set()

    def follow(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in sound:
            return []
        for used in uses[spelled[name]]:
            if used.casefold() in spelled:
                found = follow(used.casefold(), [*path, name])
                if found:
                    return found
        sound.add(name)
        return []

    for name in spelled:
        found = follow(name, [])
        if found:
            return [spelled[n] for n in found]
    return []


__all__ = [
    "KINDS",
    "Catalog",
    "Definition",
    "FeatureSet",
    "Source",
    "TrainingSet",
    "Versions",
    "cycle",
    "users_of",
]
