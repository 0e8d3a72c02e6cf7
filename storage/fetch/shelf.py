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
class Newest:
    """Up to which times rows have come, in microseconds; None: none has come."""

    time: int | None
    """Of the source that is furthest behind."""
    sources: Mapping[str, int | None]
    """Of each, where there are several."""

    @classmethod
    def of(cls, sources: Mapping[str, int | None]) -> Newest:
        """Of all sources of a set."""
        times = [time for time in sources.values() if time is not None]
        oldest = min(times) if len(times) == len(sources) else None
        return cls(oldest, sources if len(sources) > 1 else {})


@dataclass(frozen=True, slots=True)
class Reading:
    """What is served, as of one commit."""

    store: Store
    snapshot: Moment
    commit: int
    origin: str
    """Of the store that this is a commit of; empty: it has none yet."""
    offers: Mapping[str, Offer]
    _newest: dict[str, Newest]

    def newest(self, name: str) -> Newest:
        """Up to which time rows of a set's sources have come."""
        found = self._newest.get(name)
        if found is None:
            of_source = self.store.newest_of(name, self.snapshot)
            found = self._newest[name] = Newest.of(of_source)
        return found


@dataclass(slots=True)
class Shelf:
    """The offers of a store."""

    open: Callable[[], AbstractContextManager[Store]]
    """The store for as long as a request is answered: it stays at one commit meanwhile."""
    _offers: Mapping[str, Offer] = field(default_factory=dict)
    _changes: int = -1
    _commit: int = -1
    _origin: str = ""
    _newest: dict[str, Newest] = field(default_factory=dict)

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """The store as it is now."""
        with self.open() as store:
            snapshot = store.snapshot()
            commit = snapshot.seen.commit or committed(snapshot)
            if commit != self._commit:
                known = changes(snapshot)
                if known != self._changes:
                    self._offers, self._changes = offers(snapshot), known
                self._commit, self._newest = commit, {}
                self._origin = origin_of(snapshot)
            yield Reading(store, snapshot, commit, self._origin, self._offers, self._newest)
