"""FROM of a plain SELECT: tables, sub-queries, temporal joins and ordinary ones, left to right.

Every join leaves one node whose columns are called `alias.column`, so that the next join, temporal
or not, has it for its spine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.catalog import FeatureSet
from bighead.zipline.errors import BigheadError, ExpressionError, SqlError
from bighead.zipline.expressions import common_type, implicit_cast, unify
from bighead.zipline.ir.expr import Column, Expr, columns_of, substitute
from bighead.zipline.ir.nodes import Keys, Node, Project, Relational, TemporalJoin
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.ir.types import sql_name
from bighead.zipline.sql import tree
from bighead.zipline.sql.bind_expression import ExpressionBinder
from bighead.zipline.sql.bind_join import Chain, join
from bighead.zipline.sql.bind_right import Right, bind_right
from bighead.zipline.sql.bind_spine import bind_spine
from bighead.zipline.sql.relational import ROW, Steps, listed, numbered, quoted
from bighead.zipline.sql.scope import Context, Relation, Scope, dotted, match, of_schema
from bighead.zipline.sql.spelling import spell

COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
LOGIC: dict[type[exp.Expr], str] = {exp.And: "AND", exp.Or: "OR"}


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query returns: columns of unique inner names, and what they are called outside."""

    node: Node
    names: tuple[str, ...]

    def relation(self, alias: str, renamed: list[str]) -> tuple[Node, Relation]:
        """The rows as a table; names that repeat get a number, as in DuckDB (`a`, `a_1`)."""
        names = [*renamed, *self.names[len(renamed) :]]
        unique: list[str] = []
        for name in names:
            free, n = name, 0
            while free.casefold() in (u.casefold() for u in unique):
                n += 1
                free = f"{name}_{n}"
            unique.append(free)
        pairs = zip(unique, self.node.schema, strict=True)
        columns = tuple((f"{alias}.{n}", Column(f.name, f.type)) for n, f in pairs)
        schema = pa.schema(
            [pa.field(n, f.type) for n, f in zip(unique, self.node.schema, strict=True)]
        )
        return Project(self.node, columns), of_schema(alias, schema, alias)


Ask = Callable[[exp.Expr], Rows]
"""Binds a query within this one."""


