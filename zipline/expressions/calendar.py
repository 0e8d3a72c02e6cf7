"""The proleptic Gregorian calendar over columns of days and microseconds, without a limit on years.

Days and microseconds count from 1970-01-01 00:00 UTC; everything before is negative, and floors
towards minus infinity.
"""

from __future__ import annotations

import numpy as np

from bighead.zipline.expressions.datum import Values
from bighead.zipline.windows import DAY, HOUR, MILLISECOND, MINUTE, SECOND, WEEK

FIXED: dict[str, int] = {
    "microsecond": 1,
    "millisecond": MILLISECOND,
    "second": SECOND,
    "minute": MINUTE,
    "hour": HOUR,
    "day": DAY,
    "week": WEEK,
}
"""Units of one length, in microseconds."""

MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200}
"""Units of whole months."""

MONDAY = 4
"""The day number of the first Monday: 1970-01-05."""


def month_numbers(days: Values) -> Values:
    """Months since 1970-01, of days.

    >>> month_numbers(np.array([-1, 0, 31])).tolist()
    [-1, 0, 1]
    """
    months: Values = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months


def first_days(months: Values) -> Values:
    """The first day of months since 1970-01."""
    days: Values = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return days


def bucket_of(unit: str, us: Values) -> Values:
    """Which unit the instant lies in, by a number that grows by 1 from each to the next.

    Weeks begin on Monday; decades and centuries with the years divisible by 10 and 100.

    >>> bucket_of("year", np.array([-1, 0])).tolist()
    [-1, 0]
    """
    if unit == "week":
        number: Values = (us // DAY - MONDAY) // 7
        return number
    if unit in FIXED:
        return us // FIXED[unit]
    return (month_numbers(us // DAY) + 1970 * 12) // MONTHS[unit] - 1970 * 12 // MONTHS[unit]


def start_of(unit: str, bucket: Values) -> Values:
    """The first instant of a bucket of `bucket_of`, in days for units of days or more.

    Below a day it is in microseconds.
    """
    if unit == "week":
        return bucket * 7 + MONDAY
    if unit in MONTHS:
        size = MONTHS[unit]
        return first_days((bucket + 1970 * 12 // size) * size - 1970 * 12)
    return bucket if unit == "day" else bucket * FIXED[unit]


def iso_week(days: Values) -> tuple[Values, Values]:
    """ISO 8601's year and week: the week belongs to the year of its Thursday.

    >>> [int(x[0]) for x in iso_week(np.array([0]))]
    [1970, 1]
    """
    thursday = days - (days - MONDAY) % 7 + 3
    year = month_numbers(thursday) // 12
    week = (thursday - first_days(year * 12)) // 7 + 1
    return year + 1970, week
