"""A store with what it serves: the offers by name, read again when they change.

A door asks for a `Reading` at the start of a request and answers all of it from that one, so that
its answers are of one commit whatever is written meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from bighead.storage.database.commits import committed
from bighead.storage.database.origins import origin_of
from bighead.storage.fetch.served import Offer, changes, offers
from bighead.storage.reading.moment import Moment
from bighead.storage.store import Store


@dataclass(frozen=True, slots=True)
class Reading:
    """What is served, as of one commit."""

    store: Store
    snapshot: Moment
    commit: int
    origin: str
    """Of the store that this is a commit of; empty: it has none yet."""
    offers: Mapping[str, Offer]
    _newest: dict[str, int | None]

    def newest(self, name: str) -> int | None:
        """Up to which time rows of a set's sources have come; None where one has none yet."""
        if name not in self._newest:
            self._newest[name] = self.store.newest(name, self.snapshot)
        return self._newest[name]


@dataclass(slots=True)
class Shelf:
    """The offers of a store."""

    open: Callable[[], AbstractContextManager[Store]]
    """The store for as long as a request is answered: it stays at one commit meanwhile."""
    _offers: Mapping[str, Offer] = field(default_factory=dict)
    _changes: int = -1
    _commit: int = -1
    _origin: str = ""
    _newest: dict[str, int | None] = field(default_factory=dict)

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """The store as it is now."""
        with self.open() as store:
            snapshot = store.snapshot()
            commit = committed(snapshot)
            if commit != self._commit:
                known = changes(snapshot)
                if known != self._changes:
                    self._offers, self._changes = offers(snapshot), known
                self._commit, self._newest = commit, {}
                self._origin = origin_of(snapshot)
            yield Reading(store, snapshot, commit, self._origin, self._offers, self._newest)
