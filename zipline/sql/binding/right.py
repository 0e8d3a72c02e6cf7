"""The right side of an as-of join: a feature set, an unnamed query of that shape, or bare rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from bighead.zipline.catalog import FeatureSet
from bighead.zipline.ir.expr import Expr, columns_of
from bighead.zipline.ir.nodes import Lookup, View
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.aggregate import holds_aggregate
from bighead.zipline.sql.binding.events import Origin, Timed, bind_origin, times_of, unite
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.scope import Context, Relation, Scope, no_renaming, of_schema
from bighead.zipline.sql.binding.view import REFUSED, BoundSet, bind_set, is_grouped

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
    origin = bind_origin(node, context, PURPOSE)
    schema = origin.rows.schema
    relation = of_schema(origin.alias, schema)
    return Right(
        origin.alias,
        origin.rows,
        None,
        (),
        relation.columns,
        relation,
        origin.times,
        origin.uses,
    )


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
    query = node.this
    alias = node.alias
    if not alias:
        raise context.error(node, "the sub-query needs a name", "add AS name")
    if isinstance(query, exp.Union):
        return _united(node, query, context)
    if not isinstance(query, exp.Select):
        raise context.error(query, "the right side of an as-of join is one SELECT")
    if is_grouped(query):
        bound = bind_set(query, context)
        right = _of_set(bound, alias)
        return replace(right, times=times_of(right.rows))
    return _filtered(query, alias, context)


def _united(node: exp.Subquery, query: exp.Union, context: Context) -> Right:
    """Whole sources one after the other, each with its own times and its own WHERE."""
    advice = "unite sources by name: a UNION ALL b AS x"
    origins: list[Origin] = []
    tables: list[exp.Table] = []
    for branch in _branches(query):
        if not isinstance(branch, exp.Select) or not _is_whole(branch):
            raise context.error(
                query, "here UNION ALL unites whole sources, SELECT * FROM source WHERE ...", advice
            )
        table = branch.args["from_"].this
        assert isinstance(table, exp.Table)
        origin = bind_origin(table, context, PURPOSE)
        where = branch.args.get("where")
        if where is not None:
            binder = ExpressionBinder(Scope(context, (origin.relation,)))
            origin = origin.where(binder.predicate(where.this, "WHERE"))
        names = [n.casefold() for n in origin.rows.schema.names]
        if origins and names != [n.casefold() for n in origins[0].rows.schema.names]:
            raise context.error(
                branch, "the columns of these sources are not the same, in the same order", advice
            )
        origins.append(origin)
        tables.append(table)
    origin = unite(node, tables, origins, context)
    relation = origin.relation
    return Right(
        origin.alias, origin.rows, None, (), relation.columns, relation, origin.times,
        origin.uses,
    )  # fmt: skip


def _branches(query: exp.Expr) -> list[exp.Expr]:
    if isinstance(query, exp.Union) and not any(
        query.args.get(key) for key in ("distinct", "by_name", "order", "limit", "offset", "with_")
    ):
        return [*_branches(query.this), *_branches(query.expression)]
    return [query]


def _is_whole(branch: exp.Select) -> bool:
    """SELECT * FROM source, perhaps with WHERE."""
    origin = branch.args.get("from_")
    starred = len(branch.expressions) == 1 and branch.expressions[0] == exp.Star()
    plain = not any(branch.args.get(key) for key in (*REFUSED, "group", "windows", "with_"))
    return starred and plain and origin is not None and isinstance(origin.this, exp.Table)


def _filtered(query: exp.Select, alias: str, context: Context) -> Right:
    """A source behind WHERE and a select list; ON may use columns that are not selected."""
    for key, word in REFUSED.items():
        if query.args.get(key):
            raise context.error(query, f"{word} does not belong to the right side of an as-of join")
    if query.args.get("from_") is None:
        raise context.error(query, "the right side of an as-of join reads a source", "add FROM")
    origin = bind_origin(query.args["from_"].this, context, PURPOSE)
    binder = ExpressionBinder(Scope(context, (origin.relation,)))
    where = query.args.get("where")
    if where is not None:
        origin = origin.where(binder.predicate(where.this, "WHERE"))
    columns: list[tuple[str, Expr]] = []
    for item in query.expressions:
        if isinstance(item, exp.Star) or (
            isinstance(item, exp.Column) and isinstance(item.this, exp.Star)
        ):
            columns += origin.relation.columns
            continue
        assert not holds_aggregate(item)
        name = item.alias if isinstance(item, exp.Alias) else item.name
        if not name or not isinstance(item, exp.Alias | exp.Column):
            raise context.error(item, "this column needs a name", "add AS name")
        columns.append((name, binder.bind(item.this if isinstance(item, exp.Alias) else item)))
    names = [n.casefold() for n, _ in columns]
    for i, (name, _) in enumerate(columns):
        if name.casefold() in names[:i]:
            raise context.error(
                query, f"two columns of {alias} are called '{name}'", "rename one: AS"
            )
    offered = dict(columns)
    own = [(n, e) for n, e in origin.relation.columns if n not in offered]
    return Right(
        alias, origin.rows, None, (), tuple(columns), Relation(alias, (*columns, *own)),
        origin.times, origin.uses,
    )  # fmt: skip


def read_columns(columns: tuple[tuple[str, Expr], ...]) -> tuple[str, ...]:
    """The columns of the rows that a look-up has to bring for what it offers."""
    return columns_of(*(e for _, e in columns))
