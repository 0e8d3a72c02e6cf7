"""The sets that a store keeps: their plans, numbers and horizons, as they stand in its `meta`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from bighead.storage.database.database import Batch
from bighead.storage.database.database import View as Snapshot
from bighead.storage.errors import StoreError
from bighead.zipline.ir.nodes import Lookup, View
from bighead.zipline.ir.serialize import deserialize, serialize

_SET = b"set\0"
LEAST = -(2**63)
"""Of all times."""
FORMAT = 1
"""The version of the layout of keys and blocks."""


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

    def write(self, batch: Batch) -> None:
        """Puts it into a batch."""
        facts = {
            "number": self.number,
            "generation": self.generation,
            "horizon": self.horizon,
            "swept": self.swept,
            "sizes": list(self.sizes),
            "plan": serialize(self.right).hex(),
        }
        batch["meta", _SET + self.name.encode()] = json.dumps(facts).encode()

    def at(self, horizon: int, swept: str) -> Definition:
        """The same with another horizon and place of a sweep."""
        return replace(self, horizon=horizon, swept=swept)


def definitions(snapshot: Snapshot) -> dict[str, Definition]:
    """All sets by name."""
    found = {}
    for key, value in snapshot.scan("meta", _SET, _SET[:-1] + b"\1"):
        name = key.removeprefix(_SET).decode()
        facts = json.loads(value)
        right = deserialize(bytes.fromhex(facts.pop("plan")))
        if not isinstance(right, View | Lookup):
            raise StoreError(f"the store's definition of {name} is no set; restore a backup")
        sizes = tuple(facts.pop("sizes"))
        found[name] = Definition(name, right=right, sizes=sizes, **facts)
    return found


def check_format(snapshot: Snapshot) -> bool:
    """Whether the store has been written to; StoreError where it is of another version."""
    found = snapshot.get("meta", b"format")
    if found is not None and found != str(FORMAT).encode():
        raise StoreError(
            f"the store is of format {found.decode()}, and this version reads format {FORMAT}; "
            "take the version that wrote it, or upload the sets into a new store"
        )
    return found is not None
