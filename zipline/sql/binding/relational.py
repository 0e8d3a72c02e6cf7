"""Steps that DataFusion takes: small statements over named inputs, made by us and never the user's.

A plain SELECT is taken apart: what the closed list of expressions says is computed by our own
evaluator in `Project` and `Filter`; grouping, ordinary joins, SQL's windows, DISTINCT, ORDER BY and
LIMIT become `Relational` nodes whose text reads and writes plain columns. So the rules of
expressions hold everywhere, and no name of a user's can mean anything else to DataFusion.

Internal columns are called `#1`, `#2`, ...; no relation offers them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.errors import BigheadError, SqlError
from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.nodes import Node, Project, Relational
from bighead.zipline.ir.types import canonical
from bighead.zipline.names import quoted
from bighead.zipline.sql.binding.scope import Context

ROW = "#row"
"""The number of a row in its input; it restores the order of rows that a step may lose."""


def listed(names: Sequence[str], table: str = "") -> str:
    """Columns in a select list."""
    prefix = f"{quoted(table)}." if table else ""
    return ", ".join(prefix + quoted(n) for n in names)


def numbered(table: str) -> str:
    """The input with the numbers of its rows."""
    return f"(SELECT *, ROW_NUMBER() OVER () AS {quoted(ROW)} FROM {quoted(table)})"


def union_all(tables: list[str], names: list[str]) -> str:
    """The rows of the tables one after the other, in order."""
    side, row = quoted("#side"), quoted(ROW)
    branches = [
        f"SELECT {listed(names)}, {i} AS {side}, ROW_NUMBER() OVER () AS {row} FROM {quoted(t)}"
        for i, t in enumerate(tables)
    ]
    return f"SELECT {listed(names)} FROM ({' UNION ALL '.join(branches)}) ORDER BY {side}, {row}"


class Steps:
    """Makes nodes over nodes, and names for their columns."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._count = 0

    def fresh(self) -> str:
        """A name that no other column has."""
        self._count += 1
        return f"#{self._count}"

    def relational(self, sql: str, tables: Mapping[str, Node], names: Sequence[str]) -> Relational:
        """A step of DataFusion that returns columns of these names.

        Raises BigheadError where DataFusion refuses it.
        """
        schemas = {name: node.schema for name, node in tables.items()}
        found = self.context.catalog.relational_schema(sql, schemas)
        assert len(found) == len(names), f"{found.names} are not {names}"
        fields = []
        for name, given in zip(names, found, strict=True):
            kind = canonical(given.type)
            if kind is None:
                raise BigheadError(
                    f"a column of the type {given.type} cannot be returned; CAST it to another"
                )
            fields.append(pa.field(name, kind))
        return Relational(sql, tuple(tables.items()), pa.schema(fields))

    def asked(
        self, place: exp.Expr, sql: str, tables: Mapping[str, Node], names: Sequence[str]
    ) -> Relational:
        """A step of DataFusion; what it refuses becomes an SqlError at `place`."""
        try:
            return self.relational(sql, tables, names)
        except BigheadError as error:
            if isinstance(error, SqlError) and error.line:
                raise
            raise self.context.moved(place, error) from None

    def extended(self, node: Node, added: Sequence[tuple[str, Expr]]) -> Node:
        """The node with more columns, computed by our own evaluator."""
        if not added:
            return node
        kept = tuple((f.name, Column(f.name, f.type)) for f in node.schema)
        return Project(node, (*kept, *added))

    def columns(self, node: Node, exprs: Sequence[Expr]) -> tuple[Node, list[str]]:
        """The node with each expression as a column, and the names of these columns."""
        added: list[tuple[str, Expr]] = []
        names: list[str] = []
        for expr in exprs:
            if isinstance(expr, Column):
                names.append(expr.name)
                continue
            known = next((n for n, e in added if e == expr), None)
            name = known or self.fresh()
            if known is None:
                added.append((name, expr))
            names.append(name)
        return self.extended(node, added), names

    def picked(self, node: Node, columns: Sequence[tuple[str, Expr]]) -> Node:
        """Only these columns, under these names."""
        same = [(f.name, Column(f.name, f.type)) for f in node.schema]
        return node if list(columns) == same else Project(node, tuple(columns))
