"""Rows of any node as events: what they show, and beside it what makes them events.

Rows that were joined, computed or united have no columns of their own for their time, their
knowledge time, their SEQUENCE and their identity, so each is given a name that no user's has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from bighead.zipline.expressions import cast, common_type
from bighead.zipline.ir.expr import Column, Expr, Literal
from bighead.zipline.ir.nodes import Events, Node, Project

TIME = "#time"
"""The time of rows that have no column for it; no name of a user begins so."""
KNOWN, SEQUENCE = "#known", "#sequence"
"""Columns beside those that a set offers, as TIME is."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What makes a row an event, over the columns of some node."""

    time: Expr
    known: Expr | None = None
    sequence: Expr | None = None
    identity: tuple[Expr, ...] = ()
    skip_null_times: bool = False


def stamp_of(part: Events) -> Stamp:
    """What makes events what they are, over their input."""
    identity = tuple(Column(n, part.schema.field(n).type) for n in part.identity)
    return Stamp(part.event_time, part.known_at, part.sequence, identity, part.skip_null_times)


def stamped(
    name: str,
    node: Node,
    columns: Sequence[tuple[str, Expr]],
    stamps: Sequence[Stamp],
    which: int,
) -> Events:
    """The rows of a node as events; `stamps` are those of all that it is united with."""
    stamp = stamps[which]
    kind = stamps[0].time.type
    for other in stamps:
        kind = common_type(kind, other.time.type) or kind
    hidden: list[tuple[str, Expr]] = [(TIME, typed(stamp.time, kind))]
    for label, exprs in (
        (KNOWN, [s.known for s in stamps]),
        (SEQUENCE, [s.sequence for s in stamps]),
    ):
        kinds = [e.type for e in exprs if e is not None]
        if kinds:
            # Parts of a union have the same columns; what one lacks is NULL there, and not read.
            shared = kinds[0]
            for each in kinds:
                shared = common_type(shared, each) or shared
            own = exprs[which]
            hidden.append((label, Literal(None, shared) if own is None else typed(own, shared)))
    identity = []
    for i, other in enumerate(stamps):
        for j, expr in enumerate(other.identity):
            label = f"#identity{i}_{j}"
            hidden.append((label, expr if i == which else Literal(None, expr.type)))
            identity += [label] if i == which else []
    project = Project(node, (*columns, *hidden))
    there = dict(hidden)
    return Events(
        project,
        name,
        Column(TIME, kind),
        None if stamp.known is None else Column(KNOWN, there[KNOWN].type),
        None if stamp.sequence is None else Column(SEQUENCE, there[SEQUENCE].type),
        tuple(identity),
        stamp.skip_null_times,
    )


def typed(expr: Expr, kind: pa.DataType) -> Expr:
    """The expression as a value of the type."""
    return expr if expr.type == kind else cast(expr, kind)
