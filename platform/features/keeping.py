"""Which sets a store is to have online, what they lack for it, and what is served meanwhile.

A set is served when all that the store keeps of it has its batch. Until then the version before is
served under its name, so that nobody who asks sees a set without its history.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bighead.platform.features.batches import Batches
from bighead.storage.errors import StoreError
from bighead.storage.fetch.served import Offer, keep, offers, serve, withdraw
from bighead.storage.retiring import clear, unserved
from bighead.storage.sets.definitions import Definition
from bighead.storage.store import Store
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError, UnsupportedError


@dataclass(frozen=True, slots=True)
class Wanted:
    """Sets that are to be online, with their versions, and the offline rows of their sources."""

    sets: Sequence[tuple[FeatureSet | TrainingSet, int | None]]
    batches: Batches


@dataclass(frozen=True, slots=True)
class Held:
    """A set that is wanted, and the sets of the store that answer it."""

    definition: FeatureSet | TrainingSet
    version: int | None
    sets: tuple[str, ...]

    @property
    def name(self) -> str:
        """With its version."""
        bare = self.definition.name
        return bare if self.version is None else f"{bare}@{self.version}"


@dataclass(frozen=True, slots=True)
class Refused:
    """A set that is wanted, and cannot be online."""

    name: str
    """Without its version: an older one may be served."""
    reason: str


def hold(store: Store, wanted: Wanted) -> tuple[list[Held], list[Refused]]:
    """Keep what is wanted from now on, and let nobody clear it; and what is offline only."""
    held: list[Held] = []
    refused: list[Refused] = []
    for definition, version in wanted.sets:
        try:
            names = keep(store, definition, version)
        except UnsupportedError as error:
            refused.append(Refused(definition.name, str(error)))
        else:
            held.append(Held(definition, version, tuple(dict.fromkeys(names.values()))))
    store.wanted = frozenset(name for one in held for name in one.sets)
    return held, refused


def serve_ready(store: Store, held: Sequence[Held], lacking: Sequence[str]) -> list[Offer]:
    """Serve the sets that lack nothing; those that were not served before."""
    before = offers(store.database)
    fresh = []
    for one in held:
        if not set(one.sets).intersection(lacking):
            offer = serve(store, one.definition, one.version)
            if before.get(one.definition.name.casefold()) != offer:
                fresh.append(offer)
    return fresh


def withdraw_others(store: Store, wanted_names: Iterable[str]) -> Iterator[str]:
    """Serve sets no more that are none of these; their names. What is kept stays."""
    wanted = {name.casefold() for name in wanted_names}
    names = dict.fromkeys(offer.definition.name for offer in offers(store.database).values())
    for name in names:
        if name.casefold() not in wanted:
            for said, offer in list(offers(store.database).items()):
                if offer.definition.name == name and "@" in said:
                    withdraw(store, said)
            if name.casefold() in offers(store.database):
                withdraw(store, name)
            yield name


def retire(store: Store, held: Sequence[Held]) -> list[str]:
    """Forget the versions before the last but one of what is served now; their names."""
    gone: list[str] = []
    left: set[str] = set()
    for one in held:
        served = offers(store.database)
        now = served.get(one.definition.name.casefold())
        if now is None or one.version is None or now.version != one.version:
            continue  # an older one is served until this one is ready
        older = {o.version: o for o in served.values() if _is_older(o, one)}
        for _, offer in sorted(older.items())[:-1]:
            withdraw(store, offer.name)
            gone.append(offer.name)
            left.update(offer.sets.values())
    left &= set(unserved(store))
    # Those first that are read from the blocks of others.
    for name in sorted(left, key=lambda n: not store.sets[n].of):
        with contextlib.suppress(StoreError):  # another is read from it, or it is being uploaded
            clear(store, name)
    return gone


def _is_older(offer: Offer, than: Held) -> bool:
    same = offer.definition.name.casefold() == than.definition.name.casefold()
    return same and offer.version is not None and offer.version < (than.version or 0)


def lacks(store: Store, name: str, batches: Batches, as_of: int | None) -> str:
    """Why what a store keeps as a set has to be uploaded; empty: it has all of its batch.

    as_of: rows of earlier times are to be there; None: those of the last upload are enough, until
    the files of a batch are others. Where batch and stream are told apart by `cut`, only somebody
    who knows up to when the files hold the stream can say that they are to be uploaded. Raises
    SourceError where a batch cannot be read.
    """
    definition, plan = store.plan(name)
    sources = plan.sources
    if any(source.option("batch") is None for source in sources):
        return ""
    upload = definition.upload
    if upload is None:
        return "it has no batch yet"
    if as_of is not None and upload.as_of < as_of:
        return "its batch is older than asked"
    for source in sources:
        if source.option("cut") is True:
            continue
        said = upload.sources.get(source.name)
        if said is not None and said.version != batches.version(source):
            return f"the batch of {source.name} has changed"
    return ""


def versions_of(store: Store, held: Sequence[Held], batches: Batches) -> dict[str, str]:
    """What tells of the batch of each source that it is another one now; '' where it is gone."""
    needed = {s.name: s for one in held for n in one.sets for s in store.plan(n)[1].sources}
    found = {}
    for name, source in needed.items():
        if source.option("batch") is not None:
            try:
                found[name] = batches.version(source)
            except BigheadError:
                found[name] = ""
    return found


def uploaded_rows(definition: Definition) -> int:
    """Of batches, that a generation was made of."""
    upload = definition.upload
    return 0 if upload is None else sum(s.rows for s in upload.sources.values())
