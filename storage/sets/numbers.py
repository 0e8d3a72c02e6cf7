"""The numbers of sets. Each is given once: what a set leaves behind lies under its own."""

from __future__ import annotations

from bighead.storage.database.database import Batch, View
from bighead.storage.database.keys import after
from bighead.storage.sets.definitions import definitions

_GIVEN = b"number"
_LEFT = ((b"reign\0", 0), (b"dropped\0", 4))
"""What may be left of sets that are gone, and where their numbers stand behind it."""


def last_number(view: View) -> int:
    """The greatest that was given; 0: none."""
    held = view.get("meta", _GIVEN)
    if held is not None:
        return int.from_bytes(held, "big")
    # The store was written when nobody noted them.
    found = [definition.number for definition in definitions(view).values()]
    for prefix, at in _LEFT:
        at += len(prefix)
        keys = (key for key, _ in view.scan("meta", prefix, after(prefix)))
        found += [int.from_bytes(key[at : at + 4], "big") for key in keys]
    return max(found, default=0)


def note_number(batch: Batch, number: int) -> None:
    """Put into a batch that it is the greatest that was given."""
    batch["meta", _GIVEN] = number.to_bytes(4, "big")
