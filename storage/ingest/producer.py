"""A client that writes rows of a source into a store, over the stream of whoever ingests.

    with Producer("127.0.0.1:7655", "bookings", "shop") as producer:
        producer.write([{"id": 1, "listing": 7, "ts": "2025-03-01 10:00:00"}])

What `write` returns from is committed. A connection that breaks is made anew, and what was not
acknowledged is sent again: rows come neither twice nor not at all. A producer that starts anew asks
`offset` how many of its rows have been taken, and goes on behind them.
"""

from __future__ import annotations

import io
import json
import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import grpc
import pyarrow as pa

from bighead.proto.v1 import ingest_pb2 as pb
from bighead.storage.closing import Closing
from bighead.storage.errors import StoreError

_METHOD = f"/{pb.DESCRIPTOR.services_by_name['IngestService'].full_name}/Write"
_AGAIN = ("UNAVAILABLE", "ABORTED")
_PAUSE = 0.2
_LOOK = 10.0
"""Seconds, at least, between looks whether a service that says nothing is there still."""
_END = 5
"""Bytes of a request for where a message ends, at most."""

Rows: TypeAlias = "Sequence[Mapping[str, Any]] | pa.Table"
"""Objects of what JSON has, and dates and times; or columns."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that lies among the dead letters."""

    row: int
    """Of those that were written together."""
    reason: str


@dataclass(frozen=True, slots=True)
class Written:
    """What became of rows."""

    commit: int
    """That holds the last of them; 0: they had been taken before."""
    rejected: tuple[Rejected, ...] = ()


@dataclass(slots=True)
class _Stream:
    """An open stream: what is sent, and what is heard."""

    requests: queue.SimpleQueue[pb.WriteRequest | None]
    replies: Any
    next: int
    """The offset behind what is committed."""
    largest: int
    """Bytes of a request."""

    def close(self) -> None:
        self.requests.put(None)
        self.replies.cancel()


@dataclass(slots=True)
class Producer(Closing):
    """Writes to one source, under a name that tells it from other producers; for one thread."""

    address: str
    source: str
    name: str
    token: str | None = None
    credentials: grpc.ChannelCredentials | None = None
    """None: without TLS."""
    patience: float = 30.0
    """Seconds for which a service that does not answer is tried again."""
    _channel: Any = field(init=False, default=None)
    _stream: _Stream | None = field(init=False, default=None)

    @property
    def offset(self) -> int:
        """How many rows of this producer have been taken. Raises StoreError."""
        return next(self._streams(time.monotonic() + self.patience)).next

    def write(self, rows: Rows) -> Written:
        """Write rows; they are committed, or lie among the dead letters, when this returns.

        Raises StoreError where the service refuses them, and where there is none in time.
        """
        try:
            return self._written(rows, time.monotonic() + self.patience)
        except BaseException:  # replies may be under way: the next rows need a stream of their own
            self.close()
            raise

    def _written(self, rows: Rows, deadline: float) -> Written:
        first = self.offset
        commit, rejected = 0, []
        for stream in self._streams(deadline):
            if stream.next < first:
                raise StoreError(
                    f"{self.address} had taken {first:,} rows of {self.name}, and knows of "
                    f"{stream.next:,} now: its store is another one, or an older copy; ask "
                    "'offset' where to go on"
                )
            try:
                for request in list(_requests(rows, first, stream.next, stream.largest)):
                    stream.requests.put(request)
                while stream.next < first + len(rows):
                    told = next(stream.replies).committed
                    stream.next, commit = told.next_offset, told.commit
                    rejected += [Rejected(r.offset - first, r.reason) for r in told.rejections]
            except grpc.RpcError as error:
                self._broken(error, deadline)
                continue
            break
        return Written(commit, tuple(rejected))

    def close(self) -> None:
        """End the stream."""
        if self._stream is not None:
            self._stream.close()
        if self._channel is not None:
            self._channel.close()
        self._stream = self._channel = None

    def _streams(self, deadline: float) -> Iterator[_Stream]:
        """The open stream; another one as often as it is asked for, where that broke."""
        while True:
            if self._stream is None:
                try:
                    self._stream = self._opened()
                except grpc.RpcError as error:
                    self._broken(error, deadline)
                    time.sleep(_PAUSE)
                    continue
            yield self._stream

    def _opened(self) -> _Stream:
        looks = int(max(self.patience / 2, _LOOK) * 1000)
        options = [
            ("grpc.keepalive_time_ms", looks),
            ("grpc.keepalive_timeout_ms", looks),
            ("grpc.http2.ping_timeout_ms", looks),
            ("grpc.http2.max_pings_without_data", 0),
        ]
        if self.credentials is None:
            self._channel = grpc.insecure_channel(self.address, options)
        else:
            self._channel = grpc.secure_channel(self.address, self.credentials, options)
        write = self._channel.stream_stream(
            _METHOD,
            request_serializer=pb.WriteRequest.SerializeToString,
            response_deserializer=pb.WriteResponse.FromString,
        )
        requests: queue.SimpleQueue[pb.WriteRequest | None] = queue.SimpleQueue()
        requests.put(pb.WriteRequest(open=pb.WriteOpen(source=self.source, producer=self.name)))
        metadata = [] if self.token is None else [("authorization", f"Bearer {self.token}")]
        replies = write(iter(requests.get, None), metadata=metadata)
        opened = next(replies).opened
        return _Stream(requests, replies, opened.next_offset, opened.max_bytes)

    def _broken(self, error: grpc.RpcError, deadline: float) -> None:
        """Let go of a stream that ended. Raises StoreError where no other one would do better."""
        self.close()
        failed: Any = error
        code = failed.code().name
        if code not in _AGAIN or time.monotonic() + _PAUSE > deadline:
            raise StoreError(
                f"{self.address} takes no rows of {self.source}: {failed.details()}"
            ) from error


def _requests(rows: Rows, first: int, after: int, largest: int) -> Iterator[pb.WriteRequest]:
    """Those that send the rows behind an offset; `first` is that of the first of all rows."""
    if isinstance(rows, pa.Table):
        yield from _tables(rows.slice(after - first), after, largest)
        return
    data = bytearray()
    ends: list[int] = []
    size = 0
    for row in rows[after - first :]:
        message = json.dumps(row, ensure_ascii=False, default=_plain).encode()
        if data and size + len(message) + _END > largest:
            yield _messages(after, data, ends)
            after += len(ends)
            data, ends, size = bytearray(), [], 0
        data += message
        size += len(message) + _END
        ends.append(len(data))
    if data:
        yield _messages(after, data, ends)


def _plain(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise StoreError(f"{value!r} is nothing that JSON has; write numbers, texts or times")


def _messages(offset: int, data: bytearray, ends: list[int]) -> pb.WriteRequest:
    return pb.WriteRequest(messages=pb.WriteMessages(offset=offset, data=bytes(data), ends=ends))


def _tables(rows: pa.Table, offset: int, largest: int) -> Iterator[pb.WriteRequest]:
    """A request, or those of its halves where it is too large."""
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, rows.schema) as writer:
        writer.write_table(rows)
    if buffer.tell() <= largest or rows.num_rows < 2:
        if rows.num_rows:
            yield pb.WriteRequest(rows=pb.WriteRows(offset=offset, stream=buffer.getvalue()))
        return
    half = rows.num_rows // 2
    yield from _tables(rows.slice(0, half), offset, largest)
    yield from _tables(rows.slice(half), offset + half, largest)
