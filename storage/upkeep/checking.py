"""What a store holds, counted; and whether every tile is that of its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bighead.kernels import tiles
from bighead.kernels.aggregates import StateError
from bighead.storage.database.database import View as Snapshot
from bighead.storage.database.keys import after, key_of_block, set_prefix
from bighead.storage.errors import DamagedError
from bighead.storage.sets.definitions import Definition
from bighead.storage.sets.set_plan import SetPlan
from bighead.storage.sets.waiting import Waiting

Blocks = dict[tuple[int, int], bytes]
"""The blocks of a key by level and number."""
_KEY = 12
"""Where a key begins among what stands before its blocks."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What is held of a set."""

    name: str
    keys: int
    rows: int
    """Raw rows, those that wait among them, but none whose states alone remain."""
    blocks: int
    """And segments of rows that wait."""
    bytes: int
    """Of these, before compression."""
    largest: int
    """The bytes of the largest block."""
    horizon: int
    """Rows of earlier times may have been dropped."""
    generation: int
    upload: Mapping[str, int] | None
    """What the generation was made of: rows of batch before `as_of`, and of a source with `cut`
    those written before `instant`; what streams brought is beside them. It is read since the commit
    `since`. None: it is of streams alone."""


def blocks_of_keys(snapshot: Snapshot, definition: Definition) -> Iterator[tuple[bytes, Blocks]]:
    """The blocks of each key of a set."""
    prefix = set_prefix(definition.generation, definition.number)
    current, held = b"", Blocks()
    for name, data in snapshot.scan("blocks", prefix, after(prefix)):
        of_key, level, number = key_of_block(name)
        if of_key != current and held:
            yield current, held
            held = {}
        current = of_key
        held[level, number] = data
    if held:
        yield current, held


def count_set(snapshot: Snapshot, definition: Definition, plan: SetPlan) -> Counts:
    """What is held of a set; reads all of its blocks, and the rows that wait."""
    waiting = _waiting(snapshot, definition, plan)
    new = set() if waiting is None else set(waiting.rows.keys())
    rows = 0 if waiting is None else waiting.rows.rows
    segments = [] if waiting is None else [snapshot.get("meta", k) for k, _ in waiting.segments]
    sizes = [len(data) for data in segments if data is not None]
    keys, blocks, size, largest = 0, len(sizes), sum(sizes), max(sizes, default=0)
    for of_key, held in blocks_of_keys(snapshot, definition):
        keys += 1
        new.discard(of_key[_KEY:])
        blocks += len(held)
        size += sum(map(len, held.values()))
        largest = max(largest, *map(len, held.values()))
        rows += sum(len(plan.layout.rows(data)) for data in held.values())
    name, horizon = definition.name, definition.horizon
    upload, previous = definition.upload, definition.previous
    made_of = None
    if upload is not None and previous is not None:
        made_of = {"as_of": upload.as_of, "instant": upload.instant, "since": previous.left}
    generation = definition.generation
    counted = (keys + len(new), rows, blocks, size, largest, horizon)
    return Counts(name, *counted, generation, made_of)


def _waiting(snapshot: Snapshot, definition: Definition, plan: SetPlan) -> Waiting | None:
    if plan.entity:
        return None
    prefix = set_prefix(definition.generation, definition.number)
    return Waiting.load(snapshot, prefix, plan)


def verify_set(snapshot: Snapshot, definition: Definition, plan: SetPlan) -> int:
    """How many blocks a set has, and segments of rows that wait, each of them checked.

    Raises DamagedError where one cannot be read, a block is missing, belongs to no tree, or holds a
    tile that is not that of its rows.
    """
    waiting = _waiting(snapshot, definition, plan)
    checked = 0 if waiting is None else len(waiting.segments)
    for of_key, held in blocks_of_keys(snapshot, definition):
        told = f"a key of {definition.name} ({of_key[_KEY:].hex() or 'the only one'})"

        def get(level: int, number: int, held: Blocks = held) -> bytes | None:
            return held.get((level, number))

        try:
            for data in held.values():
                plan.layout.rows(data)
            _, nodes = plan.layout.verify(get)
        except StateError as error:
            raise DamagedError(f"{told} is damaged: {error}; restore a backup") from error
        aside = sum(level in (tiles.LOG, tiles.UNTIMED) for level, _ in held)
        if nodes != len(held) - aside and not (nodes == 1 and len(held) == aside):
            raise DamagedError(
                f"{told} is damaged: {len(held) - aside - nodes} blocks belong to no tile; "
                "restore a backup"
            )
        checked += len(held)
    return checked
