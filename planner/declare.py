"""Clauses given as Python keywords, written down as the CREATE SOURCE statement that they mean.

So `register` and SQL go through the same grammar and the same checks, and `DESCRIBE` shows for both
what was declared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.types import sql_name
from bighead.zipline.names import quoted

TEXTS = (
    "event_time",
    "known_at",
    "sequence",
    "unit",
    "changed_at",
    "op",
    "owner",
    "description",
    "partition_lag",
    "complete",
)
"""The keywords that take a text."""


@dataclass(frozen=True, slots=True)
class Clauses:
    """The clauses of CREATE EVENT SOURCE and CREATE ENTITY SOURCE, and the options of WITH."""

    event_time: str | None = None
    known_at: str | None = None
    sequence: str | None = None
    identity: tuple[str, ...] = ()
    unit: str | None = None
    skip_null_times: bool = False
    primary_key: tuple[str, ...] = ()
    changed_at: str | None = None
    op: str | None = None
    owner: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    partition_lag: str | None = None
    complete: str | None = None

    @property
    def kind(self) -> str | None:
        """EVENT, ENTITY, or None for a plain table.

        Raises BigheadError where a clause is given that a plain table does not have.
        """
        if self.primary_key:
            return "ENTITY"
        if self.event_time is not None:
            return "EVENT"
        given = {
            "known_at": self.known_at is not None,
            "sequence": self.sequence is not None,
            "identity": bool(self.identity),
            "unit": self.unit is not None,
            "skip_null_times": self.skip_null_times,
            "changed_at": self.changed_at is not None,
            "op": self.op is not None,
            "partition_lag": self.partition_lag is not None,
            "complete": self.complete is not None,
        }
        for name, there in given.items():
            if there:
                raise BigheadError(
                    f"{name} says nothing of a plain table; add event_time, or primary_key with "
                    "changed_at"
                )
        return None


def check_name(name: object) -> None:
    """Raises BigheadError for what is no name, dotted or not."""
    if not isinstance(name, str) or not all(part.strip() for part in name.split(".")):
        raise BigheadError(f"'{name}' is no name; write a word, or words joined by dots")


def check_kinds(clauses: Clauses) -> None:
    """Raises BigheadError for a keyword that is given what it does not take."""
    for name in TEXTS:
        value = getattr(clauses, name)
        if value is not None and not isinstance(value, str):
            raise BigheadError(f"{name} takes a text, not {value!r}")
        if isinstance(value, str) and not value.strip() and name != "description":
            raise BigheadError(f"{name} is empty; leave it out, or name a column")
    if not isinstance(clauses.skip_null_times, bool):
        raise BigheadError(f"skip_null_times takes True or False, not {clauses.skip_null_times!r}")


def names_of(given: str | Sequence[str] | None, keyword: str) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    if given is None or (keyword == "tags" and not given):
        return ()
    names = (given,) if isinstance(given, str) else tuple(given)
    if not names or not all(isinstance(n, str) for n in names):
        what = "a text" if keyword == "tags" else "the name of a column"
        raise BigheadError(f"{keyword} takes {what}, or a list of them")
    return names


def statement(name: str, schema: pa.Schema, clauses: Clauses) -> str:
    """CREATE OR REPLACE ... SOURCE with these columns and clauses.

    >>> schema = pa.schema([("listing", pa.int64()), ("ts", pa.timestamp("us"))])
    >>> print(statement("bookings", schema, Clauses(event_time="ts", owner="homes")))
    CREATE OR REPLACE EVENT SOURCE "bookings" (
      "listing" BIGINT,
      "ts" TIMESTAMP
    )
    EVENT TIME "ts"
    WITH (owner = 'homes')
    """
    assert clauses.kind is not None, "a plain table needs no statement"
    types = schema.types
    columns = (f"  {quoted(n)} {sql_name(t)}" for n, t in zip(schema.names, types, strict=True))
    dotted = ".".join(quoted(part) for part in name.split("."))
    lines = [f"CREATE OR REPLACE {clauses.kind} SOURCE {dotted} (", ",\n".join(columns), ")"]
    if clauses.primary_key:
        lines.append(f"PRIMARY KEY ({_listed(clauses.primary_key)})")
        if clauses.changed_at is None:
            lines.append("STATIC")
    times = {
        "EVENT TIME": clauses.event_time,
        "CHANGED AT": clauses.changed_at,
        "KNOWN AT": clauses.known_at,
        "SEQUENCE": clauses.sequence,
    }
    lines += [f"{k} {_column_or_text(v, schema)}" for k, v in times.items() if v is not None]
    if clauses.identity:
        lines.append(f"IDENTITY ({_listed(clauses.identity)})")
    if clauses.unit is not None:
        lines.append(f"UNIT {_text(clauses.unit)}")
    if clauses.skip_null_times:
        lines.append("SKIP NULL TIMES")
    texts = {
        "owner": clauses.owner,
        "description": clauses.description,
        "op": clauses.op,
        "partition_lag": clauses.partition_lag,
        "complete": clauses.complete,
    }
    options = [f"{k} = {_text(v)}" for k, v in texts.items() if v is not None]
    if clauses.tags:
        options.append(f"tags = [{', '.join(map(_text, clauses.tags))}]")
    if options:
        lines.append(f"WITH ({', '.join(options)})")
    return "\n".join(lines)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))


def _column_or_text(given: str, schema: pa.Schema) -> str:
    """A column by its name, whatever that is; anything else is SQL over the columns."""
    if given in schema.names:
        return quoted(given)
    like = [n for n in schema.names if n.casefold() == given.casefold()]
    return quoted(like[0]) if len(like) == 1 else given
