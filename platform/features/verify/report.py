"""What a verification found: by feature how many values are equal, and why the others are not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args
from typing import Literal as OneOf

from bighead.storage.fetch_log.belonging import LeftOut
from bighead.zipline.aggregates.function import Accuracy

Outcome = OneOf["equal", "late", "missing", "ahead", "different"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class RowTold:
    """A row of an offline source, and what became of it in the store."""

    source: str
    what: OneOf["late", "missing", "ahead", "changed"]
    row: Mapping[str, Any]
    """What it is known by, and its time; the whole row where nothing else tells it apart."""
    commit: int | None
    arrival: int | None
    """In microseconds; None: it never came, or nobody knows when."""


@dataclass(frozen=True, slots=True)
class Example:
    """A value that is not what the offline sources say."""

    feature: str
    outcome: Outcome
    given: Mapping[str, Any]
    as_of: int
    served_at: int
    commit: int
    served: Any
    expected: Any
    reason: str = ""
    """Why there is nothing to be expected, or what else explains it."""
    rows: tuple[RowTold, ...] = ()
    """Those that explain it, the first few."""
    more: int = 0
    """How many more rows there are."""


@dataclass(slots=True)
class FeatureFound:
    """The values of one feature."""

    name: str
    accuracy: Accuracy
    counts: Counter[Outcome] = field(default_factory=Counter)
    faults: int = 0
    """Were told as errors when they were served, and are not compared."""

    @property
    def compared(self) -> int:
        """How many values."""
        return sum(self.counts.values())


@dataclass(slots=True)
class SetFound:
    """The values of one definition."""

    name: str
    """With its version."""
    address: str
    share: float
    """Of the keys that are logged."""
    rows: int
    """Of the log, that were drawn."""
    features: list[FeatureFound]
    examples: list[Example] = field(default_factory=list)
    late: Counter[str] = field(default_factory=Counter)
    """By source, the rows that came later than a fetch which they would have changed."""
    missing: Counter[str] = field(default_factory=Counter)
    """By source, such rows that never came."""
    ahead: Counter[str] = field(default_factory=Counter)
    """By source, the rows that came and are not offline."""
    remarks: list[str] = field(default_factory=list)

    def count(self, outcome: Outcome) -> int:
        """How many values of all features."""
        return sum(f.counts[outcome] for f in self.features)

    @property
    def compared(self) -> int:
        """How many values of all features."""
        return sum(f.compared for f in self.features)


@dataclass(slots=True)
class Found:
    """A whole verification."""

    total: int
    """Rows of the log in the time that was asked for, without those that were left out."""
    cut: int
    """Files of the log whose process was killed."""
    sets: list[SetFound]
    left_out: tuple[LeftOut, ...] = ()
    """Rows of the log that are not of the store."""
    unnamed: int = 0
    """Rows that do not say of which store they are, and were taken to be of this one."""

    def failed(self, most_missing: float) -> bool:
        """Whether something is different, or more is missing than a share of the values."""
        compared = sum(s.compared for s in self.sets)
        missing = sum(s.count("missing") for s in self.sets)
        return any(s.count("different") for s in self.sets) or missing > most_missing * compared
