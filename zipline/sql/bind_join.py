"""Joins in time: MATCH_CONDITION, ON, USING and TOLERANCE become nodes over the spine.

The spine's columns are called `alias.column` throughout; each join appends its own. A STATIC entity
is joined here too, by the whole of its primary key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.errors import ExpressionError, SqlError
from bighead.zipline.expressions import cast, unify
from bighead.zipline.ir.expr import Call, Column, Expr, columns_of, conjunction, rename, substitute
from bighead.zipline.ir.nodes import (
    Filter,
    Lookup,
    Node,
    Project,
    Scan,
    StaticJoin,
    TemporalJoin,
    Versions,
    View,
)
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.ir.types import DATE, TIMESTAMP, is_integer, sql_name
from bighead.zipline.sql import tree
from bighead.zipline.sql.bind_events import Origin
from bighead.zipline.sql.bind_expression import ExpressionBinder
from bighead.zipline.sql.bind_right import Right, bind_right, read_columns
from bighead.zipline.sql.bind_view import SELF
from bighead.zipline.sql.queries import interval_microseconds
from bighead.zipline.sql.scope import Context, Relation, Scope, match, of_schema

COMPARED = (exp.GT, exp.GTE, exp.LT, exp.LTE)
MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
}
PSEUDO = "event_time"
LEFT_ONLY, RIGHT_ONLY = (True, False), (False, True)


@dataclass(frozen=True, slots=True)
class Chain:
    """A spine with what has been joined to it so far."""

    node: Node
    scope: Scope
    uses: tuple[str, ...]
    in_set: bool
    """Stricter: sets know no forward joins and no join of all with all."""
    first_time: Expr | None = None
    """The left side of the first MATCH_CONDITION."""
    times: tuple[Expr, ...] = ()
    """The event times of the spine's sources, over its columns."""

    @property
    def context(self) -> Context:
        return self.scope.context

    def error(self, node: exp.Expr | None, reason: str, suggestion: str = "") -> SqlError:
        """An error that underlines a node."""
        return self.context.error(node, reason, suggestion)


@dataclass(frozen=True, slots=True)
class _Match:
    time: Expr
    inclusive: bool
    forward: bool


def join(chain: Chain, node: exp.Join) -> Chain:
    """The chain with one more join. Raises SqlError."""
    if not isinstance(node, tree.TemporalJoin):
        return _static(chain, node)
    if node.method == "LABEL":
        raise chain.error(
            node,
            "label joins are not answered by this version",
            "mark a column of the spine: LABEL q.column",
        )
    right = bind_right(node.this, chain.context)
    if right.alias.casefold() in (r.alias.casefold() for r in chain.scope.relations):
        raise chain.error(node.this, f"two tables are called '{right.alias}'", "rename one: AS")
    matched = _match(chain, node, right)
    return _view(chain, node, right, matched) if right.view else _rows(chain, node, right, matched)


# -- MATCH_CONDITION ------------------------------------------------------------------------------


def _match(chain: Chain, node: tree.TemporalJoin, right: Right) -> _Match:
    condition = node.args["match_condition"]
    while isinstance(condition, exp.Paren):
        condition = condition.this
    if not isinstance(condition, COMPARED):
        raise chain.error(
            condition,
            "MATCH_CONDITION is one comparison of two times",
            f"write left.ts > {right.alias}.event_time",
        )
    ours, theirs = condition.this, condition.expression
    kind: type[exp.Expr] = type(condition)
    if _names(ours, right) and not _names(theirs, right):
        ours, theirs, kind = theirs, ours, MIRRORED[kind]
    _check_time_of_right(chain, theirs, right)
    time = ExpressionBinder(chain.scope).bind(ours)
    if time.type == DATE:
        time = cast(time, TIMESTAMP)
    if is_integer(time.type):
        # An integer that a source counts its time in means that time.
        time = next((t for t in chain.times if columns_of(t) == columns_of(time)), time)
    if not pa.types.is_timestamp(time.type):
        raise chain.error(
            ours, f"the time of a join is a TIMESTAMP, not {sql_name(time.type)}", "CAST it"
        )
    forward = kind in (exp.LT, exp.LTE)
    if forward and chain.in_set:
        raise chain.error(
            condition, "a set never looks ahead", f"write > or >= {right.alias}.event_time"
        )
    if forward and right.view is not None:
        raise chain.error(
            condition,
            "only rows are looked up ahead; a feature set has no next value",
            "write > or >=, or join the bare source",
        )
    return _Match(time, kind in (exp.GTE, exp.LTE), forward)


