"""INTERVAL '2' HOUR as a number of microseconds; what has no fixed length is refused."""

from __future__ import annotations

from sqlglot import exp

from bighead.zipline.windows import format_duration, parse_duration

INTERVAL_UNITS = {
    "MICROSECOND": "us",
    "MILLISECOND": "ms",
    "SECOND": "s",
    "MINUTE": "m",
    "HOUR": "h",
    "DAY": "d",
    "WEEK": "w",
}
CALENDAR = {"MONTH": "'30d'", "QUARTER": "'90d'", "YEAR": "'1y', which is 365 days"}


def interval_text(node: exp.Interval) -> str:
    """The duration that an INTERVAL means: '30d' for INTERVAL '30' DAY. ValueError if it has none.

    >>> from sqlglot import parse_one
    >>> interval_text(parse_one("INTERVAL '2' HOUR"))
    '2h'
    """
    return format_duration(parse_duration(_interval_words(node)))


def interval_microseconds(node: exp.Interval) -> int:
    """Microseconds of an INTERVAL, zero included. ValueError if it has no fixed length.

    >>> from sqlglot import parse_one
    >>> interval_microseconds(parse_one("INTERVAL '0' DAY"))
    0
    """
    words = _interval_words(node)
    return 0 if words.rstrip("usmhdwy").strip("0") == "" else parse_duration(words)


def _interval_words(node: exp.Interval) -> str:
    value, unit = node.this, node.args.get("unit")
    if not isinstance(value, exp.Literal):
        raise ValueError("an interval is written as INTERVAL '2' HOUR")
    number = value.name.strip()
    if unit is None:
        return number
    word = unit.name.upper().removesuffix("S")
    if word in CALENDAR:
        raise ValueError(f"a {word.lower()} has no fixed length; write {CALENDAR[word]}")
    if word not in INTERVAL_UNITS:
        raise ValueError(f"unknown unit {unit.name}; the units are {', '.join(INTERVAL_UNITS)}")
    if not number.isdecimal():
        raise ValueError(f"'{number}' is not a whole number; write smaller units, such as '90m'")
    return number + INTERVAL_UNITS[word]
