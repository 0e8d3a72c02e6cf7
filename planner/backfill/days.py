"""Days: the partitions of a backfill, and how many of them one run of the engine computes.

A day is a UTC calendar day. Ranges of days are half open, `[start, end)`. One run takes as many
consecutive days as hold `rows_per_run` rows of the spine: a run reads the events that its days can
see, so a run a day would read each event as often as the longest window has days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
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


def runs(wanted: Iterable[date], rows: Mapping[date, int], rows_per_run: int) -> list[Days]:
    """Consecutive days put together, each run ended as soon as it holds `rows_per_run` rows.

    `wanted` is in order. A day that holds more is a run of its own; days without rows cost
    nothing and join any run.

    >>> days = list(Days(date(2025, 1, 1), date(2025, 1, 6)))
    >>> [str(r) for r in runs(days, {d: 10 for d in days}, 20)]
    ['2025-01-01 to 2025-01-02', '2025-01-03 to 2025-01-04', '2025-01-05']
    >>> [str(r) for r in runs(days[:2] + days[3:], {}, 20)]
    ['2025-01-01 to 2025-01-02', '2025-01-04 to 2025-01-05']
    """
    found: list[Days] = []
    held = 0
    for day in wanted:
        count = rows.get(day, 0)
        joins = bool(found) and found[-1].end == day and held + count <= rows_per_run
        if joins:
            found[-1] = Days(found[-1].start, day + ONE_DAY)
            held += count
        else:
            found.append(Days(day, day + ONE_DAY))
            held = count
    return found
