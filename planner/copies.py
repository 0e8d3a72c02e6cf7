"""Copies of an event are compared by the columns that its data still has.

That rows of one identity are equal is checked on whole rows, so a plan over a source with IDENTITY
reads columns that nobody asked for. One that is gone from the data, as its newest file says, and
that nothing else reads is compared no more; that is what the next `apply` makes of the source, too.
"""

from __future__ import annotations

from bighead.planner.engine import Open
from bighead.planner.passes.prune_columns import prune_columns
from bighead.planner.passes.share import share
from bighead.planner.sources.dataset import Shrinking
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.nodes import Node, Scan, walk
from bighead.zipline.ir.sources import EventSource


def without_gone(plan: Node, open_source: Open) -> Node:
    """The plan without columns that are gone and would be read to compare copies alone."""
    sources = {n.source for n in walk(plan) if isinstance(n, Scan)}
    gone: dict[str, frozenset[str]] = {}
    for source in sources:
        if isinstance(source, EventSource) and source.identity:
            try:
                found = open_source(source)
            except BigheadError:
                continue  # whoever reads its rows says why they cannot be read
            if isinstance(found, Shrinking):
                gone[source.name] = found.lost - source.stated
    return prune_columns(share(plan), gone) if any(gone.values()) else plan
