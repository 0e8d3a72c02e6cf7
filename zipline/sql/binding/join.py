"""Joins in time: a feature set, or rows, on the right of a spine.

The spine's columns are called `alias.column` throughout; each join appends its own.
"""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from bighead.zipline.ir.expr import Column, Expr, conjunction, rename, substitute
from bighead.zipline.ir.nodes import Lookup, TemporalJoin, View
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.events import Origin
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.keys import key_columns, with_keys
from bighead.zipline.sql.binding.label import (
    check_side,
    check_times,
    marked,
    with_its_time,
    without_knowledge,
)
from bighead.zipline.sql.binding.match import Match, match_condition
from bighead.zipline.sql.binding.on import (
    Chain,
    conditions,
    equality,
    sides,
    unified,
    using,
)
from bighead.zipline.sql.binding.plain import PlainRows, match_plain
from bighead.zipline.sql.binding.right import Right, bind_right, read_columns
from bighead.zipline.sql.binding.scope import Relation, Scope
from bighead.zipline.sql.binding.static import join_static
from bighead.zipline.sql.intervals import interval_microseconds


def join(
    chain: Chain,
    node: exp.Join,
    plain: PlainRows | None = None,
    named: frozenset[str] = frozenset(),
) -> Chain:
    """The chain with one more join. Raises SqlError.

    `plain`: the right side, where it is rows without declared times. `named`: the columns of the
    right side that the query reads as `alias.column`, folded; a key is offered where it is read.
    """
    if not isinstance(node, tree.TemporalJoin):
        return join_static(chain, node)
    right = plain or bind_right(node.this, chain.context)
    if right.alias.casefold() in (r.alias.casefold() for r in chain.scope.relations):
        raise chain.error(node.this, f"two tables are called '{right.alias}'", "rename one: AS")
    if isinstance(right, PlainRows):
        right, matched = match_plain(chain, node, right)
    else:
        check_side(chain, node, right)
        matched = match_condition(chain, node, right)
    check_times(chain, node, matched)
    label = node.method == "LABEL"
    if label:
        right = without_knowledge(right)
    if right.view is None:
        joined = _rows(chain, node, right, matched)
    else:
        joined = _view(chain, node, right, matched, named)
    if matched.inclusive:
        joined = replace(joined, inclusive=(*joined.inclusive, node))
    return marked(joined, node) if label else joined


def _view(
    chain: Chain, node: tree.TemporalJoin, right: Right, matched: Match, named: frozenset[str]
) -> Chain:
    assert right.view is not None
    seen = Scope(chain.context, (right.seen,))
    ours: dict[str, tuple[Expr, Expr]] = {}
    for left, there, place in using(chain, node, right.seen):
        _take_key(chain, ours, right, left, there, place)
    for conjunct in conditions(node):
        pair = equality(chain, seen, conjunct)
        if pair is None:
            raise chain.error(
                conjunct,
                f"ON equates the key of {right.alias} and says nothing else",
                f"write {_key_advice(right)}",
            )
        _take_key(chain, ours, right, *pair, conjunct)
    missing = [name for name, _ in right.keys if name not in ours]
    if missing:
        raise chain.error(
            node.args.get("on") or node.this,
            f"ON equates every key column of {right.alias}; {', '.join(missing)} is missing",
            f"write {_key_advice(right)}",
        )
    if node.args.get("tolerance") is not None and not isinstance(right.view, Lookup):
        raise chain.error(
            node.args["tolerance"],
            "TOLERANCE is for look-ups of rows; a window has its own length",
            "leave it out",
        )
    pairs = [ours[name] for name, _ in right.keys]
    view = replace(right.view, keys=tuple(theirs for _, theirs in pairs))
    if isinstance(view, Lookup):
        view = replace(view, tolerance=_tolerance(node))
    offered = {n.casefold() for n, _ in right.columns}
    read = [(n, e) for n, e in right.keys if n.casefold() in named - offered]
    view = with_keys(view, tuple(read))
    joined = _joined(chain, node, right, view, tuple(o for o, _ in pairs), matched)
    equal = [ours[n][0] for n, _ in read]
    keys = key_columns(view, right.alias, tuple(read), equal, node.kind == "INNER")
    *others, last = joined.scope.relations
    relations = (*others, replace(last, keys=keys))
    return replace(joined, scope=replace(joined.scope, relations=relations))


