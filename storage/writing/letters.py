"""Dead letters: messages and rows that the store could not take, kept with the reason.

They are written by the commit that moves the offset past them, so none is lost and none comes
twice. They lie in `meta` by the number of that commit, in the order in which they came.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal as OneOf

from bighead.storage.database.database import Batch, View
from bighead.storage.database.keys import after
from bighead.storage.errors import StoreError

_PREFIX = b"letter\0"
_NUMBER = struct.Struct(">QI")
FIRST = _PREFIX
"""The place in `meta` before all letters."""

Form = OneOf["message", "arrow", "file"]
"""What is kept: a message as it came; rows of a table as an Arrow stream; the path of a file."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of something that could not be taken."""

    source: str
    form: Form
    partition: str
    """Of the stream it came in: a topic and its partition, a file, a producer."""
    position: int
    """In that partition."""
    reason: str
    time: int
    """When it came first, in microseconds."""
    tries: int = 1
    written: int | None = None
    """When it was written to its stream, in microseconds; None: when it came."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter."""

    facts: Facts
    raw: bytes

    def written(self) -> bytes:
        """As the store keeps it: a length, the facts in JSON, the bytes."""
        facts = json.dumps(asdict(self.facts)).encode()
        return struct.pack(">I", len(facts)) + facts + self.raw


@dataclass(frozen=True, slots=True)
class Kept:
    """A dead letter under its number."""

    commit: int
    index: int
    letter: Letter

    @property
    def number(self) -> str:
        """As users write it."""
        return f"{self.commit}-{self.index}"

    @property
    def key(self) -> bytes:
        """In `meta`."""
        return place_of(self.commit, self.index)


def place_of(commit: int, index: int) -> bytes:
    """The place in `meta` of a letter."""
    return _PREFIX + _NUMBER.pack(commit, index)


def put_letters(batch: Batch, commit: int, letters: Iterable[Letter]) -> None:
    """Dead letters into the batch of a commit."""
    for i, letter in enumerate(letters):
        batch["meta", place_of(commit, i)] = letter.written()


def letters(view: View, source: str | None = None) -> Iterator[Kept]:
    """All dead letters, or those of a source, in the order in which they came."""
    for kept in letters_between(view, FIRST, after(_PREFIX)):
        if source is None or kept.letter.facts.source == source:
            yield kept


def letters_between(view: View, first: bytes, end: bytes | None) -> Iterator[Kept]:
    """The dead letters from a place on and before another."""
    for key, value in view.scan("meta", first, end):
        yield _kept(key, value)


def letter(view: View, number: str) -> Kept:
    """One dead letter. Raises StoreError where there is none of this number."""
    found = find_letter(view, number)
    if found is not None:
        return found
    raise StoreError(f"there is no dead letter {number}; see 'bighead ingest dead-letters list'")


def find_letter(view: View, number: str) -> Kept | None:
    """One dead letter; None: there is none of this number."""
    commit, _, index = number.partition("-")
    if not (number.isascii() and commit.isdigit() and index.isdigit()):
        return None
    try:
        key = place_of(int(commit), int(index))
    except (struct.error, ValueError):  # a number that no letter has
        return None
    value = view.get("meta", key)
    return None if value is None else _kept(key, value)


def _kept(key: bytes, value: bytes) -> Kept:
    commit, index = _NUMBER.unpack(key.removeprefix(_PREFIX))
    (size,) = struct.unpack_from(">I", value)
    facts = Facts(**json.loads(value[4 : 4 + size]))
    return Kept(commit, index, Letter(facts, value[4 + size :]))
