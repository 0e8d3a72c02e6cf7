"""Instants and intervals made of numbers: FROM_EPOCH, TO_TIMESTAMP, MAKE_DATE, TO_MINUTES, ..."""

from __future__ import annotations

from datetime import date

import numpy as np

from bighead.zipline.errors import ExpressionError
from bighead.zipline.expressions.arithmetic import beyond
from bighead.zipline.expressions.arrow import Datum
from bighead.zipline.expressions.datum import all_valid, column, each, numbers, rows_of
from bighead.zipline.expressions.function import BadValueError, Function
from bighead.zipline.expressions.maths import double, number
from bighead.zipline.expressions.strings import whole
from bighead.zipline.expressions.times import unit_of
from bighead.zipline.expressions.typing import is_float
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import (
    BIGINT,
    DATE,
    INTERVAL,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    is_integer,
)
from bighead.zipline.windows import DAY, HOUR, MILLISECOND, MINUTE, SECOND, WEEK

EPOCHS = {"second": SECOND, "millisecond": MILLISECOND, "microsecond": 1}


def _bind_from_epoch(args: tuple[Expr, ...]) -> Expr:
    unit = unit_of("FROM_EPOCH", args[1], tuple(EPOCHS))
    assert isinstance(unit.value, str)
    return Call("from_epoch", (whole("FROM_EPOCH", args[0]), unit), TIMESTAMP)


