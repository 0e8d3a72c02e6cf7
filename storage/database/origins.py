"""Of which store a commit is: its number alone does not tell it from another store's.

A store gets an origin, a random name, with its first commit. A backup is that store up to its last
commit; but what is written into the backup, or into a store that was restored from it, are other
commits than those that the store itself has under these numbers. So a copy gets another origin with
its next commit, and knows up to which commit it was which store. Nobody sees that a folder was
copied by other means: of such copies one only may be written.
"""

from __future__ import annotations

import os
import struct

from bighead.storage.database.commits import committed
from bighead.storage.database.database import Batch, Database, View

_KEY = b"origin"
_ORIGIN = struct.Struct(">16sQ")
"""The name, and the first commit that is of it."""
_COPY = b"\1"
"""Behind the origins of a backup."""


def origin_of(view: View) -> str:
    """The origin of the last commit; empty: nothing has been written since there are origins."""
    found = _origins(_bytes(view))
    return found[-1][0] if found else ""


def origins(view: View) -> dict[str, int]:
    """By origin the last commit that the store has of it, in the order in which it had them."""
    found = _origins(_bytes(view))
    firsts = [first for _, first in found[1:]]
    ends = [*(first - 1 for first in firsts), committed(view)]
    return {name: last for (name, _), last in zip(found, ends, strict=True)} if found else {}


def note_origin(batch: Batch, view: View, number: int) -> None:
    """Put into the batch of a commit of which origin it is, where no commit before it says that."""
    data = _bytes(view)
    if data and not data.endswith(_COPY, _whole(data)):
        return
    batch["meta", _KEY] = data[: _whole(data)] + _ORIGIN.pack(os.urandom(16), number)


def note_copy(copy: Database) -> None:
    """Have the commits of a backup from now on be of another origin."""
    data = _bytes(copy)
    copy.write({("meta", _KEY): data[: _whole(data)] + _COPY}, sync=True)


def _bytes(view: View) -> bytes:
    return view.get("meta", _KEY) or b""


def _whole(data: bytes) -> int:
    """How many bytes of it are origins."""
    return len(data) // _ORIGIN.size * _ORIGIN.size


def _origins(data: bytes) -> list[tuple[str, int]]:
    return [(name.hex(), first) for name, first in _ORIGIN.iter_unpack(data[: _whole(data)])]
