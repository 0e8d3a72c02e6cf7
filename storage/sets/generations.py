"""The generations of a set: each upload makes a new one, and the one before is kept to go back to.

A generation is a prefix of keys, so that two of them lie beside each other and one pointer, in the
set's definition, says which is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bighead.storage.errors import StoreError
from bighead.zipline.ir.nodes import Lookup, View
from bighead.zipline.ir.serialize import deserialize, serialize


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload read of one source."""

    rows: int
    """Below its time."""
    files: int
    version: str
    """Tells the files that were read from others."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Which rows of the offline sources a generation holds."""

    as_of: int
    """Those of times before this, in microseconds."""
    instant: int
    """Where a source has `cut = true`: they are the rows written to the stream before this."""
    sources: Mapping[str, Uploaded]
    tables: tuple[str, ...]
    """Of the store that have a marker of the generation."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation that is not read now: the one before, or one that is to come."""

    number: int
    right: View | Lookup
    sizes: tuple[int, ...]
    horizon: int
    upload: Upload | None
    left: int
    """It has what streams brought up to this commit."""


def marker(generation: int, number: int) -> bytes:
    """A key after all of the generation's own, in the last file of each of its tables.

    >>> marker(2, 1)
    b'\\xffgeneration\\x00\\x00\\x00\\x02\\x00\\x00\\x00\\x01'
    """
    return b"\xffgeneration" + generation.to_bytes(4, "big") + number.to_bytes(4, "big")


def upload_facts(upload: Upload | None) -> dict[str, Any] | None:
    """An upload as JSON holds it."""
    return None if upload is None else asdict(upload)


def upload_of(facts: dict[str, Any] | None) -> Upload | None:
    """What `upload_facts` gave."""
    if facts is None:
        return None
    sources = {name: Uploaded(**held) for name, held in facts["sources"].items()}
    return Upload(facts["as_of"], facts["instant"], sources, tuple(facts["tables"]))


def generation_facts(generation: Generation | None) -> dict[str, Any] | None:
    """A generation as JSON holds it."""
    if generation is None:
        return None
    return {
        "number": generation.number,
        "plan": serialize(generation.right).hex(),
        "sizes": list(generation.sizes),
        "horizon": generation.horizon,
        "upload": upload_facts(generation.upload),
        "left": generation.left,
    }


def generation_of(facts: dict[str, Any] | None) -> Generation | None:
    """What `generation_facts` gave."""
    if facts is None:
        return None
    right = deserialize(bytes.fromhex(facts["plan"]))
    if not isinstance(right, View | Lookup):
        raise StoreError("a generation of the store is of no set; restore a backup")
    return Generation(
        facts["number"],
        right,
        tuple(facts["sizes"]),
        facts["horizon"],
        upload_of(facts["upload"]),
        facts["left"],
    )
