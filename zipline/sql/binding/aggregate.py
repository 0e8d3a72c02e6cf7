"""Aggregates and their windows, as they stand in a select list.

An item of a feature set is arithmetic over aggregates; each aggregate becomes a `Feature`, the item
an expression over features. An item whose window is a list (or a name) becomes one output for each
window of the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlglot import exp

from bighead.zipline.aggregates import (
    AGGREGATES,
    MEDIAN,
    AggregateFunction,
    UserAggregate,
    aggregate,
    find,
)
from bighead.zipline.catalog import Catalog
from bighead.zipline.errors import ExpressionError, did_you_mean
from bighead.zipline.expressions import FUNCTIONS
from bighead.zipline.expressions import find as find_function
from bighead.zipline.ir.nodes import Aggregate
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.expression import ExpressionBinder, Special
from bighead.zipline.sql.binding.scope import Context, Scope
from bighead.zipline.sql.intervals import interval_text
from bighead.zipline.windows import ALL_HISTORY, Window, parse_duration


@dataclass(frozen=True, slots=True)
class WindowList:
    """What OVER says: the windows, and whether they name their outputs."""

    windows: tuple[Window, ...]
    suffixed: bool


_USER = "user_aggregate"
"""Where the tree keeps what a name was resolved to."""

ALL = WindowList((ALL_HISTORY,), suffixed=False)
Named = Mapping[str, WindowList]


def resolve_aggregates(root: exp.Expr, catalog: Catalog) -> None:
    """Notes at each call of a user-defined aggregate which one it is."""
    known = catalog.aggregates()
    if known:
        for node in root.find_all(exp.Anonymous):
            found = known.get(node.name.casefold())
            if found is not None:
                node.meta[_USER] = found


def user_defined(node: exp.Expr) -> UserAggregate | None:
    """The user-defined aggregate that a call was resolved to; None for other nodes."""
    found = node.meta.get(_USER)
    return found if isinstance(found, UserAggregate) else None


def aggregate_function(node: exp.Expr) -> AggregateFunction | None:
    """The aggregate that a bare call (without BY, FILTER, OVER) means; None for other nodes."""
    if not isinstance(node, exp.Anonymous) or not isinstance(node.this, str):
        return None
    user = user_defined(node)
    if user is not None:
        return user.function
    name = node.this.upper()
    arguments = node.expressions
    if name == "COUNT" and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
        return find("COUNT(*)")
    if name == "COUNT" and not arguments:
        return find("COUNT(*)")
    if arguments and isinstance(arguments[0], exp.Distinct):
        return find(f"{name}(DISTINCT)")
    return find(name)


def holds_aggregate(node: exp.Expr) -> bool:
    """There is an aggregate somewhere in the expression."""
    kinds = (exp.Window, exp.Filter, tree.Bucketed)
    return any(isinstance(n, kinds) or _is_named_aggregate(n) for n in node.walk())


def _is_named_aggregate(node: exp.Expr) -> bool:
    return aggregate_function(node) is not None or (
        isinstance(node, exp.Anonymous) and find(node.name) is not None
    )


def bind_windows(context: Context, node: tree.Windows) -> WindowList:
    """The windows of LAST ... or NEXT .... Raises SqlError."""
    forward = bool(node.args.get("forward"))
    limit = node.args.get("limit")
    counted = next((i for i in node.expressions if isinstance(i, tree.Rows)), limit)
    if forward and counted is not None:
        raise context.error(
            counted, "NEXT takes durations, not numbers of rows", "write OVER (NEXT '7d')"
        )
    windows: list[Window] = []
    for item in node.expressions:
        if isinstance(item, tree.Rows) and limit is not None:
            raise context.error(item, "LIMIT goes with durations", "write one number of rows")
        try:
            if isinstance(item, tree.Rows):
                window = Window(rows=int(item.this.name))
            else:
                rows = int(limit.name) if limit else None
                window = Window(parse_duration(item.name), rows, forward)
        except ValueError as error:
            raise context.error(item, str(error)) from None
        if window in windows:
            raise context.error(item, f"{window} is in this list twice", "leave one of them out")
        windows.append(window)
    return WindowList(tuple(windows), suffixed=len(windows) > 1)


def bind_named_windows(context: Context, nodes: Sequence[exp.Expr]) -> dict[str, WindowList]:
    """The WINDOW clause of a feature set. Raises SqlError."""
    named: dict[str, WindowList] = {}
    for node in nodes:
        if not isinstance(node, tree.NamedWindows):
            raise context.error(
                node, "a window of a feature set looks back from t", "write w AS (LAST '7d')"
            )
        name = node.this.name.casefold()
        if name in named:
            raise context.error(node.this, f"the window '{node.this.name}' is defined twice")
        named[name] = WindowList(bind_windows(context, node.expression).windows, suffixed=True)
    return named


@dataclass(frozen=True, slots=True)
class AggregateCall:
    """An aggregate as it stands in the text, bound, with its windows."""

    aggregate: Aggregate
    over: WindowList


def bind_aggregate(
    node: exp.Expr, scope: Scope, named: Named, special: Special | None = None
) -> AggregateCall | None:
    """The aggregate that a node is, with BY, FILTER and OVER; None where it is none.

    `special` takes parts of its arguments for itself. Raises SqlError.
    """
    context = scope.context
    over, bucket, condition = ALL, None, None
    call = node
    if isinstance(call, exp.Window):
        over = _over(call, context, named)
        call = call.this
    if isinstance(call, exp.Filter):
        condition, call = call.expression.this, call.this
    if isinstance(call, tree.Bucketed):
        bucket, call = call.expression, call.this
    known = aggregate_function(call)
    if known is None:
        _check_distinct(context, call)
        if call is not node:
            raise _not_an_aggregate(context, call)
        return None
    user = user_defined(call)
    if user is not None and any(isinstance(n, exp.Distinct) for n in call.expressions):
        name = call.name.upper()
        raise context.error(call, f"{name}(DISTINCT x) is not known", f"write {name}(x)")
    binder = ExpressionBinder(scope, special)
    try:
        bound = aggregate(
            known.name,
            **_arguments(known, call, binder),
            filter=binder.predicate(condition, "FILTER") if condition is not None else None,
            bucket=binder.bind(bucket) if bucket is not None else None,
            user=user,
        )
    except ExpressionError as error:
        raise context.moved(call, error) from None
    if known.half_life and any(window.forward for window in over.windows):
        raise context.error(
            call, f"{known.signature} weighs rows by their age, and NEXT looks ahead", "write SUM"
        )
    return AggregateCall(bound, over)


def _check_distinct(context: Context, call: exp.Expr) -> None:
    arguments = call.expressions if isinstance(call, exp.Anonymous) else []
    if arguments and isinstance(arguments[0], exp.Distinct) and find(call.name) is not None:
        name = call.name.upper()
        raise context.error(
            call, f"{name}(DISTINCT x) is not known", f"write {name}(x), or COUNT(DISTINCT x)"
        )


def _not_an_aggregate(context: Context, call: exp.Expr) -> Exception:
    name = call.name.upper() if isinstance(call, exp.Anonymous) else call.key.upper()
    if find_function(name) is not None or not isinstance(call, exp.Anonymous):
        return context.error(call, f"{name} is no aggregate, and BY, FILTER and OVER need one")
    return unknown_function(context, call)


def unknown_function(context: Context, call: exp.Anonymous) -> Exception:
    """The error for a name that is neither a function nor an aggregate."""
    names = [s for aggregate in AGGREGATES.values() for s in aggregate.spellings]
    names += [s for function in FUNCTIONS.values() for s in function.spellings]
    names += [user.name.upper() for user in context.catalog.aggregates().values()]
    plain = [n for n in names if n.replace("_", "").isalnum()]
    name = call.name.upper()
    distinct = find(f"{name}(DISTINCT)")
    hint = did_you_mean(name, plain) if distinct is None else f"write {distinct.signature}"
    return context.error(call, f"no function '{name}'", hint)


def _over(window: exp.Window, context: Context, named: Named) -> WindowList:
    spec = window.args.get("spec")
    if isinstance(spec, tree.Windows):
        return bind_windows(context, spec)
    alias = window.args.get("alias")
    plain = not any(window.args.get(k) for k in ("spec", "partition_by", "order"))
    if isinstance(alias, exp.Identifier) and plain:
        found = named.get(alias.name.casefold())
        if found is None:
            suggestion = did_you_mean(alias.name, named) or "define it: WINDOW w AS (LAST '7d')"
            raise context.error(alias, f"no window '{alias.name}'", suggestion)
        return found
    raise context.error(
        window, "a window of a feature set looks back from t", "write OVER (LAST '7d')"
    )


def _arguments(
    known: AggregateFunction, call: exp.Expr, binder: ExpressionBinder
) -> dict[str, Any]:
    """The expressions of the call, and its k and p, which are constants."""
    nodes = list(call.expressions)
    if known.name == "count_rows":
        return {"args": ()}
    if nodes and isinstance(nodes[0], exp.Distinct):
        nodes = [*nodes[0].expressions, *nodes[1:]]
    for node in nodes:
        inner = next((n for n in node.walk() if aggregate_function(n) is not None), None)
        if inner is not None:
            raise binder.error(inner, "an aggregate cannot stand inside an aggregate")
    constants = nodes[known.arity :]
    args = tuple(binder.bind(n) for n in nodes[: known.arity])
    k: int | None = None
    p: Decimal | None = None
    if known.p == "required" and call.name.upper() == "MEDIAN":
        p = MEDIAN
    elif known.p != "no" and constants:
        p = _constant(constants.pop(0), binder, "p", "a number from 0 to 1, such as 0.95")
    if known.k != "no" and constants:
        value = _constant(constants.pop(0), binder, "k", "a whole number")
        if value != value.to_integral_value():
            raise binder.error(call, "k takes a whole number")
        k = int(value)
    half_life: int | None = None
    if known.half_life and constants:
        half_life = _half_life(constants.pop(0), known, binder)
    if constants:
        raise binder.error(
            constants[0], f"{known.signature} takes no more arguments", f"write {known.signature}"
        )
    return {"args": args, "k": k, "p": p, "half_life": half_life}


def _half_life(node: exp.Expr, known: AggregateFunction, binder: ExpressionBinder) -> int:
    """A duration in a text, or an INTERVAL, in microseconds."""
    what = f"write {known.signature}"
    if not isinstance(node, exp.Interval) and not node.is_string:
        raise binder.error(node, "a half-life is a constant duration", what)
    try:
        return parse_duration(interval_text(node) if isinstance(node, exp.Interval) else node.name)
    except ValueError as error:
        raise binder.error(node, str(error)) from None


def _constant(node: exp.Expr, binder: ExpressionBinder, name: str, what: str) -> Decimal:
    inner = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(inner, exp.Literal) or inner.is_string:
        raise binder.error(node, f"{name} is a constant: {what}")
    value = Decimal(inner.name)
    return -value if isinstance(node, exp.Neg) else value
