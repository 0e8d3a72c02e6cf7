"""Windows: which of the events before a time an aggregate sees.

Durations are whole microseconds. As of t, a window of width w holds `[t - w, t)`; an inclusive join
makes it `[t - w, t]`; a `forward` window, for labels, looks ahead: `[t, t + w)`, or `(t, t + w]`
where the join is strict. `rows` keeps the newest rows only, counted before FILTER.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import inf

MICROSECOND = 1
MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
YEAR = 365 * DAY

UNITS: dict[str, int] = {
    "us": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
    "d": DAY,
    "w": WEEK,
    "y": YEAR,
}
_WORDS = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "y": "year",
}
MAX_MICROSECONDS = 2**63 - 1
END_OF_TIME = 2**63 - 1
"""The greatest time there is: as of it, inclusive, everything has happened."""
MAX_ROWS = 2**63 - 1
_DURATION = re.compile(r"\s*(\d+)\s*([a-zA-Z]+)\s*")


def parse_duration(text: str) -> int:
    """Microseconds of a duration such as '7d', '90m' or '1y' (365 days).

    Raises ValueError, with a sentence for the user, on anything else, zero included.

    >>> parse_duration("90m") == 90 * MINUTE
    True
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is not a duration; write a number and a unit, such as '7d'")
    number, unit = match.groups()
    if unit not in UNITS:
        known = ", ".join(UNITS)
        short = next((u for u, word in _WORDS.items() if unit.lower() in (word, f"{word}s")), None)
        hint = f"; write '{number}{short}'" if short else ""
        if unit.lower() in ("mo", "month", "months"):
            hint = "; write months as days, such as '30d'"
        raise ValueError(f"'{text}' has the unknown unit '{unit}'; the units are {known}{hint}")
    duration = int(number) * UNITS[unit]
    if duration == 0:
        raise ValueError(f"'{text}' is empty; a duration is at least '1us'")
    if duration > MAX_MICROSECONDS:
        raise ValueError(f"'{text}' is longer than time itself; the longest is '292000y'")
    return duration


def format_duration(duration: int) -> str:
    """The shortest spelling of a duration in one unit; weeks are written as days.

    >>> [format_duration(d) for d in (7 * DAY, YEAR, 90 * MINUTE, 1)]
    ['7d', '1y', '90m', '1us']
    """
    for unit in ("y", "d", "h", "m", "s", "ms"):
        if duration % UNITS[unit] == 0:
            return f"{duration // UNITS[unit]}{unit}"
    return f"{duration}us"


@dataclass(frozen=True, slots=True)
class Window:
    """Which events count: by age, by number, or both; all history where neither is given."""

    width: int | None = None
    """Microseconds, more than zero; None: no bound."""
    rows: int | None = None
    """At most so many of the newest visible rows; with `width` it is LIMIT, alone LAST n ROWS."""
    forward: bool = False
    """Looks ahead instead of back; labels only."""

    def __post_init__(self) -> None:
        if self.width is not None and not 0 < self.width <= MAX_MICROSECONDS:
            raise ValueError(f"a window is at least 1 microsecond wide, not {self.width}")
        if self.rows is not None and self.rows <= 0:
            raise ValueError(f"a window holds at least 1 row, not {self.rows}")
        if self.rows is not None and self.rows > MAX_ROWS:
            raise ValueError(f"a window holds at most {MAX_ROWS} rows, not {self.rows}")

    @property
    def suffix(self) -> str:
        """What a list of windows appends to a feature's name: '7d', '10rows'.

        >>> Window(7 * DAY, rows=100).suffix
        '7d'
        """
        if self.width is not None:
            return format_duration(self.width)
        return f"{self.rows}rows" if self.rows is not None else ""

    def breadth(self, versions: bool = False) -> tuple[float, bool]:
        """Of windows that look the same way, one that is not less holds a row where another does.

        Over the `versions` of an entity a window of all history also holds rows whose event time is
        NULL or still to come, which LAST n ROWS does not.

        >>> Window(DAY).breadth() < Window(rows=3).breadth() == Window().breadth()
        True
        """
        if self.width is not None:
            return float(self.width), False
        return inf, versions and self.rows is None

    def __str__(self) -> str:
        word = "NEXT" if self.forward else "LAST"
        if self.width is not None:
            limit = f" LIMIT {self.rows} ROWS" if self.rows is not None else ""
            return f"{word} '{format_duration(self.width)}'{limit}"
        return f"{word} {self.rows} ROWS" if self.rows is not None else "ALL"


ALL_HISTORY = Window()
