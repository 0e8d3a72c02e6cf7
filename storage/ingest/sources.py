"""The sources that a store reads, as its sets declare them."""

from __future__ import annotations

from bighead.storage.sets.prepare import source_of
from bighead.storage.store import Store
from bighead.zipline.ir.sources import Source


def sources_of(store: Store) -> dict[str, Source]:
    """By name; one that was declared anew has another name."""
    found: dict[str, Source] = {}
    for plan in store.plans.values():
        for part in plan.parts:
            source = source_of(part.input)
            found.setdefault(source.name, source)
    return found
