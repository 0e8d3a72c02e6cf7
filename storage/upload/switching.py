"""From one generation of a set to another: an upload that comes, or the one before that comes back.

The rows that streams brought and the other generation has not had are put into it, some at a time,
while the set goes on being read and written as it is; when none is left, the commit that writes the
set's definition says at once which generation is read, what it was made of, and which one it
replaced. Where a switch is stands in `meta` with each of its commits, so that it goes on after a
crash; one whose files are gone is undone.
"""

from __future__ import annotations

import json
from concurrent.futures import wait
from dataclasses import dataclass, replace
from pathlib import Path
from time import time_ns
from typing import Any

from bighead.storage.database.database import TABLES, Batch, View
from bighead.storage.database.keys import after, set_prefix
from bighead.storage.errors import StoreError
from bighead.storage.sets.definitions import Definition
from bighead.storage.sets.generations import (
    Generation,
    generation_facts,
    generation_of,
    marker,
)
from bighead.storage.sets.waiting import clear
from bighead.storage.store import Store
from bighead.storage.upload.package import UPLOADS, Package, read_package
from bighead.storage.writing.ingesting import Ingest
from bighead.storage.writing.meeting import check_meets, check_remembered, is_in_batch
from bighead.storage.writing.newest import newest_key, newest_time
from bighead.storage.writing.stamps import begin_reign
from bighead.storage.writing.stream_log import entries

_SWITCH, _DROPPED = b"switch\0", b"dropped\0"
_LOOK = 0.002
"""Seconds to wait for a check that is under way."""
ROWS = 10_000
"""Of streams that one commit of a switch puts into the other generation."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch that is under way."""

    set: str
    to: Generation
    """`left` is the commit up to which it has what streams brought."""
    package: str
    """The folder of an upload's files; empty: the generation is one that was read before."""
    adopted: bool
    """The files have been taken in."""

    def write(self, batch: Batch) -> None:
        """Puts it into a batch."""
        facts = {
            "to": generation_facts(self.to),
            "package": self.package,
            "adopted": self.adopted,
        }
        batch["meta", _SWITCH + self.set.encode()] = json.dumps(facts).encode()

    def moved(self, left: int) -> Switch:
        """The same, further on."""
        return replace(self, to=replace(self.to, left=left))


def switches(view: View) -> list[Switch]:
    """Those that are under way."""
    found = []
    for key, value in view.scan("meta", _SWITCH, _SWITCH[:-1] + b"\1"):
        facts: dict[str, Any] = json.loads(value)
        to = generation_of(facts["to"])
        assert to is not None
        name = key.removeprefix(_SWITCH).decode()
        found.append(Switch(name, to, facts["package"], facts["adopted"]))
    return found


def take_in(store: Store, path: Path, package: Package) -> None:
    """Begin to switch to what an upload made.

    Raises StoreError where it was made for another state of the store; then that stays as it is,
    and the package says why.
    """
    try:
        definition, _ = store.plan(package.set)
        if package.number != definition.number:
            raise StoreError(
                f"the upload was made of a set that had the name {package.set} before; run it again"
            )
        _check(store, definition, package.generation)
    except StoreError as error:
        package.refuse(str(error))
        raise
    folder = str(package.folder.relative_to(path / UPLOADS))
    batch: Batch = {}
    Switch(package.set, package.generation, folder, adopted=False).write(batch)
    store.commit(batch)


def go_back(store: Store, name: str) -> None:
    """Begin to switch to the generation before the one that is read. Raises StoreError."""
    definition, _ = store.plan(name)
    if definition.previous is None:
        raise StoreError(f"{name} has no generation before this one; upload it")
    if any(s.set == name for s in switches(store.database)):
        raise StoreError(f"an upload of {name} is being taken in; wait until it has ended")
    batch: Batch = {}
    Switch(name, definition.previous, "", adopted=True).write(batch)
    store.commit(batch)


def advance(store: Store, path: Path, rows: int = ROWS) -> bool:
    """Go a step on with each switch that is under way; whether some are left.

    path: the store's folder. rows: of streams that a step puts into a generation, about. Raises
    StoreError where files cannot be taken in; then that switch is undone.
    """
    for switch in switches(store.database):
        if not switch.adopted:
            _adopt(store, path, switch)
        else:
            _step(store, path, switch, rows)
    return bool(switches(store.database))


def note_dropped(batch: Batch, generation: int, number: int) -> None:
    """Put into a batch that a generation is to be deleted, since no set reads it from then on."""
    batch["meta", _DROPPED + set_prefix(generation, number)] = b""


