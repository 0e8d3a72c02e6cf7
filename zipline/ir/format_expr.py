"""Expressions as SQL text, with as few parentheses as the reading allows.

The text is for people: EXPLAIN, error messages and golden files. What is stored and addressed is
the serialised form (`serialize.py`), which also keeps what SQL leaves out: the types of calls.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.nodes import Aggregate
from bighead.zipline.ir.types import sql_name
from bighead.zipline.names import quoted
from bighead.zipline.windows import (
    DAY,
    HOUR,
    MICROSECOND,
    MILLISECOND,
    MINUTE,
    SECOND,
    format_duration,
)

# How tightly an operator binds; an operand that binds less tightly is put in parentheses.
OR, AND, NOT, COMPARISON, CONCAT, SUM, PRODUCT, SIGN, ATOM = range(9)

INFIX: dict[str, tuple[str, int]] = {
    "or": ("OR", OR),
    "and": ("AND", AND),
    "equal": ("=", COMPARISON),
    "not_equal": ("<>", COMPARISON),
    "less": ("<", COMPARISON),
    "less_equal": ("<=", COMPARISON),
    "greater": (">", COMPARISON),
    "greater_equal": (">=", COMPARISON),
    "is_distinct": ("IS DISTINCT FROM", COMPARISON),
    "is_not_distinct": ("IS NOT DISTINCT FROM", COMPARISON),
    "like": ("LIKE", COMPARISON),
    "ilike": ("ILIKE", COMPARISON),
    "concat_op": ("||", CONCAT),
    "add": ("+", SUM),
    "subtract": ("-", SUM),
    "multiply": ("*", PRODUCT),
    "divide": ("/", PRODUCT),
    "modulo": ("%", PRODUCT),
}
POSTFIX = {
    "is_null": "IS NULL",
    "is_not_null": "IS NOT NULL",
    "is_true": "IS TRUE",
    "is_not_true": "IS NOT TRUE",
    "is_false": "IS FALSE",
    "is_not_false": "IS NOT FALSE",
}
SPELLED = {
    "count_rows": "COUNT(*)",
    "count_distinct": "COUNT(DISTINCT {})",
    "array_agg_distinct": "ARRAY_AGG(DISTINCT {})",
    "vector_sum": "SUM({})",
    "vector_avg": "AVG({})",
}
"""Aggregates that are not called by their names in a plan."""
_UNITS = (
    (DAY, "DAY"),
    (HOUR, "HOUR"),
    (MINUTE, "MINUTE"),
    (SECOND, "SECOND"),
    (MILLISECOND, "MILLISECOND"),
    (MICROSECOND, "MICROSECOND"),
)
_PLAIN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def format_expr(expr: Expr) -> str:
    """The SQL of an expression.

    >>> from bighead.zipline.ir.types import BIGINT
    >>> a = Column("a", BIGINT)
    >>> both = Call("add", (a, Literal(1, BIGINT)), BIGINT)
    >>> format_expr(Call("multiply", (both, a), BIGINT))
    '(a + 1) * a'
    """
    return _format(expr)[0]


def format_aggregate(aggregate: Aggregate) -> str:
    """The SQL of an aggregate, without its window.

    >>> from bighead.zipline.ir.types import BIGINT
    >>> a, b = Column("a", BIGINT), Column("b", BIGINT)
    >>> format_aggregate(Aggregate("sum", (a,), BIGINT, bucket=b))
    'SUM(a) BY b'
    """
    args = [format_expr(a) for a in aggregate.args]
    args += [str(x) for x in (aggregate.k, aggregate.p) if x is not None]
    if aggregate.half_life is not None:
        args.append(f"'{format_duration(aggregate.half_life)}'")
    inside = ", ".join(args)
    spelled = SPELLED.get(aggregate.function, aggregate.function.upper() + "({})")
    return spelled.format(inside) + format_selection(aggregate.bucket, aggregate.filter)


def format_selection(bucket: Expr | None, kept: Expr | None) -> str:
    """What follows an aggregate: ` BY room FILTER (WHERE n > 0)`, or nothing."""
    text = "" if bucket is None else f" BY {format_operand(bucket)}"
    return text if kept is None else f"{text} FILTER (WHERE {format_expr(kept)})"


def format_operand(expr: Expr) -> str:
    """The SQL of an expression, in parentheses where it is an operator's."""
    text, binding = _format(expr)
    return text if binding == ATOM else f"({text})"


def format_name(name: str) -> str:
    """A column's name, quoted where it is not a plain (dotted) word.

    A field of Debezium's `source` is called as CHANGED AT names it.

    >>> format_name("b.nights_7d"), format_name("max(x)")
    ('b.nights_7d', '"max(x)"')
    """
    name = name.removeprefix("#") if name.startswith("#source.") else name
    return name if _PLAIN.fullmatch(name) else quoted(name)


