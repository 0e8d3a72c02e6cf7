"""What came in and what became of it, counted by source since the ingester began."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counters:
    """Of one source."""

    messages: int = 0
    """Came, or rows of tables."""
    bytes: int = 0
    rows: int = 0
    """Were taken; a message may give none, or two."""
    copies: int = 0
    """Had come before."""
    late: int = 0
    """Were taken longer after their event time than `late_after` says."""
    expired: int = 0
    """Came too late for the history that a set keeps; counted once for each set."""
    rejected: int = 0
    """Lie among the dead letters."""
    commits: int = 0

    def added(self, other: Counters) -> Counters:
        """The sums."""
        return Counters(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def since(self, other: Counters) -> Counters:
        """What came on top of an earlier count."""
        return Counters(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))
