"""The sources that a store reads, as its sets declare them."""

from __future__ import annotations

from bighead.storage.errors import StoreError
from bighead.storage.sets.prepare import source_of
from bighead.storage.store import Store
from bighead.zipline.ir.sources import Source


def sources_of(store: Store) -> dict[str, Source]:
    """By name. Raises StoreError where two sets declare one in two ways."""
    found: dict[str, Source] = {}
    for plan in store.plans.values():
        for part in plan.parts:
            source = source_of(part.input)
            if found.setdefault(source.name, source) != source:
                raise StoreError(
                    f"the store's sets declare {source.name} in two ways; define those of the "
                    "older one anew"
                )
    return found
