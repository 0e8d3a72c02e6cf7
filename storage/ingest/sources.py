"""The sources that a store reads, as its sets declare them."""

from __future__ import annotations

from bighead.storage.store import Store
from bighead.zipline.ir.sources import Source


def sources_of(store: Store) -> dict[str, Source]:
    """By name; one that was declared anew has another name."""
    found: dict[str, Source] = {}
    for plan in store.plans.values():
        for source in plan.sources:
            found.setdefault(source.name, source)
    return found