class FromBinder:
    """Binds FROM and the joins of one SELECT."""

    def __init__(self, context: Context, steps: Steps, ask: Ask, ctes: dict[str, Rows]) -> None:
        self.context, self.steps, self.ask, self.ctes = context, steps, ask, ctes

    def bind(self, query: exp.Select) -> Chain:
        """The node and scope of FROM and all its joins."""
        origin = query.args.get("from_")
        if origin is None:
            one = self.steps.relational('SELECT TRUE AS "#one"', {}, ["#one"])
            return Chain(one, Scope(self.context, ()), (), in_set=False)
        chain = self._nested(origin.this)
        for part in query.args.get("joins") or []:
            chain = self._join(chain, part)
        if query.args.get("laterals"):
            raise self.context.error(query.args["laterals"][0], "LATERAL is not known here")
        return chain

    def _nested(self, factor: exp.Expr) -> Chain:
        """A table factor, with the joins that hang on it."""
        node, relation = self.factor(factor)
        times = self._times(factor)
        chain = Chain(node, Scope(self.context, (relation,)), (), in_set=False, times=times)
        for part in factor.args.get("joins") or []:
            chain = self._join(chain, part)
        return chain

    def _times(self, factor: exp.Expr) -> tuple[Expr, ...]:
        """The event time of a source, over the columns that the factor gives it."""
        if not isinstance(factor, exp.Table) or _renamed(factor):
            return ()
        if len(factor.parts) == 1 and factor.name.casefold() in self.ctes:
            return ()
        time = bind_spine(factor, self.context).time
        return () if time is None else (time,)

    # -- tables ---------------------------------------------------------------------------------

    def factor(self, node: exp.Expr) -> tuple[Node, Relation]:
        """One table, under the names `alias.column`."""
        if isinstance(node, exp.Table):
            return self._table(node)
        if isinstance(node, exp.Subquery):
            return self._subquery(node)
        if isinstance(node, tree.AsOf):
            return self._as_of(node)
        if isinstance(node, tree.United):
            return self._united(node)
        if isinstance(node, exp.Values):
            return self._values(node)
        raise self.context.error(node, f"{node.key.upper()} cannot stand in FROM", "name a table")

    def _table(self, node: exp.Table) -> tuple[Node, Relation]:
        alias = node.alias or node.name
        if not isinstance(node.this, exp.Identifier):
            raise self.context.error(node, "a table function is not known here", "name a table")
        renamed = _renamed(node)
        rows = self.ctes.get(node.name.casefold()) if len(node.parts) == 1 else None
        if rows is not None:
            self._check_renamed(node, renamed, len(rows.names))
            return rows.relation(alias, renamed)
        spine = bind_spine(node, self.context)
        if renamed:
            self._check_renamed(node, renamed, len(spine.node.schema))
            outer = tuple(f.name.removeprefix(f"{alias}.") for f in spine.node.schema)
            return Rows(spine.node, outer).relation(alias, renamed)
        return spine.node, spine.relation

    def _check_renamed(self, node: exp.Expr, renamed: list[str], count: int) -> None:
        if len(renamed) > count:
            raise self.context.error(
                node.args["alias"], f"{len(renamed)} names for {count} columns"
            )

    def _subquery(self, node: exp.Subquery) -> tuple[Node, Relation]:
        inner = node.this
        if isinstance(inner, exp.Table | tree.United):
            raise self.context.error(node, "a joined table in parentheses is not known here")
        if not isinstance(inner, exp.Query):
            raise self.context.error(node, "a sub-query is a SELECT")
        rows = self.ask(inner)
        renamed = _renamed(node)
        self._check_renamed(node, renamed, len(rows.names))
        alias = node.alias or self.steps.fresh()
        return rows.relation(alias, renamed)

    def _values(self, node: exp.Values) -> tuple[Node, Relation]:
        first = node.expressions[0]
        width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
        names = [f"column{i + 1}" for i in range(width)]
        for part in node.find_all(exp.Column):
            raise self.context.error(part, "VALUES holds constants, no columns")
        rows_text = ", ".join(
            spell(part if isinstance(part, exp.Tuple) else exp.Tuple(expressions=[part.copy()]))
            for part in node.expressions
        )
        sql = f"SELECT * FROM (VALUES {rows_text})"
        rows = Rows(self.asked(node, sql, {}, [self.steps.fresh() for _ in names]), tuple(names))
        return rows.relation(node.alias or self.steps.fresh(), _renamed(node))

    def asked(
        self, place: exp.Expr, sql: str, tables: dict[str, Node], names: list[str]
    ) -> Relational:
        """A step of DataFusion; what it refuses is shown at `place`."""
        try:
            return self.steps.relational(sql, tables, names)
        except SqlError:
            raise
        except BigheadError as error:
            raise self.context.moved(place, error) from None

    def _united(self, node: tree.United) -> tuple[Node, Relation]:
        """The rows of all sources, one after the other, columns matched by name."""
        spines = [bind_spine(e, self.context) for e in node.expressions]
        first = spines[0].relation
        tables: dict[str, Node] = {}
        kinds = [expr.type for _, expr in first.columns]
        names = [name for name, _ in first.columns]
        ordered = []
        for part, spine in zip(node.expressions, spines, strict=True):
            exprs = []
            if len(spine.relation.columns) != len(names):
                raise self.context.error(part, "UNION ALL needs the same columns on both sides")
            for i, name in enumerate(names):
                scope = Scope(self.context, (spine.relation,))
                if not match(exp.to_identifier(name), (n for n, _ in spine.relation.columns)):
                    raise self.context.error(
                        part,
                        f"UNION ALL needs the same columns, and {dotted(part)} has no '{name}'",
                    )
                expr = scope.column(exp.column(name))
                both = common_type(kinds[i], expr.type)
                if both is None:
                    raise self.context.error(
                        part, f"'{name}' is {sql_name(kinds[i])} and {sql_name(expr.type)}"
                    )
                kinds[i] = both
                exprs.append(expr)
            ordered.append((spine.node, exprs))
        inner = [self.steps.fresh() for _ in names]
        for i, (below, exprs) in enumerate(ordered):
            widened = [implicit_cast(e, k) for e, k in zip(exprs, kinds, strict=True)]
            tables[f"u{i + 1}"] = Project(below, tuple(zip(inner, widened, strict=True)))
        rows = Rows(self.asked(node, union_all(list(tables), inner), tables, inner), tuple(names))
        return rows.relation(node.alias or node.expressions[0].name, [])

    def _as_of(self, node: tree.AsOf) -> tuple[Node, Relation]:
        """A feature set at one time: its keys, and what it holds for them then."""
        right = self._set(node)
        assert right.view is not None
        moment = ExpressionBinder(Scope(self.context, ())).bind(node.expression)
        if not pa.types.is_timestamp(moment.type):
            raise self.context.error(
                node.expression, "AS OF takes a time", "write AS OF TIMESTAMP '2024-01-01 00:00:00'"
            )
        alias = node.alias or right.alias
        rows = right.rows
        if not hasattr(rows, "event_time") and not hasattr(rows, "events"):
            raise self.context.error(node, "AS OF over an entity is not answered by this version")
        if right.keys:
            spine: Node = Keys(rows, tuple((f"{alias}.{n}", e) for n, e in right.keys))  # type: ignore[arg-type]
        else:
            spine = self.steps.relational('SELECT TRUE AS "#one"', {}, ["#one"])
        keys = tuple(Column(f.name, f.type) for f in spine.schema) if right.keys else ()
        joined = TemporalJoin(spine, right.view, alias, keys, moment, kind="inner")
        columns = {n: Column(f"{alias}.{n}", t) for n, t in _typed(right.view.schema)}
        offered = [(n, Column(f"{alias}.{n}", e.type)) for n, e in right.keys]
        offered += [(n, _replaced(e, columns)) for n, e in right.columns]  # type: ignore[misc]
        return joined, Relation(alias, tuple(offered))

    def _set(self, node: tree.AsOf) -> Right:
        inner = node.this
        if isinstance(inner, exp.Subquery):
            inner = inner.copy()
            inner.parent = node
            if not inner.alias:
                inner.set("alias", exp.TableAlias(this=exp.to_identifier(node.alias or "#set")))
        elif isinstance(inner, exp.Table):
            found = self.context.find(inner)
            if not isinstance(found, FeatureSet):
                raise self.context.error(
                    inner, f"AS OF asks a feature set, and {found.name} is none", "leave out AS OF"
                )
        right = bind_right(inner, self.context)
        if right.view is None:
            raise self.context.error(
                inner, "AS OF needs a key", "add GROUP BY key to the sub-query"
            )
        return right

    # -- joins ----------------------------------------------------------------------------------

    def _join(self, chain: Chain, node: exp.Join) -> Chain:
        if isinstance(node, tree.TemporalJoin):
            return join(chain, node)
        if self._is_static(node):
            return join(chain, node)
        if node.kind in ("SEMI", "ANTI"):
            raise self.context.error(
                node.this, f"{node.kind} JOIN is not known", "write WHERE EXISTS"
            )
        right = self._nested(node.this)
        relations = right.scope.relations
        for relation in relations:
            if relation.alias.casefold() in (r.alias.casefold() for r in chain.scope.relations):
                raise self.context.error(
                    node.this, f"two tables are called '{relation.alias}'", "rename one: AS"
                )
        return _OrdinaryJoin(self, chain, right, node).bind()

    def _is_static(self, node: exp.Join) -> bool:
        """A join of a STATIC entity by nothing but its whole key; it keeps the spine's order."""
        table = node.this
        if not isinstance(table, exp.Table) or node.side not in ("", "LEFT") or node.kind:
            return False
        if node.method or not isinstance(table.this, exp.Identifier) or table.args.get("joins"):
            return False
        if len(table.parts) == 1 and table.name.casefold() in self.ctes:
            return False
        found = self.context.catalog.find(dotted(table))
        if not isinstance(found, EntitySource) or not found.static or _renamed(table):
            return False
        keys = {k.casefold() for k in found.primary_key}
        if node.args.get("using"):
            return {n.name.casefold() for n in node.args["using"]} == keys
        on = node.args.get("on")
        alias = (table.alias or table.name).casefold()
        parts = list(on.flatten()) if isinstance(on, exp.And) else [on]
        named = set()
        for part in parts:
            if not isinstance(part, exp.EQ):
                return False
            sides = [s for s in (part.this, part.expression) if isinstance(s, exp.Column)]
            mine = [s for s in sides if s.table.casefold() == alias]
            if len(mine) != 1:
                return False
            named.add(mine[0].name.casefold())
        return named == keys and len(parts) == len(keys)


