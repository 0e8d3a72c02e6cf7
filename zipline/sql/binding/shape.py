"""The shapes that a SELECT can have within a set: rows of a source, or features by a key."""

from __future__ import annotations

from sqlglot import exp

from bighead.zipline.sql.binding.aggregate import holds_aggregate

REFUSED = {
    "joins": "a join",
    "having": "HAVING",
    "qualify": "QUALIFY",
    "order": "ORDER BY",
    "limit": "LIMIT",
    "offset": "OFFSET",
    "distinct": "DISTINCT",
    "laterals": "LATERAL",
}
"""Clauses that have no meaning for rows with times, and what they are called."""


def is_grouped(select: exp.Select) -> bool:
    """The query has a key or an aggregate: a view, and not merely a filtered source."""
    return select.args.get("group") is not None or any(map(holds_aggregate, select.expressions))


def is_simple(query: exp.Expr) -> bool:
    """A SELECT of columns and expressions of one table, with WHERE and nothing else."""
    if not isinstance(query, exp.Select) or query.args.get("from_") is None:
        return False
    refused = (*REFUSED, "windows")
    return not is_grouped(query) and not any(query.args.get(key) for key in refused)
