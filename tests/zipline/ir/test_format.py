"""Every node and every expression has a text, and it reads like SQL where SQL has words for it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import get_args

import pyarrow as pa
import pytest

from bighead.zipline.aggregates import AGGREGATES
from bighead.zipline.expressions import FUNCTIONS, call
from bighead.zipline.ir import nodes
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.format import (
    Description,
    align,
    bounds,
    format_plan,
)
from bighead.zipline.ir.format_expr import (
    INFIX,
    POSTFIX,
    format_aggregate,
    format_expr,
    format_name,
)
from bighead.zipline.ir.nodes import Aggregate, Node, walk
from bighead.zipline.ir.tiled import TiledView
from bighead.zipline.ir.types import BIGINT, BOOLEAN, DOUBLE, VARCHAR
from bighead.zipline.windows import DAY, HOUR, Window
from tests.zipline.ir.everything import LITERALS, everything

Golden = Callable[[str, str], None]

A, B, C = (Column(name, BIGINT) for name in "abc")
P, Q = Column("p", BOOLEAN), Column("q", BOOLEAN)
S = Column("s", VARCHAR)


def test_every_node_has_a_text(golden: Golden) -> None:
    golden("plans/everything.txt", format_plan(everything()) + "\n")


def test_everything_holds_every_node() -> None:
    kinds = {type(node) for node in walk(everything())}
    defined = {
        kind
        for kind in vars(nodes).values()
        if isinstance(kind, type)
        and issubclass(kind, Node)
        and kind not in (Node, nodes.OfInput)  # which no plan holds
    }
    assert kinds == {*defined, TiledView}


def test_every_literal_has_a_text(golden: Golden) -> None:
    lines = (f"{x.type!s:22}  {format_expr(x)}\n" for x in LITERALS)
    golden("plans/literals.txt", "".join(lines))


def test_operators_are_of_the_closed_list() -> None:
    assert not INFIX.keys() - FUNCTIONS.keys()
    assert not POSTFIX.keys() - FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (call("+", [call("*", [A, B]), C]), "a * b + c"),
        (call("*", [A, call("+", [B, C])]), "a * (b + c)"),
        (call("-", [A, call("-", [B, C])]), "a - (b - c)"),
        (call("-", [call("-", [A, B]), C]), "a - b - c"),
        (call("-", [A, Literal(-1, BIGINT)]), "a - -1"),
        (call("and", [call("or", [P, Q]), call("not", [P])]), "(p OR q) AND NOT p"),
        (call("not", [call("and", [P, Q])]), "NOT (p AND q)"),
        (call("not", [call("=", [A, B])]), "NOT a = b"),
        (call("=", [call("=", [A, B]), P]), "(a = b) = p"),
        (call("is_null", [call("+", [A, B])]), "a + b IS NULL"),
        (call("is_null", [call("<", [A, B])]), "(a < b) IS NULL"),
        (call("is_distinct", [A, B]), "a IS DISTINCT FROM b"),
        (call("in", [A, B, Literal(2, BIGINT)]), "a IN (b, 2)"),
        (call("case", [P, A, Q, B, C]), "CASE WHEN p THEN a WHEN q THEN b ELSE c END"),
        (Call("cast", (A,), DOUBLE), "CAST(a AS DOUBLE)"),
        (Call("try_cast", (S,), BIGINT), "TRY_CAST(s AS BIGINT)"),
        (call("like", [S, Literal("a%", VARCHAR)]), "s LIKE 'a%'"),
        (call("upper", [S]), "UPPER(s)"),
        (call("negate", [call("+", [A, B])]), "-(a + b)"),
        (call("list", [A, B]), "[a, b]"),
        (call("element", [call("list", [A, B]), Literal(1, BIGINT)]), "[a, b][1]"),
        (Column("max(x)", BIGINT), '"max(x)"'),
        (Column('a"b', BIGINT), '"a""b"'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_expression(expr: Expr, text: str) -> None:
    assert format_expr(expr) == text


def test_a_struct_names_its_fields() -> None:
    pair = pa.struct([pa.field("x", BIGINT), pa.field("y y", VARCHAR)])
    made = Call("struct", (A, S), pair)
    assert format_expr(made) == 'STRUCT(a AS x, s AS "y y")'
    assert format_expr(Call("field", (made, Literal("x", VARCHAR)), BIGINT)).endswith(").x")


def test_every_aggregate_has_a_text(golden: Golden) -> None:
    lines = []
    for name, function in AGGREGATES.items():
        k = 3 if function.k != "no" else None
        p = Decimal("0.5") if function.p == "required" else None
        half_life = 4 * DAY if function.half_life else None
        args = (A, B)[: function.arity]
        made = Aggregate(name, args, BIGINT, k, p, P, S, half_life=half_life)
        lines.append(format_aggregate(made) + "\n")
    golden("plans/aggregates.txt", "".join(lines))


@pytest.mark.parametrize(
    ("window", "inclusive", "tail", "text"),
    [
        (Window(7 * DAY), False, None, "[t - 7d, t)"),
        (Window(7 * DAY), True, None, "[t - 7d, t]"),
        (Window(), False, None, "(-inf, t)"),
        (Window(rows=10), True, None, "(-inf, t] newest 10 rows"),
        (Window(DAY, rows=2), False, None, "[t - 1d, t) newest 2 rows"),
        (Window(DAY), False, HOUR, "[floor(t - 1d, 1h), t)"),
        (Window(), False, HOUR, "(-inf, t)"),
        (Window(DAY, forward=True), True, None, "[t, t + 1d)"),
        (Window(DAY, forward=True), False, None, "(t, t + 1d]"),
        (Window(forward=True), True, None, "[t, +inf)"),
    ],
)
def test_bounds(window: Window, inclusive: bool, tail: int | None, text: str) -> None:
    assert bounds(window, inclusive, tail) == text


def test_names_are_quoted_where_they_have_to_be() -> None:
    assert [format_name(n) for n in ("a", "b.a", "1a", "a b", "")] == [
        "a",
        "b.a",
        '"1a"',
        '"a b"',
        '""',
    ]


def test_columns_stand_below_each_other() -> None:
    assert align([("a", "bb"), ("ccc", "d"), (), ("e", "f")]) == ["a    bb", "ccc  d", "e  f"]


def test_a_node_may_describe_itself() -> None:
    class Step(Node):
        def describe(self) -> Description:
            return Description("Step of an engine", (("a", "b"),))

    assert format_plan(Step(), lambda _: "3 rows") == "Step of an engine  -- 3 rows\n   a  b"


def test_scalars_of_literals_are_all_shown() -> None:
    shown = {type(x.value) for x in LITERALS}
    assert shown == {type(None), bool, int, float, str, bytes, Decimal}
    assert get_args(Expr) == (Column, Literal, Call)
