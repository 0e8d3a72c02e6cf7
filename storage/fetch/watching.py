"""What every door does around a request: count it, time it, log what is worth a look.

Errors leave here as FetchErrors, which the door spells; one of ours is logged with its trace, and
the caller hears only that there was one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf

from bighead.storage.access.authorizer import UnauthenticatedError, bearer
from bighead.storage.fetch.answering import DAMAGED, Answered
from bighead.storage.fetch.asking import Asked
from bighead.storage.fetch.errors import FetchError, Kind
from bighead.storage.fetch.logs import Log
from bighead.storage.fetch.metrics import Metrics
from bighead.storage.fetch.served import Offer
from bighead.storage.fetch.service import Observer
from bighead.storage.fetch.shelf import Reading

SUSPECT = ("UNAUTHENTICATED", "PERMISSION_DENIED", "DATA_LOSS")
OFTEN = 60.0
"""Seconds after which the damage of a set is told again."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks on at one door."""

    door: str
    metrics: Metrics
    log: Log
    slow: float
    """Requests that take as many seconds are logged."""

    @contextmanager
    def request(self, method: str, peer: Callable[[], str]) -> Iterator[None]:
        """Around one request. Raises FetchError for whatever goes wrong in it."""
        began = time.perf_counter()
        code = "CANCELLED"
        self.metrics.under_way += 1
        try:
            yield
            code = "OK"
        except FetchError as error:
            code = error.kind.value
            told = {"method": method, "code": code, "reason": str(error), "peer": peer()}
            self.log.write("refused", "warning" if code in SUSPECT else "info", **told)
            raise
        except Exception as error:
            code = Kind.BUG.value
            self.log.bug("bug", error, method=method, peer=peer())
            told_caller = "this is a bug in bighead; the log of the service says more"
            raise FetchError(Kind.BUG, told_caller) from error
        finally:
            seconds = time.perf_counter() - began
            self.metrics.under_way -= 1
            self.metrics.answered(self.door, method, code, seconds)
            if seconds >= self.slow:
                self.log.write("slow", "warning", method=method, code=code, seconds=seconds)


def tell_damage(log: Log, clock: Callable[[], float] = time.monotonic) -> Observer:
    """Has the log tell of entities whose blocks are damaged: somebody should restore a backup.

    Once in a while for a set; metrics count all of them.
    """
    told_at: dict[str, float] = {}

    def observe(_: Reading, offer: Offer, __: Asked, answered: Answered) -> None:
        damaged = [fault for fault in answered.faults if fault.code == DAMAGED]
        if damaged and clock() - told_at.get(offer.name, -inf) >= OFTEN:
            told_at[offer.name] = clock()
            told = {"set": offer.name, "entities": len(damaged), "reason": damaged[0].message}
            log.write("damaged", "error", **told)

    return observe


def token_of(header: str | None) -> str | None:
    """The token of an Authorization header. Raises FetchError where it is none."""
    try:
        return bearer(header)
    except UnauthenticatedError as error:
        raise FetchError(Kind.WITHOUT_TOKEN, str(error)) from None
