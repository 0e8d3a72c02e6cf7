"""The spine: the rows to which everything is joined, under the names `alias.column`."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.ir.expr import Column, Expr, rename
from bighead.zipline.ir.expr import walk as parts_of
from bighead.zipline.ir.nodes import Filter, Node, Project, Scan
from bighead.zipline.ir.sources import EventSource
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.scope import (
    Context,
    Scope,
    match,
    no_renaming,
    of_schema,
)
from bighead.zipline.sql.binding.shape import is_simple
from bighead.zipline.sql.binding.united import Spine, by_name, unite

ADVICE = "AS OF TIMESTAMP '2024-01-01 00:00:00'"


def timeless(context: Context, node: exp.Expr, found: FeatureSet) -> Exception:
    """The error for a feature set that is asked for its values without a time."""
    return context.error(
        node,
        f"{found.name} has values only as of a time",
        f"write {found.name} {ADVICE}, or join it by ASOF LEFT JOIN",
    )


def bind_spine(node: exp.Expr, context: Context) -> Spine:
    """The rows of a table factor. Raises SqlError."""
    if isinstance(node, tree.United):
        spines = [bind_spine(part, context) for part in node.expressions]
        pairs = zip(spines, node.expressions, strict=True)
        named = [by_name(spines[0], spine, part, context) for spine, part in pairs]
        return unite(named, node.expressions, node.alias or spines[0].relation.alias, context)
    if isinstance(node, exp.Subquery):
        return _subquery(node, context)
    if not isinstance(node, exp.Table):
        raise context.error(node, "a spine is a source, or a query of one")
    found = context.find(node)
    alias = node.alias or node.name
    if isinstance(found, FeatureSet):
        raise timeless(context, node, found)
    if isinstance(found, TrainingSet):
        spine = _named(found.plan, alias, None, (found.name, *found.uses))
        barred = tuple(
            (expr, f"'{name}' is a label of {found.name}, and nothing else may read it")
            for name, expr in spine.relation.columns
            if name in found.labels
        )
        return replace(spine, labels=barred)
    time = found.event_time if isinstance(found, EventSource) else None
    return _named(Scan(found, tuple(found.schema.names)), alias, time, (found.name,))


def _named(node: Node, alias: str, time: Expr | None, uses: tuple[str, ...]) -> Spine:
    """The node's columns under the alias."""
    columns = tuple((f"{alias}.{f.name}", Column(f.name, f.type)) for f in node.schema)
    moved = None if time is None else rename(time, lambda name: f"{alias}.{name}")
    return Spine(Project(node, columns), of_schema(alias, node.schema, alias), moved, uses)


def _subquery(node: exp.Subquery, context: Context) -> Spine:
    """(SELECT columns FROM source WHERE ...) AS alias; its time is lost if it is not selected."""
    query, alias = node.unnest(), node.alias
    if not alias:
        raise context.error(node, "the sub-query needs a name", "add AS name")
    if isinstance(query, exp.SetOperation):
        no_renaming(context, node)
        branches = _branches(query, context)
        alias_node = node.args["alias"]
        queries = [
            exp.Subquery(this=_named_later(b, i), alias=alias_node) for i, b in enumerate(branches)
        ]
        return unite([_subquery(q, context) for q in queries], branches, alias, context)
    if not is_simple(query):
        raise context.error(query, "a spine is a source, or a SELECT of columns with WHERE of one")
    no_renaming(context, query.args["from_"].this)
    inner = bind_spine(query.args["from_"].this, context)
    scope = Scope(context, (inner.relation,))
    binder = ExpressionBinder(scope)
    below = inner.node
    where = query.args.get("where")
    if where is not None:
        below = Filter(below, binder.predicate(where.this, "WHERE"))
    columns = select_columns(query.expressions, binder)
    reasons = dict(inner.labels)
    for _, expr in columns:
        read = next((reasons[e] for e in parts_of(expr) if e in reasons and e != expr), None)
        if read is not None:
            raise context.error(query, read)
    project = Project(below, tuple((f"{alias}.{n}", e) for n, e in columns))
    times = [Column(f"{alias}.{n}", e.type) for n, e in columns if e == inner.time]
    relation = of_schema(alias, _schema(columns), alias)
    barred = tuple((Column(f"{alias}.{n}", e.type), reasons[e]) for n, e in columns if e in reasons)
    return Spine(project, relation, times[0] if times else None, inner.uses, barred)


