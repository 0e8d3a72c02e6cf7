"""What one process for all of it tells: one line an event, and how things stand now and then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from bighead.storage.ingest.counters import Counters

Level = Literal["info", "warning", "error"]
Standing = Literal["waits", "uploading", "served", "failed"]


@dataclass(frozen=True, slots=True)
class SetState:
    """A set that is to be online."""

    name: str
    """With its version."""
    state: Standing


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source that those sets read."""

    name: str
    stream: str
    """Where its rows come from; empty: from producers alone, and from uploads."""
    counted: Counters
    newest: int | None
    """Up to which time rows have come, in microseconds."""
    fault: str = ""
    """Why its stream is not read."""


@dataclass(frozen=True, slots=True)
class State:
    """All of it."""

    commit: int
    sets: tuple[SetState, ...] = ()
    sources: tuple[SourceState, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()
    """What is where: ("gRPC", "127.0.0.1:7654")."""


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened."""

    event: str
    """A word for scripts."""
    text: str
    """For people."""
    level: Level = "info"
    facts: dict[str, object] = field(default_factory=dict)


class Screen(Protocol):
    """Shows it; called by several threads."""

    def tell(self, told: Told) -> None:
        """Something happened."""
        ...

    def show(self, state: State) -> None:
        """How things stand now; called some times a second."""
        ...
