"""Logic and choice: AND, OR, NOT, CASE, IF, COALESCE, NULLIF.

AND, OR and NOT are Kleene's: NULL is unknown. Only the chosen branch of CASE, IF and COALESCE is
computed for a row, so that `CASE WHEN b < 100 THEN CAST(b AS TINYINT) END` never fails.
"""

from __future__ import annotations

import pyarrow as pa

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions.arrow import Datum, compute, false_for_null, scalar
from bighead.zipline.expressions.comparison import comparable, compare
from bighead.zipline.expressions.function import Bind, Function
from bighead.zipline.expressions.typing import is_null, unify
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import BOOLEAN, VARCHAR, sql_name


def truth(what: str, arg: Expr) -> Expr:
    """A BOOLEAN; a bare NULL is one."""
    if is_null(arg.type):
        return Literal(None, BOOLEAN)
    if not pa.types.is_boolean(arg.type):
        raise ExpressionError(
            f"{what} takes a BOOLEAN, not {sql_name(arg.type)}",
            "write a comparison, such as x <> 0",
        )
    return arg


def _bind_logic(name: str, args: tuple[Expr, ...]) -> Expr:
    first, *rest = (truth(name.upper(), a) for a in args)
    whole: Expr = first
    for arg in rest:
        whole = Call(name, (whole, arg), BOOLEAN)
    return whole


def _bind_not(args: tuple[Expr, ...]) -> Expr:
    return Call("not", (truth("NOT", args[0]),), BOOLEAN)


def _run_and(call: Call, args: tuple[Datum, ...]) -> Datum:
    return compute("and_kleene", *args)


def _run_or(call: Call, args: tuple[Datum, ...]) -> Datum:
    return compute("or_kleene", *args)


def _run_not(call: Call, args: tuple[Datum, ...]) -> Datum:
    return compute("invert", args[0])


def _bind_case(args: tuple[Expr, ...]) -> Expr:
    """(when, then, ..., [else]); without ELSE it is NULL."""
    pairs = len(args) // 2
    whens = [truth("WHEN", args[2 * i]) for i in range(pairs)]
    thens = [args[2 * i + 1] for i in range(pairs)]
    otherwise = args[-1] if len(args) % 2 else Literal(None, pa.null())
    values, _ = unify("CASE", (*thens, otherwise))
    values = _typed(values)
    both = (part for pair in zip(whens, values[:-1], strict=True) for part in pair)
    return Call("case", (*both, values[-1]), values[-1].type)


def _typed(values: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Nothing but NULLs is taken for text."""
    if all(is_null(v.type) for v in values):
        return tuple(Literal(None, VARCHAR) for _ in values)
    return values


def _bind_if(args: tuple[Expr, ...]) -> Expr:
    return _bind_case((truth("IF", args[0]), *args[1:]))


def _bind_coalesce(args: tuple[Expr, ...]) -> Expr:
    values, _ = unify("COALESCE", args)
    values = _typed(values)
    return Call("coalesce", values, values[0].type)


def _bind_nullif(args: tuple[Expr, ...]) -> Expr:
    a, b = args
    left, right = comparable("=", a, b)
    if left != a:  # a itself is the result, so that it is compared as it is, b beside it
        left, right = (a, right) if left.type == a.type else (left, right)
    return Call("nullif", (left, right), left.type)


def _run_nullif(call: Call, args: tuple[Datum, ...]) -> Datum:
    a, b = args
    same = false_for_null(compare("equal", a, b))
    return compute("if_else", same, scalar(None, a.type), a)


TRUTH_TESTS = {
    "is_true": (True, False),
    "is_not_true": (True, True),
    "is_false": (False, False),
    "is_not_false": (False, True),
}
"""Which value is looked for, and whether the answer is turned round."""


def _bind_truth(name: str, args: tuple[Expr, ...]) -> Expr:
    return Call(name, (truth("IS TRUE", args[0]),), BOOLEAN)


def _run_truth(call: Call, args: tuple[Datum, ...]) -> Datum:
    wanted, turned = TRUTH_TESTS[call.function]
    (flag,) = args
    holds = false_for_null(flag if wanted else compute("invert", flag))
    return compute("invert", holds) if turned else holds


def _truth(name: str, words: str, *examples: str) -> Function:
    doc = "Never NULL: NULL is neither true nor false."
    bind: Bind = lambda args: _bind_truth(name, args)  # noqa: E731
    return Function(name, (), f"x {words}", 1, 1, doc, examples, bind, _run_truth)


CONDITIONAL = (
    Function(
        "and", ("AND",), "a AND b", 2, None, "False where one is false, else NULL where one is"
        " NULL.",
        ("(NULL AND FALSE) = FALSE",), lambda args: _bind_logic("and", args), _run_and,
    ),
    Function(
        "or", ("OR",), "a OR b", 2, None, "True where one is true, else NULL where one is NULL.",
        ("NULL OR TRUE",), lambda args: _bind_logic("or", args), _run_or,
    ),
    Function("not", ("NOT",), "NOT a", 1, 1, "NULL for NULL.", ("NOT FALSE",), _bind_not, _run_not),
    _truth("is_true", "IS TRUE", "(1 = 1) IS TRUE"),
    _truth("is_not_true", "IS NOT TRUE", "NULL IS NOT TRUE"),
    _truth("is_false", "IS FALSE", "FALSE IS FALSE"),
    _truth("is_not_false", "IS NOT FALSE", "NULL IS NOT FALSE"),
    Function(
        "case", ("CASE",), "CASE WHEN c THEN x [WHEN ...] [ELSE y] END", 2, None,
        "The x of the first c that is true, else y, else NULL, in the common type of all; only the"
        " chosen one is computed.",
        ("CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END = 'b'",), _bind_case, None,
    ),
    Function(
        "if", ("IF", "IIF"), "IF(c, x [, y])", 2, 3, "CASE WHEN c THEN x ELSE y END.",
        ("IF(NULL, 1, 2) = 2",), _bind_if, None,
    ),
    Function(
        "coalesce", ("COALESCE", "IFNULL", "NVL"), "COALESCE(x, y, ...)", 1, None,
        "The first value that is not NULL, in the common type of all; NaN is a value.",
        ("COALESCE(NULL, 3) = 3",), _bind_coalesce, None,
    ),
    Function(
        "nullif", ("NULLIF",), "NULLIF(a, b)", 2, 2, "NULL where a = b, else a.",
        ("NULLIF(0, 0) IS NULL", "NULLIF(1, 0) = 1"), _bind_nullif, _run_nullif,
    ),
)  # fmt: skip
