"""What a store may forget: rows beyond the retention of what it serves, and sets not served.

A set with `retention = '30d'` answers as of any time from 30 days before the newest row of its
sources on. A set whose blocks several others read keeps what the longest of them asks for, and one
that is served without the option keeps all. Time is that of the rows and not of a clock, so a store
that is filled from history, or whose streams have stopped, loses nothing by waiting; a row from the
future moves nothing, since no time after now counts. Whoever writes the store calls `Retiring.turn`
between its commits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bighead.storage.database.database import Batch
from bighead.storage.errors import StoreError
from bighead.storage.fetch.served import offers
from bighead.storage.store import Store
from bighead.storage.upkeep.sweeping import Swept
from bighead.storage.upload.switching import drop_old, note_dropped, switches
from bighead.storage.writing.stamps import forget_stamps, stamped_sources
from bighead.zipline.ir.nodes import View

PARTS = 32
"""A sweep waits until so small a part of what is kept can go: sweeping costs a read of each key."""
KEYS = 64
"""Swept between two commits, some milliseconds' worth."""
IDENTITIES = 20_000
"""Looked at between two commits, likewise."""
STAMPED = 64
"""Of so many commits a source's rows lose their stamps between two others, likewise."""


def due(store: Store, now: int) -> dict[str, int]:
    """The sweeps that stopped on the way, or are worth while: by set, before which time rows go.

    now: in microseconds.
    """
    found = {}
    kept = retentions(store)
    for name, (definition, plan) in store.owned().items():
        if definition.swept:
            found[name] = definition.horizon
            continue
        retention, newest = kept.get(name), store.newest(name)
        if retention is None or newest is None or plan.keeps_all:
            continue
        tail = plan.right.tail if isinstance(plan.right, View) else None
        span = retention + plan.reach + (tail or 0)
        horizon = min(newest, now) - span
        if horizon - definition.horizon > span // PARTS:
            found[name] = horizon
    return found


def retentions(store: Store) -> dict[str, int | None]:
    """By set with blocks of its own, how long before its newest row it is asked; None: for ever.

    Those that nobody is served from are not there.
    """
    found: dict[str, int | None] = {}
    for offer in offers(store.database).values():
        for held in set(offer.sets.values()) & set(store.sets):
            name = store.owner(held)
            both = (offer.retention, found.get(name, 0))
            found[name] = None if None in both else max(r for r in both if r is not None)
    return found


@dataclass(slots=True)
class Retiring:
    """The sweeps of a store that is written, a few keys a turn."""

    store: Store
    every: float = 60.0
    """Seconds between looks at what is due."""
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], int] = lambda: time.time_ns() // 1000
    waiting: list[str] = field(default_factory=list, init=False)
    """The sets that were due."""
    stamped: bool = field(default=False, init=False)
    """Some rows may have stamps that are kept no longer."""
    looked: float = field(default=-math.inf, init=False)

    def turn(self) -> Swept | None:
        """Sweep a few keys, or forget a few identities or stamps; None: nothing is due."""
        if self.store.guards:
            return Swept(0, 0, expire(self.store))
        if not self.waiting and self.clock() - self.looked >= self.every:
            self.looked = self.clock()
            self.waiting = list(due(self.store, self.now()))
            self.stamped = True
        if self.stamped:
            self.stamped = forget_old_stamps(self.store, self.now()) > 0
            if self.stamped:
                return Swept(0, 0, False)
        while self.waiting:
            name = self.waiting[0]
            horizon = self._horizon(name)
            if horizon is None:
                del self.waiting[0]
                continue
            swept = sweep(self.store, name, horizon)
            if swept.done:
                del self.waiting[0]
            return swept
        return None

    def _horizon(self, name: str) -> int | None:
        """Before which time rows of a set go, by what is asked of its blocks now; None: none do."""
        definition = self.store.sets.get(name)
        if definition is not None and definition.swept:
            return definition.horizon
        return due(self.store, self.now()).get(name)


def forget_old_stamps(store: Store, now: int) -> int:
    """Let go of when rows came, of some of those that came long ago; how many commits' it was."""
    keep = store.settings.stamps
    if keep is None:
        return 0
    batch: Batch = {}
    view, before = store.database, now - keep
    gone = sum(forget_stamps(view, n, before, batch, STAMPED) for n in stamped_sources(view))
    if batch:
        store.commit(batch)
    return gone


def sweep(store: Store, name: str, horizon: int) -> Swept:
    """Some keys of a set; behind the last one identities are left to `expire` that guard no row."""
    swept = store.sweep(name, horizon, KEYS)
    if swept.done:
        _, plan = store.plan(name)
        store.guards |= {source.name: b"" for source in plan.sources}
    return swept


def expire(store: Store) -> bool:
    """Forget a few identities of a source that guard no row any more; whether those were all."""
    source, at = store.guards.popitem()
    if source not in store.sources():
        return True
    _, after = store.expire_some(source, at, IDENTITIES)
    if after is not None:
        store.guards[source] = after
    return after is None


def unserved(store: Store) -> list[str]:
    """The sets that are kept, and that nothing is read from which is served or going to be."""
    needed = {name for offer in offers(store.database).values() for name in offer.sets.values()}
    needed |= store.wanted
    needed |= {store.owner(name) for name in needed if name in store.sets}
    return sorted(name for name in store.sets if name not in needed)


def clear(store: Store, name: str) -> None:
    """Forget a set with all its rows. Raises StoreError where something served needs it.

    Its rows go after the commit without it: whoever follows the store never sees it without them.
    """
    definition, _ = store.plan(name)
    if name in store.wanted:
        raise StoreError(f"{name} is kept online; declare its set without online = true first")
    if name not in unserved(store):
        raise StoreError(f"what the store serves is read from {name}; withdraw it first")
    readers = sorted(other for other, d in store.sets.items() if d.of == name)
    if readers:
        raise StoreError(f"{readers[0]} is read from the blocks of {name}; clear it first")
    if any(switch.set == name for switch in switches(store.database)):
        raise StoreError(f"{name} is being uploaded; clear it afterwards")
    batch: Batch = {}
    if not definition.of:
        note_dropped(batch, definition.generation, definition.number)
        if definition.previous is not None:
            note_dropped(batch, definition.previous.number, definition.number)
    store.remove(name, batch)
    drop_old(store)
