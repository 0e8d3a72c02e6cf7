"""Streams that producers write: their offsets, what waits to be committed, and acknowledgements.

A producer's offsets count its messages. What it sends again is left out, a gap is refused. What
waits is bounded: a producer that sends faster than the store commits has to wait, and so has the
connection it sends on.
"""

from __future__ import annotations

import io
import queue
from collections.abc import Collection
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.proto.v1 import ingest_pb2 as pb
from bighead.storage.database.database import Batch
from bighead.storage.ingest.door import Arrived, Outcome
from bighead.storage.ingest.messages import Messages
from bighead.storage.ingest.positions import put_offset
from bighead.storage.sets.source_versions import base_name, current
from bighead.zipline.errors import BigheadError, did_you_mean


class StreamError(BigheadError):
    """A stream that cannot go on; `code` is the name of its gRPC status."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(slots=True)
class Producer:
    """One who writes to a source, over one connection."""

    source: str
    name: str
    next: int
    """Its next offset; all before it were taken or wait."""
    waiting: int = 0
    """Batches that wait to be committed."""
    replies: queue.SimpleQueue[pb.WriteCommitted | StreamError | None] = field(
        default_factory=queue.SimpleQueue
    )
    """Acknowledgements; an error or None ends the stream."""
    over: bool = False

    @property
    def partition(self) -> str:
        """As the store names it."""
        return f"stream:{self.name}"


@dataclass(slots=True)
class StreamDoor:
    """What all producers have sent and nobody has taken yet."""

    sources: Collection[str]
    offset: Any
    """(source, partition) -> what the store says: where to go on."""
    most_waiting: int = 32 << 20
    """Bytes that may wait; a batch that is larger waits alone."""
    patience: float = 30.0
    """Seconds that a producer who opens again waits for its last batches to be committed."""
    changed: Condition = field(default_factory=Condition, init=False)
    arrived: list[Arrived] = field(default_factory=list, init=False)
    waiting: int = field(default=0, init=False)
    """Bytes in `arrived`."""
    producers: dict[tuple[str, str], Producer] = field(default_factory=dict, init=False)
    closed: bool = field(default=False, init=False)

    def open(self, request: pb.WriteOpen) -> Producer:
        """A producer begins, or begins again: its older connection ends. Raises StreamError.

        A source that was declared anew is meant by its name alone once the first version is gone.
        """
        if not request.producer:
            raise StreamError(
                "INVALID_ARGUMENT", "the stream names no producer, under which its offsets are kept"
            )
        with self.changed:
            self._check_open()
            source = self._meant(request.source)
            key = (source, request.producer)
            while (old := self.producers.get(key)) is not None:  # others may begin again, too
                self._take_place(key, old)
                self._check_open()
                if self._meant(request.source) != source:  # which went meanwhile
                    raise StreamError("UNAVAILABLE", f"{source} was declared anew; open again")
            made = Producer(source, request.producer, 0)
            made.next = self.offset(source, made.partition)
            self.producers[key] = made
            return made

    def _take_place(self, key: tuple[str, str], old: Producer) -> None:
        """End an older connection, and wait for what it brought: until that is committed, or lost.

        Raises StreamError where it takes too long.
        """
        source, name = key
        self._end(old, StreamError("ABORTED", f"{name} writes from elsewhere"))

        def over() -> bool:
            there = self.producers.get(key) is old
            return not (old.waiting and there) or self.closed or source not in self.sources

        if not self.changed.wait_for(over, self.patience):
            raise StreamError("UNAVAILABLE", "the last batches wait to be committed")
        if self.producers.get(key) is old and not old.waiting:
            del self.producers[key]

    def _meant(self, name: str) -> str:
        """The source of a name. Raises StreamError where there is none."""
        source = name if name in self.sources else current(name, self.sources)
        if not source:
            hint = did_you_mean(name, self.sources) or "define a set over it first"
            raise StreamError("NOT_FOUND", f"no set of the store reads '{name}'; {hint}")
        return source

    def write(self, producer: Producer, request: pb.WriteRequest) -> None:
        """A batch joins those that wait, once there is room. Raises StreamError."""
        kind = request.WhichOneof("request")
        content: Messages | pa.Table
        if kind == "messages":
            content, offset = _messages(request.messages), request.messages.offset
            count = len(content)
        elif kind == "rows":
            content, offset = _rows(request.rows), request.rows.offset
            count = content.num_rows
        else:
            raise StreamError("INVALID_ARGUMENT", "a stream opens once; send messages or rows")
        if offset > producer.next:
            raise StreamError(
                "FAILED_PRECONDITION",
                f"the next offset of {producer.name} is {producer.next}, not {offset}; send what "
                "lies between",
            )
        known = min(producer.next - offset, count)
        if known < count:
            self._join(producer, content.slice(known), offset + known, offset + count)
            return
        with self.changed:
            if not producer.waiting:
                producer.replies.put(pb.WriteCommitted(next_offset=producer.next))

    def _join(self, producer: Producer, part: Messages | pa.Table, first: int, after: int) -> None:
        def put(batch: Batch) -> None:
            put_offset(batch, producer.source, producer.partition, after)

        def told(outcome: Outcome) -> None:
            reply = pb.WriteCommitted(next_offset=after, commit=outcome.commit, count=after - first)
            for rejected in outcome.rejected:
                reply.rejections.add(offset=first + rejected.number, reason=rejected.reason)
            with self.changed:
                producer.waiting -= 1
                producer.replies.put(reply)
                if producer.over and not producer.waiting:
                    producer.replies.put(None)
                self.changed.notify_all()

        arrived = Arrived(producer.source, producer.partition, part, first, put, told)
        with self.changed:
            self.changed.wait_for(
                lambda: (
                    producer.over
                    or self.closed
                    or not self.waiting
                    or self.waiting + arrived.size <= self.most_waiting
                )
            )
            self._check_open()
            if producer.over:
                return
            producer.next, producer.waiting = after, producer.waiting + 1
            self.arrived.append(arrived)
            self.waiting += arrived.size
            self.changed.notify_all()

    def ended(self, producer: Producer) -> None:
        """A producer sends no more; its stream ends with the last acknowledgement."""
        with self.changed:
            producer.over = True
            if not producer.waiting:
                producer.replies.put(None)
            if self.producers.get((producer.source, producer.name)) is producer:
                if not producer.waiting:
                    del self.producers[producer.source, producer.name]
            self.changed.notify_all()

    def _end(self, producer: Producer, error: StreamError) -> None:
        producer.over = True
        producer.replies.put(error)
        self.changed.notify_all()

    def _check_open(self) -> None:
        if self.closed:
            raise StreamError("UNAVAILABLE", "the ingester is ending; open again later")

    def take(self, most: int) -> list[Arrived]:
        """What waits, in the order in which it came."""
        with self.changed:
            size = 0
            for count, arrived in enumerate(self.arrived, 1):  # noqa: B007  # read after the loop
                size += arrived.size
                if size >= most:
                    break
            else:
                count = len(self.arrived)
            taken, self.arrived = self.arrived[:count], self.arrived[count:]
            self.waiting -= sum(a.size for a in taken)
            self.changed.notify_all()
            return taken

    def done(self) -> bool:
        """Producers may always come; there is nothing that was there before."""
        return not self.arrived

    def change(self, sources: Collection[str]) -> None:
        """Take rows of these sources from now on; streams of others end, and what waits of them
        was not acknowledged."""
        with self.changed:
            gone = set(self.sources) - set(sources)
            self.sources = sources
            for (source, name), producer in list(self.producers.items()):
                if source in gone:
                    del self.producers[source, name]
                    self._end(producer, _gone(source, sources))
            left = [a for a in self.arrived if a.source not in gone]
            self.waiting -= sum(a.size for a in self.arrived) - sum(a.size for a in left)
            self.arrived = left
            self.changed.notify_all()

    def interrupt(self, reason: str) -> None:
        """End all streams for a while; what waits was not acknowledged, and is sent again."""
        with self.changed:
            for producer in self.producers.values():
                self._end(producer, StreamError("UNAVAILABLE", reason))
            self.producers.clear()
            self.arrived.clear()
            self.waiting = 0
            self.changed.notify_all()

    def close(self) -> None:
        """End all streams; producers come again and send what was not acknowledged."""
        with self.changed:
            self.closed = True
            for producer in self.producers.values():
                self._end(producer, StreamError("UNAVAILABLE", "the ingester is ending"))
            self.arrived.clear()
            self.changed.notify_all()


def _gone(source: str, sources: Collection[str]) -> StreamError:
    """Why a producer cannot go on whose source is not there any more, and what he can do."""
    base = base_name(source)
    latest = base if base in sources else current(base, sources)
    if latest:
        return StreamError(
            "FAILED_PRECONDITION",
            f"{base} was declared anew, and {source} is read no more; what was acknowledged counts "
            f"in {source} alone: open again, and send the rows of {latest} from its offset on, as "
            "they are declared now",
        )
    return StreamError(
        "NOT_FOUND",
        f"no set of the store reads '{source}' any more, and what is not acknowledged is not kept; "
        "stop writing, or declare a set over it with online = true, open again and send its rows "
        "from its offset on",
    )


def _messages(sent: pb.WriteMessages) -> Messages:
    """The messages of a batch."""
    if sent.ends:
        ends = np.fromiter(sent.ends, np.int64, len(sent.ends))
    else:
        ends = np.flatnonzero(np.frombuffer(sent.data, np.uint8) == ord("\n")).astype(np.int64)
        if sent.data and (not len(ends) or ends[-1] != len(sent.data) - 1):
            ends = np.append(ends, len(sent.data))
    starts = np.zeros(len(ends), np.int64)
    starts[1:] = ends[:-1] + (0 if sent.ends else 1)
    if sent.ends and (ends[-1] != len(sent.data) or np.any(ends < starts)):
        raise StreamError(
            "INVALID_ARGUMENT", f"the ends of messages do not fit their {len(sent.data)} bytes"
        )
    positions = np.arange(sent.offset, sent.offset + len(ends), dtype=np.int64)
    return Messages(sent.data, starts, ends, positions)


def _rows(sent: pb.WriteRows) -> pa.Table:
    try:
        table = pa.ipc.open_stream(io.BytesIO(sent.stream)).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise StreamError(
            "INVALID_ARGUMENT", f"the rows are no Arrow stream, or are damaged ({lines[0]})"
        ) from error
    return table
