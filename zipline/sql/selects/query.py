"""Queries: SELECTs, what unites them, and the names that WITH gives them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions import unify
from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.nodes import Node, Project, Relational
from bighead.zipline.names import quoted
from bighead.zipline.sql.binding.relational import ROW, Steps, listed, numbered, union_all
from bighead.zipline.sql.binding.scope import Context, Scope, match
from bighead.zipline.sql.selects.from_clause import Cte, FromBinder, Rows
from bighead.zipline.sql.selects.select import SelectBinder, order_items, row_count

WORDS: dict[type[exp.Expr], str] = {
    exp.Union: "UNION",
    exp.Except: "EXCEPT",
    exp.Intersect: "INTERSECT",
}


def bind_query(query: exp.Expr, context: Context) -> Node:
    """The plan of a query. Raises SqlError.

    Column names may repeat in what it returns, as in DuckDB; then the last step only renames.
    """
    rows = QueryBinder(context, Steps(context), {}).bind(query)
    schema = rows.node.schema
    if len(set(rows.names)) == len(rows.names):
        columns: list[tuple[str, Expr]] = [
            (name, Column(f.name, f.type)) for name, f in zip(rows.names, schema, strict=True)
        ]
        return _renamed(rows.node, columns)
    fields = [pa.field(name, f.type) for name, f in zip(rows.names, schema, strict=True)]
    sql = f'SELECT {listed(schema.names)} FROM "rows"'
    return Relational(sql, (("rows", rows.node),), pa.schema(fields))


def _renamed(node: Node, columns: list[tuple[str, Expr]]) -> Node:
    """The node under these names; a Project below takes them itself."""
    if isinstance(node, Project):
        made = dict(node.columns)
        inner = [e.name for _, e in columns if isinstance(e, Column)]
        return Project(
            node.input, tuple((n, made[i]) for (n, _), i in zip(columns, inner, strict=True))
        )
    return Project(node, tuple(columns))


class QueryBinder:
    """Binds a query and those within it."""

    def __init__(self, context: Context, steps: Steps, ctes: dict[str, Cte]) -> None:
        self.context, self.steps, self.ctes = context, steps, ctes

    def bind(self, query: exp.Expr, outer: Scope | None = None) -> Rows:
        """The rows of a query; `outer` is what WHERE of a sub-query may compare with."""
        while isinstance(query, exp.Subquery) and not _has_modifiers(query):
            query = query.this
        within = self._with(query)
        if isinstance(query, exp.Select):
            tables = FromBinder(self.context, self.steps, within.bind, within.ctes)
            rows = SelectBinder(self.context, self.steps, tables, query, outer=outer).bind()
        elif isinstance(query, exp.SetOperation):
            rows = within._set_operation(query)
        elif isinstance(query, exp.Subquery):
            rows = within._ended(query, within.bind(query.this))
        else:
            raise self.context.error(query, "a query is a SELECT")
        if within is not self:
            for cte in within.ctes.values():
                cte.check()
        return rows

    def _with(self, query: exp.Expr) -> QueryBinder:
        clause = query.args.get("with_")
        if clause is None:
            return self
        binder = QueryBinder(self.context, self.steps, dict(self.ctes))
        for node in clause.expressions:
            # Each sees those before it, and not itself.
            before = QueryBinder(self.context, self.steps, dict(binder.ctes))
            binder.ctes[node.alias.casefold()] = Cte(node, before.bind, before.ctes, self.context)
        return binder

    # -- UNION and its kin ----------------------------------------------------------------------

    def _set_operation(self, query: exp.SetOperation) -> Rows:
        if query.args.get("by_name"):
            raise self.context.error(
                query, "UNION BY NAME is not known", "name the columns in order"
            )
        left, right = self.bind(query.this), self.bind(query.expression)
        if len(left.names) != len(right.names):
            raise self.context.error(
                query.expression,
                f"the two sides have {len(left.names)} and {len(right.names)} columns",
                "select as many on both sides",
            )
        inner = [self.steps.fresh() for _ in left.names]
        first, second = self._aligned(query, left, right, inner)
        tables = {"u1": first, "u2": second}
        word = WORDS[type(query)]
        if query.args.get("distinct"):
            sql = f'SELECT {listed(inner)} FROM "u1" {word} SELECT {listed(inner)} FROM "u2"'
        elif word == "UNION":
            sql = union_all(list(tables), inner)
        else:
            sql = f'SELECT {listed(inner)} FROM "u1" {word} ALL SELECT {listed(inner)} FROM "u2"'
        node = self.steps.asked(query, sql, tables, inner)
        return self._ended(query, Rows(node, left.names))

    def _aligned(
        self, query: exp.SetOperation, left: Rows, right: Rows, inner: Sequence[str]
    ) -> tuple[Node, Node]:
        """Both sides in common types, under common names."""
        ours: list[tuple[str, Expr]] = []
        theirs: list[tuple[str, Expr]] = []
        for name, a, b in zip(inner, left.node.schema, right.node.schema, strict=True):
            try:
                (x, y), _ = unify("UNION", (Column(a.name, a.type), Column(b.name, b.type)))
            except ExpressionError as error:
                raise self.context.moved(query.expression, error) from None
            ours.append((name, x))
            theirs.append((name, y))
        return Project(left.node, tuple(ours)), Project(right.node, tuple(theirs))

    def _ended(self, query: exp.Expr, rows: Rows) -> Rows:
        """ORDER BY, LIMIT and OFFSET behind a set operation or a query in parentheses."""
        order = query.args.get("order")
        limit = row_count(self.context, query.args.get("limit"), "LIMIT")
        offset = row_count(self.context, query.args.get("offset"), "OFFSET")
        if order is None and limit is None and offset is None:
            return rows
        inner = rows.node.schema.names
        keys = []
        for item in order_items(self.context, order, len(rows.names)):
            column = inner[self._position(item.this, rows)]
            way = "DESC" if item.args.get("desc") else "ASC"
            nulls = "FIRST" if item.args.get("nulls_first") else "LAST"
            keys.append(f"{quoted(column)} {way} NULLS {nulls}")
        by = ", ".join([*keys, quoted(ROW)])
        sql = f"SELECT {listed(inner)} FROM {numbered('rows')} ORDER BY {by}"
        sql += f" LIMIT {limit}" if limit is not None else ""
        sql += f" OFFSET {offset}" if offset is not None else ""
        return Rows(self.steps.asked(query, sql, {"rows": rows.node}, inner), rows.names)

    def _position(self, node: exp.Expr, rows: Rows) -> int:
        if isinstance(node, exp.Literal) and node.name.isdecimal() and not node.is_string:
            if 0 < int(node.name) <= len(rows.names):
                return int(node.name) - 1
        if isinstance(node, exp.Column) and not node.table:
            named = match(node.this, rows.names)
            if named:
                return rows.names.index(named[0])
        raise self.context.error(node, "ORDER BY names a column of the query before it")


def _has_modifiers(query: exp.Expr) -> bool:
    return any(query.args.get(key) for key in ("order", "limit", "offset", "with_"))
