"""Definitions as text with other columns: a set without some items, a source of another schema.

For whoever has to follow data that has changed; all else of the text stays as it was written.
"""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.ir.types import sql_name
from bighead.zipline.sql import tree
from bighead.zipline.sql.grammar.dialect import parse
from bighead.zipline.sql.spelling.generator import spell


def named_items(sql: str) -> tuple[int, ...]:
    """The places of the items in a set's SELECT list that name what they give; `b.*` does not.

    >>> named_items("CREATE TRAINING SET t ID (k) AS SELECT q.k, b.*, b.x + 1 AS y FROM q")
    (0, 2)
    """
    items = _select(sql)[1].expressions
    return tuple(i for i, item in enumerate(items) if not item.is_star or item.find(exp.AggFunc))


def without_items(sql: str, places: Collection[int]) -> str:
    """The canonical text of a set without the items at these places; at least one is left.

    >>> print(without_items("CREATE FEATURE SET f AS SELECT k, SUM(x) AS a FROM e GROUP BY k", [1]))
    CREATE FEATURE SET f AS
    SELECT k
    FROM e
    GROUP BY k
    """
    root, select = _select(sql)
    kept = [item for i, item in enumerate(select.expressions) if i not in places]
    assert kept, "a set without columns is none"
    select.set("expressions", kept)
    return spell(root)


def redeclared(sql: str, schema: pa.Schema) -> str:
    """The canonical text of a source that declares the columns of a schema, all its own, and types.

    >>> kept = pa.schema([("n", pa.int64()), ("ts", pa.timestamp("us"))])
    >>> print(redeclared("CREATE EVENT SOURCE e (n INT, x INT, ts TIMESTAMP) EVENT TIME ts", kept))
    CREATE EVENT SOURCE e (n BIGINT, ts TIMESTAMP) EVENT TIME ts
    """
    (statement,) = parse(sql)
    root = statement.tree
    assert isinstance(root, tree.CreateSource), "only sources declare columns"
    types = {f.name.casefold(): sql_name(f.type) for f in schema}
    kept = [c for c in root.args["columns"] if c.name.casefold() in types]
    for column in kept:
        column.set("kind", _type(types[column.name.casefold()]))
    root.set("columns", kept)
    return spell(root)


def _type(name: str) -> exp.Expr:
    (statement,) = parse(f"CREATE EVENT SOURCE s (c {name}) EVENT TIME c")
    kind: exp.Expr = statement.tree.args["columns"][0].args["kind"]
    return kind


def _select(sql: str) -> tuple[tree.CreateSet, exp.Select]:
    (statement,) = parse(sql)
    root = statement.tree
    assert isinstance(root, tree.CreateSet), "only sets have a SELECT list"
    select = root.expression
    assert isinstance(select, exp.Select)
    return root, select
