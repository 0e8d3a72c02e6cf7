"""Only what is read is computed: columns of scans, features of views, joins that add columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, count
from typing import TypeVar

from bighead.zipline.ir.common import Common, above, commons, put
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import (
    Aggregate,
    Events,
    Feature,
    Filter,
    Keys,
    Lookup,
    Node,
    Project,
    Relational,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
)
from bighead.zipline.ir.rewrite import with_inputs
from bighead.zipline.ir.types import BIGINT
from bighead.zipline.names import quoted
from bighead.zipline.windows import Window

Names = frozenset[str]

_HARMLESS = re.compile(r'COUNT\(\*\)|SELECT \*, ROW_NUMBER\(\) OVER \(\) AS "#row" FROM')
"""Stars that hand no column to the result: what stands around the second names its columns."""

Sourced = TypeVar("Sourced", Events | UnionAll, Events | UnionAll | Versions)


def prune_columns(plan: Node, gone: Mapping[str, Names] | None = None) -> Node:
    """Drop columns and features that nobody reads, and left joins of which nothing is read.

    Kept although nobody reads them: all columns beside an IDENTITY, because whether copies are
    equal is checked on whole rows; the columns that break ties before the last one that a look-up
    reads; and of an inner join's windows the widest, because it decides which rows are kept. Rows
    that are shared (`Common`) keep what any reader of them reads, and are shared no more where one
    reader is left.

    gone: by source, columns that its data has no more, by which copies are not compared.

        Project request_id, b.nights_7d                Project request_id, b.nights_7d
        └─ TemporalJoin left c                         └─ TemporalJoin left b
           ├─ TemporalJoin left b                  ->     ├─ Scan requests: request_id, listing, ts
           │  ├─ Scan requests: request_id,               └─ View by listing
           │  │    listing, amount, ts                       │  nights_7d  SUM(n_nights)  LAST '7d'
           │  └─ View by listing                             └─ Events bookings: time ts
           │     │  nights_7d   SUM(n_nights) ...               └─ Scan bookings: ...
           │     │  nights_14d  SUM(n_nights) ...
           │     └─ ...
           └─ ...
    """
    prune = _Pruning(gone or {})
    pruned = prune.node(plan, frozenset(plan.schema.names))
    found = commons(plan)
    if found:
        pruned = _with_commons(prune, pruned, found)
    return plan if pruned == plan else pruned


def _with_commons(prune: _Pruning, pruned: Node, found: list[Common]) -> Node:
    """The pruned plan over shared rows that are pruned too, the outermost first."""
    parts: dict[int, Node] = {}
    read: dict[int, int] = {}
    for common in reversed(found):
        everything = (pruned, *parts.values())
        uses = [use for part in everything for use in _uses(part, common.number)]
        read[common.number] = len(uses)
        if uses:
            parts[common.number] = prune.node(common.input, frozenset().union(*uses))
    made: dict[int, Node] = {}
    for common in found:
        if read[common.number]:
            made[common.number] = below = put(parts[common.number], made)
            if read[common.number] > 1:
                same = below == common.input
                made[common.number] = common if same else replace(common, input=below)
    return put(pruned, made)


def _uses(part: Node, number: int) -> Iterator[Names]:
    """What each reader of a Common reads of it; a projection says, others read all."""
    if isinstance(part, Common) and part.number == number:
        yield frozenset(part.schema.names)
    for node in above(part):
        if isinstance(node, Common):
            continue
        for below in node.inputs:
            if isinstance(below, Common) and below.number == number:
                names = frozenset(below.schema.names)
                yield _names(*(e for _, e in node.columns)) if isinstance(node, Project) else names


@dataclass(slots=True)
class _Pruning:
    """Nodes with what is read of them, each once for the same columns: a chain of sets reads its
    inner ones twice at every level."""

    gone: Mapping[str, Names]
    """By source, columns by which copies are not compared."""
    made: dict[tuple[int, Names], Node] = field(default_factory=dict)
    """By the identity of a node and what is read of it."""

    def node(self, node: Node, read: Names) -> Node:
        """The node with at least the columns that are read, in the same order."""
        key = (id(node), read)
        if key not in self.made:
            self.made[key] = self._of(node, read)
        return self.made[key]

    def _of(self, node: Node, read: Names) -> Node:
        """The node with at least the columns that are read, in the same order."""
        if isinstance(node, Scan):
            return _scan(node, read)
        if isinstance(node, Project):
            kept = tuple((name, e) for name, e in node.columns if name in read) or node.columns[:1]
            below = node.input
            if not isinstance(below, Common):
                below = self.node(below, frozenset(columns_of(*(e for _, e in kept))))
            if len(kept) == len(node.columns):
                return with_inputs(node, (below,))
            return Project(below, kept)
        if isinstance(node, Common):
            return self.common(node, read)
        if isinstance(node, Filter):
            below = self.node(node.input, read.union(columns_of(node.predicate)))
            return with_inputs(node, (below,))
        if isinstance(node, TemporalJoin):
            return self.temporal(node, read)
        if isinstance(node, StaticJoin):
            return self.static(node, read)
        if isinstance(node, Keys):
            keyed = _choosing(node.events, _names(*(e for _, e in node.keys)))
            return with_inputs(node, (self.events(node.events, keyed),))
        if isinstance(node, View):
            return self.view(node, frozenset(f.name for f in node.features))
        if isinstance(node, Relational):
            return with_inputs(node, tuple(self.node(t, _named(node, t)) for _, t in node.tables))
        inputs = tuple(self.node(below, frozenset(below.schema.names)) for below in node.inputs)
        return with_inputs(node, inputs)

    def common(self, node: Common, read: Names) -> Node:
        """Shared rows, of which this reader takes what it reads; by itself where that costs
        nothing."""
        names = node.schema.names
        kept = [n for n in names if n in read] or names[:1]
        if _is_plain(node, frozenset(kept)):
            return self.node(node.input, frozenset(kept))
        if kept == names:
            return node
        return Project(node, tuple((n, Column(n, node.schema.field(n).type)) for n in kept))

    def temporal(self, join: TemporalJoin, read: Names) -> Node:
        offered = {f"{join.alias}.{name}": name for name in join.right.schema.names}
        taken = frozenset(name for full, name in offered.items() if full in read)
        if not taken and join.kind == "left":
            return self.node(join.spine, read)
        spine = read.union(columns_of(join.time, *join.keys)).difference(offered)
        right: Node
        if isinstance(join.right, View):
            right = self.view(join.right, taken, decides=join.kind == "inner")
        else:
            here, there = _sides(join.right.residual, join.alias)
            spine |= here
            right = self.lookup(join.right, taken, there)
        return with_inputs(join, (self.node(join.spine, spine), right))

    def static(self, join: StaticJoin, read: Names) -> Node:
        kept = tuple(c for c in join.columns if f"{join.alias}.{c}" in read)
        # Kept though nobody reads it: a primary key that repeats is an error, read or not.
        here, there = _sides(join.residual, join.alias)
        offered = frozenset(f"{join.alias}.{c}" for c in join.columns)
        spine = read.union(columns_of(*join.keys), here) - offered
        entity = self.node(join.entity, there.union(kept, join.primary_key))
        if kept != join.columns:
            join = replace(join, columns=kept)
        return with_inputs(join, (self.node(join.spine, spine), entity))

    def view(self, view: View, taken: Names, decides: bool = False) -> View:
        """The view with the features taken; where it `decides` on rows, also with its widest
        window."""
        kept = tuple(f for f in view.features if f.name in taken)
        if decides:
            kept = (*kept, *_deciding(view, kept))
        read = _names(*view.keys).union(*(f.aggregate.reads for f in kept))
        events = self.events(view.events, _choosing(view.events, read))
        if events is view.events and len(kept) == len(view.features):
            return view
        return replace(view, events=events, features=kept)

    def lookup(self, lookup: Lookup, taken: Names, residual: Names) -> Lookup:
        """Of tied rows the greatest is taken, by its columns in turn: up to the last one read."""
        kept = tuple(c for c in lookup.columns if c in taken)
        read = residual.union(kept, columns_of(*lookup.keys))
        events = self.events(lookup.events, _up_to_last(lookup.events, read))
        if events is lookup.events and kept == lookup.columns:
            return lookup
        return replace(lookup, events=events, columns=kept)

    def events(self, events: Sourced, read: Names) -> Sourced:
        """The events with the columns that are read and those that they need themselves."""
        parts = events.events if isinstance(events, UnionAll) else (events,)
        for part in parts:
            if isinstance(part, Versions):
                read = read.union(_names(*part.chooses, part.event_time), part.primary_key)
            else:
                read |= _names(part.event_time, part.known_at, part.sequence)
                if part.identity:
                    # That copies are equal is a promise about whole rows, and is checked on them.
                    read = read.union(_of_its_own(part) - self.gone.get(part.source, frozenset()))
        while True:
            pruned = tuple(with_inputs(part, (self.node(part.input, read),)) for part in parts)
            # A filter below keeps what it reads, and the parts of a union have to agree.
            names = frozenset(name for part in pruned for name in part.schema.names)
            if all(len(part.schema) == len(names) for part in pruned):
                break
            read = names
        return with_inputs(events, pruned) if isinstance(events, UnionAll) else pruned[0]


def _is_plain(node: Node, read: Names) -> bool:
    """No join is left of rows of which only this is read."""
    if isinstance(node, Common):
        return _is_plain(node.input, read)
    if isinstance(node, Filter):
        return _is_plain(node.input, read.union(columns_of(node.predicate)))
    if isinstance(node, Project):
        return _is_plain(node.input, _names(*(e for name, e in node.columns if name in read)))
    if isinstance(node, TemporalJoin):
        spine = read.intersection(node.spine.schema.names)
        return node.kind == "left" and read == spine and _is_plain(node.spine, read)
    return isinstance(node, Scan)


def _names(*exprs: Expr | None) -> Names:
    return frozenset(columns_of(*exprs))


def _named(node: Relational, table: Node) -> Names:
    """The columns of a table that plain SQL reads: those that it names, in quotes."""
    names = frozenset(table.schema.names)
    if "*" in _HARMLESS.sub("", node.sql):
        return names
    return frozenset(name for name in names if quoted(name) in node.sql)


def _scan(scan: Scan, read: Names) -> Scan:
    # A row without columns could not be counted.
    kept = tuple(c for c in scan.columns if c in read) or scan.columns[:1]
    return scan if kept == scan.columns else replace(scan, columns=kept)


def _sides(residual: Expr | None, alias: str) -> tuple[Names, Names]:
    """What a condition of a join reads of the spine, and of the joined row."""
    prefix = f"{alias}."
    names = columns_of(residual)
    there = frozenset(n.removeprefix(prefix) for n in names if n.startswith(prefix))
    return frozenset(n for n in names if not n.startswith(prefix)), there


def _deciding(view: View, kept: tuple[Feature, ...]) -> Iterator[Feature]:
    """Counts of the widest windows, back and ahead, where nothing that is kept has that width."""
    versions = isinstance(view.events, Versions)

    def breadth(window: Window) -> tuple[float, bool]:
        return window.breadth(versions)

    names = _fresh("rows", {f.name for f in kept})
    for forward in (False, True):
        windows = [f.window for f in view.features if f.window.forward == forward]
        widest = max(windows, key=breadth, default=None)
        same = (f.window for f in kept if f.window.forward == forward)
        if widest is not None and all(breadth(w) < breadth(widest) for w in same):
            if widest.width is not None or not versions:
                widest = replace(widest, rows=None)
            yield Feature(next(names), Aggregate("count_rows", (), BIGINT), widest)


def _fresh(name: str, taken: set[str]) -> Iterator[str]:
    """Names like this one that are not taken."""
    numbered = chain((name,), (f"{name}_{i}" for i in count(2)))
    return (n for n in numbered if n not in taken)


def _of_its_own(events: Events) -> Names:
    """The columns by which copies are compared: all but what a set gave by a key as of a time.

    Where key and time are columns too, copies that agree in them agree in all.
    """
    names = frozenset(events.schema.names)
    rows = events.input
    while isinstance(rows, Filter | Common):
        rows = rows.input
    if not isinstance(rows, Project) or not isinstance(rows.input, TemporalJoin):
        return names
    join = rows.input
    made = {e for _, e in rows.columns}
    if not made.issuperset((join.time, *join.keys)):
        return names
    given = frozenset(f"{join.alias}.{name}" for name in join.right.schema.names)
    return frozenset(n for n, e in rows.columns if not given.intersection(columns_of(e)))


def _choosing(events: Events | UnionAll | Versions, read: Names) -> Names:
    """What is read of rows that may have to be chosen by their columns first."""
    return _up_to_last(events, read) if isinstance(events, Versions) else read


def _up_to_last(events: Events | UnionAll | Versions, read: Names) -> Names:
    if isinstance(events, Versions):
        read = read.union(_names(events.event_time, events.where))
    names = events.schema.names
    last = max((i for i, name in enumerate(names) if name in read), default=-1)
    return read.union(names[: last + 1])
