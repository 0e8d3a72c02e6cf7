"""Days: the partitions of a backfill. A day is a UTC calendar day; ranges are half open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from bighead.zipline.errors import BigheadError
from bighead.zipline.windows import DAY

EPOCH = date(1970, 1, 1)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
ONE_DAY = timedelta(days=1)


def parse_day(text: str, option: str) -> date:
    """The day that a user wrote as YYYY-MM-DD.

    >>> parse_day("2025-02-28", "--start")
    datetime.date(2025, 2, 28)
    >>> parse_day("2025-02-30", "--start")
    Traceback (most recent call last):
    ...
    bighead.zipline.errors.BigheadError: --start '2025-02-30' is not a day; write YYYY-MM-DD
    """
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BigheadError(f"{option} '{text}' is not a day; write YYYY-MM-DD")


def midnight(day: date) -> int:
    """The first microsecond of a day.

    >>> midnight(date(1970, 1, 2)) == DAY
    True
    """
    return (day - EPOCH).days * DAY


def day_of(number: int) -> date:
    """The day so many days after 1970-01-01; a time before it lies in a negative day.

    >>> day_of(-1)
    datetime.date(1969, 12, 31)
    """
    try:
        return EPOCH + timedelta(days=number)
    except OverflowError:
        raise BigheadError(
            f"a row of the spine lies {number} days from 1970, outside the years 1 to 9999; "
            "state --start and --end"
        ) from None


@dataclass(frozen=True, slots=True)
class Days:
    """The days `[start, end)`; the same day twice holds none.

    >>> [str(d) for d in Days(date(2024, 2, 28), date(2024, 3, 1))]
    ['2024-02-28', '2024-02-29']
    """

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise BigheadError(
                f"the days end before they start: --start {self.start} --end {self.end}; "
                "--end is the day after the last"
            )

    def __iter__(self) -> Iterator[date]:
        return (self.start + timedelta(days=i) for i in range(len(self)))

    def __len__(self) -> int:
        return (self.end - self.start).days

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.start <= day < self.end

    def __str__(self) -> str:
        last = self.end - ONE_DAY
        return f"{self.start} to {last}" if len(self) > 1 else str(self.start)
