"""Uploads from end to end: made beside a store, taken in by whichever process writes it.

Whoever uploads needs no store of its own to write to: it reads which set it is, makes the files in
the store's folder, and leaves them there. The process that writes the store looks for such files
between its commits (`adopt_waiting`), and puts in the rows that came meanwhile.
"""

from __future__ import annotations

from pathlib import Path

from bighead.storage.errors import StoreError
from bighead.storage.store import Looked, Store
from bighead.storage.upload.building import Asked, Building, Read, next_generation
from bighead.storage.upload.forgetting import EVERY, forget_some, forget_streams
from bighead.storage.upload.package import Package, alone, folder_for, packages
from bighead.storage.upload.switching import ROWS, advance, drop_old, switches, take_in


def build(store: Store, path: Path, name: str, asked: Asked, read: Read) -> Package:
    """Make the files of a set's next generation in a store's folder; nothing is written to it.

    store: as it is now, also one that another process writes. read: the rows of the offline
    sources. Files that an upload left which ended early are removed; those of a whole one that no
    store has taken in yet are an error, as are those that another process makes now.
    """
    definition, plan = store.plan(store.owner(name))
    name = definition.name
    with alone(path, definition.number):
        if waiting(store, path, name) is not None:
            raise StoreError(
                f"an upload of {name} waits to be taken in; let the process that writes the store "
                "do so, or stop it and run the upload again"
            )
        number = next_generation(definition)
        folder = folder_for(path, definition.number, number)
        return Building(definition, plan, number, folder, asked, read).run()


def waiting(store: Store, path: Path, name: str) -> Package | None:
    """The upload of a set that is whole and has not been taken in, nor refused."""
    name = store.owner(name)
    found = (p for p in packages(path) if p.set == name and p.refused is None)
    return next((p for p in found if p.generation.number > store.plan(name)[0].generation), None)


def adopt_waiting(store: Store, path: Path, rows: int = ROWS) -> bool:
    """Go a step on with the uploads in a store's folder; whether there is more to do.

    It is called by the process that writes the store, between commits. What cannot be taken in is
    left out, and its package says why. rows: of streams that a step puts in, about.
    """
    under_way = {s.set for s in switches(store.database)}
    for package in packages(path):
        known = store.sets.get(package.set)
        if package.set in under_way or package.refused is not None:
            continue
        if known is not None and package.generation.number == known.generation:
            package.remove()  # the process ended between the switch and this
            continue
        try:
            take_in(store, path, package)
        except StoreError:
            continue
    try:
        more = advance(store, path, rows)
    except StoreError:
        more = bool(switches(store.database))
    if not more:
        if drop_old(store):
            store.looked = Looked(commit=-EVERY)  # at once, a piece a turn
        forget_some(store)
    return more


def adopt(store: Store, path: Path, package: Package) -> None:
    """Take an upload in to its end. Raises StoreError where that cannot be done."""
    if all(s.set != package.set for s in switches(store.database)):
        take_in(store, path, package)
    while advance(store, path):
        pass
    drop_old(store)
    forget_streams(store)