def _key_advice(right: Right) -> str:
    return "ON " + " AND ".join(f"{right.alias}.{n} = ..." for n, _ in right.keys)


def _take_key(
    chain: Chain,
    ours: dict[str, tuple[Expr, Expr]],
    right: Right,
    left: Expr,
    there: Expr,
    place: exp.Expr,
) -> None:
    name = next((n for n, e in right.keys if e == there), None)
    if name is None:
        raise chain.error(
            place, f"ON equates the key of {right.alias}", f"write {_key_advice(right)}"
        )
    if name in ours:
        raise chain.error(place, f"the key {right.alias}.{name} is equated twice")
    ours[name] = unified(chain, place, left, there)


# -- rows -----------------------------------------------------------------------------------------


def _rows(chain: Chain, node: tree.TemporalJoin, right: Right, matched: Match) -> Chain:
    seen = Scope(chain.context, (right.seen,))
    pairs = [
        unified(chain, place, left, there) for left, there, place in using(chain, node, right.seen)
    ]
    ahead: list[Expr] = []  # filters the candidates by themselves
    beside: list[Expr] = []  # compares them with the spine
    for conjunct in conditions(node):
        pair = equality(chain, seen, conjunct)
        if pair is not None:
            pairs.append(unified(chain, conjunct, *pair))
            continue
        left, _ = sides(chain, seen, conjunct)
        if not left:
            ahead.append(ExpressionBinder(seen).predicate(conjunct, "ON"))
        else:
            beside.append(_both(chain, right, conjunct))
    if not pairs and chain.in_set:
        raise chain.error(
            node.this, f"ON has to say which row of {right.alias} is meant", "add ON key = key"
        )
    rows = right.rows
    for predicate in ahead:
        rows = Origin(rows, right.alias, (), ()).where(predicate).rows
    columns = read_columns(right.columns)
    lookup = Lookup(
        rows,
        tuple(theirs for _, theirs in pairs),
        columns,
        matched.forward,
        _tolerance(node),
        conjunction(tuple(beside)),
    )
    if node.method == "LABEL":
        lookup = with_its_time(lookup)
    return _joined(chain, node, right, lookup, tuple(o for o, _ in pairs), matched)


def _both(chain: Chain, right: Right, conjunct: exp.Expr) -> Expr:
    """A predicate over the spine's columns and, as `alias.column`, those of the row."""
    theirs = Relation(
        right.alias,
        tuple((n, rename(e, lambda c: f"{right.alias}.{c}")) for n, e in right.seen.columns),
    )
    scope = chain.scope.with_relation(theirs)
    return ExpressionBinder(scope).predicate(conjunct, "ON")


def _tolerance(node: tree.TemporalJoin) -> int | None:
    interval = node.args.get("tolerance")
    return None if interval is None else interval_microseconds(interval)


def _joined(
    chain: Chain,
    node: tree.TemporalJoin,
    right: Right,
    view: View | Lookup,
    keys: tuple[Expr, ...],
    matched: Match,
) -> Chain:
    kind = "inner" if node.kind == "INNER" else "left"
    joined = TemporalJoin(
        chain.node, view, right.alias, keys, matched.time, matched.inclusive,
        "inner" if kind == "inner" else "left",
    )  # fmt: skip
    there = {
        name: Column(f"{right.alias}.{name}", view.schema.field(name).type)
        for name in view.schema.names
    }
    offered = tuple((n, substitute(e, dict(there))) for n, e in right.columns)
    relation = Relation(right.alias, offered)
    merged = [name.name for name in node.args.get("using") or []]
    return replace(
        chain,
        node=joined,
        scope=chain.scope.with_relation(relation, merged),
        uses=(*chain.uses, *right.uses),
        first_time=chain.first_time or (matched.time if node.method != "LABEL" else None),
    )
