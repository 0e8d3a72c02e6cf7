"""Dead letters that somebody chose, a portion at a time, each as it is by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bighead.storage.database.database import View
from bighead.storage.writing.letters import FIRST, Kept, find_letter, letters_between, place_of

PORTION, BYTES = 1_000, 1 << 20
"""Letters that are read at once, and about so many bytes of them."""


@dataclass(slots=True)
class Chosen:
    """Some dead letters of a store, or all that it had up to a commit."""

    view: View
    numbers: Sequence[str] | None
    """As users write them; None: all. Those that are not there any more are left out, and one that
    is named twice is meant once."""
    source: str | None
    """Of all, those of one source."""
    until: int
    """Of all, those up to this commit."""
    _begun: int = field(default=0, init=False)
    """How many of the numbers were looked at."""
    _found: set[bytes] = field(default_factory=set, init=False)
    """The letters of these: `3-0` and `03-0` are one, whose rows may not come twice."""
    _after: bytes = field(default=FIRST, init=False)
    """Of all, the place behind the last that was looked at."""
    over: bool = field(default=False, init=False)
    """There are no more."""

    def portion(self) -> list[Kept]:
        """The next ones; may be none though more come."""
        return self._of_all() if self.numbers is None else self._of_numbers(self.numbers)

    def _of_numbers(self, numbers: Sequence[str]) -> list[Kept]:
        found, size = list[Kept](), 0
        while self._begun < len(numbers) and len(found) < PORTION and size < BYTES:
            kept = find_letter(self.view, numbers[self._begun])
            self._begun += 1
            if kept is not None and kept.key not in self._found:
                self._found.add(kept.key)
                found.append(kept)
                size += len(kept.letter.raw)
        self.over = self._begun == len(numbers)
        return found

    def _of_all(self) -> list[Kept]:
        found, size = list[Kept](), 0
        between = letters_between(self.view, self._after, place_of(self.until + 1, 0))
        for looked, kept in enumerate(between):
            if looked == PORTION or size >= BYTES:
                self._after = kept.key
                return found
            size += len(kept.letter.raw)
            if self.source is None or kept.letter.facts.source == self.source:
                found.append(kept)
        self.over = True
        return found
