"""What the service does with a request, whatever door it came through.

Messages go in and come out; a door brings the caller's token and says how long the answer is still
waited for. Entities are answered in pieces, between which others get their turn and a request that
nobody waits for any more ends.
"""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bighead.proto.v1 import fetch_pb2 as pb
from bighead.storage.access.authorizer import (
    Authorizer,
    Caller,
    ForbiddenError,
    UnauthenticatedError,
)
from bighead.storage.errors import DamagedError, StoreError
from bighead.storage.fetch.answering import Answered, Answering, GroupState
from bighead.storage.fetch.asking import Asked, asked, columns_read, times_of
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.packing import column_type, pack, unpack
from bighead.storage.fetch.served import Offer, find
from bighead.storage.fetch.shelf import Reading, Shelf
from bighead.zipline.catalog import FeatureSet
from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array
from bighead.zipline.ir.format_expr import format_expr

MICROSECONDS = 1_000_000
ENTITIES, LARGEST_REPLY = 10_000, 64 * 2**20
Remaining = Callable[[], float | None]
"""The seconds that the answer is still waited for; None: without end."""


Observer = Callable[[Reading, Offer, Asked, Answered], None]
"""Hears what was read, for which set, what it was asked, and the answer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for."""

    entities: int = ENTITIES
    sets: int = 64
    reply: int = LARGEST_REPLY
    """Bytes."""
    piece: int = 512
    """Entities that are answered before others get their turn."""


@dataclass(slots=True)
class Service:
    """Fetch, Describe and List over one store."""

    shelf: Shelf
    authorizer: Authorizer
    limits: Limits = field(default_factory=Limits)
    stale_after: int = 3600 * MICROSECONDS
    """A group is STALE where the store is further behind than so many microseconds."""
    observers: tuple[Observer, ...] = ()
    """Told of each answer before it is sent."""
    clock: Callable[[], int] = lambda: time.time_ns() // 1000

    async def fetch(
        self, request: pb.FetchRequest, token: str | None, remaining: Remaining
    ) -> pb.FetchResponse:
        """The features of many entities. Raises FetchError."""
        now = self.clock()
        caller = self._caller(token)
        self._check_size(request)
        with self.shelf.read() as reading:
            return await self._fetch(request, reading, caller, now, remaining)

    async def _fetch(
        self,
        request: pb.FetchRequest,
        reading: Reading,
        caller: Caller,
        now: int,
        remaining: Remaining,
    ) -> pb.FetchResponse:
        chosen = [self._find(reading, caller, name) for name in request.sets]
        given = _given(request)
        columns_read([offer.serving for offer in chosen], given)
        times = _times(request, now)
        response = pb.FetchResponse(commit=reading.commit, now=now)
        known = frozenset(request.known_schemas)
        for offer in chosen:
            question = asked(offer.serving, given, request.entities, times)
            answered = await self._answer(reading, offer, question, remaining)
            for observe in self.observers:
                observe(reading, offer, question, answered)
            answer = _answer(offer, answered, request.encoding, known)
            response.answers.append(answer)
            for fault in answered.faults:
                response.errors.add(
                    entity=fault.entity,
                    code=fault.code,
                    message=fault.message,
                    set=offer.name,
                    columns=fault.columns,
                )
        size = response.ByteSize()
        if size > self.limits.reply:
            raise FetchError(
                Kind.TOO_LARGE,
                f"the reply would be {size:,} bytes, and {self.limits.reply:,} are allowed; ask "
                "for fewer entities or sets at once",
            )
        return response

    def describe(self, request: pb.DescribeRequest, token: str | None) -> pb.DescribeResponse:
        """What a set needs and gives. Raises FetchError."""
        caller = self._caller(token)
        with self.shelf.read() as reading:
            return described(self._find(reading, caller, request.set))

    def names(self, token: str | None) -> pb.ListResponse:
        """The names that the caller may fetch. Raises FetchError."""
        caller = self._caller(token)
        with self.shelf.read() as reading:
            names = {o.name for o in reading.offers.values()}
        return pb.ListResponse(sets=sorted(caller.among("fetch", names)))

    def _caller(self, token: str | None) -> Caller:
        try:
            return self.authorizer.caller(token)
        except UnauthenticatedError as error:
            raise FetchError(Kind.WITHOUT_TOKEN, str(error)) from None

    def _find(self, reading: Reading, caller: Caller, name: str) -> Offer:
        """An offer, if the caller may have it: who may not is not told whether it is there."""
        try:
            caller.check("fetch", name)
            return find(reading.offers, name, lambda names: caller.among("fetch", names))
        except ForbiddenError as error:
            raise FetchError(Kind.FORBIDDEN, str(error)) from None
        except StoreError as error:
            raise FetchError(Kind.UNKNOWN, str(error)) from None

    def _check_size(self, request: pb.FetchRequest) -> None:
        if not request.sets:
            raise FetchError(Kind.WRONG, "no set is named; name one in `sets`")
        if len(request.sets) > self.limits.sets:
            raise FetchError(
                Kind.TOO_LARGE,
                f"{len(request.sets)} sets are asked for, and {self.limits.sets} are allowed; "
                "send several requests",
            )
        if request.entities > self.limits.entities:
            raise FetchError(
                Kind.TOO_LARGE,
                f"{request.entities:,} entities are asked for, and {self.limits.entities:,} are "
                "allowed; send several requests",
            )

    async def _answer(
        self, reading: Reading, offer: Offer, question: Asked, remaining: Remaining
    ) -> Answered:
        """The answer of one set, piece by piece."""

        def pause() -> None:
            left = remaining()
            if left is not None and left <= 0:
                raise FetchError(
                    Kind.TOO_LATE, "the deadline passed before the answer was there; give it more "
                    "time, or ask for fewer entities"
                )  # fmt: skip

        entities, piece = len(question.times), self.limits.piece
        parts: list[Answered] = []
        for first in range(0, max(entities, 1), piece):
            if first:
                await asyncio.sleep(0)
            part = question.slice(first, piece) if entities > piece else question
            try:
                answering = Answering(reading, offer, part, self.stale_after, pause)
                parts.append(answering.run())
            except DamagedError as error:
                raise FetchError(Kind.DAMAGED, str(error)) from error
            except StoreError as error:
                raise FetchError(Kind.UNREADY, str(error)) from error
        return parts[0] if len(parts) == 1 else Answered.joined(parts, piece)


