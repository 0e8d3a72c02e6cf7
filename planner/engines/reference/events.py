"""Events, changes and the questions of a spine: what is known of a row besides its columns.

A row without a time carries its flaw along and is refused where a spine row has its key and a time;
an unequal copy is refused where one window or look-up sees both. What nothing meets does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bighead.planner.engines.reference.expressions import evaluate
from bighead.planner.engines.reference.values import Row, Value, is_counted, order
from bighead.zipline.errors import DataError
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Events, Node, UnionAll, Versions

Key = tuple[Any, ...]

UNSEEN = "not seen: "
"""Before what is wrong with a row that may lie in no window; another engine may refuse it."""


@dataclass(slots=True)
class Event:
    """A row with its times; also a change of an entity, whose time is when it changed."""

    row: Row
    time: Any
    moment: Any
    """What windows and the order in them go by: the time, or an entity's EVENT TIME."""
    known: Any
    """None is never."""
    dated: bool
    """Whether the source names a knowledge time; without one an event is known when it happens."""
    sequence: Value
    deleted: bool = False
    """Whether it is the end of an entity's row."""
    flaw: str | None = None
    """Why the row cannot be used: it has no time."""
    twin: Event | None = None
    """An unequal row of the same identity."""
    conflict: str | None = None
    """What is said where both are seen."""

    @property
    def age(self) -> tuple[Any, ...]:
        """Sorts by (moment, sequence), NULL first; greater is newer."""
        return (order(self.moment), order(self.sequence))

    @property
    def whole(self) -> tuple[Any, ...]:
        """Sorts by time, sequence, deletes first, then the whole row by its declared columns."""
        values = tuple(order(v) for v in self.row.values())
        return (order(self.time), order(self.sequence), not self.deleted, values)


@dataclass(frozen=True, slots=True)
class Asking:
    """A spine row's question: its key (None where a part is NULL or NaN) and its time."""

    row: Row
    key: Key | None
    time: Any
    inclusive: bool

    def is_after(self, time: int | None) -> bool:
        """Whether t lies after this time, or at it where inclusive; no t does for NULL."""
        if time is None:
            return False
        return bool(time <= self.time if self.inclusive else time < self.time)

    def sees(self, event: Event) -> bool:
        """Whether the event happened and was known before t."""
        return self.is_after(event.time) and self.is_after(event.known)


def key_of(exprs: Iterable[Expr], row: Row) -> Key | None:
    """The key of a row, in a form that hashes; None where a part is NULL or NaN."""
    values = [evaluate(e, row) for e in exprs]
    return tuple(order(v) for v in values) if all(map(is_counted, values)) else None


def events_of(node: Events | Versions, rows: list[Row], facts: list[str]) -> list[Event]:
    """The rows with their times, and with their flaws; copies count once."""
    time = node.event_time if isinstance(node, Events) else node.changed_at
    events = []
    for row in rows:
        happened = evaluate(time, row)
        known = happened if node.known_at is None else evaluate(node.known_at, row)
        sequence = None if node.sequence is None else evaluate(node.sequence, row)
        event = Event(row, happened, happened, known, node.known_at is not None, sequence)
        if isinstance(node, Versions):
            event.row = {c: row[c] for c in node.schema.names}
            event.moment = evaluate(node.time, row)
            event.deleted = node.deleted is not None and evaluate(node.deleted, row) is True
        events.append(event)
    if isinstance(node, Events):
        events = without_copies(node, events)
        if node.skip_null_times:
            timed = [e for e in events if e.time is not None]
            if len(timed) < len(events):
                skipped = len(events) - len(timed)
                facts.append(f"{skipped:,} rows skipped: NULL event time in {node.source}")
                untimed = (e for e in events if e.time is None)
                facts += [f"{UNSEEN}{e.conflict}" for e in untimed if e.conflict is not None]
            return timed
    for event in events:
        event.flaw = _null_flaw(node, event)
    return events


