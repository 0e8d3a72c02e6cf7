"""Uploads into a store, from the offline sources of its sets, beside whoever writes it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bighead.planner.session import Session
from bighead.platform.cli.serving import asked_for, chosen
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.workspace import open_session
from bighead.platform.features.batches import Batches
from bighead.platform.registry import Version
from bighead.storage.errors import LockedError, StoreError
from bighead.storage.fetch.served import find, offers
from bighead.storage.following import beside_a_writer
from bighead.storage.requests.asking import ask
from bighead.storage.sets.definitions import Definition
from bighead.storage.store import Store
from bighead.storage.upload.building import Asked
from bighead.storage.upload.package import Package, read_package
from bighead.storage.upload.uploads import adopt, build, waiting
from bighead.zipline.errors import did_you_mean

_PAUSE, _RETRY = 0.1, 1.0


@dataclass(frozen=True, slots=True)
class Done:
    """A set that was uploaded, or went back."""

    definition: Definition
    rows: int
    """Of batches, that the generation was made of."""


def uploaded(
    settings: Settings, path: Path, names: Sequence[str], asked: Asked, patience: float
) -> Iterator[Done]:
    """Upload what a store keeps for sets, one after the other.

    patience: seconds to wait until the process that writes the store has taken an upload in.
    """
    session = open_session(settings)
    with beside_a_writer(path) as store:
        fresh = [name for name in names if not _is_known(store, name)]
    versions = chosen(settings, fresh, draft=False) if fresh else []
    kept = kept_for(path, versions)
    with beside_a_writer(path) as store:
        kept += sets_of(store, [name for name in names if name not in fresh])
    for name in dict.fromkeys(kept):
        yield _upload(session, path, name, asked, patience)
    if versions:
        asked_for(path, versions, serve="yes")


def kept_for(path: Path, versions: Sequence[Version]) -> list[str]:
    """Let a store keep sets that it does not serve yet: they are served once they are uploaded.

    What streams bring from now on comes along, and what they brought to other sets before.
    """
    if not versions:
        return []
    with beside_a_writer(path):
        pass  # a store that is not there is not made
    found = asked_for(path, versions, serve="no")
    with beside_a_writer(path) as store:
        return [store.owner(name) for held in found for name in held["sets"].values()]


def _upload(session: Session, path: Path, name: str, asked: Asked, patience: float) -> Done:
    """One set; an upload of it that was made before its process ended is taken in first."""
    with beside_a_writer(path) as store:
        left = waiting(store, path, name)
    if left is not None:
        handed_over(path, left, patience)
        assert left.generation.upload is not None
        if left.generation.upload.as_of == asked.as_of:
            return _done(path, name)
    with beside_a_writer(path) as store:
        package = build(store, path, name, asked, Batches(session).read(asked.as_of))
    handed_over(path, package, patience)
    return _done(path, name)


def gone_back(path: Path, names: Sequence[str], patience: float) -> Iterator[Done]:
    """Let sets go back to the generation before. Raises StoreError where there is none."""
    with beside_a_writer(path) as store:
        definitions = [store.sets[name] for name in sets_of(store, names)]
    for definition in definitions:
        previous = definition.previous
        if previous is None:
            raise StoreError(f"{definition.name} has no generation before this one; upload it")
        ask(path, "back", {"set": definition.name, "to": previous.number}, patience=patience)
        yield _done(path, definition.name)


def sets_of(store: Store, names: Sequence[str]) -> list[str]:
    """The sets that a store keeps for those that are named. Raises StoreError."""
    served = offers(store.database)
    found: dict[str, None] = {}
    for name in names:
        if name.casefold() in served:
            found.update(dict.fromkeys(find(served, name).sets.values()))
        elif name in store.sets:
            found[name] = None
        else:
            known = {offer.definition.name for offer in served.values()} | set(store.sets)
            hint = did_you_mean(name, known) or "let it be kept by 'bighead store define'"
            raise StoreError(f"the store keeps no set '{name}'; {hint}")
    return list(dict.fromkeys(map(store.owner, found)))


def _is_known(store: Store, name: str) -> bool:
    return name.casefold() in offers(store.database) or name in store.sets


def handed_over(path: Path, package: Package, patience: float) -> None:
    """Let a store take a package in: here where nobody writes it, else by whoever does.

    Raises StoreError where it is refused, and where nobody takes it in time.
    """
    until = time.monotonic() + patience
    again = time.monotonic()
    while True:
        if time.monotonic() >= again:
            try:
                with Store.open(path, create=False) as store:
                    adopt(store, path, package)
                    return
            except LockedError:
                again = time.monotonic() + _RETRY
        if not package.folder.exists():
            return
        reason = _refused(package)
        if reason is not None:
            raise StoreError(reason)
        if time.monotonic() > until:
            raise StoreError(
                f"the upload of {package.set} is made, and the process that writes the store has "
                "not taken it in; run the same command again to wait on"
            )
        time.sleep(_PAUSE)


def _refused(package: Package) -> str | None:
    try:
        return read_package(package.folder).refused
    except StoreError:
        return None  # it was taken in just now


def _done(path: Path, name: str) -> Done:
    with beside_a_writer(path) as store:
        definition = store.sets[name]
    return Done(definition, _rows(definition))


def _rows(definition: Definition) -> int:
    upload = definition.upload
    return 0 if upload is None else sum(s.rows for s in upload.sources.values())


def microseconds(moment: datetime) -> int:
    """A time of a zone, as microseconds."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