def drop_old(store: Store) -> int:
    """Delete generations that no set reads or goes back to any more; how many."""
    gone = 0
    for key, _ in list(store.database.scan("meta", _DROPPED, _DROPPED[:-1] + b"\1")):
        prefix = key.removeprefix(_DROPPED)
        generation, number = int.from_bytes(prefix[:4], "big"), int.from_bytes(prefix[4:], "big")
        clear_generation(store, generation, number)
        store.commit({("meta", key): None})
        gone += 1
    return gone


def _check(store: Store, definition: Definition, to: Generation) -> None:
    """Raises StoreError where a generation cannot follow the one that is read."""
    numbers = [definition.generation]
    if definition.previous is not None:
        numbers.append(definition.previous.number)
    numbers += [s.to.number for s in switches(store.database) if s.set == definition.name]
    if to.number <= max(numbers):
        raise StoreError(
            f"another upload of {definition.name} was taken in since this one began; run it again"
        )
    plan = store.sets.compiled(to.right, to.sizes)
    for source in plan.sources:
        if next(entries(store.database, [source.name], 0), None) is not None:
            check_meets(source)
        if to.upload is not None:
            check_remembered(store.database, source, to.upload)


def _adopt(store: Store, path: Path, switch: Switch) -> None:
    """The files into the database, under a generation that nobody reads yet.

    First they are checked, which takes as long as they are large, and goes on while this returns.
    """
    definition, _ = store.plan(switch.set)
    try:
        package = read_package(path / UPLOADS / switch.package)
        checking = package.checking()
        if wait([checking], _LOOK).not_done:
            return
        package.checked()
        checking.result()
        # What an earlier attempt left.
        clear_generation(store, switch.to.number, definition.number)
        for table in package.files:
            store.database.adopt(table, package.paths(table))
    except StoreError as error:
        folder = path / UPLOADS / switch.package
        if folder.is_dir():
            read_package(folder).refuse(str(error))
        _undo(store, switch, definition)
        raise
    batch: Batch = {}
    replace(switch, adopted=True).write(batch)
    store.commit(batch)


def _undo(store: Store, switch: Switch, definition: Definition) -> None:
    clear_generation(store, switch.to.number, definition.number)
    store.commit({("meta", _SWITCH + switch.set.encode()): None})


def _step(store: Store, path: Path, switch: Switch, rows: int) -> None:
    """Rows of streams into the other generation; where none is left, the switch itself."""
    definition, _ = store.plan(switch.set)
    to = switch.to
    plan = store.sets.compiled(to.right, to.sizes)
    coming = _coming(store, definition, to)
    sources = {s.name: s for s in plan.sources}
    taking = Ingest(store.database, store.recent, [])
    taking.make_room()
    last, taken = to.left, 0
    for entry in entries(store.database, sources, to.left):
        if taken >= rows and entry.commit != last:
            break
        last = entry.commit
        if is_in_batch(entry, sources[entry.source], to.upload):
            continue
        held = entry.rows()
        taking.into(coming, plan, sources[entry.source], held)
        taken += held.num_rows
    if last > to.left:
        switch.moved(last).write(taking.batch)
        store.commit(taking.batch)
        return
    _flip(store, path, switch, definition, coming)


def _coming(store: Store, definition: Definition, to: Generation) -> Definition:
    """The set as it will be."""
    current = Generation(
        definition.generation,
        definition.right,
        definition.sizes,
        definition.horizon,
        definition.upload,
        store.committed,
    )
    return Definition(
        definition.name,
        definition.number,
        to.number,
        to.right,
        to.sizes,
        to.horizon,
        "",
        to.upload,
        current,
    )


def _flip(
    store: Store, path: Path, switch: Switch, definition: Definition, coming: Definition
) -> None:
    batch: Batch = {("meta", _SWITCH + switch.set.encode()): None}
    package = None
    if switch.package:
        package = read_package(path / UPLOADS / switch.package)
        for source, time in package.newest.items():
            before = newest_time(store.database, source)
            if before is None or time > before:
                batch["meta", newest_key(source)] = time.to_bytes(8, "big", signed=True)
        if definition.previous is not None:
            note_dropped(batch, definition.previous.number, definition.number)
    now = time_ns() // 1000
    begin_reign(batch, store.committed + 1, coming.number, coming.generation, coming.upload, now)
    store.remember(coming, batch)
    if package is not None:
        package.remove()


def clear_generation(store: Store, generation: int, number: int) -> None:
    """Delete all of a generation; what is not there costs nothing."""
    prefix = set_prefix(generation, number)
    end = after(prefix)
    assert end is not None
    last = marker(generation, number)
    for table in TABLES:
        if table != "meta":
            store.database.drop(table, prefix, end)
            store.database.drop(table, last, last + b"\0")
    clear(store.database, prefix)
    store.recent.sets.pop(prefix, None)
