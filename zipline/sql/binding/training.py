"""CREATE TRAINING SET: a spine, joins in time, and what of them a model is trained on."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import did_you_mean
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.expr import walk as parts_of
from bighead.zipline.ir.labels import looks_ahead
from bighead.zipline.ir.nodes import Filter, Node, Project, TemporalJoin, walk
from bighead.zipline.ir.sources import OptionValue
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.aggregate import holds_aggregate
from bighead.zipline.sql.binding.ctes import inline_all
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.join import join
from bighead.zipline.sql.binding.label import closing
from bighead.zipline.sql.binding.on import Chain
from bighead.zipline.sql.binding.options import TRAINING_SET_OPTIONS, bind_options, check_online
from bighead.zipline.sql.binding.scope import (
    Barred,
    Context,
    Scope,
    dotted,
    match,
    no_renaming,
)
from bighead.zipline.sql.binding.shape import REFUSED
from bighead.zipline.sql.binding.spine import bind_spine, column_name, star_of
from bighead.zipline.sql.commands import CreateTrainingSet
from bighead.zipline.sql.spelling.generator import spell

Output = tuple[str, Expr, exp.Expr]
CLOSED = "labels_closed"
"""The column that `open_labels = 'mark'` adds: no event can change the row's labels any more."""


def bind_training_set(node: tree.CreateSet, context: Context) -> CreateTrainingSet:
    """The training set that a statement declares. Raises SqlError."""
    query = inline_all(node.expression, context)
    _check_shape(query, context)
    assert isinstance(query, exp.Select)
    if not isinstance(query.args["from_"].this, exp.Values):  # these have no names to keep
        no_renaming(context, query.args["from_"].this)
    spine = bind_spine(query.args["from_"].this, context)
    scope = Scope(context, (spine.relation,))
    below = spine.node
    where = query.args.get("where")
    if where is not None:
        below = Filter(below, ExpressionBinder(scope).predicate(where.this, "WHERE"))
    scope = replace(scope, forbidden=spine.labels)
    labels = (*_labels(query, scope), *spine.labels)
    times = (spine.time,) if spine.time is not None else ()
    chain = Chain(below, replace(scope, forbidden=labels), spine.uses, in_set=True, times=times)
    for part in query.args.get("joins") or []:
        chain = join(chain, part)
    options = bind_options(context, node.args.get("options"), TRAINING_SET_OPTIONS)
    outputs = _outputs(query, chain.scope, labels)
    asked = dict(options).get("open_labels")
    joined = _closed(node, chain, asked, outputs)
    names = [name for name, _, _ in outputs]
    for i, (name, _, item) in enumerate(outputs):
        if name.casefold() in (n.casefold() for n in names[:i]):
            raise context.error(item, f"two columns are called '{name}'", "rename one: AS")
    served = (n.right for n in walk(chain.node) if isinstance(n, TemporalJoin))
    check_online(
        context, node.args.get("options"), (right for right in served if not looks_ahead(right))
    )
    plan = Project(joined, tuple((n, e) for n, e, _ in outputs))
    stated = node.copy()
    stated.set("replace", False)
    secret = {expr for expr, _ in chain.scope.forbidden}
    training_set = TrainingSet(
        dotted(node.this),
        plan,
        _ids(node, names, context),
        tuple(n for n, e, item in outputs if e in secret or _is_label(item)),
        spine.time or chain.first_time or chain.ahead_time,
        spell(stated),
        tuple(dict.fromkeys(chain.uses)),
        options,
    )
    return CreateTrainingSet(training_set, bool(node.args.get("replace")))


def _closed(
    node: tree.CreateSet, chain: Chain, asked: OptionValue | None, outputs: list[Output]
) -> Node:
    """What `open_labels` makes of the joined rows; a mark is one more output."""
    if asked is None:
        return chain.node
    place = next(o for o in node.args["options"] if o.this.name.lower() == "open_labels")
    if not chain.ahead:
        raise chain.error(
            place,
            "open_labels is about labels that look ahead, and there are none",
            "leave it out",
        )
    below, mark = closing(chain.context, chain, str(asked))
    if mark is not None:
        outputs.append((CLOSED, mark, exp.Alias(this=tree.Label(this=place), alias=CLOSED)))
    return below


def _is_label(item: exp.Expr) -> bool:
    inner = item.this if isinstance(item, exp.Alias) else item
    return isinstance(inner, tree.Label)


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


def _labels(query: exp.Select, scope: Scope) -> tuple[Barred, ...]:
    """The columns of the spine that LABEL marks, each with why nothing else may read it."""
    binder = ExpressionBinder(replace(scope, forbidden=()))
    labels = []
    for item in query.expressions:
        inner = item.this if isinstance(item, exp.Alias) else item
        if isinstance(inner, tree.Label) and _names_spine(inner.this, scope):
            bound = binder.bind(inner.this)
            labels.append((bound, f"'{inner.this.name}' is a label, and nothing else may read it"))
    return tuple(labels)


def _names_spine(node: exp.Expr, scope: Scope) -> bool:
    """A plain column of the spine."""
    if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
        return False
    table = node.args.get("table")
    return scope.has_relation(table) if table is not None else scope.offers(node.this)


def _outputs(query: exp.Select, scope: Scope, labels: tuple[Barred, ...]) -> list[Output]:
    """The select list.

    Stars bring no label of the spine, because each of these is named by itself; `y.*` of a label
    join brings its labels.
    """
    binder = ExpressionBinder(scope)
    free = replace(scope, forbidden=())
    secret = {expr for expr, _ in scope.forbidden}
    of_spine = {expr for expr, _ in labels}
    outputs: list[Output] = []
    for item in query.expressions:
        starred = star_of(item, free)
        inner = item.this if isinstance(item, exp.Alias) else item
        if starred is not None:
            outputs += [(n, e, item) for n, e in starred if e not in of_spine]
        elif isinstance(inner, tree.Label):
            outputs.append(_label(item, inner, free, secret))
        elif isinstance(item, exp.Alias | exp.Column):
            # A label that a join brings is one also without the word.
            bare = isinstance(inner, exp.Column) and ExpressionBinder(free).bind(inner)
            ahead = bare in secret and bare not in of_spine
            name = item.alias if isinstance(item, exp.Alias) else column_name(item, free)
            outputs.append((name, (ExpressionBinder(free) if ahead else binder).bind(inner), item))
        else:
            raise scope.context.error(item, "this column needs a name", "add AS name")
    return outputs


def _label(item: exp.Expr, inner: tree.Label, free: Scope, secret: set[Expr]) -> Output:
    """A column that is a label, or what is computed from some."""
    bound = ExpressionBinder(free).bind(inner.this)
    if not secret.intersection(parts_of(bound)):
        raise free.context.error(
            inner,
            "LABEL marks a column of the spine, or what is computed from a label join",
            "write LABEL q.column, or LABEL y.column > 0 AS name",
        )
    if isinstance(item, exp.Alias):
        return item.alias, bound, item
    if not isinstance(inner.this, exp.Column):
        raise free.context.error(item, "this column needs a name", "add AS name")
    return column_name(inner.this, free), bound, item


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