def _run_from_epoch(call: Call, args: tuple[Datum, ...]) -> Datum:
    unit = call.args[1]
    assert isinstance(unit, Literal)
    size = EPOCHS[str(unit.value)]
    mask = all_valid(args, rows_of(args))
    count = np.where(mask, numbers(args[0]), 0)
    if bool(((count > (2**63 - 1) // size) | (count < -(2**63) // size + (size > 1))).any()):
        raise beyond(TIMESTAMP)
    return column(count * size, TIMESTAMP, mask)


def _bind_to_timestamp(args: tuple[Expr, ...]) -> Expr:
    arg = number("TO_TIMESTAMP", args[0])
    seconds = whole("TO_TIMESTAMP", arg) if is_integer(arg.type) else double("TO_TIMESTAMP", arg)
    return Call("to_timestamp", (seconds,), TIMESTAMPTZ)


def _run_to_timestamp(call: Call, args: tuple[Datum, ...]) -> Datum:
    (seconds,) = args
    mask = all_valid(args, rows_of(args))
    count = np.where(mask, numbers(seconds), 0)
    if is_float(seconds.type):
        with np.errstate(all="ignore"):
            us = np.rint(count * float(SECOND))
        if not bool(((us >= -(2.0**63)) & (us < 2.0**63)).all()):
            raise beyond(TIMESTAMPTZ)
        return column(us.astype(np.int64), TIMESTAMPTZ, mask)
    limit = (2**63 - 1) // SECOND
    if bool(((count > limit) | (count < -limit)).any()):
        raise beyond(TIMESTAMPTZ)
    return column(count * SECOND, TIMESTAMPTZ, mask)


def _day_number(year: int, month: int, day: int) -> int:
    try:
        return date(year, month, day).toordinal() - 719_163
    except ValueError:
        raise BadValueError("is no day of the years 1 to 9999") from None


def _bind_make_date(args: tuple[Expr, ...]) -> Expr:
    return Call("make_date", tuple(whole("MAKE_DATE", a) for a in args), DATE)


def _run_make_date(call: Call, args: tuple[Datum, ...]) -> Datum:
    mask = all_valid(args, rows_of(args))
    days = each(_day_number, args, BIGINT)
    return column(numbers(days).astype(np.int32), DATE, mask)


def _bind_make_timestamp(args: tuple[Expr, ...]) -> Expr:
    if len(args) == 1:
        return _bind_from_epoch((args[0], Literal("us", VARCHAR)))
    if len(args) != 6:
        raise ExpressionError(
            f"MAKE_TIMESTAMP takes 1 or 6 arguments, not {len(args)}",
            "write MAKE_TIMESTAMP(year, month, day, hour, minute, second)",
        )
    parts = tuple(whole("MAKE_TIMESTAMP", a) for a in args[:5])
    return Call("make_timestamp", (*parts, double("MAKE_TIMESTAMP", args[5])), TIMESTAMP)


def _instant(year: int, month: int, day: int, hour: int, minute: int, second: float) -> int:
    days = _day_number(year, month, day)
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0.0 <= second < 60.0):
        raise BadValueError("is no time of day")
    return days * DAY + hour * HOUR + minute * MINUTE + round(second * SECOND)


def _run_make_timestamp(call: Call, args: tuple[Datum, ...]) -> Datum:
    mask = all_valid(args, rows_of(args))
    return column(numbers(each(_instant, args, BIGINT)), TIMESTAMP, mask)


def _bind_interval(size: int, title: str, args: tuple[Expr, ...]) -> Expr:
    """A shorthand for x * INTERVAL."""
    arg = number(title, args[0])
    factor = arg if is_integer(arg.type) else double(title, arg)
    if is_integer(arg.type):
        factor = whole(title, arg)
    return Call("multiply", (factor, Literal(size, INTERVAL)), INTERVAL)


def _interval(name: str, size: int, unit: str) -> Function:
    title = name.upper()
    return Function(
        name, (title,), f"{title}(x)", 1, 1, f"x * INTERVAL '1' {unit}.",
        (f"{title}(2) = 2 * INTERVAL '1' {unit}",),
        lambda args: _bind_interval(size, title, args), None,
    )  # fmt: skip


INSTANTS = (
    Function(
        "from_epoch", ("FROM_EPOCH",), "FROM_EPOCH(n, unit)", 2, 2,
        "The TIMESTAMP n seconds ('s'), milliseconds ('ms') or microseconds ('us') after 1970-01-01"
        " 00:00 UTC; n is a whole number.",
        ("FROM_EPOCH(1500, 'ms') = TIMESTAMP '1970-01-01 00:00:01.5'",),
        _bind_from_epoch, _run_from_epoch,
    ),
    Function(
        "to_timestamp", ("TO_TIMESTAMP",), "TO_TIMESTAMP(seconds)", 1, 1,
        "The TIMESTAMPTZ so many seconds after 1970-01-01 00:00 UTC; a DOUBLE is taken times"
        " 1000000"
        " and rounded to the microsecond, half to even.",
        ("TO_TIMESTAMP(1.5e0) = TIMESTAMP '1970-01-01 00:00:01.5'",),
        _bind_to_timestamp, _run_to_timestamp,
    ),
    Function(
        "make_date", ("MAKE_DATE",), "MAKE_DATE(year, month, day)", 3, 3,
        "The DATE; an error where there is no such day in the years 1 to 9999.",
        ("MAKE_DATE(2013, 6, 5) = DATE '2013-06-05'",), _bind_make_date, _run_make_date,
    ),
    Function(
        "make_timestamp", ("MAKE_TIMESTAMP",),
        "MAKE_TIMESTAMP(year, month, day, hour, minute, second)", 1, 6,
        "The TIMESTAMP; seconds are DOUBLE, rounded to the microsecond; an error where there is no"
        " such time. MAKE_TIMESTAMP(n) is FROM_EPOCH(n, 'us').",
        ("MAKE_TIMESTAMP(2013, 6, 5, 1, 2, 3.5) = TIMESTAMP '2013-06-05 01:02:03.5'",),
        _bind_make_timestamp, _run_make_timestamp,
    ),
    _interval("to_weeks", WEEK, "WEEK"),
    _interval("to_days", DAY, "DAY"),
    _interval("to_hours", HOUR, "HOUR"),
    _interval("to_minutes", MINUTE, "MINUTE"),
    _interval("to_seconds", SECOND, "SECOND"),
    _interval("to_milliseconds", MILLISECOND, "MILLISECOND"),
    _interval("to_microseconds", 1, "MICROSECOND"),
)  # fmt: skip
