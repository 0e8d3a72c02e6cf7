"""What all functions share: the error of a call without a value, and fitting an exact result."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pyarrow as pa

from bighead.planner.engines.reference.values import Unfit, to_decimal
from bighead.zipline.errors import DataError
from bighead.zipline.ir.expr import Call
from bighead.zipline.ir.format_expr import format_expr
from bighead.zipline.ir.types import sql_name


def bad(call: Call, *args: object) -> DataError:
    """The error of a call that has no value in its type."""
    given = ", ".join(map(repr, args))
    return DataError(
        f"{format_expr(call)} of ({given}) has no value in {sql_name(call.type)}; "
        "leave the row out with WHERE, or cast to a wider type"
    )


def fit(call: Call, exact: Fraction | int, *args: object) -> Any:
    """An exact result in the type of the call; an error where it does not fit."""
    if pa.types.is_decimal(call.type):
        try:
            return to_decimal(exact, call.type)
        except Unfit:
            raise bad(call, *args) from None
    whole = round(exact)
    bits = 64 if pa.types.is_temporal(call.type) else call.type.bit_width
    if pa.types.is_date(call.type):
        bits = 32
    least = 0 if pa.types.is_unsigned_integer(call.type) else -(2 ** (bits - 1))
    if not least <= whole < least + 2**bits:
        raise bad(call, *args)
    return whole
