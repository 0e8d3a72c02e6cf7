"""The rows that streams brought, as they came: what an upload's generation is made of beside batch.

Of each commit the rows that were new are kept, with the time at which each was written to the
stream, for sources that have a batch too. They are needed when the next upload meets the stream,
and to go back to a generation that has not had them; they go when no set can count them any more.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.storage.database.database import Batch, View
from bighead.storage.sets.prepare import integers, values, whole
from bighead.storage.writing.arrival import WRITTEN
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.sources import EntitySource, EventSource, Source

_STREAM, _FORGOTTEN = b"stream\0", b"forgotten\0"
_HEAD = struct.Struct(">qq")
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, slots=True)
class Entry:
    """What one commit brought of a source."""

    commit: int
    source: str
    last_time: int
    """Of its rows, the greatest time of an event or a change."""
    last_written: int
    data: bytes

    @property
    def key(self) -> bytes:
        """Where it stands in `meta`."""
        return stream_prefix(self.source) + self.commit.to_bytes(8, "big")

    def rows(self) -> pa.Table:
        """The columns that a scan of the source gives, and when each row was written."""
        with pa.ipc.open_stream(pa.py_buffer(self.data)) as reader:
            return reader.read_all()


def time_of(source: Source) -> Expr | None:
    """When an event happened, or a row changed; None where rows have no times."""
    if isinstance(source, EventSource):
        return source.event_time
    return source.changed if isinstance(source, EntitySource) else None


def is_logged(source: Source) -> bool:
    """Whether what its stream brings is kept: it has a batch beside the stream."""
    return source.option("batch") is not None


def log_rows(batch: Batch, commit: int, source: Source, rows: pa.Table) -> None:
    """Put rows, with the times at which they were written, into a batch."""
    time = time_of(source)
    last = None if time is None else _greatest(integers(values(time, rows)))
    written = _greatest(whole(rows.column(WRITTEN)))
    buffer = io.BytesIO()
    buffer.write(_HEAD.pack(_GREATEST if last is None else last, written or 0))
    with pa.ipc.new_stream(buffer, rows.schema, options=_OPTIONS) as writer:
        writer.write_table(rows)
    batch["meta", stream_prefix(source.name) + commit.to_bytes(8, "big")] = buffer.getvalue()


def entries(view: View, sources: Iterable[str], after: int) -> Iterator[Entry]:
    """What commits after one brought of some sources, in their order."""
    return merge(*(_entries(view, name, after) for name in sources), key=lambda e: e.commit)


def _entries(view: View, source: str, after: int) -> Iterator[Entry]:
    prefix = stream_prefix(source)
    start, end = prefix + (after + 1).to_bytes(8, "big"), prefix + b"\xff" * 9
    for key, value in view.scan("meta", start, end):
        last, written = _HEAD.unpack_from(value)
        commit = int.from_bytes(key[len(prefix) :], "big")
        yield Entry(commit, source, last, written, value[_HEAD.size :])


def forgotten(view: View, source: str) -> tuple[int, int]:
    """Of the rows that have been dropped the last time, and when the last was written."""
    found = view.get("meta", forgotten_key(source))
    return (_LEAST, _LEAST) if found is None else _HEAD.unpack(found)


def forgotten_key(source: str) -> bytes:
    """Of up to where rows of a source's stream were dropped."""
    return _FORGOTTEN + source.encode()


def note_forgotten(batch: Batch, source: str, time: int, written: int) -> None:
    """Put into a batch up to where rows are dropped."""
    batch["meta", forgotten_key(source)] = _HEAD.pack(time, written)


def stream_prefix(source: str) -> bytes:
    """Before all that is kept of a source's stream."""
    return _STREAM + source.encode() + b"\0"


def _greatest(array: Array) -> int | None:
    return cast("int | None", cast("Any", pc.max(cast("Any", array))).as_py())
