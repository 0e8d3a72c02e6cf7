"""WITH taken apart: each query that it names, in the place of its name.

Sets and the right sides of as-of joins are told by the shape of their queries, not by the rows
these return, so that a name is worth what a sub-query in its place would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sqlglot import exp

from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.scope import Context


class Named(Protocol):
    """A query that WITH names."""

    def inlined(self, table: exp.Table) -> exp.Subquery:
        """The query in the place of its name."""


@dataclass(slots=True)
class _Local:
    """A query whose own names are in their places already."""

    node: exp.CTE
    used: bool = False

    def inlined(self, table: exp.Table) -> exp.Subquery:
        """A copy of the query, called as the table is."""
        self.used = True
        return in_place_of(table, self.node, self.node.this.copy())


def in_place_of(table: exp.Table, node: exp.CTE, query: exp.Expr) -> exp.Subquery:
    """`(query) AS name` for a table that names it; the columns are called as WITH says."""
    columns = [c.copy() for c in node.args["alias"].args.get("columns") or []]
    alias = exp.TableAlias(this=exp.to_identifier(table.alias or table.name), columns=columns)
    alias.meta.update(table.meta)
    return exp.Subquery(this=query, alias=alias).update_positions(table)


def named_query(table: exp.Expr, known: Mapping[str, Named]) -> Named | None:
    """The query that a table factor names; it shadows the catalog. None for other factors."""
    if isinstance(table, exp.Table) and len(table.parts) == 1 and not table.args.get(tree.PIN):
        return known.get(table.name.casefold())
    return None


def inline(query: exp.Expr, known: Mapping[str, Named] | None = None) -> exp.Expr:
    """The query without WITH: a copy, each named query in the place of its name.

    `known` are the names from around it, folded.
    """
    return _taken_apart(query, known or {})[0]


def inline_all(query: exp.Expr, context: Context) -> exp.Expr:
    """The same for a definition, which is kept, and in which every name has to be read.

    Raises SqlError where one is not: its mistakes would be kept with it.
    """
    inlined, named = _taken_apart(query, {})
    unused = next((local for local in named if not local.used), None)
    if unused is not None:
        raise context.error(
            unused.node, f"nothing after it reads '{unused.node.alias}'", "leave it out"
        )
    return inlined


def _taken_apart(query: exp.Expr, known: Mapping[str, Named]) -> tuple[exp.Expr, list[_Local]]:
    holder = exp.Subquery(this=query.copy())
    named: list[_Local] = []
    _inline(holder, known, named)
    inlined: exp.Expr = holder.this.pop()
    return inlined, named


def _inline(node: exp.Expr, known: Mapping[str, Named], locals_: list[_Local]) -> None:
    clause = node.args.get("with_")
    if clause is not None:
        node.set("with_", None)
        known = dict(known)
        for cte in clause.expressions:
            # Each sees those before it, and not itself.
            _inline(cte, dict(known), locals_)
            known[cte.alias.casefold()] = local = _Local(cte)
            locals_.append(local)
    for child in list(node.iter_expressions()):
        named = named_query(child, known)
        if named is None:
            _inline(child, known, locals_)
        else:
            assert isinstance(child, exp.Table)
            child.replace(named.inlined(child))
