"""A sub-query as rows with times: WHERE and a select list over a source, or over another sub-query.

Nothing is computed for it: the rows stay those of the source, with their times, their order among
ties and their identities, and what the sub-query selects are expressions over them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlglot import exp

from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.enriched import with_static
from bighead.zipline.sql.binding.events import Origin, bind_origin, shown, unite
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.scope import Context, Relation, no_renaming, of_schema
from bighead.zipline.sql.binding.shape import REFUSED, is_grouped
from bighead.zipline.sql.binding.spine import select_columns

Bind = Callable[[exp.Expr, Context, str], Origin]
"""Binds a table factor that is no sub-query; its last argument says what it is wanted for."""


def bind_derived(
    node: exp.Expr, context: Context, purpose: str, base: Bind = bind_origin
) -> Origin:
    """A table factor as rows with times, sub-queries taken apart down to what `base` binds.

    Raises SqlError where it has none.
    """
    if isinstance(node, tree.United):
        origins = [bind_derived(e, context, purpose, base) for e in node.expressions]
        for part, origin in zip(node.expressions, origins, strict=True):
            _check_whole(part, origin, context)
        return unite(node, node.expressions, origins, context)
    if not isinstance(node, exp.Subquery):
        return base(node, context, purpose)
    no_renaming(context, node)
    if not node.alias:
        raise context.error(node, "the sub-query needs a name", "add AS name")
    query = node.unnest()
    if isinstance(query, exp.Union):
        return _united(node, query, context, purpose, base)
    if not isinstance(query, exp.Select):
        raise context.error(query, "a sub-query is a SELECT here, and " + purpose)
    return selected(query, node.alias, context, purpose, base)


def selected(
    query: exp.Select, alias: str, context: Context, purpose: str, base: Bind = bind_origin
) -> Origin:
    """The rows of a SELECT without groups, under a name. Raises SqlError."""
    if is_grouped(query):
        raise context.error(
            query,
            f"{alias} has GROUP BY or aggregates, so its rows are no events, and {purpose}",
            "declare it as a feature set, and read that by its name",
        )
    for key, word in REFUSED.items():
        place = query.args.get(key)
        if place and key != "joins":
            raise context.error(
                place[0] if isinstance(place, list) else place,
                f"{word} does not belong to {alias}, whose rows keep their times",
                "leave it to the query that reads the result",
            )
    source = query.args.get("from_")
    if source is None:
        raise context.error(query, f"{alias} reads no source, and {purpose}", "add FROM source")
    origin = bind_derived(source.this, context, purpose, base)
    if query.args.get("joins"):
        origin = with_static(origin, query.args["joins"], context)
    binder = ExpressionBinder(origin.scope(context))
    where = query.args.get("where")
    if where is not None:
        origin = origin.where(binder.predicate(where.this, "WHERE"))
    columns = select_columns(query.expressions, binder)
    return replace(
        origin,
        alias=alias,
        times=_times(origin, columns),
        relations=(Relation(alias, columns),),
        merged=(),
    )


def _times(origin: Origin, columns: tuple[tuple[str, Expr], ...]) -> tuple[str, ...]:
    """What the time is called: as it was selected, or else as its source calls it."""
    before = dict(of_schema(origin.alias, origin.rows.schema).columns)
    for relation in origin.relations:
        before.update(relation.columns)
    time = {before[name] for name in origin.times if name in before}
    taken = {name.casefold() for name, _ in columns}
    own = tuple(name for name in origin.times if name.casefold() not in taken)
    return (*(name for name, expr in columns if expr in time), *own)


def _united(
    node: exp.Subquery, query: exp.Union, context: Context, purpose: str, base: Bind
) -> Origin:
    """Whole sources one after the other, each with its own times and its own WHERE."""
    origins: list[Origin] = []
    places: list[exp.Expr] = []
    for branch in _branches(query):
        if not isinstance(branch, exp.Select):
            raise context.error(
                query, "here UNION ALL unites whole sources, SELECT * FROM source WHERE ...", ADVICE
            )
        table = branch.args["from_"].this if branch.args.get("from_") else branch
        origin = selected(branch, table.alias_or_name or node.alias, context, purpose, base)
        _check_whole(branch, origin, context)
        names = [n.casefold() for n in shown(origin).names]
        if origins and names != [n.casefold() for n in shown(origins[0]).names]:
            raise context.error(
                branch, "the columns of these sources are not the same, in the same order", ADVICE
            )
        origins.append(origin)
        places.append(table)
    return unite(node, places, origins, context)


ADVICE = "unite sources by name: a UNION ALL b AS x"


def _check_whole(place: exp.Expr, origin: Origin, context: Context) -> None:
    """A source is united with all of its columns: ties go by these."""
    whole = tuple((f.name, Column(f.name, f.type)) for f in shown(origin))
    if origin.relations and origin.relations[0].columns != whole:
        raise context.error(
            place, "here UNION ALL unites whole sources, SELECT * FROM source WHERE ...", ADVICE
        )


def _branches(query: exp.Expr) -> list[exp.Expr]:
    query = query.unnest() if isinstance(query, exp.Subquery) and not query.alias else query
    if isinstance(query, exp.Union) and not any(
        query.args.get(key) for key in ("distinct", "by_name", "order", "limit", "offset")
    ):
        return [*_branches(query.this), *_branches(query.expression)]
    return [query]