def _names(node: exp.Expr, right: Right) -> bool:
    """The expression speaks of the right side."""
    alias = right.alias.casefold()
    return any(c.table.casefold() == alias for c in node.find_all(exp.Column))


def _check_time_of_right(chain: Chain, node: exp.Expr, right: Right) -> None:
    advice = f"write {right.alias}.event_time"
    said = isinstance(node, exp.Column) and node.args.get("table") is not None
    if not said or not _names(node, right):
        raise chain.error(
            node, f"the right side of MATCH_CONDITION is the time of {right.alias}", advice
        )
    assert isinstance(node, exp.Column)
    offered = [n for n, _ in (*right.columns, *right.keys)]
    columns = offered if right.view is not None else [*offered, *right.rows.schema.names]
    is_time = bool(right.times) and bool(match(node.this, right.times))
    if node.name.casefold() == PSEUDO and not is_time:
        if any(c.casefold() == PSEUDO for c in columns):
            raise chain.error(
                node,
                f"{right.alias}.event_time is a column that is not the time of {right.alias}",
                f"write {right.alias}.{right.times[0]}" if right.times else "rename that column",
            )
        return
    if is_time:
        return
    if right.times:
        advice = f"write {right.alias}.{right.times[0]}"
    raise chain.error(node, f"{right.alias}.{node.name} is not the time of {right.alias}", advice)


# -- ON and USING ---------------------------------------------------------------------------------


def _conditions(node: exp.Join) -> list[exp.Expr]:
    on = node.args.get("on")
    while isinstance(on, exp.Paren):
        on = on.this
    if on is None or (isinstance(on, exp.Boolean) and on.this):
        return []
    return list(on.flatten()) if isinstance(on, exp.And) else [on]


def _using(chain: Chain, node: exp.Join, theirs: Relation) -> list[tuple[Expr, Expr, exp.Expr]]:
    """The pairs of USING: ours, theirs."""
    pairs = []
    for name in node.args.get("using") or []:
        ours = chain.scope.column(exp.Column(this=name.copy()))
        there = Scope(chain.context, (theirs,)).column(exp.Column(this=name.copy()))
        pairs.append((ours, there, name))
    return pairs


def _sides(chain: Chain, seen: Scope, node: exp.Expr) -> tuple[bool, bool]:
    """Whether a predicate reads the left, and whether it reads the right side."""
    left = right = False
    for column in node.find_all(exp.Column):
        qualifier = column.args.get("table")
        if isinstance(qualifier, exp.Identifier) and seen.has_relation(qualifier):
            right = True
        elif isinstance(qualifier, exp.Identifier):
            left = True
        else:
            in_right = bool(match(column.this, (n for n, _ in seen.relations[0].columns)))
            in_left = any(
                match(column.this, (n for n, _ in r.columns)) for r in chain.scope.relations
            )
            if in_right and in_left:
                raise chain.error(
                    column,
                    f"'{column.name}' is a column of both sides",
                    f"write {seen.relations[0].alias}.{column.name}",
                )
            right, left = right or in_right, left or not in_right
    return left, right


