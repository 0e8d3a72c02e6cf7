"""Aggregates and window functions of a plain SELECT, as DataFusion computes them.

Integer sums and averages are taken over DECIMALs, so that they are exact and an overflow is an
error; NaN counts as NULL, as in every aggregate of this project. What DataFusion lacks, or rounds
by the order of rows, `kernel.py` has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.aggregates import find as find_aggregate
from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.types import BIGINT, is_integer, is_number, sql_name
from bighead.zipline.sql import tree
from bighead.zipline.sql.binding.aggregate import aggregate_function

_AGGREGATES = """
ANY_VALUE ARRAY_AGG STRING_AGG APPROX_DISTINCT APPROX_MEDIAN APPROX_PERCENTILE_CONT
BIT_AND BIT_OR BIT_XOR
CORR COVAR COVAR_POP COVAR_SAMP FIRST_VALUE LAST_VALUE NTH_VALUE GROUPING REGR_AVGX REGR_AVGY
REGR_COUNT REGR_INTERCEPT REGR_R2 REGR_SLOPE REGR_SXX REGR_SXY REGR_SYY
"""
ENGINE_AGGREGATES = frozenset(_AGGREGATES.split())
"""Aggregates of DataFusion's own, in plain SELECT only."""

_WINDOWS = """
ROW_NUMBER RANK DENSE_RANK PERCENT_RANK CUME_DIST NTILE LAG LEAD FIRST_VALUE LAST_VALUE NTH_VALUE
"""
WINDOW_FUNCTIONS = frozenset(_WINDOWS.split())

Text = Callable[[str, str, pa.DataType], str]
"""(column, OVER and FILTER behind the call, type of the column) -> text."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it stands in the text, its modifiers taken apart."""

    node: exp.Anonymous
    name: str
    """In capitals; COUNT(*) is 'COUNT(*)'."""
    arguments: tuple[exp.Expr, ...]
    distinct: bool
    condition: exp.Expr | None
    nulls: str
    order: tuple[exp.Expr, ...] = ()
    """The items of ORDER BY within the brackets."""


def plain_call(node: exp.Expr) -> Call | None:
    """The aggregate call that a node is, FILTER included; None for other nodes."""
    condition, nulls, call = None, "", node
    if isinstance(call, exp.IgnoreNulls | exp.RespectNulls):
        nulls = " IGNORE NULLS" if isinstance(call, exp.IgnoreNulls) else " RESPECT NULLS"
        call = call.this
    if isinstance(call, exp.Filter):
        condition, call = call.expression.this, call.this
    if isinstance(call, tree.Bucketed):
        call = call.this
    if not isinstance(call, exp.Anonymous) or not isinstance(call.this, str):
        return None
    name = call.this.upper()
    arguments = tuple(call.expressions)
    order: tuple[exp.Expr, ...] = ()
    if arguments and isinstance(arguments[-1], exp.Order):
        order = tuple(arguments[-1].expressions)
        arguments = (*arguments[:-1], arguments[-1].this)
    distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
    if distinct:
        arguments = (*arguments[0].expressions, *arguments[1:])
    if name == "COUNT" and (not arguments or isinstance(arguments[0], exp.Star)):
        name, arguments = "COUNT(*)", ()
    return Call(call, name, arguments, distinct, condition, nulls, order)


def is_aggregate(call: Call) -> bool:
    """An aggregate, ours or DataFusion's."""
    return aggregate_function(call.node) is not None or (
        call.name in ENGINE_AGGREGATES or find_aggregate(call.name) is not None
    )


def only_in_sets(node: exp.Expr) -> bool:
    """Windows back from t have a meaning in feature sets only."""
    return isinstance(node, exp.Window) and isinstance(node.args.get("spec"), tree.Windows)


def is_spelled(call: Call) -> bool:
    """DataFusion computes it too, floats in whatever order its rows come."""
    known = aggregate_function(call.node)
    ordered = known is not None and known.name in ("first", "last")
    return known is not None and not ordered and (known.name in SPELLED or call.name == "MEDIAN")


def _number(column: str) -> str:
    return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END"


