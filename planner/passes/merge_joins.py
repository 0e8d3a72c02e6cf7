"""Joins that ask the same events at the same times become one, and equal features one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count

from bighead.zipline.ir.common import Common, apart
from bighead.zipline.ir.expr import Column, Expr, rename
from bighead.zipline.ir.nodes import (
    Feature,
    JoinKind,
    Lookup,
    Node,
    Project,
    StaticJoin,
    TemporalJoin,
    Versions,
    View,
)
from bighead.zipline.ir.rewrite import with_inputs

Join = TemporalJoin | StaticJoin


def merge_joins(plan: Node) -> Node:
    """Join once what several joins ask of the same events, keys and times.

    One sort and one sweep then serve all windows. Inner joins merge where that keeps the same rows:
    where the widest window of each decides alike. A join is not moved past an inner one, which
    would show it rows that were dropped.

        └─ TemporalJoin left c: t = ts                 └─ Project ..., b.a, b.b AS c.b, ...
           ├─ TemporalJoin left b: t = ts                 └─ TemporalJoin left b: t = ts
           │  ├─ Scan requests: listing, ts        ->        ├─ Scan requests: listing, ts
           │  └─ View by listing                             └─ View by listing
           │     │  a  SUM(n)    LAST '7d'                      │  a  SUM(n)    LAST '7d'
           │     └─ Events bookings: time ts                    │  b  COUNT(*)  LAST '30d'
           └─ View by listing                                   └─ Events bookings: time ts
              │  b  COUNT(*)  LAST '30d'
              │  a  SUM(n)    LAST '7d'
              └─ Events bookings: time ts
    """
    return apart(plan, _merged)


def _merged(plan: Node) -> Node:
    merged = _merge(plan)
    return plan if merged == plan else merged


def _merge(node: Node) -> Node:
    if isinstance(node, Common):
        return node
    if not isinstance(node, Join):
        return with_inputs(node, tuple(_merge(below) for below in node.inputs))
    joins: list[Join] = []
    below: Node = node
    while isinstance(below, Join):
        joins.append(below)
        below = below.spine
    return _chain(_merge(below), joins[::-1], node)


@dataclass(frozen=True, slots=True)
class _Part:
    """What a join of a chain adds to its spine, apart from that spine."""

    join: Join
    right: Node
    keys: tuple[Expr, ...]
    kind: JoinKind
    time: Expr | None = None
    columns: tuple[str, ...] = ()
    residual: Expr | None = None

    @property
    def alias(self) -> str:
        return self.join.alias

    def over(self, spine: Node) -> Node:
        """The join over a spine."""
        if isinstance(self.join, TemporalJoin):
            assert isinstance(self.right, View | Lookup)
            assert self.time is not None
            return replace(
                self.join,
                spine=spine,
                right=self.right,
                keys=self.keys,
                time=self.time,
                kind=self.kind,
            )
        return replace(
            self.join,
            spine=spine,
            entity=self.right,
            keys=self.keys,
            kind=self.kind,
            columns=self.columns,
            residual=self.residual,
        )


def _chain(spine: Node, joins: list[Join], whole: Node) -> Node:
    """The joins over the spine, each merged into the first that it agrees with."""
    parts: list[_Part] = []
    moved: dict[str, str] = {}
    for join in joins:
        part = _distinct(_part(join, moved), moved)
        place = _place(parts, part)
        if place is None:
            parts.append(part)
        else:
            parts[place], names = _together(parts[place], part)
            now = {f"{part.alias}.{a}": f"{parts[place].alias}.{b}" for a, b in names.items()}
            # A feature that moved within its own view moves on.
            moved = {old: now.get(new, new) for old, new in moved.items()} | now
    node = spine
    for part in parts:
        node = part.over(node)
    if not moved:
        return node
    columns = ((f.name, Column(moved.get(f.name, f.name), f.type)) for f in whole.schema)
    return Project(node, tuple(columns))


def _part(join: Join, moved: dict[str, str]) -> _Part:
    """The join, reading columns that moved where they are now."""

    def now(expr: Expr) -> Expr:
        return rename(expr, lambda name: moved.get(name, name))

    right = _merge(join.inputs[1])
    keys = tuple(now(k) for k in join.keys)
    if isinstance(join, StaticJoin):
        residual = None if join.residual is None else now(join.residual)
        return _Part(join, right, keys, join.kind, columns=join.columns, residual=residual)
    if isinstance(right, Lookup) and right.residual is not None:
        right = replace(right, residual=now(right.residual))
    return _Part(join, right, keys, join.kind, time=now(join.time))


def _distinct(part: _Part, moved: dict[str, str]) -> _Part:
    """Equal features of one view once."""
    if not isinstance(part.right, View):
        return part
    features, names = _union((), part.right.features)
    again = {a: b for a, b in names.items() if a != b}
    if not again:
        return part
    moved |= {f"{part.alias}.{a}": f"{part.alias}.{b}" for a, b in again.items()}
    return replace(part, right=replace(part.right, features=features))


def _place(parts: list[_Part], part: _Part) -> int | None:
    """The latest join that this one can be merged into, if it may be moved so far down."""
    for i in reversed(range(len(parts))):
        if _agree(parts[i], part):
            return i
        if parts[i].kind == "inner":
            return None
    return None


def _agree(a: _Part, b: _Part) -> bool:
    if type(a.join) is not type(b.join) or (a.keys, a.time) != (b.keys, b.time):
        return False
    if isinstance(a.join, TemporalJoin) and isinstance(b.join, TemporalJoin):
        if a.join.inclusive != b.join.inclusive:
            return False
        if isinstance(a.right, View) and isinstance(b.right, View):
            return _views_agree(a, a.right, b, b.right)
        if isinstance(a.right, Lookup) and isinstance(b.right, Lookup):
            return replace(
                a.right, columns=(), residual=_renamed(a.right.residual, a.alias, b.alias)
            ) == replace(b.right, columns=())
        return False
    residual = _renamed(a.residual, a.alias, b.alias)
    return (a.right, residual) == (b.right, b.residual)


def _views_agree(a: _Part, one: View, b: _Part, other: View) -> bool:
    if replace(one, features=()) != replace(other, features=()):
        return False
    if len({f.window.forward for f in (*one.features, *other.features)}) > 1:
        # Labels ignore when a row was known.
        return False
    reach, further = _widest(one), _widest(other)
    # Together they keep the rows for which the wider of them holds a row.
    return all(p.kind == "left" or w == max(reach, further) for p, w in ((a, reach), (b, further)))


def _widest(view: View) -> tuple[float, bool]:
    versions = isinstance(view.events, Versions)
    return max((f.window.breadth(versions) for f in view.features), default=(0, False))


def _renamed(residual: Expr | None, old: str, new: str) -> Expr | None:
    """A condition over the columns of one alias as a condition over those of another."""
    if residual is None:
        return None
    prefix = f"{old}."
    return rename(
        residual,
        lambda name: f"{new}.{name.removeprefix(prefix)}" if name.startswith(prefix) else name,
    )


def _together(a: _Part, b: _Part) -> tuple[_Part, dict[str, str]]:
    """One join for two that agree, and where it holds what the second one held."""
    kind: JoinKind = "inner" if "inner" in (a.kind, b.kind) else "left"
    right = a.right
    if isinstance(right, View) and isinstance(b.right, View):
        features, names = _union(right.features, b.right.features)
        return replace(a, right=replace(right, features=features), kind=kind), names
    if isinstance(right, Lookup) and isinstance(b.right, Lookup):
        both = tuple(dict.fromkeys((*right.columns, *b.right.columns)))
        names = {c: c for c in b.right.columns}
        return replace(a, right=replace(right, columns=both), kind=kind), names
    both = tuple(dict.fromkeys((*a.columns, *b.columns)))
    return replace(a, columns=both, kind=kind), {c: c for c in b.columns}


def _union(
    features: tuple[Feature, ...], more: tuple[Feature, ...]
) -> tuple[tuple[Feature, ...], dict[str, str]]:
    """Features, each once, and the names under which those of `more` are among them."""
    kept = {(f.aggregate, f.window): f for f in features}
    taken = {f.name for f in features}
    names: dict[str, str] = {}
    for feature in more:
        known = kept.get((feature.aggregate, feature.window))
        if known is None:
            spellings = (f"{feature.name}_{i}" for i in count(2))
            name = feature.name
            while name in taken:
                name = next(spellings)
            known = kept[feature.aggregate, feature.window] = replace(feature, name=name)
            taken.add(name)
        names[feature.name] = known.name
    return tuple(kept.values()), names
