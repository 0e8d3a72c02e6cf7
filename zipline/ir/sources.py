"""What is declared of data: event sources, entity sources and plain tables.

A source says which columns there are and what their times mean; where its rows lie is an option
(`batch`) or data that a session holds under its name. Definitions are values: equal ones are equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from bighead.zipline.ir.expr import Expr, columns_of
from bighead.zipline.ir.types import is_time

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


@dataclass(frozen=True, slots=True)
class EntitySource(Table):
    """A table whose rows change (`changed_at`), or never do (STATIC: `changed_at` is None)."""

    primary_key: tuple[str, ...]
    changed_at: Expr | None = None
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
    def static(self) -> bool:
        """Its rows never change."""
        return self.changed_at is None


Source = Table | EventSource | EntitySource


def _check_times(source: Table, *times: Expr | None) -> None:
    for time in times:
        if time is not None and not (is_time(time.type) and pa.types.is_timestamp(time.type)):
            raise ValueError(f"a time of {source.name} is a {time.type}, not a timestamp")
        _check_columns(source, columns_of(time))


def _check_columns(source: Table, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in source.schema.names:
            raise ValueError(f"{source.name} has no column '{name}'")
