"""What a registry is told and what it tells: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from bighead.zipline.catalog import Definition, FeatureSet, TrainingSet
from bighead.zipline.ir.address import REMARKS
from bighead.zipline.ir.lineage import Role
from bighead.zipline.ir.serialize import deserialize
from bighead.zipline.names import versioned

Action = Literal["add", "change", "remark", "remove", "restore"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a version."""

    name: str
    type: str
    address: str
    """What tells whether it changed: the content address of what computes it; in a source its
    type."""


@dataclass(frozen=True, slots=True)
class Input:
    """What a version reads, as exactly as can be."""

    name: str
    """As the definition names it: 'bookings', 'listing_bookings@3'."""
    version: int
    """The version that was current when the reader was applied, or that it names."""

    def __str__(self) -> str:
        return self.name if versioned(self.name) else f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Version:
    """A definition as it was applied, or (number 0) as it would be."""

    name: str
    number: int
    kind: str
    """'event source', 'feature set', ..."""
    address: str
    """The content address of its meaning."""
    sql: str
    """Its text, in canonical spelling."""
    plan: bytes
    """The definition, serialised as of `plan.proto`."""
    columns: tuple[Column, ...]
    inputs: tuple[Input, ...] = ()
    owner: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    applied_at: int | None = None
    """When the version came to be: microseconds since the epoch, UTC; None in a draft."""
    applied_by: str = ""

    @property
    def uses(self) -> tuple[str, ...]:
        """The names of what it reads."""
        return tuple(i.name for i in self.inputs)

    @property
    def definition(self) -> Definition:
        """What it means, read from the plan: no SQL is parsed. Its remarks are this revision's."""
        found = deserialize(self.plan)
        assert isinstance(found, Definition), "a version holds a definition"
        options = {name: value for name, value in found.options if name not in REMARKS}
        if self.owner:
            options["owner"] = self.owner
        if self.description:
            options["description"] = self.description
        if self.tags:
            options["tags"] = self.tags
        stated = tuple(sorted(options.items()))
        if isinstance(found, FeatureSet | TrainingSet):
            return replace(found, options=stated, sql=self.sql)
        return replace(found, options=stated)


@dataclass(frozen=True, slots=True)
class Edge:
    """A column comes from a column of an input."""

    column: str
    input: str
    """The name of the input, as the definition names it."""
    input_column: str
    role: Role


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an apply: what happens to a definition."""

    action: Action
    version: Version
    """What is current afterwards; of a removal what was current before."""
    edges: tuple[Edge, ...] = ()
    """The lineage of a new version."""


@dataclass(frozen=True, slots=True)
class State:
    """What is applied in a project."""

    applies: int = 0
    """How many applies there were; an apply states the count that it was planned at."""
    live: dict[str, Version] = field(default_factory=dict)
    """The current version of each definition, each after what it uses."""
    dropped: dict[str, Version] = field(default_factory=dict)
    """The last version of each definition that was removed."""
    files: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of each file that was applied, by its path in the project."""
    undeclared: dict[str, list[str]] = field(default_factory=dict)
    """By source, the columns that its data had at the last apply and that it did not declare."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a definition."""

    action: Action
    version: int
    at: int
    """Microseconds since the epoch, UTC."""
    by: str


@dataclass(frozen=True, slots=True)
class Match:
    """A definition that a search found."""

    project: str
    version: Version
    score: int
    """Greater is better; only the order means something."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A column of a version of a definition."""

    name: str
    version: int
    column: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}.{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A column comes from another."""

    column: Place
    origin: Place
    role: Role
