"""What waits of all sets of a store, and which of it is due to go into the blocks of its keys.

Rows are taken in before their commit is written and seen after it: who reads meanwhile sees those
of the commits before. Where a commit cannot be written all is let go of, and read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from bighead.kernels import tiles
from bighead.storage.database.database import Batch, View
from bighead.storage.database.keys import set_prefix
from bighead.storage.reading.moment import Seen
from bighead.storage.sets.definitions import Definition
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.sets.waiting import Waiting, folds_key, is_segment, prefix_of

_EVERY = 4
"""So many commits after a fold comes the next, if none is due before: no row waits for ever."""
_CROWDED = 8
"""Folds of a commit while some keys have as many rows waiting as they may."""


@dataclass(slots=True)
class Recent:
    """The rows that wait, by what stands before the keys of their sets.

    most: bytes of memory that they take. of_key: rows of one key.
    """

    most: int
    of_key: int
    sets: dict[bytes, Waiting] = field(default_factory=dict)
    commit: int = 0
    """Up to which a reader followed."""

    def follow(self, view: View, commit: int, kept: Iterable[tuple[Definition, SetPlan]]) -> Seen:
        """Go on to what waits of some sets as of a view, which shows a commit.

        Two readers of one process may share this, of whom one is behind; what waits as of its
        commit is then read anew where it is asked for.
        """
        if commit < self.commit:
            return Seen(commit)
        known, self.sets = self.sets, {}
        for definition, plan in kept:
            prefix = set_prefix(definition.generation, definition.number)
            if prefix in known:  # as of an earlier commit; what is read in part is read anew
                known[prefix].follow(view)
                self.sets[prefix] = known[prefix]
            self.of(view, definition, plan)
        self.commit = commit
        return self.seen(commit)

    def of(self, view: View, definition: Definition, plan: SetPlan) -> Waiting | None:
        """What waits of a set; None: nothing ever does. view: as of the last commit."""
        if plan.entity:
            return None
        prefix = set_prefix(definition.generation, definition.number)
        if prefix not in self.sets:
            self.sets[prefix] = Waiting.load(view, prefix, plan)
        found = self.sets[prefix]
        found.plan = plan  # what it keeps may have changed: other sets are read from its blocks
        return found

    def due(self, commit: int) -> Iterator[tuple[Waiting, int]]:
        """The sets of which parts are to be folded with a commit, and how many parts."""
        waiting = sorted(self.sets.values(), key=lambda w: w.rows.memory, reverse=True)
        over = sum(w.rows.memory for w in waiting) - self.most
        for each in waiting:
            if not each.segments:
                continue
            least = _CROWDED if each.crowded else int(commit - each.folded >= _EVERY)
            parts = 0
            while parts < tiles.PARTS and (parts < least or over > 0):
                over -= each.rows.size(parts)
                parts += 1
            if parts:
                yield each, parts

    def some(self, most: int) -> tuple[Waiting, int] | None:
        """A set of which rows wait, and how many parts hold `most` bytes of them; None: none do."""
        for waiting in self.sets.values():
            if waiting.segments:
                parts = size = 0
                while parts < tiles.PARTS and (not parts or size + waiting.rows.size(parts) < most):
                    size += waiting.rows.size(parts)
                    parts += 1
                return waiting, parts
        return None

    def take(self, batch: Batch, commit: int) -> None:
        """What is about to be committed; nobody sees it yet."""
        for waiting in self.sets.values():
            folds = batch.get(("meta", folds_key(waiting.prefix)))
            if folds is not None:
                waiting.fold_to(int.from_bytes(folds, "big"))
                waiting.folded = commit
        for (table, key), data in batch.items():
            if data is not None and table == "meta" and is_segment(key):
                of_set = self.sets.get(prefix_of(key))
                if of_set is not None:
                    of_set.note(key, data)

    def seen(self, commit: int) -> Seen:
        """What waits as of the last commit."""
        return Seen(commit, {prefix: w.rows.seen(commit) for prefix, w in self.sets.items()})
