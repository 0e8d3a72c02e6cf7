"""What the service does with a request, whatever door it came through.

A door brings what it was asked, the caller's token, and how long the answer is still waited for; it
spells the reply. Entities are answered in pieces, between which others get their turn and a request
that nobody waits for any more ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from bighead.storage.access.authorizer import (
    Authorizer,
    Caller,
    ForbiddenError,
    UnauthenticatedError,
)
from bighead.storage.errors import DamagedError, StoreError
from bighead.storage.fetch.answering import Answered, Answering
from bighead.storage.fetch.asking import (
    Asked,
    Request,
    asked,
    columns_read,
    times_of,
)
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.served import Offer, find
from bighead.storage.fetch.shelf import Reading, Shelf
from bighead.zipline.errors import BigheadError
from bighead.zipline.expressions.arrow import nulls

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
    values: int = 512 * 50
    """Values, of a set of many columns."""

    def piece_of(self, columns: int) -> int:
        """Entities that are answered before others get their turn, of a set.

        >>> Limits().piece_of(6), Limits().piece_of(250)
        (512, 102)
        """
        return max(min(self.piece, self.values // max(columns, 1)), 1)

    def check_request(self, request: Request) -> None:
        """Raises FetchError for one that names no set, or too much."""
        if not request.sets:
            raise FetchError(Kind.WRONG, "no set is named; name one in `sets`")
        if len(request.sets) > self.sets:
            raise FetchError(
                Kind.TOO_LARGE,
                f"{len(request.sets)} sets are asked for, and {self.sets} are allowed; send "
                "several requests",
            )
        if request.entities > self.entities:
            raise FetchError(
                Kind.TOO_LARGE,
                f"{request.entities:,} entities are asked for, and {self.entities:,} are allowed; "
                "send several requests",
            )

    def check_reply(self, size: int) -> None:
        """Raises FetchError for one of too many bytes."""
        if size > self.reply:
            raise FetchError(
                Kind.TOO_LARGE,
                f"the reply would be {size:,} bytes, and {self.reply:,} are allowed; ask for fewer "
                "entities or sets at once",
            )


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request gets, of one commit."""

    commit: int
    now: int
    """When the request was taken: the time of entities that gave none."""
    answers: list[tuple[Offer, Answered]]
    """As many as sets were named, in their order."""


@dataclass(slots=True)
class Service:
    """Fetch, describe and list over one store."""

    shelf: Shelf
    authorizer: Authorizer
    limits: Limits = field(default_factory=Limits)
    stale_after: int = 3600 * MICROSECONDS
    """A group is STALE where the store is further behind than so many microseconds, unless the set
    says otherwise."""
    observers: tuple[Observer, ...] = ()
    """Told of each answer before it is sent."""
    clock: Callable[[], int] = lambda: time.time_ns() // 1000

    async def fetch(self, request: Request, token: str | None, remaining: Remaining) -> Reply:
        """The features of many entities. Raises FetchError."""
        now = self.clock()
        caller = self._caller(token)
        self.limits.check_request(request)
        with self.shelf.read() as reading:
            chosen = [self._find(reading, caller, name) for name in request.sets]
            columns_read([offer.serving for offer in chosen], request.columns)
            times, untimely = times_of(request, now)
            answers = []
            for offer in chosen:
                question = asked(offer.serving, request, times, untimely)
                answered = await self._answer(reading, offer, question, remaining)
                for observe in self.observers:
                    observe(reading, offer, question, answered)
                answers.append((offer, answered))
            return Reply(reading.commit, now, answers)

    def warm_up(self) -> None:
        """Answer once for each set, about nobody, so that the first caller need not wait for it."""
        with self.shelf.read() as reading:
            for offer in reading.offers.values():
                inputs = {i.column: nulls(1, i.type) for i in offer.serving.inputs}
                question = Asked(inputs, 1, self.clock())
                with suppress(BigheadError):  # whoever asks is told
                    Answering(reading, offer, question, self.stale_after, lambda: None).run()

    def admit(self, token: str | None) -> None:
        """Raises FetchError where nobody is known by the token: for doors, before they work."""
        self._caller(token)

    def describe(self, name: str, token: str | None) -> Offer:
        """What is served under a name. Raises FetchError."""
        caller = self._caller(token)
        with self.shelf.read() as reading:
            return self._find(reading, caller, name)

    def names(self, token: str | None) -> list[str]:
        """The names that the caller may fetch, sorted. Raises FetchError."""
        caller = self._caller(token)
        with self.shelf.read() as reading:
            names = {o.name for o in reading.offers.values()}
        return sorted(caller.among("fetch", names))

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

        entities = question.entities
        piece = self.limits.piece_of(len(offer.serving.columns))
        stale_after = self.stale_after if offer.stale_after is None else offer.stale_after
        parts: list[Answered] = []
        for first in range(0, max(entities, 1), piece):
            if first:
                await asyncio.sleep(0)
            part = question.slice(first, piece) if entities > piece else question
            try:
                parts.append(Answering(reading, offer, part, stale_after, pause).run())
            except DamagedError as error:
                raise FetchError(Kind.DAMAGED, str(error)) from error
            except StoreError as error:
                raise FetchError(Kind.UNREADY, str(error)) from error
        return parts[0] if len(parts) == 1 else Answered.joined(parts, piece)
