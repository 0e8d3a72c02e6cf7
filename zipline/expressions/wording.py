"""A call in the words of SQL, with the values of one row, for messages."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from bighead.zipline.expressions.arrow import Scalar, repeat
from bighead.zipline.expressions.text_casts import format_as_text
from bighead.zipline.expressions.typing import is_interval
from bighead.zipline.ir.expr import Call
from bighead.zipline.ir.types import VARCHAR, is_time, sql_name

SIGNS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "modulo": "%",
    "equal": "=", "not_equal": "<>", "less": "<", "less_equal": "<=", "greater": ">",
    "greater_equal": ">=", "and": "AND", "or": "OR", "concat_op": "||",
}  # fmt: skip
LONGEST = 60
"""Text is cut to this many characters in a message."""


def spell(call: Call, values: Sequence[Scalar]) -> str:
    """The call with these values for arguments.

    >>> import pyarrow as pa
    >>> spell(Call("add", (), pa.int64()), [pa.scalar(1), pa.scalar(2)])
    '1 + 2'
    >>> spell(Call("cast", (), pa.int32()), [pa.scalar("x")])
    "CAST('x' AS INTEGER)"
    """
    shown = [spell_scalar(v) for v in values]
    if call.function in SIGNS and len(shown) == 2:
        return f"{shown[0]} {SIGNS[call.function]} {shown[1]}"
    if call.function == "negate":
        return f"-({shown[0]})"
    if call.function in ("cast", "try_cast"):
        return f"{call.function.upper()}({shown[0]} AS {sql_name(call.type)})"
    return f"{call.function.upper()}({', '.join(shown)})"


def spell_scalar(scalar: Scalar) -> str:
    """One value as SQL writes it."""
    arrow = scalar.type
    if scalar.is_valid and (is_time(arrow) or is_interval(arrow)):
        text = format_as_text(repeat(scalar, 1), VARCHAR)[0][0].as_py()
        return f"{sql_name(arrow)} '{text}'"
    return spell_value(scalar.as_py())


def spell_value(value: object) -> str:
    """A Python value as SQL writes it; times are `spell_scalar`'s."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        cut = value if len(value) <= LONGEST else value[: LONGEST - 3] + "..."
        return "'" + cut.replace("'", "''") + "'"
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)
