"""The gRPC server that producers write to: one thread a stream reads, another acknowledges."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc

from bighead.proto.v1 import ingest_pb2 as pb
from bighead.storage.access.address import Address
from bighead.storage.access.authorizer import (
    AccessError,
    Authorizer,
    Open,
    UnauthenticatedError,
    bearer,
)
from bighead.storage.ingest.streams import Producer, StreamDoor, StreamError

NAME = pb.DESCRIPTOR.services_by_name["IngestService"].full_name
OVERHEAD = 1 << 16
"""Bytes of a request beside its data."""
_PINGS = 5_000
"""Milliseconds between a producer's looks whether this is there still, at least."""


@dataclass(slots=True)
class Listener:
    """Listens for producers and hands what they send to a door."""

    door: StreamDoor
    address: Address = field(default_factory=lambda: Address("127.0.0.1:7655"))
    authorizer: Authorizer = field(default_factory=Open)
    largest: int = 8 << 20
    """Bytes of one request."""
    streams: int = 64
    """Producers at a time."""
    grace: float = 5.0
    port: int = field(default=0, init=False)
    server: Any = field(default=None, init=False)

    def start(self) -> int:
        """Listen; the port. Raises AccessError where the address cannot be had."""
        server = grpc.server(
            ThreadPoolExecutor(self.streams, "stream"),
            maximum_concurrent_rpcs=self.streams,
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", self.largest + OVERHEAD),
                ("grpc.http2.min_ping_interval_without_data_ms", _PINGS),
            ],
        )
        write = grpc.stream_stream_rpc_method_handler(
            self._write,
            request_deserializer=pb.WriteRequest.FromString,
            response_serializer=pb.WriteResponse.SerializeToString,
        )
        handler = grpc.method_handlers_generic_handler(NAME, {"Write": write})
        server.add_generic_rpc_handlers((handler,))
        self.port = self.address.open(server)
        server.start()
        self.server = server
        return self.port

    def stop(self) -> None:
        """End all streams."""
        self.door.close()
        self.server.stop(self.grace).wait()

    def _write(
        self, requests: Iterator[pb.WriteRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.WriteResponse]:
        try:
            producer = self._opened(requests, context)
        except StreamError as error:
            _abort(context, error)
        yield pb.WriteResponse(
            opened=pb.WriteOpened(next_offset=producer.next, max_bytes=self.largest)
        )
        reader = threading.Thread(target=self._read, args=(requests, producer), daemon=True)
        reader.start()
        context.add_callback(lambda: self.door.ended(producer))
        while (reply := producer.replies.get()) is not None:
            if isinstance(reply, StreamError):
                _abort(context, reply)
            yield pb.WriteResponse(committed=reply)

    def _opened(
        self, requests: Iterator[pb.WriteRequest], context: grpc.ServicerContext
    ) -> Producer:
        first = next(requests, None)
        if first is None or first.WhichOneof("request") != "open":
            raise StreamError("INVALID_ARGUMENT", "the first request of a stream opens it")
        metadata = dict(context.invocation_metadata() or ())
        try:
            caller = self.authorizer.caller(bearer(metadata.get("authorization")))
            caller.check("ingest", first.open.source)
        except UnauthenticatedError as error:
            raise StreamError("UNAUTHENTICATED", str(error)) from None
        except AccessError as error:
            raise StreamError("PERMISSION_DENIED", str(error)) from None
        return self.door.open(first.open)

    def _read(self, requests: Iterator[pb.WriteRequest], producer: Producer) -> None:
        """All batches of a stream, until it ends."""
        try:
            for request in requests:
                self.door.write(producer, request)
        except StreamError as error:
            producer.replies.put(error)
        except grpc.RpcError:
            pass  # the producer is gone
        finally:
            self.door.ended(producer)


def _abort(context: grpc.ServicerContext, error: StreamError) -> NoReturn:
    context.abort(grpc.StatusCode[error.code], str(error))
    raise AssertionError("abort raises")
