"""MATCH_CONDITION: which time of the left is compared with the time of the right, and how."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.expressions import cast
from bighead.zipline.ir.expr import Expr, columns_of, transform, walk
from bighead.zipline.ir.types import DATE, TIMESTAMP, is_integer, sql_name
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.on import Chain
from bighead.zipline.sql.binding.right import Right
from bighead.zipline.sql.binding.scope import match

COMPARED = (exp.GT, exp.GTE, exp.LT, exp.LTE)
MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
}
PSEUDO = "event_time"


@dataclass(frozen=True, slots=True)
class Match:
    """The left time; whether the right may equal it, and whether it lies ahead."""

    time: Expr
    inclusive: bool
    forward: bool


def match_condition(chain: Chain, node: tree.TemporalJoin, right: Right) -> Match:
    """What a join's MATCH_CONDITION says. Raises SqlError."""
    ours, theirs, kind = comparison(chain, node, right.alias)
    _check_time_of_right(chain, theirs, right)
    time = ExpressionBinder(chain.scope).bind(ours)
    if time.type == DATE:
        time = cast(time, TIMESTAMP)
    if is_integer(time.type):
        time = next((t for own in chain.times if (t := counted(own, time)) is not None), time)
    if not pa.types.is_timestamp(time.type):
        advice = "write FROM_EPOCH(n, 'ms')" if is_integer(time.type) else "CAST it"
        raise chain.error(
            ours, f"the time of a join is a TIMESTAMP, not {sql_name(time.type)}", advice
        )
    forward = kind in (exp.LT, exp.LTE)
    condition = node.args["match_condition"].unnest()
    label = node.method == "LABEL"
    if label and not forward:
        raise chain.error(
            condition,
            "a label looks ahead",
            f"write {right.alias}.event_time >= time, or join it by ASOF LEFT JOIN",
        )
    if forward and chain.in_set and not label:
        raise chain.error(
            condition,
            "a feature never looks ahead",
            f"write > or >= {right.alias}.event_time, or make it a label: LABEL LEFT JOIN",
        )
    if forward and right.view is not None and not label:
        raise chain.error(
            condition,
            "only rows are looked up ahead; a feature set has no next value",
            "write > or >=, or join the bare source",
        )
    return Match(time, kind in (exp.GTE, exp.LTE), forward)


def comparison(
    chain: Chain, node: tree.TemporalJoin, alias: str
) -> tuple[exp.Expr, exp.Expr, type[exp.Expr]]:
    """The left side, the right side and the sign of MATCH_CONDITION. Raises SqlError."""
    condition = node.args["match_condition"].unnest()
    if not isinstance(condition, COMPARED):
        raise chain.error(
            condition,
            "MATCH_CONDITION is one comparison of two times",
            f"write left.ts > {alias}.event_time",
        )
    ours, theirs = condition.this, condition.expression
    kind: type[exp.Expr] = type(condition)
    if _names(ours, alias) and not _names(theirs, alias):
        ours, theirs, kind = theirs, ours, MIRRORED[kind]
    return ours, theirs, kind


def counted(time: Expr, count: Expr, placed: Expr | None = None) -> Expr | None:
    """The time that an integer means, counted as the source counts its own: `at`, `at - 60`.

    None where the source's time is not made of one integer of these columns. `placed` is another
    integer that is counted in the same way.
    """
    columns = columns_of(count)
    own = next((e for e in walk(time) if is_integer(e.type) and columns_of(e) == columns), None)
    if own is None or columns_of(time) != columns:
        return None
    given = count if placed is None else placed
    given = given if given.type == own.type else cast(given, own.type)
    return transform(time, lambda e: given if e == own else e)


def _names(node: exp.Expr, alias: str) -> bool:
    """The expression speaks of the right side."""
    folded = alias.casefold()
    return any(c.table.casefold() == folded for c in node.find_all(exp.Column))


def _check_time_of_right(chain: Chain, node: exp.Expr, right: Right) -> None:
    advice = f"write {right.alias}.event_time"
    said = isinstance(node, exp.Column) and node.args.get("table") is not None
    if not said or not _names(node, right.alias):
        raise chain.error(
            node, f"the right side of MATCH_CONDITION is the time of {right.alias}", advice
        )
    assert isinstance(node, exp.Column)
    offered = [n for n, _ in (*right.columns, *right.keys)]
    columns = offered if right.view is not None else [*offered, *right.rows.schema.names]
    is_time = bool(right.times) and bool(match(node.this, right.times))
    if node.name.casefold() == PSEUDO and not is_time:
        if any(c.casefold() == PSEUDO for c in columns):
            raise chain.error(
                node,
                f"{right.alias}.event_time is a column that is not the time of {right.alias}",
                f"write {right.alias}.{right.times[0]}" if right.times else "rename that column",
            )
        return
    if is_time:
        return
    if right.times:
        advice = f"write {right.alias}.{right.times[0]}"
    raise chain.error(node, f"{right.alias}.{node.name} is not the time of {right.alias}", advice)
