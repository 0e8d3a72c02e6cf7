"""The physical plan: the logical nodes, with how each is run and a label to count and time it by.

A physical node is its logical one and a little more, so that whatever walks, prints or checks plans
goes on working. Scans that read the same rows of a source are made to read the same columns, once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields

from bighead.zipline.ir.common import Common, Within
from bighead.zipline.ir.format import Description, describe
from bighead.zipline.ir.nodes import (
    Filter,
    Keys,
    Node,
    Project,
    Reach,
    Relational,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    walk,
)
from bighead.zipline.ir.rewrite import transform_plan


def _described(node: Node, word: str, more: str = "") -> Description:
    """What is printed of the logical node, under the operator's name and with its label."""
    logical = next(k for k in type(node).__mro__[1:] if k in OPERATORS)
    plain = logical(**{f.name: getattr(node, f.name) for f in fields(logical)})
    inclusive = isinstance(node, TemporalJoin) and node.inclusive
    said = describe(plain, inclusive)
    head = said.head.removeprefix(logical.__name__)
    return Description(f"{word}{head}{more}", said.rows)


@dataclass(frozen=True, slots=True)
class ArrowScan(Scan):
    """A row is a row of a source, read as Arrow."""

    label: str = field(default="", compare=False)
    reads: tuple[str, ...] = ()
    """The columns that are read, for this scan and for those that share its rows."""

    def describe(self) -> Description:
        """Like a Scan, with what else is read at once."""
        others = [c for c in self.reads if c not in self.columns]
        more = f"\nread once with {', '.join(others)}" if others else ""
        return _described(self, "ArrowScan", more)


@dataclass(frozen=True, slots=True)
class ArrowFilter(Filter):
    """A row is an input row for which the predicate is true, computed column by column."""

    label: str = field(default="", compare=False)

    def describe(self) -> Description:
        """Like a Filter."""
        return _described(self, "ArrowFilter")


@dataclass(frozen=True, slots=True)
class ArrowProject(Project):
    """A row is an input row's expressions, computed column by column."""

    label: str = field(default="", compare=False)

    def describe(self) -> Description:
        """Like a Project."""
        return _described(self, "ArrowProject")


@dataclass(frozen=True, slots=True)
class KernelJoin(TemporalJoin):
    """A row is a row of `spine` with what the temporal kernel finds for it."""

    label: str = field(default="", compare=False)

    def describe(self) -> Description:
        """Like a TemporalJoin, with the path that the kernel takes."""
        events = self.right.events
        parts = events.events if isinstance(events, UnionAll) else (events,)
        path = "ordered"
        if isinstance(events, Versions):
            path = "interval sweep: a row counts from its change until the next one of its key"
        elif any(part.known_at is not None for part in parts):
            path += " where rows become known in the order of their times, else an interval sweep"
        return _described(self, "KernelJoin", f"\npath: {path}")


@dataclass(frozen=True, slots=True)
class HashJoin(StaticJoin):
    """A row is a row of `spine` with the static row of its key, found by its hash."""

    label: str = field(default="", compare=False)

    def describe(self) -> Description:
        """Like a StaticJoin."""
        return _described(self, "HashJoin")


@dataclass(frozen=True, slots=True)
class KernelKeys(Keys):
    """A row is a distinct key, found by its hash."""

    label: str = field(default="", compare=False)

    def describe(self) -> Description:
        """Like Keys."""
        return _described(self, "KernelKeys")


@dataclass(frozen=True, slots=True)
class KeptRows(Common):
    """A row is a row of its input, which is kept for all that read it."""

    label: str = field(default="", compare=False)

    def describe(self) -> Description:
        """Like a Common."""
        return _described(self, "KeptRows")


@dataclass(frozen=True, slots=True)
class ArrowWithin(Within):
    """A row is an input row whose time lies within reach."""

    label: str = field(default="", compare=False)

    def describe(self) -> Description:
        """Like a Within."""
        return _described(self, "ArrowWithin")


@dataclass(frozen=True, slots=True)
class DataFusionSql(Relational):
    """A row is a row of plain SQL, run by DataFusion."""

    label: str = field(default="", compare=False)

    def describe(self) -> Description:
        """Like Relational."""
        return _described(self, "DataFusion")


OPERATORS: dict[type[Node], type[Node]] = {
    Scan: ArrowScan,
    Filter: ArrowFilter,
    Project: ArrowProject,
    TemporalJoin: KernelJoin,
    StaticJoin: HashJoin,
    Keys: KernelKeys,
    Relational: DataFusionSql,
    Common: KeptRows,
    Within: ArrowWithin,
}
"""How each node is run; the others say what these read and are not run by themselves."""


def to_physical(plan: Node) -> Node:
    """The plan with its operators, labelled in the order in which they run."""
    shared = _shared_scans(plan)
    counts: dict[type[Node], int] = {}

    def change(node: Node) -> Node:
        operator = OPERATORS.get(type(node))
        if operator is None:
            return node
        counts[operator] = counts.get(operator, 0) + 1
        given = {f.name: getattr(node, f.name) for f in fields(type(node))}
        given["label"] = f"{operator.__name__} {counts[operator]}"
        if isinstance(node, Common):
            given["label"] = f"{operator.__name__} {node.number}"
        if isinstance(node, Scan):
            reach, reads = shared[_rows_of(node)]
            given |= {"reach": reach, "reads": reads}
        return operator(**given)

    return transform_plan(plan, change)


def _rows_of(scan: Scan) -> tuple[object, ...]:
    """What tells scans apart that cannot share their rows."""
    return scan.source, scan.predicate, scan.reach is None, scan.newest


def _shared_scans(plan: Node) -> dict[tuple[object, ...], tuple[Reach | None, tuple[str, ...]]]:
    """For scans of the same rows, the farthest reach and all columns."""
    shared: dict[tuple[object, ...], tuple[Reach | None, tuple[str, ...]]] = {}
    for scan in scans(plan):
        key = _rows_of(scan)
        reach, reads = shared.get(key, (scan.reach, ()))
        farther = None
        if reach is not None and scan.reach is not None:
            farther = Reach(
                _farther(reach.back, scan.reach.back), _farther(reach.ahead, scan.reach.ahead)
            )
        # In the order of the source, so that equal sets of columns are equal.
        both = {*reads, *scan.columns}
        shared[key] = farther, tuple(c for c in scan.source.scanned.names if c in both)
    return shared


def scans(plan: Node) -> Iterable[Scan]:
    """All scans of a plan, those of equal rows as often as they are there."""
    return (node for node in walk(plan) if isinstance(node, Scan))


def _farther(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else max(a, b)
