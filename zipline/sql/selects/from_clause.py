"""FROM of a plain SELECT: tables, sub-queries, temporal joins and ordinary ones, left to right.

Every join leaves one node whose columns are called `alias.column`, so that the next join, temporal
or not, has it for its spine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.catalog import FeatureSet
from bighead.zipline.ir.expr import Column, Expr, substitute
from bighead.zipline.ir.labels import looks_ahead
from bighead.zipline.ir.nodes import Keys, Node, Project, TemporalJoin
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.ctes import in_place_of, inline, named_query
from bighead.zipline.sql.binding.expression import ExpressionBinder
from bighead.zipline.sql.binding.join import join
from bighead.zipline.sql.binding.keys import names_beside
from bighead.zipline.sql.binding.on import Chain
from bighead.zipline.sql.binding.plain import is_plain, plain_rows
from bighead.zipline.sql.binding.relational import Steps
from bighead.zipline.sql.binding.right import Right, bind_right
from bighead.zipline.sql.binding.scope import Context, Relation, Scope, of_schema
from bighead.zipline.sql.binding.spine import bind_spine
from bighead.zipline.sql.selects.join import OrdinaryJoin
from bighead.zipline.sql.spelling.generator import spell


@dataclass(frozen=True, slots=True)
class Rows:
    """What a query returns: columns of unique inner names, and what they are called outside."""

    node: Node
    names: tuple[str, ...]
    compared: tuple[tuple[tuple[str, str], Expr], ...] = ()
    """Comparisons with the query around: ((sign, column), expression there); the columns stand
    behind those that have names."""
    single: bool = False
    """It is aggregated: at most one row for each comparison."""
    counts: bool = False
    """Its one column is a COUNT: where nothing compares, it is 0 and not NULL."""

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


class Ask(Protocol):
    """Binds a query within this one."""

    def __call__(self, query: exp.Expr, outer: Scope | None = None) -> Rows:
        """Its rows; `outer` is what its WHERE may compare with."""


@dataclass(slots=True)
class Cte:
    """A query that WITH names; it is bound where it is first used."""

    node: exp.CTE
    ask: Ask
    before: Mapping[str, Cte]
    """Those that it sees, by folded name."""
    context: Context
    bound: Rows | None = None
    used: bool = False

    def rows(self) -> Rows:
        """Its rows, under the names that WITH gives its columns."""
        self.used = True
        if self.bound is None:
            rows = self.ask(self.node.this)
            renamed = _renamed(self.node)
            if len(renamed) > len(rows.names):
                raise self.context.error(
                    self.node.args["alias"],
                    f"{len(renamed)} names for {len(rows.names)} columns",
                )
            self.bound = Rows(rows.node, (*renamed, *rows.names[len(renamed) :]))
        return self.bound

    def inlined(self, table: exp.Table) -> exp.Subquery:
        """The query in the place of its name, where what counts is its shape and not its rows."""
        self.used = True
        return in_place_of(table, self.node, inline(self.node.this, self.before))

    def check(self) -> None:
        """Finds the mistakes of a query that nothing uses."""
        if not self.used:
            self.used = True
            self.ask(self.node.this)


class FromBinder:
    """Binds FROM and the joins of one SELECT."""

    def __init__(self, context: Context, steps: Steps, ask: Ask, ctes: dict[str, Cte]) -> None:
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
        # What is read here goes into no model: labels are kept out of joins, not of the result.
        return replace(chain, scope=replace(chain.scope, forbidden=()))

    def _nested(self, factor: exp.Expr) -> Chain:
        """A table factor, with the joins that hang on it."""
        if isinstance(factor, tree.United):
            united = bind_spine(inline(factor, self.ctes), self.context)
            node, relation, time = united.node, united.relation, united.time
            times: tuple[Expr, ...] = () if time is None else (time,)
        else:
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
        if self._cte(factor) is not None:
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
        if isinstance(node, exp.Values):
            return self._values(node)
        raise self.context.error(node, f"{node.key.upper()} cannot stand in FROM", "name a table")

    def _table(self, node: exp.Table) -> tuple[Node, Relation]:
        alias = node.alias or node.name
        if not isinstance(node.this, exp.Identifier):
            raise self.context.error(node, "a table function is not known here", "name a table")
        renamed = _renamed(node)
        cte = self._cte(node)
        if cte is not None:
            rows = cte.rows()
            self._check_renamed(node, renamed, len(rows.names))
            return rows.relation(alias, renamed)
        spine = bind_spine(node, self.context)
        if renamed:
            self._check_renamed(node, renamed, len(spine.node.schema))
            outer = tuple(f.name.removeprefix(f"{alias}.") for f in spine.node.schema)
            return Rows(spine.node, outer).relation(alias, renamed)
        return spine.node, spine.relation

    def _cte(self, node: exp.Expr) -> Cte | None:
        """The query that WITH gave this name; it shadows the catalog."""
        named = named_query(node, self.ctes)
        return named if isinstance(named, Cte) else None

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
        rows = Rows(
            self.steps.asked(node, sql, {}, [self.steps.fresh() for _ in names]), tuple(names)
        )
        return rows.relation(node.alias or self.steps.fresh(), _renamed(node))

    def _as_of(self, node: tree.AsOf) -> tuple[Node, Relation]:
        """A feature set at one time: its keys, and what it holds for them then."""
        right = self._set(node)
        assert right.view is not None
        if looks_ahead(right.view):
            raise self.context.error(
                node, f"{right.alias} looks ahead (NEXT): it holds labels", "write LABEL LEFT JOIN"
            )
        moment = ExpressionBinder(Scope(self.context, ())).bind(node.expression)
        if not pa.types.is_timestamp(moment.type):
            raise self.context.error(
                node.expression, "AS OF takes a time", "write AS OF TIMESTAMP '2024-01-01 00:00:00'"
            )
        alias = node.alias or right.alias
        rows = right.rows
        if right.keys:
            spine: Node = Keys(rows, tuple((f"{alias}.{n}", e) for n, e in right.keys))
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
            inner = inline(inner, self.ctes)
            inner.parent = node
            if not inner.alias:
                inner.set("alias", exp.TableAlias(this=exp.to_identifier(node.alias or "#set")))
        elif isinstance(inner, exp.Table) and (cte := self._cte(inner)) is not None:
            inner = cte.inlined(inner)
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
            queries = {name: cte.node.this for name, cte in self.ctes.items()}
            if node.method == "ASOF" and is_plain(node.this, self.context, queries):
                return join(chain, node, plain_rows(*self.factor(node.this)))
            named = names_beside(node)
            node = node.copy()
            node.set("this", inline(node.this, self.ctes))
            return join(chain, node, named=named)
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
        return OrdinaryJoin(self.steps, self.context, chain, right, node).bind()

    def _is_static(self, node: exp.Join) -> bool:
        """A join of a STATIC entity by nothing but its whole key; it keeps the spine's order."""
        table = node.this
        if not isinstance(table, exp.Table) or node.side not in ("", "LEFT") or node.kind:
            return False
        if node.method or not isinstance(table.this, exp.Identifier) or table.args.get("joins"):
            return False
        if self._cte(table) is not None:
            return False
        found = self.context.look(table)
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