def _typed(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return [(f.name, f.type) for f in schema]


def _replaced(expr: Expr, columns: dict[str, Column]) -> Expr:
    return substitute(expr, dict(columns))


def _renamed(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [c.name for c in alias.args.get("columns") or []] if alias is not None else []


def union_all(tables: list[str], names: list[str]) -> str:
    """The rows of the tables one after the other, in order."""
    side, row = quoted("#side"), quoted(ROW)
    branches = [
        f"SELECT {listed(names)}, {i} AS {side}, ROW_NUMBER() OVER () AS {row} FROM {quoted(t)}"
        for i, t in enumerate(tables)
    ]
    return f"SELECT {listed(names)} FROM ({' UNION ALL '.join(branches)}) ORDER BY {side}, {row}"


class _OrdinaryJoin:
    """JOIN without a time: DataFusion joins, the order of the left rows is restored."""

    def __init__(self, binder: FromBinder, left: Chain, right: Chain, node: exp.Join) -> None:
        self.binder, self.node = binder, node
        self.context = binder.context
        self.left, self.right = left, right
        self.both = replace(left.scope, relations=(*left.scope.relations, *right.scope.relations))
        self.nodes: list[Node] = [left.node, right.node]
        self.scopes = (left.scope, right.scope)

    def bind(self) -> Chain:
        """The joined rows."""
        node = self.node
        side = node.side or ("CROSS" if node.kind == "CROSS" else "INNER")
        merged = self._merged()
        condition = self._using(merged) if merged else self._on()
        left, right = self.nodes
        names = [*left.schema.names, *right.schema.names]
        kept = f"{listed(left.schema.names, 'l')}, {listed(right.schema.names, 'r')}"
        order = "ORDER BY l.{0}, r.{0}".format(quoted(ROW))
        if side == "RIGHT":
            order = "ORDER BY r.{0}, l.{0}".format(quoted(ROW))
        if side == "FULL":
            order += " NULLS LAST"
            order = order.replace(f"l.{quoted(ROW)},", f"l.{quoted(ROW)} NULLS LAST,")
        on = f" ON {condition}" if condition else ""
        word = "CROSS" if not condition and side in ("INNER", "CROSS") else side
        if not condition and side not in ("INNER", "CROSS"):
            on = " ON TRUE"
        sql = (
            f"SELECT {kept} FROM {numbered('left')} AS l {word} JOIN {numbered('right')} AS r{on} "
            f"{order}"
        )
        joined = self.binder.asked(node.this, sql, {"left": left, "right": right}, names)
        relations = self._relations(merged, side)
        scope = replace(
            self.both, relations=relations, merged=(*self.both.merged, *(n for n in merged))
        )
        times = (*self.left.times, *self.right.times)
        return replace(self.left, node=joined, scope=scope, times=times)

    def _relations(self, merged: list[str], side: str) -> tuple[Relation, ...]:
        """After RIGHT JOIN ... USING a bare name means the right side's column."""
        if side == "FULL" and merged:
            raise self.context.error(
                self.node.this, "FULL JOIN takes ON, because USING would hide one side", "write ON"
            )
        relations = self.both.relations
        if side == "RIGHT" and merged:
            return (*self.right.scope.relations, *self.left.scope.relations)
        return relations

    def _merged(self) -> list[str]:
        if self.node.args.get("using"):
            return [name.name for name in self.node.args["using"]]
        if self.node.method == "NATURAL":
            ours = [n for r in self.left.scope.relations for n, _ in r.columns]
            theirs = {n.casefold() for r in self.right.scope.relations for n, _ in r.columns}
            common = [n for n in ours if n.casefold() in theirs]
            if not common:
                raise self.context.error(self.node.this, "NATURAL JOIN finds no common column")
            return list(dict.fromkeys(common))
        return []

    def _using(self, names: list[str]) -> str:
        pairs = []
        for i, name in enumerate(names):
            given = self.node.args.get("using")
            place = given[i] if given else exp.to_identifier(name)
            column = exp.Column(this=place.copy())
            exprs = [scope.column(column) for scope in self.scopes]
            pairs.append(self._compared("=", exprs, place))
        return " AND ".join(pairs)

    def _on(self) -> str:
        on = self.node.args.get("on")
        return "" if on is None else self._predicate(on)

    def _predicate(self, node: exp.Expr) -> str:
        """The condition as text over columns: single-sided parts are computed beforehand."""
        if isinstance(node, exp.Paren):
            return f"({self._predicate(node.this)})"
        side = self._side(node)
        if side is not None:
            bound = ExpressionBinder(self.both).predicate(node, "ON")
            return self._column(side, bound)
        kind = type(node)
        if kind in LOGIC:
            parts = [self._predicate(part) for part in (node.this, node.expression)]
            return f"({f' {LOGIC[kind]} '.join(parts)})"
        if isinstance(node, exp.Not):
            return f"(NOT {self._predicate(node.this)})"
        if isinstance(node, exp.Between):
            low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
            high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
            low.parent = high.parent = node
            return f"({self._predicate(low)} AND {self._predicate(high)})"
        if kind in COMPARISONS:
            exprs = [ExpressionBinder(self.both).bind(p) for p in (node.this, node.expression)]
            if all(self._side_of(e) is not None for e in exprs):
                return self._compared(COMPARISONS[kind], exprs, node)
        raise self.context.error(
            node,
            "this condition mixes both sides in one expression",
            "compare an expression of one side with one of the other, or filter by WHERE",
        )

    def _compared(self, sign: str, exprs: list[Expr], place: exp.Expr) -> str:
        try:
            unified, _ = unify(sign, exprs)
        except ExpressionError as error:
            raise self.context.moved(place, error) from None
        texts = [self._column(self._side_of(e) or 0, e) for e in unified]
        return f"({texts[0]} {sign} {texts[1]})"

    def _column(self, side: int, expr: Expr) -> str:
        self.nodes[side], (name,) = self.binder.steps.columns(self.nodes[side], [expr])
        return f"{'lr'[side]}.{quoted(name)}"

    def _side(self, node: exp.Expr) -> int | None:
        """The side that alone a node reads."""
        return self._side_of(ExpressionBinder(self.both).bind(node))

    def _side_of(self, expr: Expr) -> int | None:
        read = set(columns_of(expr))
        if read <= set(self.nodes[0].schema.names):
            return 0
        return 1 if read <= set(self.nodes[1].schema.names) else None
