"""Spellings of other engines, turned into this dialect's own.

DuckDB writes the time of an as-of join as an inequality in ON, Flink as FOR SYSTEM_TIME AS OF. Both
become MATCH_CONDITION here, so that nothing after this knows of them.
"""

from __future__ import annotations

from sqlglot import exp

from bighead.zipline.sql import tree
from bighead.zipline.sql.located import node_error

DIALECTS = ("duckdb", "snowflake", "spark")
FLIPPED: dict[type[exp.Expr], type[exp.Binary]] = {
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
}


def from_foreign(root: exp.Expr, text: str, dialect: str | None) -> exp.Expr:
    """The same statement in the dialect's own spelling; changes the tree in place.

    `ASOF LEFT JOIN e ON q.k = e.k AND q.ts >= e.ts` becomes
    `ASOF LEFT JOIN e MATCH_CONDITION (q.ts >= e.ts) ON q.k = e.k`.
    """
    if dialect == "duckdb":
        for values in root.find_all(exp.Values):
            _named_values(values)
    for table in list(root.find_all(exp.Table)):
        if table.args.get("version") is not None:
            _versioned(table, text)
    for join in list(root.find_all(tree.TemporalJoin)):
        _matched(join, text, dialect)
    return root


def _named_values(values: exp.Values) -> None:
    """DuckDB calls the columns of VALUES col0, col1, ..."""
    alias = values.args.get("alias")
    if alias is not None and not alias.args.get("columns"):
        first = values.expressions[0]
        width = len(first.expressions) if isinstance(first, exp.Tuple) else 1
        alias.set("columns", [exp.to_identifier(f"col{i}") for i in range(width)])


def _versioned(table: exp.Table, text: str) -> None:
    """`JOIN r FOR SYSTEM_TIME AS OF q.ts` is an as-of join that is inclusive."""
    version = table.args["version"]
    join = table.parent
    if version.args.get("kind") != "AS OF" or not isinstance(version.args["expression"], exp.Expr):
        raise node_error(text, table, "only FOR SYSTEM_TIME AS OF a time is known")
    if not isinstance(join, exp.Join) or isinstance(join, tree.TemporalJoin):
        raise node_error(
            text,
            table,
            "FOR SYSTEM_TIME AS OF belongs to a joined table",
            "for one point in time write AS OF TIMESTAMP '...', which is exclusive",
        )
    if join.side not in ("", "LEFT") or join.kind not in ("", "INNER", "OUTER"):
        raise node_error(text, join, "FOR SYSTEM_TIME AS OF goes with LEFT JOIN or INNER JOIN")
    table.set("version", None)
    name = table.args["alias"].this if table.args.get("alias") else table.this
    seen = exp.column("event_time", table=name.copy())
    side = {"side": "LEFT"} if join.side else {"kind": "INNER"}
    matched = tree.TemporalJoin(
        this=table,
        method="ASOF",
        match_condition=exp.GTE(this=version.args["expression"], expression=seen),
        on=join.args.get("on"),
        using=join.args.get("using"),
        **side,
    )
    join.replace(matched)


def _matched(join: tree.TemporalJoin, text: str, dialect: str | None) -> None:
    if join.args.get("match_condition") is not None:
        return
    advice = "write MATCH_CONDITION (left.ts > right.event_time)"
    on = join.args.get("on")
    if on is None:
        if dialect == "duckdb" and join.args.get("using"):
            _last_of_using(join, text)
            return
        raise node_error(text, join.this, f"this {join.method} JOIN has no time", advice)
    on = on.unnest()
    # Parentheses stay: around an OR they are what keeps it together beside AND.
    conjuncts = list(on.flatten(unnest=False)) if isinstance(on, exp.And) else [on]
    name = join.this.alias_or_name.lower()
    times = [c for c in conjuncts if _is_time(c.unnest(), name)]
    if len(times) != 1:
        found = "no inequality" if not times else f"{len(times)} inequalities"
        raise node_error(
            text, on, f"ON holds {found} between the two sides; one must state the time", advice
        )
    rest = [c for c in conjuncts if c is not times[0]]
    join.set("match_condition", _right_side_last(times[0].unnest(), name))
    join.set("on", exp.and_(*rest, copy=False, wrap=False) if rest else None)


def _tables(node: exp.Expr) -> set[str]:
    return {column.table.lower() for column in node.find_all(exp.Column)}


def _is_time(comparison: exp.Expr, name: str) -> bool:
    """An inequality between the two sides of the join."""
    if type(comparison) not in FLIPPED:
        return False
    left, right = _tables(comparison.this), _tables(comparison.expression)
    return bool(left and right) and (name in left) != (name in right)


def _right_side_last(comparison: exp.Expr, name: str) -> exp.Expr:
    if name not in _tables(comparison.this):
        return comparison
    flipped = FLIPPED[type(comparison)]
    return flipped(this=comparison.expression, expression=comparison.this)


def _last_of_using(join: tree.TemporalJoin, text: str) -> None:
    """DuckDB: the last column of USING is the time, compared by >=."""
    *keys, time = join.args["using"]
    select = join.find_ancestor(exp.Select)
    origin = select.args.get("from_") if select is not None else None
    if origin is None or not origin.this.alias_or_name:
        raise node_error(text, join, "USING needs a named table before the join")
    left = exp.column(time.copy(), table=origin.this.alias_or_name)
    right = exp.column(time.copy(), table=join.this.alias_or_name)
    join.set("match_condition", exp.GTE(this=left, expression=right))
    join.set("using", keys or None)
