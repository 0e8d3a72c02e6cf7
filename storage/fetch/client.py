"""Clients of the fetch service: one that waits and one for asyncio, both safe to share.

    with Client("127.0.0.1:7654", token=token) as client:
        answer = client.fetch("stay_risk", {"listing": [7, 8], "ts": [now, now]})
        print(answer.to_pylist())

A call that finds no service, or loses it, is tried again with growing pauses until its deadline;
fetching twice is as good as once. Needs grpcio, protobuf, pyarrow and numpy, and no more.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict, Unpack

import grpc
from google.protobuf.message import Message

from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.closing import Closing
from bighead.storage.fetch.answers import Answer, Columns, Schemas, When, request_of
from bighead.storage.fetch.errors import FetchError, Kind

_SERVICE = pb.DESCRIPTOR.services_by_name["FetchService"].full_name
ADDRESS = "127.0.0.1:7654"
"""Where a service listens that is not told otherwise."""
_KINDS = {kind.value: kind for kind in Kind}
_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
"""Codes of a call that found no service, or one that was just ending."""
_CLOSED = "Channel closed!"
"""What a call is told whose client is closed."""
_REPLIES: dict[str, type[Message]] = {
    "Fetch": pb.FetchResponse,
    "Describe": pb.DescribeResponse,
    "List": pb.ListResponse,
}


@dataclass(frozen=True, slots=True)
class ClientTls:
    """Files in PEM; none: the authorities that this machine trusts, and no certificate of ours."""

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """For a channel. Raises FetchError where a file cannot be read."""
        files = (self.authorities, self.key, self.certificate)
        try:
            return grpc.ssl_channel_credentials(*(f and f.read_bytes() for f in files))
        except OSError as error:
            told = f"cannot read {error.filename}: {error.strerror}"
            raise FetchError(Kind.WRONG, told) from error


@dataclass(frozen=True, slots=True)
class Retries:
    """How often, and with which pauses, a call is tried again that found no service or lost it."""

    attempts: int | None = None
    """The first one included; None: as many as the deadline allows."""
    first: float = 0.1
    """Seconds before the second attempt, give or take a fifth."""
    most: float = 2.0
    growth: float = 2.0

    def pauses(self) -> Iterator[float]:
        """Seconds before each further attempt."""
        pause = self.first
        for _ in count() if self.attempts is None else range(self.attempts - 1):
            yield pause * random.uniform(0.8, 1.2)  # so that callers spread out
            pause = min(pause * self.growth, self.most)


class Options(TypedDict, total=False):
    """The fields of `Connection` behind its address."""

    token: str | None
    tls: ClientTls | None
    timeout: float
    retries: Retries


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the service is, and how it is spoken to."""

    address: str = ADDRESS
    token: str | None = None
    tls: ClientTls | None = None
    timeout: float = 2.0
    """Seconds that a call may take, its repetitions included."""
    retries: Retries = field(default_factory=Retries)

    def channel(self, module: Any) -> Any:
        """A channel of `grpc` or `grpc.aio`."""
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ]
        if self.tls is None:
            return module.insecure_channel(self.address, options)
        return module.secure_channel(self.address, self.tls.credentials(), options)

    @property
    def metadata(self) -> list[tuple[str, str]]:
        """What goes with each call."""
        return [] if self.token is None else [("authorization", f"Bearer {self.token}")]

    def error(self, error: grpc.RpcError) -> FetchError:
        """What gRPC says, in our words."""
        failed: Any = error
        code, details = failed.code().name, failed.details() or ""
        kind = _KINDS.get(code, Kind.UNREADY)
        if kind is Kind.UNREADY:
            return FetchError(
                kind, f"{self.address} does not answer ({details}); see that 'bighead serve' runs "
                "there, and that both sides use TLS or neither does"
            )  # fmt: skip
        if kind is Kind.TOO_LARGE and "larger than max" in details:
            return FetchError(
                kind, f"the service does not take so large a request ({details}); send fewer "
                "entities at once"
            )  # fmt: skip
        if kind is Kind.TOO_LATE:
            return FetchError(
                kind, f"{self.address} did not answer in time ({details}); see that 'bighead "
                "serve' runs there, give it more time, or ask for fewer entities"
            )  # fmt: skip
        return FetchError(kind, details)


class _Line:
    """What both clients speak through: a channel, its methods, and the schemas that have come."""

    def __init__(self, module: Any, connection: Connection) -> None:
        self.connection = connection
        self.channel = connection.channel(module)
        self.schemas = Schemas()
        self.methods = {
            name: self.channel.unary_unary(
                f"/{_SERVICE}/{name}",
                request_serializer=lambda m: m.SerializeToString(),
                response_deserializer=kind.FromString,
            )
            for name, kind in _REPLIES.items()
        }

    def send(self, method: str, request: Message, timeout: float) -> Any:
        """The reply, or what waits for it."""
        return self.methods[method](request, timeout=timeout, metadata=self.connection.metadata)

    def request(
        self, names: Sequence[str], columns: Columns | None, at: When, entities: int | None
    ) -> Message:
        """What Fetch is asked."""
        return request_of(names, columns or {}, at, entities, list(self.schemas.held))


