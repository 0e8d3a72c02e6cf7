"""Functions of times, over whole microseconds and the calendar without end of `calendar.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from bighead.planner.engines.reference.calendar import date_of, day_number
from bighead.planner.engines.reference.calls import bad, fit
from bighead.zipline.ir.expr import Call
from bighead.zipline.windows import DAY, HOUR, MILLISECOND, MINUTE, SECOND

SIZES = {
    "microsecond": 1,
    "millisecond": MILLISECOND,
    "second": SECOND,
    "minute": MINUTE,
    "hour": HOUR,
    "day": DAY,
}
YEARS = {"year": 1, "decade": 10, "century": 100}
MONTHS = {"month": 1, "quarter": 3}
FIRST_MONDAY = 4
"""1970-01-05."""


def start(unit: str, us: int) -> int:
    """The first microsecond of the unit in which a time lies."""
    if unit in SIZES:
        return us // SIZES[unit] * SIZES[unit]
    days = us // DAY
    if unit == "week":
        return (days - (days - FIRST_MONDAY) % 7) * DAY
    year, month, _ = date_of(days)
    if unit in MONTHS:
        return first_day(year, (month - 1) // MONTHS[unit] * MONTHS[unit] + 1) * DAY
    return first_day(year // YEARS[unit] * YEARS[unit], 1) * DAY


def first_day(year: int, month: int) -> int:
    """The first day of a month."""
    day = day_number(year, month, 1)
    assert day is not None
    return day


def steps(unit: str, us: int) -> int:
    """The number of the unit in which a time lies: one more for each that follows."""
    if unit in SIZES:
        return us // SIZES[unit]
    if unit == "week":
        return (us // DAY - FIRST_MONDAY) // 7
    year, month, _ = date_of(us // DAY)
    return (year * 12 + month - 1) // MONTHS[unit] if unit in MONTHS else year // YEARS[unit]


def iso_week(days: int) -> tuple[int, int]:
    """ISO 8601's year and week: those of the week's Thursday."""
    thursday = days - (days - FIRST_MONDAY) % 7 + 3
    year = date_of(thursday)[0]
    return year, (thursday - first_day(year, 1)) // 7 + 1


def part(call: Call, unit: str, us: int) -> int:
    """EXTRACT."""
    days, clock = divmod(us, DAY)
    year, month, day = date_of(days)
    parts: dict[str, int] = {
        "century": (year + 99) // 100,
        "decade": year // 10,
        "year": year,
        "isoyear": iso_week(days)[0],
        "quarter": (month + 2) // 3,
        "month": month,
        "week": iso_week(days)[1],
        "day": day,
        "doy": days - first_day(year, 1) + 1,
        "dow": (days - FIRST_MONDAY + 1) % 7,
        "isodow": (days - FIRST_MONDAY) % 7 + 1,
        "hour": clock // HOUR,
        "minute": clock % HOUR // MINUTE,
        "second": clock % MINUTE // SECOND,
        "millisecond": clock % MINUTE // MILLISECOND,
        "microsecond": clock % MINUTE,
    }
    return parts[unit]


def from_epoch(call: Call, count: int, unit: str) -> Any:
    """A time so many units after 1970."""
    return fit(call, count * SIZES[unit], count)


def to_timestamp(call: Call, seconds: float) -> Any:
    """A time so many seconds after 1970."""
    if isinstance(seconds, int):
        return fit(call, seconds * SECOND, seconds)
    us = seconds * 1e6
    if not math.isfinite(us):
        raise bad(call, seconds)
    return fit(call, round(us), seconds)


def make_date(call: Call, year: int, month: int, day: int) -> int:
    """The day, in the years 1 to 9999."""
    days = day_number(year, month, day) if 1 <= year <= 9999 else None
    if days is None:
        raise bad(call, year, month, day)
    return days


def make_timestamp(
    call: Call, year: int, month: int, day: int, hour: int, minute: int, second: float
) -> int:
    """The instant, in the years 1 to 9999."""
    days = make_date(call, year, month, day)
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60):
        raise bad(call, hour, minute, second)
    return days * DAY + hour * HOUR + minute * MINUTE + round(second * SECOND)


TIMES: dict[str, Callable[..., Any]] = {
    "date_trunc": lambda call, unit, us: fit(call, start(unit, us), us),
    "date_part": part,
    "date_diff": lambda call, unit, a, b: fit(call, steps(unit, b) - steps(unit, a), a, b),
    "epoch": lambda call, us: float(us) / SECOND,
    "epoch_us": lambda call, us: us,
    "epoch_ms": lambda call, us: us // MILLISECOND,
    "epoch_s": lambda call, us: us // SECOND,
    "from_epoch": from_epoch,
    "to_timestamp": to_timestamp,
    "make_date": make_date,
    "make_timestamp": make_timestamp,
}
