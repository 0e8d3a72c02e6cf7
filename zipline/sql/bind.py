"""From a parse tree to a command: the one way into the binder."""

from __future__ import annotations

from sqlglot import exp

from bighead.zipline.catalog import KINDS, Catalog, FeatureSet
from bighead.zipline.ir.labels import looks_ahead
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.aggregate import resolve_aggregates
from bighead.zipline.sql.binding.ctes import inline_all
from bighead.zipline.sql.binding.options import FEATURE_SET_OPTIONS, bind_options, check_online
from bighead.zipline.sql.binding.scope import Context, dotted
from bighead.zipline.sql.binding.source import bind_source
from bighead.zipline.sql.binding.training import bind_training_set
from bighead.zipline.sql.binding.view import bind_set
from bighead.zipline.sql.commands import (
    Command,
    CreateFeatureSet,
    Describe,
    Drop,
    Explain,
    Query,
    Show,
)
from bighead.zipline.sql.selects.query import bind_query
from bighead.zipline.sql.spelling.generator import spell
from bighead.zipline.sql.tree import Statement
from bighead.zipline.windows import parse_duration


def bind(statement: Statement, catalog: Catalog) -> Command:
    """What a statement asks for, with every name resolved and every expression typed.

    Raises SqlError, with the place in the statement's text.
    """
    context = Context(statement.text, catalog)
    resolve_aggregates(statement.tree, catalog)
    try:
        return _bind(statement.tree, context)
    except RecursionError:
        raise context.error(
            statement.tree, "this statement is nested too deeply", "write IN (...) for many ORs"
        ) from None


def _bind(node: exp.Expr, context: Context) -> Command:
    if isinstance(node, tree.CreateSource):
        return bind_source(node, context)
    if isinstance(node, tree.CreateSet):
        if node.args["kind"] == "TRAINING":
            return bind_training_set(node, context)
        return _feature_set(node, context)
    if isinstance(node, tree.DropThing):
        return _drop(node, context)
    if isinstance(node, tree.ShowThings):
        return Show(node.args["kind"])
    if isinstance(node, tree.DescribeThing):
        return Describe(context.find(node.this).name)
    if isinstance(node, tree.ExplainQuery):
        query = _query(node.this, context)
        return Explain(query, node.args.get("stage"), bool(node.args.get("analyze")))
    return _query(node, context)


def _query(node: exp.Expr, context: Context) -> Query:
    return Query(bind_query(node, context), spell(node))


def _feature_set(node: tree.CreateSet, context: Context) -> CreateFeatureSet:
    options = bind_options(context, node.args.get("options"), FEATURE_SET_OPTIONS)
    tail = dict(options).get("tail")
    bound = bind_set(
        inline_all(node.expression, context),
        context,
        parse_duration(tail) if isinstance(tail, str) else None,
    )
    check_online(context, node.args.get("options"), (bound.view,))
    if dict(options).get("online") and looks_ahead(bound.view):
        raise context.error(
            node.this, "labels are not served: they lie ahead of t", "leave out online"
        )
    stated = node.copy()
    stated.set("replace", False)
    feature_set = FeatureSet(
        dotted(node.this),
        bound.view,
        tuple(name for name, _ in bound.keys),
        bound.columns,
        spell(stated),
        bound.uses,
        options,
    )
    return CreateFeatureSet(feature_set, bool(node.args.get("replace")))


def _drop(node: tree.DropThing, context: Context) -> Drop:
    kind = node.args["kind"].lower()
    found = context.look(node.this)
    if found is None:
        if node.args.get("exists"):
            return Drop(kind, None)
        context.find(node.this)  # raises, with a suggestion
    assert found is not None
    is_kind = KINDS[type(found)]
    if kind != is_kind and not (kind == "source" and is_kind.endswith("source")):
        raise context.error(
            node.this,
            f"{found.name} is {_article(is_kind)}, not {_article(kind)}",
            f"write DROP {is_kind.upper()} {found.name}",
        )
    return Drop(is_kind, found.name)


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
