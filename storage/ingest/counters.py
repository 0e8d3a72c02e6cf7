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
    lag: int = 0
    """Microseconds from when the oldest message of the last commit was written to its stream, where
    that is known, else came, until it was committed; of several sources, the longest."""

    def added(self, other: Counters) -> Counters:
        """The sums."""
        return self._with(other, 1)

    def since(self, other: Counters) -> Counters:
        """What came on top of an earlier count."""
        return self._with(other, -1)

    def _with(self, other: Counters, sign: int) -> Counters:
        names = [f.name for f in fields(self) if f.name != "lag"]
        sums = {n: getattr(self, n) + sign * getattr(other, n) for n in names}
        return Counters(**sums, lag=max(self.lag, other.lag) if sign > 0 else self.lag)