def _equality(chain: Chain, seen: Scope, node: exp.Expr) -> tuple[Expr, Expr] | None:
    """`ours = theirs` of a conjunct, each side reading one side only; None for other predicates."""
    if not isinstance(node, exp.EQ):
        return None
    for ours, theirs in ((node.this, node.expression), (node.expression, node.this)):
        if _sides(chain, seen, ours) == (True, False) and _sides(chain, seen, theirs) == (
            False,
            True,
        ):
            return ExpressionBinder(chain.scope).bind(ours), ExpressionBinder(seen).bind(theirs)
    return None


def _unified(chain: Chain, node: exp.Expr, ours: Expr, theirs: Expr) -> tuple[Expr, Expr]:
    """Both sides of an equality in their common type."""
    try:
        (left, right), _ = unify("=", (ours, theirs))
    except ExpressionError as error:
        raise chain.context.moved(node, error) from None
    return left, right


# -- feature sets ---------------------------------------------------------------------------------


def _view(chain: Chain, node: tree.TemporalJoin, right: Right, matched: _Match) -> Chain:
    assert right.view is not None
    seen = Scope(chain.context, (right.seen,))
    ours: dict[str, tuple[Expr, Expr]] = {}
    for left, there, place in _using(chain, node, right.seen):
        _take_key(chain, ours, right, left, there, place)
    for conjunct in _conditions(node):
        pair = _equality(chain, seen, conjunct)
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
        if view.residual is not None:
            mine = f"{right.alias}."
            view = replace(view, residual=rename(view.residual, lambda n: n.replace(SELF, mine, 1)))
    return _joined(chain, node, right, view, tuple(o for o, _ in pairs), matched)


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
    ours[name] = _unified(chain, place, left, there)


# -- rows -----------------------------------------------------------------------------------------


def _rows(chain: Chain, node: tree.TemporalJoin, right: Right, matched: _Match) -> Chain:
    seen = Scope(chain.context, (right.seen,))
    pairs = [
        _unified(chain, place, left, there)
        for left, there, place in _using(chain, node, right.seen)
    ]
    ahead: list[Expr] = []  # filters the candidates by themselves
    beside: list[Expr] = []  # compares them with the spine
    for conjunct in _conditions(node):
        pair = _equality(chain, seen, conjunct)
        if pair is not None:
            pairs.append(_unified(chain, conjunct, *pair))
            continue
        left, _ = _sides(chain, seen, conjunct)
        if not left and not isinstance(right.rows, Versions):
            ahead.append(ExpressionBinder(seen).predicate(conjunct, "ON"))
        else:
            beside.append(_both(chain, right, conjunct))
    if right.predicate is not None:
        beside.append(rename(right.predicate, lambda n: f"{right.alias}.{n}"))
    if not pairs and chain.in_set:
        raise chain.error(
            node.this, f"ON has to say which row of {right.alias} is meant", "add ON key = key"
        )
    if isinstance(right.rows, Versions):
        _check_entity(chain, node, right, pairs)
    rows = right.rows
    for predicate in ahead:
        assert not isinstance(rows, Versions)
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
    return _joined(chain, node, right, lookup, tuple(o for o, _ in pairs), matched)


def _both(chain: Chain, right: Right, conjunct: exp.Expr) -> Expr:
    """A predicate over the spine's columns and, as `alias.column`, those of the row."""
    theirs = Relation(
        right.alias,
        tuple((n, rename(e, lambda c: f"{right.alias}.{c}")) for n, e in right.seen.columns),
    )
    scope = chain.scope.with_relation(theirs)
    return ExpressionBinder(scope).predicate(conjunct, "ON")


def _check_entity(
    chain: Chain, node: exp.Join, right: Right, pairs: Sequence[tuple[Expr, Expr]]
) -> None:
    assert isinstance(right.rows, Versions)
    named = {_key_column(theirs) for _, theirs in pairs}
    missing = [k for k in right.rows.primary_key if k not in named]
    if missing or len(named) != len(pairs) or len(pairs) != len(right.rows.primary_key):
        key = " AND ".join(f"{right.alias}.{k} = ..." for k in right.rows.primary_key)
        raise chain.error(
            node.args.get("on") or node.this,
            f"a row of the entity {right.rows.source} is looked up by its whole primary key",
            f"write ON {key}",
        )


