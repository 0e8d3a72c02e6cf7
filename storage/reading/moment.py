"""A store at one commit: what its database holds, and the rows that wait in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bighead.kernels import tiles
from bighead.storage.database.database import Table, View
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.sets.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows that wait as of a commit, by what stands before the keys of their sets."""

    commit: int = 0
    rows: Mapping[bytes, tiles.Seen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Moment:
    """A view of the database with the rows that wait as of its commit."""

    view: View
    seen: Seen

    def waiting(self, prefix: bytes, plan: SetPlan) -> tiles.Seen | None:
        """What waits of a set; None: nothing ever does.

        Raises DamagedError where it cannot be read.
        """
        if plan.entity:
            return None
        found = self.seen.rows.get(prefix)
        if found is None:  # of a generation that is read no more
            loaded = Waiting.load(self.view, prefix, plan)
            found = loaded.rows.seen(loaded.commit)
        return found

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The value of a key, or None."""
        return self.view.get(table, key)

    def get_many(self, table: Table, keys: list[bytes]) -> list[bytes | None]:
        """The values of keys, in their order."""
        return self.view.get_many(table, keys)

    def scan(self, table: Table, start: bytes, end: bytes | None) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values in order."""
        return self.view.scan(table, start, end)