def _clean(column: str, kind: pa.DataType) -> str:
    """NaN counts as NULL."""
    return _number(column) if pa.types.is_floating(kind) else column


def _sum(column: str, tail: str, kind: pa.DataType) -> str:
    if is_integer(kind):
        return f"CAST(SUM(CAST({column} AS DECIMAL(38, 0))){tail} AS BIGINT)"
    if pa.types.is_decimal(kind):
        return f"SUM(CAST({column} AS DECIMAL(38, {kind.scale}))){tail}"
    return f"SUM(CAST({_clean(column, kind)} AS DOUBLE)){tail}"


def _avg(column: str, tail: str, kind: pa.DataType) -> str:
    if is_integer(kind):
        total = f"CAST(SUM(CAST({column} AS DECIMAL(38, 0))){tail} AS DOUBLE)"
        return f"{total} / NULLIF(CAST(COUNT({column}){tail} AS DOUBLE), 0)"
    if pa.types.is_decimal(kind):
        return f"AVG(CAST({column} AS DECIMAL(38, {kind.scale}))){tail}"
    return f"AVG(CAST({_clean(column, kind)} AS DOUBLE)){tail}"


def _over_numbers(name: str) -> Text:
    return lambda column, tail, kind: f"{name}(CAST({_clean(column, kind)} AS DOUBLE)){tail}"


def _over_values(name: str) -> Text:
    return lambda column, tail, kind: f"{name}({_clean(column, kind)}){tail}"


NUMBERS = ("sum", "avg", "var_samp", "var_pop", "stddev_samp", "stddev_pop", "quantile")
SPELLED: dict[str, Text] = {
    "count_rows": lambda column, tail, kind: f"COUNT(*){tail}",
    "count": _over_values("COUNT"),
    "count_distinct": lambda column, tail, kind: f"COUNT(DISTINCT {_clean(column, kind)}){tail}",
    "sum": _sum,
    "avg": _avg,
    "min": _over_values("MIN"),
    "max": _over_values("MAX"),
    "bool_and": _over_values("BOOL_AND"),
    "bool_or": _over_values("BOOL_OR"),
    "var_samp": _over_numbers("VAR_SAMP"),
    "var_pop": _over_numbers("VAR_POP"),
    "stddev_samp": _over_numbers("STDDEV_SAMP"),
    "stddev_pop": _over_numbers("STDDEV_POP"),
    "first": _over_values("FIRST_VALUE"),
    "last": _over_values("LAST_VALUE"),
}
"""How the project's aggregates are written for DataFusion."""


def call_text(
    call: Call, columns: list[str], kinds: list[pa.DataType], tail: str, order: str = ""
) -> str | None:
    """The call for DataFusion over columns of these types; None where it has no such function.

    `tail` is what follows the call: FILTER and OVER; `order` what ORDER BY within it says.
    """
    known = aggregate_function(call.node)
    if known is not None and known.name in SPELLED and not (call.distinct and len(columns) > 1):
        column = columns[0] if columns else ""
        return SPELLED[known.name](column, tail, kinds[0] if kinds else BIGINT)
    if known is not None and known.name == "quantile" and call.name == "MEDIAN":
        return f"MEDIAN(CAST({_clean(columns[0], kinds[0])} AS DOUBLE)){tail}"
    if call.name in ENGINE_AGGREGATES | WINDOW_FUNCTIONS:
        word = "DISTINCT " if call.distinct else ""
        by = f" ORDER BY {order}" if order else ""
        return f"{call.name}({word}{', '.join(columns)}{by}){call.nulls}{tail}"
    return None


def wrong_argument(call: Call, exprs: list[Expr]) -> str:
    """Why the project's aggregate does not take these arguments; '' where it does."""
    known = aggregate_function(call.node)
    if known is None:
        return ""
    if len(exprs) < known.arity or (len(exprs) > known.arity and known.name in SPELLED):
        return f"{known.signature} takes {known.arity} argument{'s' * (known.arity != 1)}"
    if known.name in NUMBERS and not (is_number(exprs[0].type) or pa.types.is_null(exprs[0].type)):
        return f"{call.name} takes numbers, not {sql_name(exprs[0].type)}"
    return ""
