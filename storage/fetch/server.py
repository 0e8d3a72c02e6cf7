"""The door of gRPC: methods of the service, health, reflection, TLS, and a graceful end.

One event loop answers all requests of a process: an answer is a millisecond of work and no waiting,
so that threads would only take turns. More processes listen on the same port (SO_REUSEPORT).
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.access.authorizer import AccessError, UnauthenticatedError, bearer
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.logs import Log
from bighead.storage.fetch.metrics import Metrics
from bighead.storage.fetch.service import Service
from bighead.storage.fetch.tls import Tls

NAME = pb.DESCRIPTOR.services_by_name["FetchService"].full_name
M = TypeVar("M", bound=Message)
SUSPECT = ("UNAUTHENTICATED", "PERMISSION_DENIED", "DATA_LOSS")
ADDRESS, LARGEST_REQUEST, GRACE, SLOW = "127.0.0.1:7654", 4 * 2**20, 10.0, 0.25


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how a server listens."""

    address: str = ADDRESS
    """`host:port`, port 0 for any that is free, or `unix:path`."""
    tls: Tls | None = None
    plaintext: bool = False
    """Let others than this machine in without TLS."""
    largest_request: int = LARGEST_REQUEST
    """Bytes."""
    grace: float = GRACE
    """Seconds that requests under way are given at the end."""
    slow: float = SLOW
    """Requests that take as many seconds are logged."""
    shared: bool = False
    """Others listen on the same port."""

    def __post_init__(self) -> None:
        if self.tls is None and not self.plaintext and not is_loopback(self.address):
            raise AccessError(
                f"{self.address} is reached from other machines, and without TLS anybody between "
                "reads tokens and features; give a certificate and its key, or say that plaintext "
                "is meant"
            )


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address.

    >>> is_loopback("127.0.0.1:0"), is_loopback("[::1]:7"), is_loopback("0.0.0.0:7")
    (True, True, False)
    """
    if address.startswith("unix:"):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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

    async def start(self) -> int:
        """Listen; the port. Raises AccessError where the address cannot be had."""
        given = self.listening
        options = [
            ("grpc.so_reuseport", int(given.shared)),
            ("grpc.max_receive_message_length", given.largest_request),
            ("grpc.max_send_message_length", -1),  # the service measures its replies itself
            ("grpc.keepalive_permit_without_calls", 1),
        ]
        server = grpc.aio.server(options=options)
        methods = {
            "Fetch": self._method("Fetch", pb.FetchRequest, self._fetch),
            "Describe": self._method("Describe", pb.DescribeRequest, self._describe),
            "List": self._method("List", pb.ListRequest, self._list),
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, methods),))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (NAME, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
        try:
            if given.tls is None:
                self.port = server.add_insecure_port(given.address)
            else:
                self.port = server.add_secure_port(given.address, given.tls.credentials())
        except RuntimeError as error:
            raise AccessError(
                f"cannot listen on {given.address}; see that nobody else does, and that the "
                "address is this machine's"
            ) from error
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
        self, name: str, kind: type[M], answer: Callable[[M, Any, str | None], Awaitable[Message]]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """A method that counts, logs, and turns errors into codes."""

        async def run(data: bytes, context: Any) -> bytes:
            began = time.perf_counter()
            code = "CANCELLED"
            self.metrics.under_way.inc()
            try:
                reply = await self._run(kind, answer, data, context)
                code = "OK"
                return reply
            except FetchError as error:
                code = error.kind.value
                self._tell(name, code, str(error), context)
                await _abort(context, error)
            except Exception as error:  # noqa: BLE001 the door stays open, and the log tells it
                code = Kind.BUG.value
                self.log.bug("bug", error, method=name, peer=context.peer())
                told = "this is a bug in bighead; the log of the service says more"
                await _abort(context, FetchError(Kind.BUG, told))
            finally:
                seconds = time.perf_counter() - began
                self.metrics.under_way.dec()
                self.metrics.requests.labels(name, code).inc()
                self.metrics.seconds.labels(name).observe(seconds)
                if seconds >= self.listening.slow:
                    self.log.write("slow", "warning", method=name, code=code, seconds=seconds)

        return grpc.unary_unary_rpc_method_handler(run)

    async def _run(
        self, kind: type[M], answer: Callable[..., Awaitable[Message]], data: bytes, context: Any
    ) -> bytes:
        try:
            request = kind.FromString(data)
        except DecodeError as error:
            wrong = f"the request is no {kind.DESCRIPTOR.name}: {error}"
            raise FetchError(Kind.WRONG, wrong) from None
        header = next((v for k, v in context.invocation_metadata() if k == "authorization"), None)
        try:
            token = bearer(header)
        except UnauthenticatedError as error:
            raise FetchError(Kind.WITHOUT_TOKEN, str(error)) from None
        return (await answer(request, context, token)).SerializeToString()

    def _tell(self, method: str, code: str, message: str, context: Any) -> None:
        """Log a refused request; some are worth a look."""
        told = {"method": method, "code": code, "reason": message, "peer": context.peer()}
        self.log.write("refused", "warning" if code in SUSPECT else "info", **told)

    async def _fetch(self, request: pb.FetchRequest, context: Any, token: str | None) -> Message:
        return await self.service.fetch(request, token, context.time_remaining)

    async def _describe(self, request: pb.DescribeRequest, _: Any, token: str | None) -> Message:
        return self.service.describe(request, token)

    async def _list(self, _request: pb.ListRequest, _: Any, token: str | None) -> Message:
        return self.service.names(token)


async def _abort(context: Any, error: FetchError) -> NoReturn:
    await context.abort(grpc.StatusCode[error.kind.value], str(error))
    raise AssertionError("abort raises")
