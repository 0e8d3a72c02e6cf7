"""Functions of times: parts, truncation and differences.

Every instant is a whole number of microseconds in UTC; a DATE is its midnight. Nothing looks at a
time zone or the clock. Parts and truncation floor towards minus infinity, also before 1970. Weeks
begin on Monday.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bighead.zipline.errors import ExpressionError, did_you_mean
from bighead.zipline.expressions.arithmetic import beyond
from bighead.zipline.expressions.arrow import Datum
from bighead.zipline.expressions.calendar import (
    FIXED,
    MONDAY,
    MONTHS,
    bucket_of,
    first_days,
    iso_week,
    month_numbers,
    start_of,
)
from bighead.zipline.expressions.casts import cast
from bighead.zipline.expressions.datum import Values, all_valid, column, numbers, rows_of
from bighead.zipline.expressions.function import Function
from bighead.zipline.expressions.typing import (
    adapt_literal,
    implicit_cast,
    is_interval,
    is_null,
    is_text,
)
from bighead.zipline.ir.expr import Call, Expr, Literal
from bighead.zipline.ir.types import (
    BIGINT,
    DATE,
    DOUBLE,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
    is_time,
    sql_name,
)
from bighead.zipline.windows import DAY, HOUR, MILLISECOND, MINUTE, SECOND

UNITS = (*FIXED, *MONTHS)
ALIASES = {
    "us": "microsecond", "ms": "millisecond", "s": "second", "sec": "second", "min": "minute",
    "m": "minute", "h": "hour", "hr": "hour", "d": "day", "w": "week", "mon": "month", "y": "year",
    "yr": "year", "dayofweek": "dow", "weekday": "dow", "day_of_week": "dow", "dayofyear": "doy",
    "day_of_year": "doy", "weekofyear": "week", "dayofweekiso": "isodow", "dayofmonth": "day",
}  # fmt: skip


def instant(title: str, arg: Expr) -> Expr:
    """A timestamp; a DATE is its midnight, a constant text is read as a time."""
    if is_null(arg.type):
        return Literal(None, TIMESTAMP)
    if isinstance(arg, Literal) and is_text(arg.type):
        read = adapt_literal(arg, TIMESTAMP)
        if read is not None:
            return read
    if not is_time(arg.type):
        raise ExpressionError(
            f"{title} takes a DATE or a TIMESTAMP, not {sql_name(arg.type)}",
            "write CAST(... AS TIMESTAMP)" if is_text(arg.type) else "write FROM_EPOCH(x, 'ms')",
        )
    return implicit_cast(arg, TIMESTAMP) if arg.type == DATE else arg


def unit_of(title: str, arg: Expr, known: tuple[str, ...]) -> Literal:
    """A constant that names a unit, in its one spelling: singular, in small letters."""
    if not (isinstance(arg, Literal) and isinstance(arg.value, str)):
        raise ExpressionError(f"the unit of {title} is a constant", f"write {title}('day', ...)")
    name = arg.value.lower()
    for spelling in (name, ALIASES.get(name, name), name.removesuffix("s")):
        if spelling in known:
            return Literal(spelling, VARCHAR)
    raise ExpressionError(f"{title} has no unit '{arg.value}'", did_you_mean(name, known))


def _unit(call: Call) -> str:
    unit = call.args[0]
    assert isinstance(unit, Literal)
    assert isinstance(unit.value, str)
    return unit.value


def _bind_trunc(args: tuple[Expr, ...]) -> Expr:
    time = instant("DATE_TRUNC", args[1])
    return Call("date_trunc", (unit_of("DATE_TRUNC", args[0], UNITS), time), time.type)


def _run_trunc(call: Call, args: tuple[Datum, ...]) -> Datum:
    unit, time = _unit(call), args[1]
    mask = all_valid((time,), rows_of(args))
    us = np.where(mask, numbers(time), 0)
    starts = start_of(unit, bucket_of(unit, us))
    if unit in ("day", "week", *MONTHS):
        if bool((starts < -(2**63) // DAY + 1).any()):
            raise beyond(call.type)
        starts = starts * DAY
    elif bool((starts > us).any()):  # wrapped around
        raise beyond(call.type)
    return column(starts, call.type, mask)


def _days(us: Values) -> Values:
    return us // DAY


PARTS: dict[str, Callable[[Values], Values]] = {
    "century": lambda us: (month_numbers(_days(us)) // 12 + 1970 + 99) // 100,
    "decade": lambda us: (month_numbers(_days(us)) // 12 + 1970) // 10,
    "year": lambda us: month_numbers(_days(us)) // 12 + 1970,
    "isoyear": lambda us: iso_week(_days(us))[0],
    "quarter": lambda us: month_numbers(_days(us)) % 12 // 3 + 1,
    "month": lambda us: month_numbers(_days(us)) % 12 + 1,
    "week": lambda us: iso_week(_days(us))[1],
    "day": lambda us: _days(us) - first_days(month_numbers(_days(us))) + 1,
    "doy": lambda us: _days(us) - first_days(month_numbers(_days(us)) // 12 * 12) + 1,
    "dow": lambda us: (_days(us) - MONDAY + 1) % 7,
    "isodow": lambda us: (_days(us) - MONDAY) % 7 + 1,
    "hour": lambda us: us % DAY // HOUR,
    "minute": lambda us: us % HOUR // MINUTE,
    "second": lambda us: us % MINUTE // SECOND,
    "millisecond": lambda us: us % MINUTE // MILLISECOND,
    "microsecond": lambda us: us % MINUTE,
}
"""What EXTRACT gives of microseconds since 1970; `epoch` is EPOCH."""


def _bind_part(args: tuple[Expr, ...]) -> Expr:
    unit = unit_of("EXTRACT", args[0], (*PARTS, "epoch"))
    if unit.value == "epoch":
        return _bind_epoch((args[1],))
    if is_interval(args[1].type):
        raise ExpressionError(
            f"an INTERVAL has no {unit.value!s} of its own",
            "write EPOCH(x), its seconds, or EPOCH_US(x)",
        )
    return Call("date_part", (unit, instant("EXTRACT", args[1])), BIGINT)


def _run_part(call: Call, args: tuple[Datum, ...]) -> Datum:
    time = args[1]
    mask = all_valid((time,), rows_of(args))
    us = np.where(mask, numbers(time), 0)
    return column(PARTS[_unit(call)](us), BIGINT, mask)


def _shorthand(unit: str) -> Function:
    title = unit.upper()
    return Function(
        unit, _SHORT.get(unit, (title,)), f"{title}(t)", 1, 1, f"EXTRACT({title} FROM t).",
        (f"{title}(DATE '2013-06-05') = {_EXAMPLES[unit]}",),
        lambda args: _bind_part((Literal(unit, VARCHAR), *args)), None,
    )  # fmt: skip


_SHORT = {"dow": ("DOW", "DAYOFWEEK"), "doy": ("DOY", "DAYOFYEAR"), "day": ("DAY", "DAYOFMONTH"),
          "week": ("WEEK", "WEEKOFYEAR")}  # fmt: skip
_EXAMPLES = {
    "year": 2013, "quarter": 2, "month": 6, "week": 23, "day": 5, "dow": 3, "isodow": 3, "doy": 156,
    "hour": 0, "minute": 0, "second": 0,
}  # fmt: skip


def _bind_diff(args: tuple[Expr, ...]) -> Expr:
    unit = unit_of("DATE_DIFF", args[0], UNITS)
    start, end = instant("DATE_DIFF", args[1]), instant("DATE_DIFF", args[2])
    return Call("date_diff", (unit, start, end), BIGINT)


def _run_diff(call: Call, args: tuple[Datum, ...]) -> Datum:
    unit, start, end = _unit(call), args[1], args[2]
    rows = rows_of(args)
    mask = all_valid((start, end), rows)
    first = bucket_of(unit, np.where(mask, numbers(start), 0))
    last = bucket_of(unit, np.where(mask, numbers(end), 0))
    difference = last - first
    # Only the count of microseconds can leave int64: then the sign of the difference is wrong.
    if bool(((last >= first) != (difference >= 0)).any()):
        raise beyond(BIGINT)
    return column(difference, BIGINT, mask)


def _length_or_instant(title: str, arg: Expr) -> Expr:
    return arg if is_interval(arg.type) else instant(title, arg)


def _bind_epoch(args: tuple[Expr, ...]) -> Expr:
    return Call("epoch", (_length_or_instant("EPOCH", args[0]),), DOUBLE)


def _run_epoch(call: Call, args: tuple[Datum, ...]) -> Datum:
    seconds = numbers(args[0]).astype(np.float64) / SECOND
    return column(seconds, DOUBLE, all_valid(args, rows_of(args)))


def _bind_epoch_of(name: str, args: tuple[Expr, ...]) -> Expr:
    return Call(name, (_length_or_instant(name.upper(), args[0]),), BIGINT)


EPOCH_UNITS = {"epoch_us": 1, "epoch_ms": MILLISECOND, "epoch_s": SECOND}


def _run_epoch_of(call: Call, args: tuple[Datum, ...]) -> Datum:
    count = numbers(args[0]) // EPOCH_UNITS[call.function]
    return column(count, BIGINT, all_valid(args, rows_of(args)))


def _epoch_of(name: str, doc: str, example: str) -> Function:
    title = name.upper()
    return Function(
        name, (title,), f"{title}(t)", 1, 1, doc, (example,),
        lambda args: _bind_epoch_of(name, args), _run_epoch_of,
    )  # fmt: skip


def _bind_zone(args: tuple[Expr, ...]) -> Expr:
    zone = args[1]
    if not (isinstance(zone, Literal) and isinstance(zone.value, str)):
        raise ExpressionError("the zone of AT TIME ZONE is a constant", "write AT TIME ZONE 'UTC'")
    if zone.value.upper() not in ("UTC", "Z", "+00:00", "ETC/UTC"):
        raise ExpressionError(
            f"times are UTC here, and no function looks at the zone '{zone.value}'",
            "bring local times to UTC before they are read, or shift them by an INTERVAL",
        )
    time = instant("AT TIME ZONE", args[0])
    return cast(time, TIMESTAMPTZ if time.type == TIMESTAMP else TIMESTAMP)


TIMES = (
    Function(
        "date_trunc", ("DATE_TRUNC",), "DATE_TRUNC(unit, t)", 2, 2,
        "The start of the microsecond, millisecond, second, minute, hour, day, week, month,"
        " quarter,"
        " year, decade or century of t, in UTC; a TIMESTAMP also of a DATE.",
        ("DATE_TRUNC('month', DATE '2013-06-05') = DATE '2013-06-01'",
         "DATE_TRUNC('week', DATE '2013-06-05') = DATE '2013-06-03'"),
        _bind_trunc, _run_trunc,
    ),
    Function(
        "date_part", ("DATE_PART", "DATEPART", "EXTRACT"), "EXTRACT(part FROM t)", 2, 2,
        "A BIGINT: year, quarter, month, day, hour, minute, second, dow (Sunday is 0), isodow"
        " (Monday"
        " is 1, Sunday 7), doy, week and isoyear (ISO 8601), decade, century; millisecond and"
        " microsecond count from the minute's start. epoch is EPOCH(t).",
        ("EXTRACT(year FROM DATE '1969-12-31') = 1969",
         "EXTRACT(dow FROM DATE '2013-06-02') = 0"),
        _bind_part, _run_part,
    ),
    *(_shorthand(unit) for unit in _EXAMPLES),
    Function(
        "date_diff", ("DATE_DIFF", "DATEDIFF"), "DATE_DIFF(unit, a, b)", 3, 3,
        "How many starts of the unit lie after a and up to b; negative where b is before a.",
        ("DATE_DIFF('day', TIMESTAMP '2013-01-01 23:59:00', DATE '2013-01-02') = 1",),
        _bind_diff, _run_diff,
    ),
    Function(
        "at_time_zone", (), "t AT TIME ZONE 'UTC'", 2, 2,
        "A TIMESTAMP as TIMESTAMPTZ, or back: the same instant. UTC is the only zone.",
        ("TIMESTAMP '2013-01-01 00:00:00' AT TIME ZONE 'UTC' = TIMESTAMP '2013-01-01 00:00:00'",),
        _bind_zone, None,
    ),
    Function(
        "epoch", ("EPOCH",), "EPOCH(t)", 1, 1,
        "Seconds since 1970-01-01 00:00 UTC, or of an INTERVAL, as DOUBLE: EPOCH_US(t) / 1000000.",
        ("EPOCH(TIMESTAMP '1970-01-01 00:00:01.5') = 1.5",
         "EPOCH(INTERVAL '90' SECOND) = 90"),
        _bind_epoch, _run_epoch,
    ),
    _epoch_of("epoch_us", "Microseconds since 1970-01-01 00:00 UTC, or of an INTERVAL.",
              "EPOCH_US(TIMESTAMP '1970-01-01 00:00:01') = 1000000"),
    _epoch_of("epoch_ms", "Whole milliseconds, floored.",
              "EPOCH_MS(TIMESTAMP '1969-12-31 23:59:59.9999') = -1"),
    _epoch_of("epoch_s", "Whole seconds, floored.",
              "EPOCH_S(TIMESTAMP '1970-01-01 00:01:00') = 60"),
)  # fmt: skip
