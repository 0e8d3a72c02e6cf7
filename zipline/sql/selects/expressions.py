"""Expressions of a plain SELECT: the closed list, and what DataFusion adds to it.

Aggregates, window functions, sub-queries and functions outside the closed list become columns of
the node; what stands around them is computed by our own evaluator. After GROUP BY only keys and
aggregates can be read.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from bighead.zipline.aggregates import AGGREGATES
from bighead.zipline.errors import ExpressionError, SqlError, did_you_mean
from bighead.zipline.expressions import find as find_function
from bighead.zipline.expressions import unify
from bighead.zipline.ir.expr import Column, Expr, Literal
from bighead.zipline.ir.nodes import Node
from bighead.zipline.names import quoted
from bighead.zipline.sql.binding.aggregate import unknown_function
from bighead.zipline.sql.binding.expression import CURRENT, ExpressionBinder
from bighead.zipline.sql.binding.relational import ROW, Steps, listed, numbered
from bighead.zipline.sql.binding.scope import Context, Scope, match
from bighead.zipline.sql.selects.calls import (
    WINDOW_FUNCTIONS,
    is_aggregate,
    only_in_sets,
    plain_call,
)
from bighead.zipline.sql.selects.from_clause import FromBinder, Rows
from bighead.zipline.sql.selects.join import COMPARISONS
from bighead.zipline.sql.selects.subquery import existence, membership, single_value
from bighead.zipline.sql.spelling.generator import spell

QUERIES = (exp.Subquery, exp.Exists)


@dataclass(slots=True)
class Output:
    """An item of the select list."""

    name: str
    node: exp.Expr | None
    """Its text; None for a column that a star brings."""
    expr: Expr | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`ours sign theirs`, over the rows of a sub-query and over those of the query around it."""

    sign: str
    ours: Expr
    theirs: Expr


MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(slots=True)
class SelectExpressions:
    """One SELECT while it is bound; the node grows from clause to clause."""

    context: Context
    steps: Steps
    tables: FromBinder
    query: exp.Select
    node: Node = field(init=False)
    scope: Scope = field(init=False)
    known: dict[exp.Expr, Expr] = field(default_factory=dict)
    """What aggregates, windows and sub-queries of the text have become."""
    keys: list[Expr] | None = None
    """The grouping, over the rows before it; None where there is none."""
    grouped: list[Column] = field(default_factory=list)
    aliases: Sequence[Output] = ()
    """Outputs that HAVING, QUALIFY and ORDER BY may name."""
    outer: Scope | None = None
    """What a sub-query sees of the query around it, for comparisons in its WHERE."""
    outside: list[Comparison] = field(default_factory=list)
    """The comparisons with the query around it, left out of WHERE."""

    def correlated(self, node: exp.Expr) -> Comparison | None:
        """A comparison of something within with something of the query around; None for others."""
        sign = COMPARISONS.get(type(node))
        if sign is None or self.outer is None:
            return None
        for within, around, way in (
            (node.this, node.expression, sign),
            (node.expression, node.this, MIRRORED.get(sign, sign)),
        ):
            try:
                theirs = ExpressionBinder(self.outer).bind(around)
                ours = self.expr(within)
                (ours, theirs), _ = unify(sign, (ours, theirs))
            except (SqlError, ExpressionError):
                continue
            return Comparison(way, ours, theirs)
        return None

    def expr(self, node: exp.Expr) -> Expr:
        return ExpressionBinder(self.scope, self.special).bind(node)

    def special(self, node: exp.Expr) -> Expr | None:
        known = self.known.get(node)
        if known is not None:
            return known
        if only_in_sets(node):
            raise self.context.error(
                node,
                "windows back from t belong to a feature set",
                "join (SELECT ... GROUP BY key)",
            )
        if isinstance(node, QUERIES) or (isinstance(node, exp.In) and node.args.get("query")):
            return self._subquery(node)
        if isinstance(node, exp.Window):
            raise self.context.error(node, "a window function cannot stand here")
        call = plain_call(node)
        if call is not None and is_aggregate(call):
            raise self.context.error(
                node,
                f"the aggregate {call.name.removesuffix('(*)')} cannot stand here",
                "filter groups by HAVING, or aggregate in a sub-query",
            )
        if isinstance(node, exp.Column) and not node.table and not self.scope.offers(node.this):
            named = self.alias(node, self.aliases)
            if named is not None and named.node is not None:
                return self._aliased(named)
        if self.keys is not None:
            return self._grouped_expr(node)
        if call is not None and isinstance(node, exp.Anonymous):
            return self._engine_function(node)
        return None

    def _aliased(self, output: Output) -> Expr:
        """What an output of the select list is, which sees only those before it."""
        assert output.node is not None
        around = self.aliases
        self.aliases = list(itertools.takewhile(lambda o: o is not output, around))
        try:
            return self.expr(output.node)
        finally:
            self.aliases = around

    def _grouped_expr(self, node: exp.Expr) -> Expr | None:
        """After GROUP BY: the keys, and nothing else of the rows before it."""
        assert self.keys is not None
        if isinstance(node, exp.Literal | exp.Interval | exp.DataType):
            return None
        holds_known = any(n in self.known for n in node.walk())
        if not holds_known:
            try:
                bound = ExpressionBinder(self.scope).bind(node)
            except SqlError:
                bound = None
            if bound is not None and bound in self.keys:
                return self.grouped[self.keys.index(bound)]
        if isinstance(node, exp.Column):
            self.scope.column(node)
            raise self.context.error(
                node,
                f"{spell(node, flat=True)} is neither in GROUP BY nor inside an aggregate",
                f"add it to GROUP BY, or write MAX({spell(node, flat=True)}) or the like",
            )
        if isinstance(node, exp.Anonymous):
            return self._engine_function(node)
        return None

    def _engine_function(self, node: exp.Anonymous) -> Expr | None:
        """A function outside the closed list is DataFusion's own."""
        called = node.name.upper()
        if find_function(called) is not None or called == "STRUCT" or called in CURRENT:
            return None
        if node.name.upper() in WINDOW_FUNCTIONS:
            raise self.context.error(node, f"{node.name.upper()} needs OVER (...)")
        exprs = [self.expr(part) for part in node.expressions]
        texts = self.texts(exprs, node.expressions)
        sql_call = f"{node.name}({', '.join(texts)})"
        names = list(self.node.schema.names)
        name = self.steps.fresh()
        kept = f"{listed(names)}, " if names else ""
        sql = f'SELECT {kept}{sql_call} AS {quoted(name)} FROM "rows"'
        try:
            self.node = self.steps.asked(node, sql, {"rows": self.node}, [*names, name])
        except SqlError as error:
            if "nvalid function" in error.reason or "o function matches" in error.reason:
                raise unknown_function(self.context, node) from None
            if "GROUP BY" in error.reason:  # DataFusion knows it as an aggregate
                spellings = [s for a in AGGREGATES.values() for s in a.spellings if s.isalpha()]
                raise self.context.error(
                    node,
                    f"the aggregate {called} is not known here",
                    did_you_mean(called, spellings),
                ) from None
            raise
        column = Column(name, self.node.schema.field(name).type)
        self.known[node] = column
        return column

    def texts(self, exprs: Sequence[Expr], nodes: Sequence[exp.Expr]) -> list[str]:
        """Arguments for DataFusion: constants as they were written, the rest as columns."""
        columns = [e for e in exprs if not isinstance(e, Literal)]
        self.node, names = self.steps.columns(self.node, columns)
        left = iter(names)
        return [
            spell(n, flat=True) if isinstance(e, Literal) else quoted(next(left))
            for e, n in zip(exprs, nodes, strict=True)
        ]

    def order_text(self, items: Sequence[tuple[exp.Expr, Expr]]) -> str:
        texts = []
        for node, expr in items:
            self.node, (name,) = self.steps.columns(self.node, [expr])
            way = "DESC" if node.args.get("desc") else "ASC"
            nulls = "FIRST" if node.args.get("nulls_first") else "LAST"
            texts.append(f"{quoted(name)} {way} NULLS {nulls}")
        return ", ".join(texts)

    def _subquery(self, node: exp.Expr) -> Expr:
        """A scalar sub-query, IN or EXISTS: a column beside the rows."""
        inner = node.args["query"] if isinstance(node, exp.In) else node.this
        inner = inner.this if isinstance(inner, exp.Subquery) else inner
        try:
            rows = self.tables.ask(inner, self.scope if self.keys is None else None)
        except SqlError as error:
            raise self._around(inner, error) from None
        name = self.steps.fresh()
        if not isinstance(node, exp.Exists) and len(rows.names) != 1:
            raise self.context.error(inner, "this sub-query gives one column", "select one column")
        (first, *_) = rows.node.schema.names
        inputs = [theirs for _, theirs in rows.compared]
        if isinstance(node, exp.In):
            inputs.append(self._searched(node.this, rows))
        self.node, columns = self.steps.columns(self.node, inputs)
        among = [
            f"i.{quoted(ours)} {sign} r.{quoted(theirs)}"
            for (sign, ours), theirs in zip(
                [pair for pair, _ in rows.compared], columns, strict=False
            )
        ]
        value = f"r.{quoted(columns[-1])}" if isinstance(node, exp.In) else None
        names = list(self.node.schema.names)
        if isinstance(node, exp.Subquery) and among and not rows.single:
            raise self.context.error(
                inner, "a sub-query that reads the query around gives an aggregate", "write MAX(x)"
            )
        if value is not None:
            text, join = membership(quoted(first), value, among)
        elif isinstance(node, exp.Exists):
            text, join = existence(among)
        else:
            text, join = single_value(quoted(first), among, rows.counts)
        sql = (
            f"SELECT {listed(names, 'r')}, {text} AS {quoted(name)} "
            f"FROM {numbered('rows')} AS r{join} ORDER BY r.{quoted(ROW)}"
        )
        tables = {"rows": self.node, "inner": rows.node}
        self.node = self.steps.asked(node, sql, tables, [*names, name])
        found = Column(name, self.node.schema.field(name).type)
        self.known[node] = found
        return found

    def _searched(self, node: exp.Expr, rows: Rows) -> Expr:
        """The left side of IN, which has to compare with the column of the sub-query."""
        value, field = self.expr(node), rows.node.schema.field(0)
        try:
            unify("IN", (value, Column(field.name, field.type)))
        except ExpressionError as error:
            raise self.context.moved(node, error) from None
        return value

    def _around(self, inner: exp.Expr, error: SqlError) -> SqlError:
        """A sub-query that reads the rows around it gets its own error."""
        for column in inner.find_all(exp.Column):
            try:
                self.scope.column(column)
            except SqlError:
                continue
            said = (column.name, column.table) if column.table else (column.name,)
            if error.line and any(f"'{name}'" in error.reason for name in said):
                return self.context.error(
                    column,
                    f"the sub-query reads {spell(column, flat=True)} of the query around it",
                    "compare it in WHERE by = or <, or write a join",
                )
        return error

    def alias(self, node: exp.Expr, outputs: Sequence[Output]) -> Output | None:
        """The output that a number, or an unqualified name, stands for."""
        if isinstance(node, exp.Literal) and not node.is_string and node.name.isdecimal():
            if not 0 < int(node.name) <= len(outputs):
                raise self.context.error(node, f"there is no column {node.name} in the select list")
            return outputs[int(node.name) - 1]
        if (
            isinstance(node, exp.Column)
            and not node.table
            and isinstance(node.this, exp.Identifier)
        ):
            named = [o for o in outputs if match(node.this, [o.name])]
            return named[0] if named else None
        return None
