"""CREATE TRAINING SET: a spine, joins in time, and what of them a model is trained on."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import did_you_mean
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Filter, Project, TemporalJoin, walk
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.aggregate import holds_aggregate
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.join import join
from bighead.zipline.sql.binding.on import Chain
from bighead.zipline.sql.binding.options import TRAINING_SET_OPTIONS, bind_options, check_online
from bighead.zipline.sql.binding.scope import Context, Scope, dotted, match, no_renaming
from bighead.zipline.sql.binding.spine import bind_spine, column_name, star_of
from bighead.zipline.sql.binding.view import REFUSED
from bighead.zipline.sql.commands import CreateTrainingSet
from bighead.zipline.sql.spelling.generator import spell

Output = tuple[str, Expr, exp.Expr]


def bind_training_set(node: tree.CreateSet, context: Context) -> CreateTrainingSet:
    """The training set that a statement declares. Raises SqlError."""
    query = node.expression
    _check_shape(query, context)
    if not isinstance(query.args["from_"].this, exp.Values):  # these have no names to keep
        no_renaming(context, query.args["from_"].this)
    spine = bind_spine(query.args["from_"].this, context)
    scope = Scope(context, (spine.relation,))
    below = spine.node
    where = query.args.get("where")
    if where is not None:
        below = Filter(below, ExpressionBinder(scope).predicate(where.this, "WHERE"))
    labels = _labels(query, scope)
    times = (spine.time,) if spine.time is not None else ()
    chain = Chain(below, _without_labels(scope, labels), spine.uses, in_set=True, times=times)
    for part in query.args.get("joins") or []:
        chain = join(chain, part)
    outputs = _outputs(query, chain.scope, labels)
    names = [name for name, _, _ in outputs]
    for i, (name, _, item) in enumerate(outputs):
        if name.casefold() in (n.casefold() for n in names[:i]):
            raise context.error(item, f"two columns are called '{name}'", "rename one: AS")
    joined = (n.right for n in walk(chain.node) if isinstance(n, TemporalJoin))
    check_online(context, node.args.get("options"), joined)
    plan = Project(chain.node, tuple((n, e) for n, e, _ in outputs))
    stated = node.copy()
    stated.set("replace", False)
    training_set = TrainingSet(
        dotted(node.this),
        plan,
        _ids(node, names, context),
        tuple(n for n, e, _ in outputs if any(e == barred for barred, _ in labels)),
        spine.time or chain.first_time,
        spell(stated),
        tuple(dict.fromkeys(chain.uses)),
        bind_options(context, node.args.get("options"), TRAINING_SET_OPTIONS),
    )
    return CreateTrainingSet(training_set, bool(node.args.get("replace")))


def _check_shape(query: exp.Expr, context: Context) -> None:
    if not isinstance(query, exp.Select):
        raise context.error(query, "a training set is one SELECT")
    if query.args.get("from_") is None:
        raise context.error(query, "a training set has a spine", "add FROM source")
    for key, word in (*REFUSED.items(), ("group", "GROUP BY"), ("windows", "WINDOW")):
        if key != "joins" and query.args.get(key):
            place = query.args[key]
            place = place[0] if isinstance(place, list) else place
            raise context.error(
                place, f"{word} does not belong to a training set", "read the set by SELECT with it"
            )
    for item in query.expressions:
        if holds_aggregate(item):
            raise context.error(
                item,
                "an aggregate belongs to a feature set",
                "declare one, or join (SELECT ..., SUM(x) OVER (LAST '7d') ... GROUP BY key) AS b",
            )


def _labels(query: exp.Select, scope: Scope) -> tuple[tuple[Expr, str], ...]:
    """The columns of the spine that LABEL marks, each with why nothing else may read it."""
    binder = ExpressionBinder(scope)
    labels = []
    for item in query.expressions:
        inner = item.this if isinstance(item, exp.Alias) else item
        if isinstance(inner, tree.Label):
            if not isinstance(inner.this, exp.Column) or isinstance(inner.this.this, exp.Star):
                raise scope.context.error(inner, "LABEL marks a column of the spine")
            bound = binder.bind(inner.this)
            labels.append((bound, f"'{inner.this.name}' is a label, and no feature may read it"))
    return tuple(labels)


def _without_labels(scope: Scope, labels: tuple[tuple[Expr, str], ...]) -> Scope:
    return replace(scope, forbidden=labels)


def _outputs(query: exp.Select, scope: Scope, labels: tuple[tuple[Expr, str], ...]) -> list[Output]:
    """The select list; stars bring no label, because each label is named by itself."""
    binder = ExpressionBinder(scope)
    free = replace(scope, forbidden=())
    barred = [expr for expr, _ in labels]
    outputs: list[Output] = []
    for item in query.expressions:
        starred = star_of(item, free)
        inner = item.this if isinstance(item, exp.Alias) else item
        if starred is not None:
            outputs += [(n, e, item) for n, e in starred if e not in barred]
        elif isinstance(inner, tree.Label):
            name = item.alias if isinstance(item, exp.Alias) else column_name(inner.this, free)
            outputs.append((name, ExpressionBinder(free).bind(inner.this), item))
        elif isinstance(item, exp.Alias):
            outputs.append((item.alias, binder.bind(inner), item))
        elif isinstance(item, exp.Column):
            outputs.append((column_name(item, free), binder.bind(item), item))
        else:
            raise scope.context.error(item, "this column needs a name", "add AS name")
    return outputs


def _ids(node: tree.CreateSet, names: list[str], context: Context) -> tuple[str, ...]:
    found: list[str] = []
    for identifier in node.args.get("ids") or []:
        matched = match(identifier, names)
        if not matched:
            raise context.error(
                identifier,
                f"ID names '{identifier.name}', which is no column of the training set",
                did_you_mean(identifier.name, names),
            )
        found.append(matched[0])
    return tuple(found)
