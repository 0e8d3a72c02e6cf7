"""Which identities of events a store may forget: those of rows that no set counts any more.

Whoever sends such a row again has it left out by its time. A set that counts all history, or the
newest rows however old, never forgets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bighead.storage.database.database import Batch, View
from bighead.storage.database.keys import after, identity_prefix
from bighead.storage.sets.sets import Kept


@dataclass(frozen=True, slots=True)
class Expired:
    """What may be forgotten of the identities that were looked at."""

    batch: Batch
    after: bytes | None
    """From where to go on looking; None: those were the last."""


def expired(view: View, source: str, over: Sequence[Kept], start: bytes, most: int) -> Expired:
    """Look at `most` identities of a source from a key on; empty: from the first one on.

    over: the sets that it is written to.
    """
    if any(plan.keep or plan.newest != 0 for _, plan in over):
        return Expired({}, None)
    horizon = min(definition.horizon for definition, _ in over)
    prefix = identity_prefix(source)
    batch: Batch = {}
    identities = view.scan("identities", start or prefix, after(prefix))
    for looked, (key, said) in enumerate(identities, start=1):
        if int.from_bytes(said[8:], "big", signed=True) < horizon:
            batch["identities", key] = None
        if looked == most:
            return Expired(batch, key + b"\0")
    return Expired(batch, None)
