"""Rows of a set that wait: in memory by key, and in `meta` a segment for each commit.

Most commits bring about a row a key, and to read and write a block for each of them would cost more
than all else. So a commit writes its rows as one segment; some keys at a time, all that waits of
them goes into their blocks. How many such folds there were stands in `meta` and says which rows of
which segments wait still (`kernels/tiles/waiting.h`): whoever opens the store finds the same rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from bighead.kernels import tiles
from bighead.kernels.aggregates import StateError
from bighead.storage.database.database import Batch, Database, View
from bighead.storage.database.keys import after
from bighead.storage.errors import DamagedError
from bighead.storage.sets.set_plan import SetPlan

_SEGMENT, _FOLDS = b"segment\0", b"folds\0"
_STAMP = slice(1, 9)
"""Of a segment: how many folds came before it."""


@dataclass(slots=True)
class Waiting:
    """What waits of one generation of a set."""

    prefix: bytes
    """Before the keys of its blocks."""
    plan: SetPlan
    rows: tiles.Waiting
    segments: deque[tuple[bytes, int]] = field(default_factory=deque)
    """The keys of those that hold rows which wait, and how many folds came before each."""
    commit: int = 0
    """The last that brought rows."""
    folded: int = 0
    """The last commit with which parts of it were folded."""
    crowded: bool = False
    """Of some keys as many rows wait as may."""

    @classmethod
    def load(cls, view: View, prefix: bytes, plan: SetPlan) -> Waiting:
        """What waits as of a view. Raises DamagedError where it cannot be read."""
        made = cls(prefix, plan, tiles.Waiting(plan.layout, _folds(view, prefix)))
        made.follow(view)
        return made

    def follow(self, view: View) -> None:
        """Go on to what waits as of a later view. Raises DamagedError where it cannot be read."""
        self.fold_to(_folds(view, self.prefix))
        start, end = segment_key(self.prefix, self.commit + 1, 0), after(_SEGMENT + self.prefix)
        for key, data in view.scan("meta", start, end):
            self.note(key, data)

    def note(self, key: bytes, data: bytes) -> None:
        """Take in a segment. Raises DamagedError where it is not one."""
        commit = int.from_bytes(key[-12:-4], "big")
        try:
            self.rows.note(data, commit)
        except StateError as error:
            raise DamagedError(
                f"the rows that commit {commit} brought are damaged: {error}; restore a backup"
            ) from error
        self.commit = commit
        self.segments.append((key, int.from_bytes(data[_STAMP], "little")))

    def fold_to(self, folds: int) -> None:
        """Let the rows go that are in the blocks of their keys after so many folds."""
        if folds - self.rows.folds >= tiles.PARTS:
            self.rows = tiles.Waiting(self.plan.layout, folds)
        while self.rows.folds < folds:
            self.rows.fold()
        while self.segments and self._is_done(self.segments[0][1], folds):
            self.segments.popleft()

    def write_folds(self, batch: Batch, folds: int) -> None:
        """Put into a batch how many folds there are with it, and drop segments that are done."""
        batch["meta", folds_key(self.prefix)] = folds.to_bytes(8, "big")
        for key, stamp in self.segments:
            if not self._is_done(stamp, folds):
                return
            batch["meta", key] = None

    @staticmethod
    def _is_done(stamp: int, folds: int) -> bool:
        return folds - stamp >= tiles.PARTS


def segment_key(prefix: bytes, commit: int, number: int) -> bytes:
    """Of the rows that a commit brought of a generation of a set; there may be several."""
    return _SEGMENT + prefix + commit.to_bytes(8, "big") + number.to_bytes(4, "big")


def folds_key(prefix: bytes) -> bytes:
    """Of how many folds there were."""
    return _FOLDS + prefix


def is_segment(key: bytes) -> bool:
    """Whether it is the key of one."""
    return key.startswith(_SEGMENT)


def clear(database: Database, prefix: bytes) -> None:
    """Delete all that waits of a generation of a set."""
    for start in (_SEGMENT + prefix, folds_key(prefix)):
        end = after(start)
        assert end is not None
        database.drop("meta", start, end)


def prefix_of(key: bytes) -> bytes:
    """Before the keys of the blocks of the set whose segment has this key."""
    return key[len(_SEGMENT) : -12]


def _folds(view: View, prefix: bytes) -> int:
    found = view.get("meta", folds_key(prefix))
    return 0 if found is None else int.from_bytes(found, "big")
