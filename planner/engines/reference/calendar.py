"""The proleptic Gregorian calendar over whole days since 1970, in either direction without end."""

from __future__ import annotations

from bighead.zipline.windows import HOUR, MINUTE, SECOND

MONTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
DAYS_IN_400_YEARS = 146_097


def is_leap(year: int) -> bool:
    """Whether February has 29 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def length(year: int, month: int) -> int:
    """How many days a month has."""
    return 29 if month == 2 and is_leap(year) else MONTHS[month - 1]


def day_number(year: int, month: int, day: int) -> int | None:
    """Days since 1970-01-01; None where there is no such day.

    >>> day_number(1970, 1, 2), day_number(1969, 12, 31), day_number(1900, 2, 29)
    (1, -1, None)
    """
    if not (1 <= month <= 12 and 1 <= day <= length(year, month)):
        return None
    eras, rest = divmod(year - 1970, 400)
    days = eras * DAYS_IN_400_YEARS
    days += sum(365 + is_leap(1970 + y) for y in range(rest))
    return days + sum(length(year, m) for m in range(1, month)) + day - 1


def date_of(number: int) -> tuple[int, int, int]:
    """Year, month and day of a day since 1970-01-01.

    >>> date_of(0), date_of(-1), date_of(11016)
    ((1970, 1, 1), (1969, 12, 31), (2000, 2, 29))
    """
    eras, rest = divmod(number, DAYS_IN_400_YEARS)
    year = 1970 + 400 * eras
    while rest >= 365 + is_leap(year):
        rest -= 365 + is_leap(year)
        year += 1
    month = 1
    while rest >= length(year, month):
        rest -= length(year, month)
        month += 1
    return year, month, rest + 1


def civil(number: int) -> str:
    """A day as YYYY-MM-DD."""
    year, month, day = date_of(number)
    return f"{year:0{5 if year < 0 else 4}d}-{month:02d}-{day:02d}"


def format_interval(us: int) -> str:
    """An interval as [-]HH:MM:SS[.ffffff]; hours go beyond 24.

    >>> format_interval(-5_400_500_000)
    '-01:30:00.5'
    """
    size = abs(us)
    text = f"{size // HOUR:02d}:{size // MINUTE % 60:02d}:{size // SECOND % 60:02d}"
    if size % SECOND:
        text += f".{size % SECOND:06d}".rstrip("0")
    return f"-{text}" if us < 0 else text
