"""Which rows of a log a store can tell of: those that read a commit which this store has too.

A log may have been written over one store and then over another, over a store and over what was
restored from its backup, or over a store that was set back since. Numbers of commits mean something
else in each; so only rows of the same origin are taken, up to the last commit that is shared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bighead.storage.fetch_log.reading import File, Numbers

NOTHING = -1
"""Before all commits."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows of a log that tell nothing of a store."""

    origin: str
    """Of the store from which they were served."""
    shared: int | None
    """The last commit that both stores have; None: they share nothing."""
    rows: int
    first: int
    """When the first of them was served, in microseconds."""
    last: int

    def and_(self, other: LeftOut) -> LeftOut:
        """All rows of both."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return replace(self, rows=self.rows + other.rows, first=first, last=last)


def belonging(
    files: Sequence[File], origins: Mapping[str, int]
) -> tuple[list[File], list[LeftOut]]:
    """The files with the rows that belong to a store, and by origin what is left out.

    origins: by origin the last commit that the store has of it. Files that do not say from which
    store they were served are taken to belong.
    """
    found: list[File] = []
    left: dict[str, LeftOut] = {}
    for file in files:
        origin = file.facts.origin
        if not origin or not len(file.rows):
            found.append(file)
            continue
        shared = origins.get(origin)
        foreign = file.commits > (NOTHING if shared is None else shared)
        found.append(file.only(~foreign))
        if foreign.any():
            told = _left_out(file, shared, file.served[foreign])
            left[origin] = left[origin].and_(told) if origin in left else told
    return found, sorted(left.values(), key=lambda each: each.first)


def _left_out(file: File, shared: int | None, served: Numbers) -> LeftOut:
    return LeftOut(file.facts.origin, shared, len(served), int(served.min()), int(served.max()))
