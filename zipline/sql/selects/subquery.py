"""Sub-queries within expressions, as text beside the rows: `r` is a row, `i` one of the sub-query.

DataFusion takes apart only some correlated sub-queries, so none is left to it: what the sub-query
holds for each row is counted in a join. `among` are the comparisons of `i` with `r`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bighead.zipline.names import quoted
from bighead.zipline.sql.binding.relational import ROW, numbered


def _measured(measures: str, among: Sequence[str]) -> str:
    """A join of what the sub-query holds for each row: `measures`, named, over its rows i."""
    return (
        f" LEFT JOIN (SELECT r.{quoted(ROW)} AS k, {measures} FROM {numbered('rows')} AS r "
        f'JOIN "inner" AS i ON {" AND ".join(among)} GROUP BY r.{quoted(ROW)}) AS m '
        f"ON m.k = r.{quoted(ROW)}"
    )


def existence(among: Sequence[str]) -> tuple[str, str]:
    """EXISTS, and the join that it needs."""
    if not among:
        return '(SELECT COUNT(*) > 0 FROM "inner")', ""
    return "COALESCE(m.n, 0) > 0", _measured("COUNT(*) AS n", among)


def single_value(first: str, among: Sequence[str], counts: bool) -> tuple[str, str]:
    """A scalar sub-query, and the join that it needs; a COUNT of nothing is 0."""
    if not among:
        return '(SELECT * FROM "inner")', ""
    text = "COALESCE(m.v, 0)" if counts else "m.v"
    return text, _measured(f"MAX(i.{first}) AS v", among)


def membership(first: str, value: str, among: Sequence[str]) -> tuple[str, str]:
    """IN, and the join that it needs: true where found, else NULL where a NULL may be the one."""
    if among:
        found, rows, nulls = "m.t > 0", "COALESCE(m.n, 0)", "m.u"
        join = _measured(
            f"COUNT(*) AS n, COUNT(*) FILTER (WHERE i.{first} = {value}) AS t, "
            f"COUNT(*) FILTER (WHERE i.{first} IS NULL) AS u",
            among,
        )
    else:
        found, rows = "m.k IS NOT NULL", '(SELECT COUNT(*) FROM "inner")'
        nulls = f'(SELECT COUNT(*) FROM "inner" AS i WHERE i.{first} IS NULL)'
        join = (
            f' LEFT JOIN (SELECT DISTINCT i.{first} AS k FROM "inner" AS i) AS m ON m.k = {value}'
        )
    text = (
        f"CASE WHEN {found} THEN TRUE WHEN {rows} = 0 THEN FALSE "
        f"WHEN {value} IS NULL OR {nulls} > 0 THEN NULL ELSE FALSE END"
    )
    return text, join