def _given(request: pb.FetchRequest) -> dict[str, Array]:
    """The columns of a request. Raises FetchError."""
    given: dict[str, Array] = {}
    for column in request.columns:
        if column.name in given:
            raise FetchError(Kind.WRONG, f"the column '{column.name}' is given twice")
        try:
            given[column.name] = unpack(column, request.entities)
        except DataError as error:
            raise FetchError(Kind.WRONG, str(error)) from None
    return given


def _times(request: pb.FetchRequest, now: int) -> Array:
    kind = request.WhichOneof("as_of")
    try:
        column = unpack(request.times, request.entities) if kind == "times" else None
    except DataError as error:
        raise FetchError(Kind.WRONG, str(error)) from None
    return times_of(column, request.time if kind == "time" else now, request.entities)


def _answer(
    offer: Offer, answered: Answered, encoding: pb.Encoding, known: frozenset[int]
) -> pb.Answer:
    answer = pb.Answer(set=offer.name, groups=[_group(g) for g in answered.groups])
    batch = answered.batch
    if encoding == pb.ENCODING_ARROW:
        number, schema = offer.wire_schema
        answer.batch = batch.serialize().to_pybytes()
        answer.schema_id = number
        if number not in known:
            answer.schema = schema
    else:
        names = batch.schema.names
        answer.columns.extend(pack(n, c) for n, c in zip(names, batch.columns, strict=True))
    return answer


def _group(state: GroupState) -> pb.Group:
    ages = struct.pack(f"<{len(state.ages)}q", *state.ages)
    return pb.Group(name=state.name, statuses=state.statuses, ages=ages)


def described(offer: Offer) -> pb.DescribeResponse:
    """What a set needs and gives."""
    serving = offer.serving
    training = not isinstance(offer.definition, FeatureSet)
    told = pb.DescribeResponse(
        set=offer.name,
        kind=pb.DescribeResponse.KIND_TRAINING_SET
        if training
        else pb.DescribeResponse.KIND_FEATURE_SET,
        groups=[g.name for g in serving.groups],
        time="" if serving.time is None else format_expr(serving.time),
        sql=offer.definition.sql,
    )
    for given in serving.inputs:
        told.inputs.add(name=given.name, type=column_type(given.type), optional=given.optional)
    for name, expr in serving.columns:
        groups = serving.groups_of(expr)
        told.outputs.add(name=name, type=column_type(expr.type), groups=groups)
    return told
