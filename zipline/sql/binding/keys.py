"""`alias.key` of a joined set, in plain SELECT: the key of the row where the set holds something.

`alias.*` is the features alone, and a bare `key` means the spine's column; `alias.key` is read like
a column of the right side of any outer join, so it is NULL where nothing was joined: where no row
is found, or where no window of the set holds a row. Whether one does takes counts over the windows,
which are added to the set only where a query asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from bighead.zipline.aggregates import aggregate
from bighead.zipline.expressions import call, cast
from bighead.zipline.ir.expr import Column, Expr, Literal, columns_of, substitute
from bighead.zipline.ir.nodes import Feature, Lookup, View
from bighead.zipline.ir.types import BIGINT
from bighead.zipline.sql import tree
from bighead.zipline.windows import ALL_HISTORY

Named = tuple[tuple[str, Expr], ...]


def names_beside(node: tree.TemporalJoin) -> frozenset[str]:
    """The columns, folded, that the query around reads of what is joined, but for the join."""
    alias = node.this.alias_or_name.casefold()
    query = node.find_ancestor(exp.Select)
    if query is None:
        return frozenset()
    own = {id(column) for column in node.find_all(exp.Column)}
    columns = (c for c in query.find_all(exp.Column) if id(c) not in own)
    return frozenset(c.name.casefold() for c in columns if c.table.casefold() == alias)


def with_keys(view: View | Lookup, keys: Named) -> View | Lookup:
    """The set with what tells its keys: a look-up brings their columns, a view counts rows."""
    if not keys:
        return view
    if isinstance(view, Lookup):
        read = columns_of(*(expr for _, expr in keys))
        return replace(view, columns=tuple(dict.fromkeys((*view.columns, *read))))
    return replace(view, features=(*view.features, *_counts(view)))


def _counts(view: View) -> list[Feature]:
    """The rows in each of the windows; all history holds what any of them does."""
    windows = list(dict.fromkeys(f.window for f in view.features))
    if ALL_HISTORY in windows:
        windows = [ALL_HISTORY]
    rows = aggregate("count_rows", ())
    return [Feature(f"#rows{i}", rows, window) for i, window in enumerate(windows)]


def key_columns(
    view: View | Lookup, alias: str, keys: Named, ours: Sequence[Expr], inner: bool
) -> Named:
    """The keys over the joined rows; `ours` are what ON equates each of them with."""
    if isinstance(view, Lookup):
        there = {f.name: Column(f"{alias}.{f.name}", f.type) for f in view.schema}
        return tuple((name, substitute(expr, dict(there))) for name, expr in keys)
    found = []
    for (name, expr), equal in zip(keys, ours, strict=True):
        value = equal if inner else _where_held(view, alias, equal)
        found.append((name, value if value.type == expr.type else cast(value, expr.type)))
    return tuple(found)


def _where_held(view: View, alias: str, value: Expr) -> Expr:
    counts = (f.name for f in view.features if f.name.startswith("#rows"))
    some = [call(">", (Column(f"{alias}.{n}", BIGINT), Literal(0, BIGINT))) for n in counts]
    held = some[0] if len(some) == 1 else call("OR", tuple(some))
    return call("case", (held, value, Literal(None, value.type)))
