"""Which names a definition reads, told from its text alone: nothing has to be defined yet."""

from __future__ import annotations

from sqlglot import exp

from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.ctes import inline
from bighead.zipline.sql.binding.scope import dotted
from bighead.zipline.sql.tree import Statement


def references(statement: Statement) -> dict[str, tuple[str, ...]]:
    """The set that a statement defines, and the names that it reads; empty for other statements.

    >>> from bighead.zipline.sql import parse
    >>> references(parse("CREATE FEATURE SET a AS SELECT COUNT(*) AS n FROM data.b")[0])
    {'a': ('data.b',)}
    """
    node = statement.tree
    if not isinstance(node, tree.CreateSet):
        return {}
    query = inline(node.expression)
    read = (dotted(table) for table in query.find_all(exp.Table))
    return {dotted(node.this): tuple(dict.fromkeys(read))}
