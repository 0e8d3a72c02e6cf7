"""What is declared of data: event sources, entity sources and plain tables.

A source says which columns there are and what their times mean; where its rows lie is an option
(`batch`) or data that a session holds under its name. Definitions are values: equal ones are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from bighead.zipline.ir.expr import Call, Column, Expr, columns_of
from bighead.zipline.ir.types import BIGINT, BOOLEAN, TIMESTAMP, is_time

OptionValue = str | bool | int | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A plain table: columns and no times. Also what the other sources have in common."""

    name: str
    schema: pa.Schema
    """Declared columns, in order, of the plan's types."""
    options: tuple[tuple[str, OptionValue], ...] = field(default=(), kw_only=True)
    """WITH (...), sorted by name, durations as text."""

    def __post_init__(self) -> None:
        names = self.schema.names
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise ValueError(f"{self.name} declares the column '{twice}' twice")

    @property
    def scanned(self) -> pa.Schema:
        """The columns that a scan can read."""
        return self.schema

    @property
    def stated(self) -> frozenset[str]:
        """The declared columns that its clauses read: rows without them mean nothing."""
        return frozenset()

    def option(self, name: str) -> OptionValue | None:
        """The value of an option, or None where it is not given."""
        return dict(self.options).get(name)


@dataclass(frozen=True, slots=True)
class EventSource(Table):
    """Rows that never change, each with the time it happened, and perhaps the time it was known."""

    event_time: Expr
    """TIMESTAMP or TIMESTAMPTZ over the declared columns (dates and integers are brought to it)."""
    known_at: Expr | None = None
    sequence: str | None = None
    identity: tuple[str, ...] = ()
    skip_null_times: bool = False

    def __post_init__(self) -> None:
        Table.__post_init__(self)
        _check_times(self, self.event_time, self.known_at)
        _check_columns(self, (*self.identity, *([self.sequence] if self.sequence else [])))

    @property
    def stated(self) -> frozenset[str]:
        """The columns of its times, its SEQUENCE and its IDENTITY."""
        named = (*columns_of(self.event_time, self.known_at), *self.identity, self.sequence)
        return frozenset(name for name in named if name is not None)


DEBEZIUM = "debezium-json"
"""The format of a change log that holds before and after images."""

CHANGED, DELETED = "#changed", "#deleted"
FIELDS: dict[str, pa.Field[Any]] = {
    "ts_us": pa.field("#source.ts_us", TIMESTAMP),
    "ts_ms": pa.field("#source.ts_ms", TIMESTAMP),
    "lsn": pa.field("#source.lsn", BIGINT),
}
"""The fields of Debezium's `source` that the times and SEQUENCE of an entity may name."""


def is_added(name: str) -> bool:
    """Whether a column is not declared, but comes from a reader of changes."""
    return name in (CHANGED, DELETED) or name.startswith("#source.")


@dataclass(frozen=True, slots=True)
class EntitySource(Table):
    """A table whose rows change (`changed_at`), or never do (STATIC: `changed_at` is None).

    Its data are changes. Where deletes are among them (`op`, a snapshot, Debezium), their reader
    adds columns to the declared ones: whether a change deletes, when it happened where no declared
    column tells, and fields of Debezium's `source`.
    """

    primary_key: tuple[str, ...]
    changed_at: Expr | None = None
    """When a row changed, as declared; over `scanned`."""
    known_at: Expr | None = None
    sequence: str | None = None
    event_time: Expr | None = None

    def __post_init__(self) -> None:
        Table.__post_init__(self)
        if not self.primary_key:
            raise ValueError(f"{self.name} needs a PRIMARY KEY")
        _check_times(self, self.changed_at, self.known_at, self.event_time)
        _check_columns(self, (*self.primary_key, *([self.sequence] if self.sequence else [])))

    @property
    def stated(self) -> frozenset[str]:
        """The columns of its key, its times, its SEQUENCE and its operations."""
        times = columns_of(self.changed_at, self.known_at, self.event_time)
        named = (*self.primary_key, *times, self.sequence, self.option("op"))
        return frozenset(n for n in named if isinstance(n, str) and not is_added(n))

    @property
    def static(self) -> bool:
        """Its rows never change."""
        return self.changed_at is None

    @property
    def debezium(self) -> bool:
        """Its log holds before and after images."""
        return self.option("format") == DEBEZIUM

    @property
    def deletes(self) -> bool:
        """Deletes may be among its changes."""
        stated = (self.option("op"), self.option("snapshot"))
        return self.debezium or any(option is not None for option in stated)

    @property
    def inferred(self) -> bool:
        """Some changes have a time that no declared column holds."""
        return self.debezium or self.option("snapshot") is not None

    @property
    def scanned(self) -> pa.Schema:
        """The declared columns and those that a reader of changes adds."""
        added: list[pa.Field[Any]] = []
        if self.deletes:
            added.append(pa.field(DELETED, BOOLEAN))
        if self.inferred and self.changed_at is not None:
            added.append(pa.field(CHANGED, self.changed_at.type))
        if self.debezium:
            added += FIELDS.values()
        return pa.schema([*self.schema, *added])

    @property
    def changed(self) -> Expr | None:
        """When a change happened: what its reader found out, else what is declared."""
        if self.changed_at is None or not self.inferred:
            return self.changed_at
        kind = self.changed_at.type
        return Call("coalesce", (Column(CHANGED, kind), self.changed_at), kind)

    @property
    def deleted(self) -> Expr | None:
        """Whether a change is a delete; None where none is."""
        return Column(DELETED, BOOLEAN) if self.deletes else None

    @property
    def known(self) -> Expr | None:
        """When a change was known; a delete that does not say so when it happened."""
        changed, deleted, known = self.changed, self.deleted, self.known_at
        if known is None or deleted is None or changed is None or not self.inferred:
            return known
        then = changed if changed.type == known.type else Call("cast", (changed,), known.type)
        return Call(
            "case", (deleted, Call("coalesce", (known, then), known.type), known), known.type
        )


Source = Table | EventSource | EntitySource


def _check_times(source: Table, *times: Expr | None) -> None:
    for time in times:
        if time is not None and not (is_time(time.type) and pa.types.is_timestamp(time.type)):
            raise ValueError(f"a time of {source.name} is a {time.type}, not a timestamp")
        _check_columns(source, columns_of(time))


def _check_columns(source: Table, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in source.scanned.names:
            raise ValueError(f"{source.name} has no column '{name}'")