def _key_column(theirs: Expr) -> str | None:
    """The column that one side of an equality is, perhaps widened; None for other expressions."""
    if isinstance(theirs, Call) and theirs.function == "cast":
        theirs = theirs.args[0]
    return theirs.name if isinstance(theirs, Column) else None


def _tolerance(node: tree.TemporalJoin) -> int | None:
    interval = node.args.get("tolerance")
    return None if interval is None else interval_microseconds(interval)


def _joined(
    chain: Chain,
    node: tree.TemporalJoin,
    right: Right,
    view: View | Lookup,
    keys: tuple[Expr, ...],
    matched: _Match,
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
        first_time=chain.first_time or matched.time,
    )


# -- STATIC entities ------------------------------------------------------------------------------


def _static(chain: Chain, node: exp.Join) -> Chain:
    """LEFT | INNER JOIN entity ON its whole primary key."""
    table = node.this
    found = chain.context.find(table) if isinstance(table, exp.Table) else None
    if not isinstance(found, EntitySource) or not found.static:
        raise chain.error(
            table, "the only plain join in a set is that of a STATIC entity", "write ASOF LEFT JOIN"
        )
    if node.side not in ("", "LEFT") or node.kind or node.method:
        raise chain.error(node.this, "a STATIC entity is joined by LEFT JOIN or INNER JOIN")
    alias = table.alias or table.name
    if alias.casefold() in (r.alias.casefold() for r in chain.scope.relations):
        raise chain.error(table, f"two tables are called '{alias}'", "rename one: AS")
    schema = found.schema
    seen = of_schema(alias, schema)
    scope = Scope(chain.context, (seen,))
    pairs = [_unified(chain, p, ours, there) for ours, there, p in _using(chain, node, seen)]
    beside: list[Expr] = []
    for conjunct in _conditions(node):
        pair = _equality(chain, scope, conjunct)
        if pair is not None:
            pairs.append(_unified(chain, conjunct, *pair))
        else:
            both = chain.scope.with_relation(of_schema(alias, schema, alias))
            beside.append(ExpressionBinder(both).predicate(conjunct, "ON"))
    by_key = {_key_column(theirs) or "": (ours, theirs) for ours, theirs in pairs}
    if sorted(by_key) != sorted(found.primary_key) or len(pairs) != len(by_key):
        key = " AND ".join(f"{alias}.{k} = ..." for k in found.primary_key)
        raise chain.error(
            node.args.get("on") or table,
            f"{found.name} is joined by its whole primary key",
            f"write ON {key}",
        )
    entity: Node = Scan(found, tuple(schema.names))
    if any(not isinstance(theirs, Column) for _, theirs in pairs):
        widened = {name: by_key[name][1] for name in found.primary_key}
        columns = tuple((f.name, widened.get(f.name, Column(f.name, f.type))) for f in schema)
        entity = Project(entity, columns)
    joined = StaticJoin(
        chain.node,
        entity,
        alias,
        tuple(by_key[k][0] for k in found.primary_key),
        found.primary_key,
        tuple(schema.names),
        "left" if node.side == "LEFT" else "inner",
        conjunction(tuple(beside)),
    )
    merged = [name.name for name in node.args.get("using") or []]
    return replace(
        chain,
        node=joined,
        scope=chain.scope.with_relation(of_schema(alias, entity.schema, alias), merged),
        uses=(*chain.uses, found.name),
    )


def filtered(chain: Chain, predicate: Expr) -> Chain:
    """The chain without the rows for which the predicate is not true."""
    return replace(chain, node=Filter(chain.node, predicate))
