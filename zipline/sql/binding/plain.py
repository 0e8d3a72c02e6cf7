"""Rows without declared times on the right of an as-of join, in plain SELECT.

A plain table, or a query over such tables, has no event time of its own; the expression that
MATCH_CONDITION compares becomes it. Nothing was promised of these rows, so one without a time is
as good as absent: no comparison with NULL is true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.catalog import TrainingSet
from bighead.zipline.expressions import call, cast
from bighead.zipline.ir.expr import Expr, Literal
from bighead.zipline.ir.nodes import Events, Node, Project
from bighead.zipline.ir.sources import EntitySource, Table
from bighead.zipline.ir.types import DATE, TIMESTAMP, VARCHAR, is_integer, sql_name
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.match import Match, comparison, counted
from bighead.zipline.sql.binding.on import Chain
from bighead.zipline.sql.binding.right import Right
from bighead.zipline.sql.binding.scope import Context, Relation, Scope, match, of_schema


@dataclass(frozen=True, slots=True)
class PlainRows:
    """The right side of a join before it is known which time is meant."""

    alias: str
    node: Node
    """Its columns under their own names."""


def is_plain(node: exp.Expr, context: Context, ctes: Mapping[str, exp.Expr]) -> bool:
    """Whether a table factor is a table, VALUES, or a query whose base has no times of its own.

    `ctes` are the queries that WITH names, by folded name.
    """
    if isinstance(node, exp.Table):
        name = node.name.casefold()
        if len(node.parts) == 1 and name in ctes and not node.args.get(tree.PIN):
            # It does not see itself: `WITH t AS (SELECT * FROM t)` reads the table.
            before = {n: q for n, q in ctes.items() if n != name}
            return _is_plain_query(ctes[name], context, before)
        return type(context.look(node)) is Table
    if isinstance(node, exp.Subquery):
        return _is_plain_query(node.this, context, ctes)
    return isinstance(node, exp.Values)


def _is_plain_query(query: exp.Expr, context: Context, ctes: Mapping[str, exp.Expr]) -> bool:
    while isinstance(query, exp.Subquery):
        query = query.this
    clause = query.args.get("with_")
    if clause is not None:
        ctes = {**ctes, **{c.alias.casefold(): c.this for c in clause.expressions}}
    if isinstance(query, exp.SetOperation):
        return all(_is_plain_query(q, context, ctes) for q in (query.this, query.expression))
    if not isinstance(query, exp.Select) or query.find(tree.Windows) is not None:
        return False
    origin = query.args.get("from_")
    base = None if origin is None else origin.this
    if base is None or isinstance(base, tree.AsOf) or is_plain(base, context, ctes):
        return True
    found = context.look(base) if isinstance(base, exp.Table) else None
    return isinstance(found, TrainingSet) or (isinstance(found, EntitySource) and found.static)


def plain_rows(node: Node, relation: Relation) -> PlainRows:
    """The rows of a table factor, their columns under the names that the relation gives them."""
    return PlainRows(relation.alias, Project(node, relation.columns))


def match_plain(chain: Chain, node: tree.TemporalJoin, plain: PlainRows) -> tuple[Right, Match]:
    """The rows with the time that MATCH_CONDITION compares, and how. Raises SqlError."""
    seen = of_schema(plain.alias, plain.node.schema)
    ours, theirs, kind = comparison(chain, node, plain.alias)
    time, event_time = _times(chain, ours, theirs, plain)
    rows = Events(plain.node, plain.alias, event_time, skip_null_times=True)
    right = Right(plain.alias, rows, None, (), seen.columns, seen, (), ())
    forward = kind in (exp.LT, exp.LTE)
    return right, Match(time, kind in (exp.GTE, exp.LTE), forward)


def _times(chain: Chain, ours: exp.Expr, theirs: exp.Expr, plain: PlainRows) -> tuple[Expr, Expr]:
    """Both sides of the comparison as times; two integers are counted alike."""
    seen = Scope(chain.context, (of_schema(plain.alias, plain.node.schema),))
    names = plain.node.schema.names
    if isinstance(theirs, exp.Column) and theirs.name.casefold() == "event_time":
        if not match(theirs.this, names):
            raise chain.error(
                theirs,
                f"{plain.alias} declares no event time",
                f"compare the column of {plain.alias} that is its time",
            )
    if any(c.table and c.table.casefold() != plain.alias.casefold() for c in _columns(theirs)):
        raise chain.error(
            theirs,
            f"the right side of MATCH_CONDITION is the time of {plain.alias}",
            f"compare a column of {plain.alias}",
        )
    left = ExpressionBinder(chain.scope).bind(ours)
    right = ExpressionBinder(seen).bind(theirs)
    if is_integer(left.type) and is_integer(right.type):
        for own in chain.times:
            as_time = counted(own, left)
            if as_time is not None:
                # The spine's source says what its integers count; these are compared with them.
                other = counted(own, left, right)
                assert other is not None
                return as_time, other
        unit = Literal("us", VARCHAR)
        return call("from_epoch", (left, unit)), call("from_epoch", (right, unit))
    pair = []
    for side, bound, other in ((ours, left, right), (theirs, right, left)):
        if bound.type == DATE:
            bound = cast(bound, TIMESTAMP)
        if not pa.types.is_timestamp(bound.type):
            if is_integer(bound.type):
                raise chain.error(
                    side,
                    f"an integer is compared with a time of {sql_name(other.type)}",
                    "write FROM_EPOCH(n, 'ms'), with the unit that it counts",
                )
            raise chain.error(
                side, f"the time of a join is a TIMESTAMP, not {sql_name(bound.type)}", "CAST it"
            )
        pair.append(bound)
    return pair[0], pair[1]


def _columns(node: exp.Expr) -> list[exp.Column]:
    return list(node.find_all(exp.Column))