class _Turn:
    """One call, which may take several attempts."""

    def __init__(self, connection: Connection, timeout: float | None) -> None:
        self.connection = connection
        self.until = time.monotonic() + (connection.timeout if timeout is None else timeout)
        self.pauses = connection.retries.pauses()
        self.lost: FetchError | None = None
        """Why the attempt before found no service."""

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self.until - time.monotonic()

    def pause(self, error: grpc.RpcError) -> float:
        """Seconds to wait before the next attempt. Raises FetchError where there is to be none."""
        failed: Any = error
        told = self.connection.error(error)
        if failed.code() in _LOST and (failed.details() or "") != _CLOSED:
            pause = next(self.pauses, None)
            if pause is not None and pause < self.left:
                self.lost = told
                return pause
        if told.kind is Kind.TOO_LATE and self.lost is not None:
            raise self.lost from None  # which says more than that time is over
        raise told from None


class Client(Closing):
    """Fetches features and waits for them; threads may share it.

    Parameters are those of `Connection`: address, token, tls, timeout, retries.
    """

    def __init__(self, address: str = ADDRESS, **given: Unpack[Options]) -> None:
        self._line = _Line(grpc, Connection(address, **given))

    def close(self) -> None:
        """Let go of the connection."""
        self._line.channel.close()

    def fetch(
        self,
        name: str,
        columns: Columns | None = None,
        *,
        at: When = None,
        entities: int | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """The features of a set, for as many entities as the columns have values.

        columns: keys and request-time columns by name. at: one time for all or one for each, as
        datetimes or microseconds; None: now, or what the columns of a training set tell.
        entities: how many, where a set needs no column. Raises FetchError, whose `kind` says what
        can be done.
        """
        return self.fetch_sets([name], columns, at=at, entities=entities, timeout=timeout)[0]

    def fetch_sets(
        self,
        names: Sequence[str],
        columns: Columns | None = None,
        *,
        at: When = None,
        entities: int | None = None,
        timeout: float | None = None,
    ) -> list[Answer]:
        """The features of several sets, all as of one commit; otherwise as `fetch`."""
        request = self._line.request(names, columns, at, entities)
        return self._line.schemas.answers(self._call("Fetch", request, timeout))

    def describe(self, name: str, timeout: float | None = None) -> pb.DescribeResponse:
        """What a set needs and gives."""
        found: pb.DescribeResponse
        found = self._call("Describe", pb.DescribeRequest(set=name), timeout)
        return found

    def sets(self, timeout: float | None = None) -> list[str]:
        """The names that this client may fetch."""
        return list(self._call("List", pb.ListRequest(), timeout).sets)

    def _call(self, method: str, request: Message, timeout: float | None) -> Any:
        turn = _Turn(self._line.connection, timeout)
        while True:
            try:
                return self._line.send(method, request, turn.left)
            except grpc.RpcError as error:
                pause = turn.pause(error)
            time.sleep(pause)


class AsyncClient:
    """The same for asyncio; made and used in one event loop."""

    def __init__(self, address: str = ADDRESS, **given: Unpack[Options]) -> None:
        self._line = _Line(grpc.aio, Connection(address, **given))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connection."""
        await self._line.channel.close()

    async def fetch(
        self,
        name: str,
        columns: Columns | None = None,
        *,
        at: When = None,
        entities: int | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """As `Client.fetch`."""
        found = await self.fetch_sets([name], columns, at=at, entities=entities, timeout=timeout)
        return found[0]

    async def fetch_sets(
        self,
        names: Sequence[str],
        columns: Columns | None = None,
        *,
        at: When = None,
        entities: int | None = None,
        timeout: float | None = None,
    ) -> list[Answer]:
        """As `Client.fetch_sets`."""
        request = self._line.request(names, columns, at, entities)
        return self._line.schemas.answers(await self._call("Fetch", request, timeout))

    async def describe(self, name: str, timeout: float | None = None) -> pb.DescribeResponse:
        """As `Client.describe`."""
        found: pb.DescribeResponse
        found = await self._call("Describe", pb.DescribeRequest(set=name), timeout)
        return found

    async def sets(self, timeout: float | None = None) -> list[str]:
        """As `Client.sets`."""
        return list((await self._call("List", pb.ListRequest(), timeout)).sets)

    async def _call(self, method: str, request: Message, timeout: float | None) -> Any:
        turn = _Turn(self._line.connection, timeout)
        while True:
            try:
                return await self._line.send(method, request, turn.left)
            except grpc.RpcError as error:
                pause = turn.pause(error)
            await asyncio.sleep(pause)
