"""Which rows of a batch break a rule, so that their neighbours need not wait for them.

A batch without such rows is tried once, as a whole. In one that fails, halves are tried until the
rows stand alone: each costs about two more trials of the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bighead.zipline.errors import BigheadError


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not taken."""

    row: int
    """Its number in the batch."""
    reason: str


def sift(
    rows: Sequence[int], attempt: Callable[[Sequence[int]], object]
) -> tuple[list[int], list[Refused]]:
    """The rows that can be taken together, in order, and those that cannot.

    attempt: raises a BigheadError where one of some rows breaks a rule.

    >>> from bighead.zipline.errors import DataError
    >>> def odd(rows):
    ...     if any(row % 2 for row in rows):
    ...         raise DataError("an odd row")
    >>> sift([0, 1, 2, 4], odd)
    ([0, 2, 4], [Refused(row=1, reason='an odd row')])
    """
    refused: list[Refused] = []
    kept = _kept(rows, attempt, refused)
    if kept and not _passes(kept, attempt):
        # What passes in parts may fail together: then each part must pass beside those before it.
        together: list[int] = []
        _add(kept, attempt, together, refused)
        kept = together
    return kept, sorted(refused, key=lambda r: r.row)


def _kept(
    rows: Sequence[int], attempt: Callable[[Sequence[int]], object], refused: list[Refused]
) -> list[int]:
    if not rows:
        return []
    try:
        attempt(rows)
    except BigheadError as error:
        if len(rows) == 1:
            refused.append(Refused(rows[0], str(error)))
            return []
    else:
        return list(rows)
    half = len(rows) // 2
    return [*_kept(rows[:half], attempt, refused), *_kept(rows[half:], attempt, refused)]


def _add(
    rows: Sequence[int],
    attempt: Callable[[Sequence[int]], object],
    together: list[int],
    refused: list[Refused],
) -> None:
    """Adds rows to those that pass together."""
    try:
        attempt([*together, *rows])
        together += rows
    except BigheadError as error:
        if len(rows) == 1:
            refused.append(Refused(rows[0], str(error)))
            return
        half = len(rows) // 2
        _add(rows[:half], attempt, together, refused)
        _add(rows[half:], attempt, together, refused)


def _passes(rows: Sequence[int], attempt: Callable[[Sequence[int]], object]) -> bool:
    try:
        attempt(rows)
    except BigheadError:
        return False
    return True
