"""Having something done to a store: here where nobody writes it, else by whoever does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bighead.storage.errors import LockedError, StoreError
from bighead.storage.requests.carrying_out import Carrier
from bighead.storage.requests.spool import Facts, Request, answered, leave, withdraw
from bighead.storage.store import Store

PATIENCE = 60.0
"""Seconds to wait for the process that writes a store."""
_PAUSE, _RETRY = 0.02, 1.0


def ask(
    path: Path,
    kind: str,
    facts: Facts,
    *,
    create: bool = False,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
) -> Facts:
    """What came of a request of a kind that `carrying_out` knows.

    create: a store that is not there is made. Raises StoreError where there is none, where what is
    asked for cannot be done, and where the process that writes the store takes nothing up in time.
    """
    try:
        with Store.open(path, create=create) as store:
            return Carrier(store, path).carry_out(kind, facts)
    except LockedError:
        pass
    request = leave(path, kind, facts)
    until, again = clock() + patience, clock() + _RETRY
    while True:
        said = answered(path, request)
        if said is not None:
            if "error" in said:
                raise StoreError(str(said["error"]))
            return said
        now = clock()
        if now > until:
            raise _unheard(path, request)
        if now > again:
            _here(path)  # whoever wrote may have ended
            again = now + _RETRY
        time.sleep(_PAUSE)


def _here(path: Path) -> None:
    """Carry out what waits, where nobody writes the store."""
    try:
        with Store.open(path, create=False) as store:
            carrier = Carrier(store, path)
            while carrier.turn():
                pass
    except LockedError:
        pass


def _unheard(path: Path, request: Request) -> StoreError:
    if withdraw(path, request):
        return StoreError(
            f"the process that writes the store in {path} takes up no requests; see that it is an "
            "ingester that runs, or stop it and ask again"
        )
    return StoreError(
        f"the process that writes the store in {path} has taken the request up and not answered "
        "it yet; look at the store later, or ask again"
    )
