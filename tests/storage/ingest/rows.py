"""Bookings as messages, sets over them, and what the store must answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.storage.database.database import Memory
from bighead.storage.ingest.door import Door
from bighead.storage.ingest.files import FileDoor
from bighead.storage.ingest.ingester import Ingester, Settings
from bighead.storage.ingest.positions import file_at, files_at
from bighead.storage.ingest.sources import sources_of
from bighead.storage.store import Settings as StoreSettings
from bighead.storage.store import Store
from bighead.storage.writing.letters import Kept, letters
from bighead.zipline.ir.nodes import View
from tests.storage.shop import SHORT, START, Asking, assert_equal, bookings, source, view

NOW = START + 400 * 86_400_000_000
ASKED: View = view(source(identity=True), SHORT, ["sum", "count_rows", "last", "max"])


def booked(count: int, keys: int = 3, seed: int = 1) -> pa.Table:
    """Bookings at times that are a few minutes apart."""
    rng = np.random.default_rng(seed)
    times = START + np.cumsum(rng.integers(0, 600_000_000, count))
    return bookings(rng, times, keys)


def lines(rows: pa.Table) -> list[bytes]:
    """Each row as JSON."""
    names = rows.column_names
    return [json.dumps({n: _json(row[n]) for n in names}).encode() for row in rows.to_pylist()]


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def memory_store(asked: View = ASKED) -> Store:
    """A store of the one set."""
    store = Store.over(Memory(), StoreSettings(leaf=8, logged=4, recent=4000, waiting=6))
    store.define("set", asked)
    return store


def ingester(store: Store, *doors: Door, most: int = 1 << 20, **how: Any) -> Ingester:
    """A loop that does not wait."""
    settings = Settings(wait=0.0, most=most, tick=0.001, **how)
    return Ingester(store, sources_of(store), doors, settings, lambda: NOW)


def file_door(store: Store, pattern: Path | str, notes: list[str] | None = None) -> FileDoor:
    """A door that looks at its folder each time it is asked."""
    note = (lambda _: None) if notes is None else notes.append
    known = list(files_at(store.database, "events"))
    made = FileDoor("events", str(pattern), known, note, look_every=0.0, settle=0.0, again=0.0)
    made.kept = lambda name: file_at(store.database, "events", name)
    return made


def take(store: Store, pattern: Path | str, notes: list[str] | None = None, **how: Any) -> Ingester:
    """One run over what the files hold now."""
    door = file_door(store, pattern, notes)
    door.longest = how.pop("longest", door.longest)
    made = ingester(store, door, **how)
    made.run(once=True)
    door.close()
    return made


def waits(store: Store) -> int:
    """How many rows wait for the blocks of their keys."""
    return sum(w.rows.rows for w in store.recent.sets.values())


def dead(store: Store) -> list[Kept]:
    """All dead letters."""
    return list(letters(store.database))


def times_of(rows: pa.Table) -> list[int]:
    """When the rows happened, in microseconds."""
    found: list[Any] = rows["ts"].cast(pa.int64()).to_pylist()
    return found


def assert_holds(store: Store, rows: pa.Table, asked: View = ASKED) -> None:
    """The store answers what the reference says of rows: all of them once, and no others."""
    times = times_of(rows)
    chosen: Sequence[int] = times[:: max(len(times) // 10, 1)]
    questions = Asking([i % 4 for i in range(len(chosen))], [t + 1 for t in chosen])
    assert_equal(store, "set", asked, rows, questions)
    last = max(times, default=START) + 1
    for key in range(4):
        assert_equal(store, "set", asked, rows, Asking([key], [last]))
