"""The right side of an as-of join: a feature set, an unnamed query of that shape, or bare rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from bighead.zipline.catalog import FeatureSet
from bighead.zipline.ir.expr import Expr, columns_of
from bighead.zipline.ir.nodes import Lookup, View
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.derived import bind_derived, selected
from bighead.zipline.sql.binding.events import Origin, Timed, times_of
from bighead.zipline.sql.binding.scope import Context, Relation, no_renaming, of_schema
from bighead.zipline.sql.binding.shape import is_grouped
from bighead.zipline.sql.binding.view import BoundSet, bind_set

PURPOSE = "an as-of join looks up events, or rows of an entity that changes"


@dataclass(frozen=True, slots=True)
class Right:
    """What is joined: a set with a key of its own, or rows whose key ON states."""

    alias: str
    rows: Timed
    view: View | Lookup | None
    """The set; None for bare rows."""
    keys: tuple[tuple[str, Expr], ...]
    """The key of a set, over the rows; none for bare rows."""
    columns: tuple[tuple[str, Expr], ...]
    """What it offers: over the view's schema, or over the rows."""
    seen: Relation
    """What ON and MATCH_CONDITION may name: the rows' own columns, under the alias."""
    times: tuple[str, ...]
    """The names of the column that is its time."""
    uses: tuple[str, ...]


def bind_right(node: exp.Expr, context: Context) -> Right:
    """The right side of a join. Raises SqlError."""
    no_renaming(context, node)
    if isinstance(node, exp.Subquery):
        return _subquery(node, context)
    if isinstance(node, tree.AsOf):
        raise context.error(
            node, "an as-of join has its own time", "leave out AS OF on its right side"
        )
    if isinstance(node, exp.Table):
        found = context.find(node)
        if isinstance(found, FeatureSet):
            named = tuple(zip(found.keys, found.view.keys, strict=True))
            bound = BoundSet(found.view, named, found.columns, (found.name,))
            return replace(
                _of_set(bound, node.alias or node.name), times=times_of(found.view.events)
            )
    return _bare(bind_derived(node, context, PURPOSE))


def _bare(origin: Origin) -> Right:
    relation = origin.relation
    return Right(
        origin.alias, origin.rows, None, (), relation.columns, relation, origin.times,
        origin.uses,
    )  # fmt: skip


def _of_set(bound: BoundSet, alias: str) -> Right:
    rows = bound.view.events
    return Right(
        alias,
        rows,
        bound.view,
        bound.keys,
        bound.columns,
        Relation(alias, bound.keys),
        (),
        bound.uses,
    )


def _subquery(node: exp.Subquery, context: Context) -> Right:
    query = node.unnest()
    alias = node.alias
    if not alias:
        raise context.error(node, "the sub-query needs a name", "add AS name")
    if isinstance(query, exp.Union):
        return _bare(bind_derived(node, context, PURPOSE))
    if not isinstance(query, exp.Select):
        raise context.error(query, "the right side of an as-of join is one SELECT")
    if is_grouped(query):
        bound = bind_set(query, context)
        right = _of_set(bound, alias)
        return replace(right, times=times_of(right.rows))
    return _filtered(query, alias, context)


def _filtered(query: exp.Select, alias: str, context: Context) -> Right:
    """A source behind WHERE and a select list; ON may use columns that are not selected."""
    origin = selected(query, alias, context, PURPOSE)
    columns = origin.relation.columns
    offered = dict(columns)
    own = [(n, e) for n, e in of_schema(alias, origin.rows.schema).columns if n not in offered]
    return Right(
        alias, origin.rows, None, (), columns, Relation(alias, (*columns, *own)),
        origin.times, origin.uses,
    )  # fmt: skip


def read_columns(columns: tuple[tuple[str, Expr], ...]) -> tuple[str, ...]:
    """The columns of the rows that a look-up has to bring for what it offers."""
    return columns_of(*(e for _, e in columns))
