"""Up to which time rows of a source have come: what tells how far a store is behind."""

from __future__ import annotations

from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.storage.database.database import Batch, View
from bighead.storage.sets.prepare import integers, values
from bighead.zipline.ir.sources import EntitySource, EventSource, Source

_NEWEST = b"newest\0"


def newest_key(source: str) -> bytes:
    """Where the time stands in `meta`."""
    return _NEWEST + source.encode()


def newest_time(snapshot: View, source: str) -> int | None:
    """The greatest event time, or time of a change, in microseconds; None: no row has come."""
    found = snapshot.get("meta", newest_key(source))
    return None if found is None else int.from_bytes(found, "big", signed=True)


def note_newest(batch: Batch, snapshot: View, source: Source, rows: pa.Table) -> None:
    """Put into a batch up to which time its rows go, where that is later than before."""
    if isinstance(source, EventSource):
        time = source.event_time
    elif isinstance(source, EntitySource) and source.changed is not None:
        time = source.changed
    else:
        return  # what never changes is never behind
    last = pc.max(cast("Any", integers(values(time, rows)))).as_py()
    before = newest_time(snapshot, source.name)
    if last is not None and (before is None or last > before):
        batch["meta", newest_key(source.name)] = last.to_bytes(8, "big", signed=True)