def _format(expr: Expr) -> tuple[str, int]:
    if isinstance(expr, Column):
        return format_name(expr.name), ATOM
    if isinstance(expr, Literal):
        return _literal(expr)
    return _call(expr)


def _call(call: Call) -> tuple[str, int]:
    name, args = call.function, call.args
    if name in INFIX and (len(args) == 2 or name in ("and", "or")):
        word, binding = INFIX[name]
        # Chains of AND, OR, + and * read from the left, and comparisons do not chain at all.
        first = binding + 1 if binding == COMPARISON else binding
        # AND and OR read the same however they are grouped.
        least = binding if binding in (OR, AND) else binding + 1
        parts = [_inside(a, least) for a in args[:0:-1]]
        # Without recursion, since conditions can be long chains.
        left = args[0]
        while binding != COMPARISON and isinstance(left, Call) and left.function == name:
            parts += [_inside(a, least) for a in left.args[:0:-1]]
            left = left.args[0]
        return f" {word} ".join([_inside(left, first), *reversed(parts)]), binding
    if name in POSTFIX and len(args) == 1:
        return f"{_inside(args[0], COMPARISON + 1)} {POSTFIX[name]}", COMPARISON
    if name in ("like", "ilike") and len(args) == 3:
        matched, binding = _call(Call(name, args[:2], call.type))
        return f"{matched} ESCAPE {format_expr(args[2])}", binding
    if name == "not":
        return f"NOT {_inside(args[0], NOT)}", NOT
    if name == "negate":
        return f"-{_inside(args[0], ATOM)}", SIGN
    if name == "in":
        among = ", ".join(format_expr(a) for a in args[1:])
        return f"{_inside(args[0], COMPARISON + 1)} IN ({among})", COMPARISON
    if name in ("cast", "try_cast"):
        return f"{name.upper()}({format_expr(args[0])} AS {sql_name(call.type)})", ATOM
    if name == "case":
        return _case(args), ATOM
    if name == "list":
        return f"[{', '.join(map(format_expr, args))}]", ATOM
    if name == "element":
        return f"{_inside(args[0], ATOM)}[{format_expr(args[1])}]", ATOM
    if name == "field" and isinstance(args[1], Literal):
        return f"{_inside(args[0], ATOM)}.{format_name(str(args[1].value))}", ATOM
    if name == "struct":
        names = [call.type.field(i).name for i in range(call.type.num_fields)]
        named = (f"{format_expr(a)} AS {format_name(n)}" for a, n in zip(args, names, strict=True))
        return f"STRUCT({', '.join(named)})", ATOM
    return f"{name.upper()}({', '.join(format_expr(a) for a in args)})", ATOM


def _case(args: tuple[Expr, ...]) -> str:
    """`case(when, then, ..., else)`; without the last one the rest is NULL."""
    text = "CASE"
    for i in range(0, len(args) - 1, 2):
        text += f" WHEN {format_expr(args[i])} THEN {format_expr(args[i + 1])}"
    if len(args) % 2:
        text += f" ELSE {format_expr(args[-1])}"
    return text + " END"


def _inside(expr: Expr, least: int) -> str:
    text, binding = _format(expr)
    return text if binding >= least else f"({text})"


def _literal(literal: Literal) -> tuple[str, int]:
    value, arrow = literal.value, literal.type
    if value is None:
        bare = pa.types.is_null(arrow)
        return ("NULL" if bare else f"CAST(NULL AS {sql_name(arrow)})"), ATOM
    if isinstance(value, bool):
        return str(value).upper(), ATOM
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'", ATOM
    if isinstance(value, bytes):
        return f"X'{value.hex().upper()}'", ATOM
    if isinstance(value, int) and not pa.types.is_integer(arrow):
        return _moment(value, arrow), ATOM
    if isinstance(value, float) and not math.isfinite(value):
        word = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return f"CAST('{word}' AS {sql_name(arrow)})", ATOM
    text = format(value, "f") if isinstance(value, Decimal) else repr(value)
    return text, SIGN if text.startswith("-") else ATOM


def _moment(value: int, arrow: pa.DataType) -> str:
    """A time or an interval, of microseconds or days."""
    if pa.types.is_duration(arrow):
        size, unit = next((s, u) for s, u in _UNITS if value % s == 0)
        return f"INTERVAL '{value // size}' {unit}"
    try:
        if pa.types.is_date(arrow):
            return f"DATE '{date(1970, 1, 1) + timedelta(days=value)}'"
        moment = _EPOCH + timedelta(microseconds=value)
    except OverflowError:
        # Years beyond 9999 or before 1 have no spelling.
        return f"CAST({value} AS {sql_name(arrow)})"
    text = moment.replace(tzinfo=None).isoformat(" ")
    return f"{sql_name(arrow)} '{text}'"
