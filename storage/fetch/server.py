"""The door of gRPC: methods of the service, health, reflection, TLS, and a graceful end.

One event loop answers all requests of a process: an answer is a millisecond of work and no waiting,
so that threads would only take turns. More processes listen on the same port (SO_REUSEPORT).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.access.address import Address
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.logs import Log
from bighead.storage.fetch.messages import described, read_request, written_reply
from bighead.storage.fetch.metrics import Metrics
from bighead.storage.fetch.service import Service
from bighead.storage.fetch.watching import Watch, token_of

NAME = pb.DESCRIPTOR.services_by_name["FetchService"].full_name
M = TypeVar("M", bound=Message)
ADDRESS, LARGEST_REQUEST, GRACE, SLOW = "127.0.0.1:7654", 4 * 2**20, 10.0, 0.25


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how a server listens."""

    address: Address = field(default_factory=lambda: Address(ADDRESS))
    largest_request: int = LARGEST_REQUEST
    """Bytes."""
    grace: float = GRACE
    """Seconds that requests under way are given at the end."""
    slow: float = SLOW
    """Requests that take as many seconds are logged."""
    shared: bool = False
    """Others listen on the same port."""


@dataclass(slots=True)
class Server:
    """A service that listens."""

    service: Service
    listening: Listening
    metrics: Metrics = field(default_factory=Metrics)
    log: Log = field(default_factory=Log)
    port: int = 0
    _server: grpc.aio.Server | None = None
    _health: Any = None
    _watch: Watch = field(init=False)

    async def start(self) -> int:
        """Listen; the port. Raises AccessError where the address cannot be had."""
        given = self.listening
        self._watch = Watch("grpc", self.metrics, self.log, given.slow)
        options = [
            ("grpc.so_reuseport", int(given.shared)),
            ("grpc.max_receive_message_length", given.largest_request),
            ("grpc.max_send_message_length", -1),  # the service measures its replies itself
            ("grpc.keepalive_permit_without_calls", 1),
        ]
        server = grpc.aio.server(options=options)
        methods = {
            "Fetch": self._method("Fetch", self._fetch),
            "Describe": self._method("Describe", self._describe),
            "List": self._method("List", self._list),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, methods),))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (NAME, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
        self.port = given.address.open(server, given.shared)
        await server.start()
        for name in ("", NAME):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        self._server = server
        return self.port

    async def stop(self) -> None:
        """Take no more requests, and give those under way their time."""
        assert self._server is not None, "it was started"
        await self._health.enter_graceful_shutdown()
        await self._server.stop(self.listening.grace)

    def _method(
        self, name: str, answer: Callable[[bytes, Any, str | None], Awaitable[bytes]]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """A method that is watched, and turns errors into codes."""

        async def run(data: bytes, context: Any) -> bytes:
            try:
                with self._watch.request(name, context.peer):
                    sent = context.invocation_metadata()
                    header = next((v for k, v in sent if k == "authorization"), None)
                    return await answer(data, context, token_of(header))
            except FetchError as error:
                await context.abort(grpc.StatusCode[error.kind.value], str(error))
                raise AssertionError("abort raises") from error

        return grpc.unary_unary_rpc_method_handler(run)

    async def _fetch(self, data: bytes, context: Any, token: str | None) -> bytes:
        message = _parsed(pb.FetchRequest, data)
        request = read_request(message)
        reply = await self.service.fetch(request, token, context.time_remaining)
        return written_reply(reply, message, self.service.limits)

    async def _describe(self, data: bytes, _: Any, token: str | None) -> bytes:
        name = _parsed(pb.DescribeRequest, data).set
        return described(self.service.describe(name, token)).SerializeToString()

    async def _list(self, data: bytes, _: Any, token: str | None) -> bytes:
        _parsed(pb.ListRequest, data)
        return pb.ListResponse(sets=self.service.names(token)).SerializeToString()


def _parsed(kind: type[M], data: bytes) -> M:
    try:
        return kind.FromString(data)
    except DecodeError as error:
        wrong = f"the request is no {kind.DESCRIPTOR.name}: {error}"
        raise FetchError(Kind.WRONG, wrong) from None
