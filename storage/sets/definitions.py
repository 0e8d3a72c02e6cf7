"""The sets that a store keeps: their plans, numbers and horizons, as they stand in its `meta`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache

from bighead.storage.database.database import TABLES, Batch
from bighead.storage.database.database import View as Snapshot
from bighead.storage.errors import FormatError, StoreError
from bighead.storage.sets.generations import (
    Generation,
    Upload,
    generation_facts,
    generation_of,
    marker,
    upload_facts,
    upload_of,
)
from bighead.zipline.ir.nodes import Lookup, View
from bighead.zipline.ir.serialize import deserialize, serialize

_SET = b"set\0"
LEAST = -(2**63)
"""Of all times."""
FORMAT = 2
"""The version of the layout of keys and values that is written."""
READ = (1, 2)
"""Those that are read: version 1 had no rows that wait."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A set under its name."""

    name: str
    number: int
    generation: int
    right: View | Lookup
    sizes: tuple[int, ...]
    """Of its tiles, which stay as they are."""
    horizon: int = LEAST
    """Rows of earlier times may have been dropped."""
    swept: str = ""
    """Where a sweep stopped, in hexadecimal; empty: none is under way."""
    upload: Upload | None = None
    """What the generation was made of; None: of streams alone."""
    previous: Generation | None = None
    """The generation before, which is kept to go back to."""
    of: str = ""
    """The set from whose blocks it is read, and whose generation it has; empty: its own."""

    def write(self, batch: Batch) -> None:
        """Puts it into a batch."""
        facts: dict[str, object] = {
            "number": self.number,
            "generation": self.generation,
            "horizon": self.horizon,
            "swept": self.swept,
            "sizes": list(self.sizes),
            "plan": serialize(self.right).hex(),
        }
        if self.upload is not None:
            facts["upload"] = upload_facts(self.upload)
        if self.of:
            facts["of"] = self.of
        elif self.previous is not None:
            facts["previous"] = generation_facts(self.previous)
        batch["meta", set_key(self.name)] = json.dumps(facts).encode()

    def at(self, horizon: int, swept: str) -> Definition:
        """The same with another horizon and place of a sweep."""
        return replace(self, horizon=horizon, swept=swept)


def set_key(name: str) -> bytes:
    """Of a set's definition."""
    return _SET + name.encode()


def definitions(snapshot: Snapshot) -> dict[str, Definition]:
    """All sets by name."""
    found = {}
    for key, value in snapshot.scan("meta", _SET, _SET[:-1] + b"\1"):
        name = key.removeprefix(_SET).decode()
        found[name] = definition_of(name, value)
    return {n: mirrored(d, found[d.of]) if d.of else d for n, d in found.items()}


def mirrored(definition: Definition, owner: Definition) -> Definition:
    """A set that is read from another's blocks, as these are now."""
    return replace(owner, name=definition.name, right=definition.right, of=owner.name)


@lru_cache(4096)  # a follower reads all of them again at each commit, and few have changed
def definition_of(name: str, data: bytes) -> Definition:
    """A set from the bytes of its definition. Raises StoreError where they are another thing's."""
    facts = json.loads(data)
    right = deserialize(bytes.fromhex(facts.pop("plan")))
    if not isinstance(right, View | Lookup):
        raise StoreError(f"the store's definition of {name} is no set; restore a backup")
    sizes = tuple(facts.pop("sizes"))
    upload = upload_of(facts.pop("upload", None))
    previous = generation_of(facts.pop("previous", None))
    return Definition(name, right=right, sizes=sizes, upload=upload, previous=previous, **facts)


def is_whole(snapshot: Snapshot, definition: Definition) -> bool:
    """Whether all of what an upload brought is there to be read."""
    if definition.upload is None:
        return True
    named = marker(definition.generation, definition.number)
    return all(
        next(iter(snapshot.scan(table, named, named + b"\0")), None) is not None
        for table in TABLES
        if table in definition.upload.tables
    )


def check_format(snapshot: Snapshot) -> bool:
    """Whether the store has been written to; FormatError where it is of another version."""
    found = snapshot.get("meta", b"format")
    if found is not None and found not in (str(n).encode() for n in READ):
        raise FormatError(
            f"the store is of format {found.decode()}, and this version reads formats "
            f"{' and '.join(map(str, READ))}; take the version that wrote it, or upload the sets "
            "into a new store"
        )
    return found is not None