def _schema(columns: tuple[tuple[str, Expr], ...]) -> pa.Schema:
    return pa.schema([pa.field(n, e.type) for n, e in columns])


def select_columns(items: list[exp.Expr], binder: ExpressionBinder) -> tuple[tuple[str, Expr], ...]:
    """The named columns of a select list, stars expanded. Raises SqlError where a name repeats."""
    columns: list[tuple[str, Expr, exp.Expr]] = []
    for item in items:
        starred = star_of(item, binder.scope)
        if starred is not None:
            columns += [(n, e, item) for n, e in starred]
        elif isinstance(item, exp.Alias):
            columns.append((item.alias, binder.bind(item.this), item))
        elif isinstance(item, exp.Column):
            bound = binder.bind(item)
            columns.append((column_name(item, binder.scope), bound, item))
        else:
            raise binder.error(item, "this column needs a name", "add AS name")
    seen: set[str] = set()
    for name, _, item in columns:
        if name.casefold() in seen:
            raise binder.error(item, f"two columns are called '{name}'", "rename one: AS")
        seen.add(name.casefold())
    return tuple((n, e) for n, e, _ in columns)


def star_of(item: exp.Expr, scope: Scope) -> tuple[tuple[str, Expr], ...] | None:
    """What `*` or `alias.*` stands for; None for other items."""
    star = item.this if isinstance(item, exp.Column) else item
    if not isinstance(star, exp.Star):
        return None
    if any(star.args.get(key) for key in ("replace", "rename")):
        raise scope.context.error(item, "a star takes only EXCEPT", "name the columns")
    relations = scope.relations
    if isinstance(item, exp.Column):
        relations = (scope.relation(item.args["table"]),)
    merged = {m.casefold() for m in scope.merged} if not isinstance(item, exp.Column) else set()
    columns: list[tuple[str, Expr]] = []
    taken: set[str] = set()
    for relation in relations:
        for name, expr in relation.starred:
            if name.casefold() in merged and name.casefold() in taken:
                continue
            taken.add(name.casefold())
            columns.append((name, expr))
    return _without(star, columns, scope)


def _without(
    star: exp.Star, columns: list[tuple[str, Expr]], scope: Scope
) -> tuple[tuple[str, Expr], ...]:
    left_out: set[str] = set()
    for node in star.args.get("except_") or []:
        identifier = node.this if isinstance(node, exp.Column) else node
        found = match(identifier, (n for n, _ in columns))
        if not found:
            raise scope.context.error(node, f"no column '{node.name}' to leave out")
        left_out.update(found)
    return tuple((n, e) for n, e in columns if n not in left_out)


def column_name(item: exp.Column, scope: Scope) -> str:
    """The name of a plain column as its relation spells it."""
    qualifier = item.args.get("table")
    known = isinstance(qualifier, exp.Identifier) and scope.has_relation(qualifier)
    relations = (scope.relation(qualifier),) if known else scope.relations  # type: ignore[arg-type]
    for relation in relations:
        found = match(item.this, (n for n, _ in (*relation.columns, *relation.keys)))
        if found:
            return found[0]
    return item.name


def _branches(query: exp.Expr, context: Context) -> list[exp.Expr]:
    query = query.unnest() if isinstance(query, exp.Subquery) and not query.alias else query
    if not isinstance(query, exp.SetOperation):
        return [query]
    changed = ("distinct", "by_name", "order", "limit", "offset")
    if not isinstance(query, exp.Union) or any(query.args.get(key) for key in changed):
        reason = "a spine keeps every row, so its queries are united by UNION ALL"
        raise context.error(query, reason, "write UNION ALL")
    return [*_branches(query.this, context), *_branches(query.expression, context)]


def _named_later(branch: exp.Expr, number: int) -> exp.Expr:
    """The columns of all but the first query need no name: the first one's are taken."""
    named = branch.copy()
    for i, item in enumerate(named.expressions if number else []):
        if not isinstance(item, exp.Alias | exp.Column | exp.Star):
            item.replace(exp.Alias(this=item.copy(), alias=exp.to_identifier(f"column{i}")))
    return named
