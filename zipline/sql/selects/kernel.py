"""Aggregates of GROUP BY that are the project's own: a join of the groups with the rows, over all.

DataFusion finds the groups; what it does not compute, or not exactly (a float sum depends on the
order of rows), comes from the temporal kernel: the rows are events whose time is their number, and
each group asks for all of them. So FIRST, LAST and their kin go by the order of the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

import pyarrow as pa
from sqlglot import exp

from bighead.zipline.aggregates import find
from bighead.zipline.expressions import call
from bighead.zipline.ir.expr import Column, Expr, Literal, Scalar
from bighead.zipline.ir.nodes import (
    Aggregate,
    Events,
    Feature,
    Node,
    TemporalJoin,
    View,
)
from bighead.zipline.ir.types import TIMESTAMP, VARCHAR
from bighead.zipline.names import quoted
from bighead.zipline.sql.binding.aggregate import aggregate_function, bind_aggregate
from bighead.zipline.sql.binding.expression import Special
from bighead.zipline.sql.binding.relational import Steps, listed
from bighead.zipline.sql.binding.scope import Scope
from bighead.zipline.sql.selects.calls import Call
from bighead.zipline.windows import END_OF_TIME

ALIAS, AT = "#kernel", "#at"

BY_DATAFUSION = frozenset(
    ("count_rows", "count", "count_distinct", "sum", "avg", "min", "max", "bool_and", "bool_or")
)
"""What DataFusion gives to the bit, but for floats."""


ORDERED = frozenset(("first", "last", "first_k", "last_k", "min_by", "max_by"))
"""What depends on the order of rows."""


def of_kernel(node: exp.Expr, found: Call, scope: Scope, special: Special) -> Aggregate | None:
    """The aggregate that a call is, where the kernel computes it; None where DataFusion does.

    Raises SqlError.
    """
    known = aggregate_function(found.node)
    if known is None and (find(found.name) is None or not found.distinct):
        return None
    if found.nulls == " RESPECT NULLS":
        raise scope.context.error(
            node, f"{found.name} passes over NULLs", "leave out RESPECT NULLS"
        )
    if known is not None and known.half_life:
        raise scope.context.error(
            node,
            f"{found.name} weighs rows by their age, and GROUP BY has no time to reckon it from",
            "ask it of a feature set, by ASOF LEFT JOIN or AS OF TIMESTAMP",
        )
    if known is not None and known.name == "array_agg_distinct" and len(found.arguments) == 1:
        return None  # standard SQL's, of whatever length
    plain = node.this if isinstance(node, exp.IgnoreNulls) else node
    bound = bind_aggregate(plain, scope, {}, special)
    assert bound is not None
    aggregate = bound.aggregate
    floating = any(pa.types.is_floating(a.type) for a in aggregate.args)
    exact = aggregate.function in ("count", "min", "max") or not floating
    if aggregate.function in BY_DATAFUSION and exact and aggregate.bucket is None:
        return None
    return aggregate


def positive_zero(key: Expr) -> Expr:
    """The key by which -0.0 and 0.0 are one group."""
    if not pa.types.is_floating(key.type):
        return key
    return call("+", (key, Literal(0.0, key.type)))


def timed_rows(
    steps: Steps,
    place: exp.Expr,
    rows: Node,
    read: Collection[str],
    aggregates: Sequence[Aggregate],
) -> Node:
    """The rows; where their order matters what is read of them, and their numbers as AT."""
    if not any(a.user is not None or a.function in ORDERED for a in aggregates):
        return rows
    names = [name for name in rows.schema.names if name in read]
    number = f"CAST(ROW_NUMBER() OVER () AS BIGINT) AS {quoted(AT)}"
    sql = f'SELECT {", ".join(filter(None, (listed(names), number)))} FROM "rows"'
    return steps.asked(place, sql, {"rows": rows}, [*names, AT])


def beside_groups(
    rows: Node, groups: Node, keys: Sequence[str], aggregates: Sequence[tuple[str, Aggregate]]
) -> Node:
    """The groups with what the kernel makes of the rows of each, as `#kernel.name`.

    rows: timed ones. keys: columns that both have.
    """
    time: Expr = Literal(0, TIMESTAMP)
    if AT in rows.schema.names:
        number = Column(AT, rows.schema.field(AT).type)
        time = call("from_epoch", (number, Literal("us", VARCHAR)))
    events = Events(rows, "the rows of GROUP BY", time)
    parts = tuple(p for k in keys for p in _parts(Column(k, rows.schema.field(k).type)))
    features = tuple(Feature(name, aggregate) for name, aggregate in aggregates)
    end = Literal(END_OF_TIME, TIMESTAMP)
    return TemporalJoin(groups, View(events, parts, features), ALIAS, parts, end, inclusive=True)


def _parts(key: Column) -> tuple[Expr, ...]:
    """A key as values that are never NULL: a join takes no NULL for equal, and a group does."""
    missing = call("is_null", (key,))
    if pa.types.is_null(key.type):
        return (missing,)
    zero = Literal(_zero(key.type), key.type)
    held = call("coalesce", (key, zero))
    if not pa.types.is_floating(key.type):
        return missing, held
    unordered = call("is_nan", (held,))
    return missing, unordered, call("case", (unordered, zero, held))


def _zero(kind: pa.DataType) -> Scalar:
    if pa.types.is_boolean(kind):
        return False
    if pa.types.is_string(kind):
        return ""
    if pa.types.is_binary(kind):
        return b""
    if pa.types.is_decimal(kind):
        return Decimal(0)
    return 0.0 if pa.types.is_floating(kind) else 0
