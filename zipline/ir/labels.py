"""Labels: which columns look ahead, and what of a plan may read them.

A column of the spine is a label where a training set says so. A column that a join brings is one by
itself where it lies ahead of t: a window does, or, in a training set, the next row. Labels are
followed through projections here, so that no pass and no hand can slip one into a feature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bighead.zipline.ir.expr import columns_of
from bighead.zipline.ir.nodes import (
    Filter,
    Lookup,
    Node,
    Project,
    StaticJoin,
    TemporalJoin,
    View,
)

Names = frozenset[str]
MADE = "#"
"""Aliases that begin so are no user's: such a join brings what tells closed labels."""


def looks_ahead(right: Node) -> bool:
    """Some of what a join brings lies after t."""
    if isinstance(right, Lookup):
        return right.forward
    return isinstance(right, View) and any(f.window.forward for f in right.features)


def without_labels(node: Node) -> Node:
    """The joins of a training set that bring features; what tells closed labels goes too."""
    if isinstance(node, Filter) and _tells_closed(node.input):
        node = node.input
    if isinstance(node, TemporalJoin):
        if _tells_closed(node) or looks_ahead(node.right):
            return without_labels(node.spine)
        return replace(node, spine=without_labels(node.spine))
    if isinstance(node, StaticJoin):
        return replace(node, spine=without_labels(node.spine))
    return node


def _tells_closed(node: Node) -> bool:
    return isinstance(node, TemporalJoin) and node.alias.startswith(MADE)


@dataclass(frozen=True, slots=True)
class Labels:
    """How labels are told: `of` names those among the columns of a node."""

    marked: Names = frozenset()
    """Columns of the spine that are labels because a training set says so."""
    next_rows: bool = False
    """Look-ups that look ahead bring labels; in plain SELECT they need not."""

    def of(self, node: Node) -> Names:
        """The columns that are labels, or were made of one.

        Raises AssertionError where a join is found by a label: what it brings would be read off it.
        """
        own = self.marked.intersection(node.schema.names)
        if isinstance(node, TemporalJoin):
            below = self.of(node.spine)
            residual = node.right.residual if isinstance(node.right, Lookup) else None
            _check(node.alias, below, columns_of(node.time, *node.keys, residual))
            return below.union(f"{node.alias}.{name}" for name in self._brought(node.right))
        if isinstance(node, StaticJoin):
            below = self.of(node.spine)
            _check(node.alias, below, columns_of(*node.keys, node.residual))
            return below
        if isinstance(node, Filter):
            return self.of(node.input)
        if isinstance(node, Project):
            below = self.of(node.input)
            return own.union(n for n, e in node.columns if below.intersection(columns_of(e)))
        return own

    def _brought(self, right: View | Lookup) -> Names:
        """What a join brings that lies ahead."""
        if isinstance(right, Lookup):
            return frozenset(right.columns if right.forward and self.next_rows else ())
        return frozenset(f.name for f in right.features if f.window.forward)


def _check(alias: str, labels: Names, read: tuple[str, ...]) -> None:
    found = labels.intersection(read)
    assert not found, f"{alias} is joined by the label {found}"
