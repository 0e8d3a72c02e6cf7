"""Spines one after the other: the rows of all, in order, as those of one.

Each part keeps its own time. Where all are told by the same columns in the same way, so is the time
of the whole; else it is computed for each part, in a column that nobody sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.expressions import cast, common_type, implicit_cast
from bighead.zipline.ir.expr import Column, Expr, Literal, columns_of, rename
from bighead.zipline.ir.nodes import Node, Project
from bighead.zipline.ir.types import sql_name
from bighead.zipline.sql.binding.relational import Steps, union_all
from bighead.zipline.sql.binding.scope import Barred, Context, Relation, match

TIME = "#time"


@dataclass(frozen=True, slots=True)
class Spine:
    """Rows, and what is known of their time."""

    node: Node
    relation: Relation
    time: Expr | None
    """The source's event time, over the node's columns."""
    uses: tuple[str, ...]
    labels: tuple[Barred, ...] = ()
    """Columns that are labels of a training set that the rows come from."""


def by_name(first: Spine, other: Spine, place: exp.Expr, context: Context) -> Spine:
    """A spine with its columns in the order of the first one's. Raises SqlError."""
    names = [name for name, _ in first.relation.columns]
    found = {name.casefold(): (name, expr) for name, expr in other.relation.columns}
    lacking = [name for name in names if name.casefold() not in found]
    if lacking or len(found) != len(names):
        more = [n for n, _ in other.relation.columns if not match(exp.to_identifier(n), names)]
        who, what = (other, lacking[0]) if lacking else (first, more[0])
        raise context.error(
            place,
            f"UNION ALL needs the same columns, and {who.relation.alias} has no '{what}'",
            "select the columns of each: (SELECT a, b FROM x UNION ALL SELECT ...) AS name",
        )
    columns = tuple(found[name.casefold()] for name in names)
    return Spine(
        other.node, Relation(other.relation.alias, columns), other.time, other.uses, other.labels
    )


def unite(
    parts: Sequence[Spine], places: Sequence[exp.Expr], alias: str, context: Context
) -> Spine:
    """The rows of all parts, columns matched by position. Raises SqlError."""
    names = [name for name, _ in parts[0].relation.columns]
    kinds = _kinds(parts, places, context)
    columns = tuple(Column(f"{alias}.{n}", k) for n, k in zip(names, kinds, strict=True))
    labels = _labels(parts, columns)
    asked = [_widened(part, kinds) for part in parts]
    time = _common_time(parts, columns)
    times = [part.time for part in parts]
    hidden: tuple[Column, ...] = ()
    if time is None and all(t is not None for t in times):
        known = [t for t in times if t is not None]
        kind = known[0].type
        for t in known:
            kind = common_type(kind, t.type) or kind
        asked = [[*a, _typed(t, kind)] for a, t in zip(asked, known, strict=True)]
        time = Column(f"{alias}.{TIME}", kind)
        hidden = (time,)
    steps = Steps(context)
    inner = [steps.fresh() for _ in (*columns, *hidden)]
    tables: dict[str, Node] = {
        f"u{i + 1}": Project(part.node, tuple(zip(inner, exprs, strict=True)))
        for i, (part, exprs) in enumerate(zip(parts, asked, strict=True))
    }
    united = steps.asked(places[0], union_all(list(tables), inner), tables, inner)
    named = tuple(
        (c.name, Column(n, c.type)) for c, n in zip((*columns, *hidden), inner, strict=True)
    )
    uses = tuple(dict.fromkeys(name for part in parts for name in part.uses))
    relation = Relation(alias, tuple(zip(names, columns, strict=True)))
    return Spine(Project(united, named), relation, time, uses, labels)


def _kinds(
    parts: Sequence[Spine], places: Sequence[exp.Expr], context: Context
) -> list[pa.DataType]:
    """The common type of each column."""
    first = parts[0].relation
    kinds = [expr.type for _, expr in first.columns]
    for part, place in zip(parts[1:], places[1:], strict=True):
        if len(part.relation.columns) != len(kinds):
            raise context.error(
                place,
                f"UNION ALL needs the same columns on both sides, and there are {len(kinds)} and "
                f"{len(part.relation.columns)}",
            )
        for i, (_, expr) in enumerate(part.relation.columns):
            both = common_type(kinds[i], expr.type)
            if both is None:
                raise context.error(
                    place,
                    f"the column '{first.columns[i][0]}' is {sql_name(kinds[i])} and "
                    f"{sql_name(expr.type)}",
                    "CAST one of them",
                )
            kinds[i] = both
    return kinds


def _widened(part: Spine, kinds: Sequence[pa.DataType]) -> list[Expr]:
    exprs = (expr for _, expr in part.relation.columns)
    return [e if e.type == k else implicit_cast(e, k) for e, k in zip(exprs, kinds, strict=True)]


def _typed(expr: Expr, kind: pa.DataType) -> Expr:
    return expr if expr.type == kind else cast(expr, kind)


def _common_time(parts: Sequence[Spine], columns: Sequence[Column]) -> Expr | None:
    """The time over the united columns, where every part's is told by them in the same way."""
    found: set[Expr] = set()
    for part in parts:
        own = [expr for _, expr in part.relation.columns]
        there = {e.name: c for e, c in zip(own, columns, strict=True) if isinstance(e, Column)}
        same = {e.name for e in own if isinstance(e, Column) and e.type == there[e.name].type}
        if part.time is None or isinstance(part.time, Literal):
            return None
        if not set(columns_of(part.time)) <= same:
            return None
        found.add(rename(part.time, lambda name, there=there: there[name].name))  # type: ignore[misc]
    return found.pop() if len(found) == 1 else None


def _labels(parts: Sequence[Spine], columns: Sequence[Column]) -> tuple[Barred, ...]:
    """The columns that are a label in some part."""
    found: dict[Expr, str] = {}
    for part in parts:
        reasons = dict(part.labels)
        for (_, expr), column in zip(part.relation.columns, columns, strict=True):
            if expr in reasons:
                found.setdefault(column, reasons[expr])
    return tuple(found.items())