def without_copies(node: Events, events: list[Event]) -> list[Event]:
    """One event of each identity; an unequal copy knows its twin.

    NULL in an identity equals nothing, so such rows are distinct.
    """
    first: dict[Key, Event] = {}
    kept = []
    for event in events:
        identity = [event.row[c] for c in node.identity]
        if not identity or not all(map(is_counted, identity)):
            kept.append(event)
            continue
        twin = first.setdefault(tuple(map(order, identity)), event)
        if twin is event:
            kept.append(event)
        elif [*map(order, event.row.values())] != [*map(order, twin.row.values())]:
            named = ", ".join(f"{c} = {event.row[c]!r}" for c in node.identity)
            event.twin = twin
            event.conflict = (
                f"{node.source} holds two different rows of the identity ({named}); rows of equal "
                "identity must be equal: correct one of them, or name more columns in IDENTITY"
            )
            kept.append(event)
    return kept


def _null_flaw(node: Events | Versions, event: Event) -> str | None:
    if event.time is None:
        mend = "declare the source with SKIP NULL TIMES" if isinstance(node, Events) else "drop it"
        return f"{node.source} has a row with a NULL time, {event.row}; correct the row, or {mend}"
    if isinstance(node, Versions) and not all(is_counted(event.row[c]) for c in node.primary_key):
        return f"{node.source} has a row with a NULL primary key, {event.row}; correct the row"
    return None


def matching(
    asking: Asking,
    keyed: list[tuple[Key | None, Event]],
    passes: Callable[[Event], bool] = lambda _: True,
) -> list[Event]:
    """The events of the spine row's key.

    One without a time that passes might be any of them, which is an error.
    """
    if asking.key is None or asking.time is None:
        return []
    events = [event for key, event in keyed if key == asking.key]
    for event in events:
        if event.time is None and passes(event):
            raise DataError(event.flaw)
    return events


def refuse_conflicts(seen: list[Event]) -> None:
    """Raise where a row without a primary key is seen, or unequal rows of one identity together."""
    known = {id(event) for event in seen}
    for event in seen:
        if event.flaw is not None:
            raise DataError(event.flaw)
        if event.twin is not None and id(event.twin) in known:
            raise DataError(str(event.conflict))


def collect(
    node: Events | UnionAll | Versions, rows_of: Callable[[Node], list[Row]], facts: list[str]
) -> list[Event]:
    """The events of all inputs; times, knowledge, sequence and identity are each source's own.

    Says in `facts` how many were skipped.
    """
    parts = node.events if isinstance(node, UnionAll) else (node,)
    return [event for part in parts for event in events_of(part, rows_of(part.input), facts)]


def valid_of_key(
    versions: Versions,
    asking: Asking,
    keyed: list[tuple[Key | None, Event]],
    passes: Callable[[Event], bool] = lambda _: True,
) -> list[Event]:
    """The rows of the key that are valid as of t: each primary key's version, chosen first.

    It is chosen among the changes of all keys of the join, since a newer one may have moved the row
    to another; a delete, or a version for which WHERE is not true, is no row.
    """
    wanted = matching(asking, keyed, lambda e: e.deleted or (_is_row(versions, e) and passes(e)))
    if not wanted:
        return []
    newest: dict[Key, Event] = {}
    for event in sorted((e for _, e in keyed if asking.sees(e)), key=lambda e: e.whole):
        # A row without a primary key is nobody's version: it stays, and is refused where seen.
        key = tuple(order(event.row[c]) for c in versions.primary_key)
        newest[key if event.flaw is None else (id(event),)] = event
    of_key = {id(event) for event in wanted}
    return [e for e in newest.values() if id(e) in of_key and _is_row(versions, e)]


def rows_kept(versions: Versions, events: list[Event]) -> list[Event]:
    """The changes that are no deletes and for which WHERE is true."""
    return [e for e in events if _is_row(versions, e)]


def _is_row(versions: Versions, event: Event) -> bool:
    where = versions.where
    return not event.deleted and (where is None or evaluate(where, event.row) is True)
