"""CAST, one value at a time: what a value becomes in another type, or None where it cannot.

Numbers go over their exact value: a `Fraction` is rounded once, half to even where floats become
whole numbers, half away from zero where decimals lose places.
"""

from __future__ import annotations

import math
import re
import struct
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

from bighead.planner.engines.reference.calendar import civil, day_number, format_interval
from bighead.planner.engines.reference.values import EXACT, is_nan
from bighead.zipline.ir.types import TIMESTAMPTZ, VARCHAR
from bighead.zipline.windows import DAY, HOUR, MINUTE, SECOND

INTEGER = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
FLOAT = re.compile(
    r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(inf|infinity)|nan", re.IGNORECASE
)
INSTANT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def convert(value: Any, now: Any, to: Any) -> Any:
    """The value as another type; None where it has no place there."""
    if value is None or now == to:
        return value
    if pa.types.is_map(to):
        return [
            (convert(k, now.key_type, to.key_type), convert(v, now.item_type, to.item_type))
            for k, v in value
        ]
    if pa.types.is_list(to):
        return [convert(item, now.value_type, to.value_type) for item in value]
    if pa.types.is_struct(to):
        fields = range(to.num_fields)
        return tuple(convert(value[i], now.field(i).type, to.field(i).type) for i in fields)
    if to == VARCHAR:
        return to_text(value, now)
    if pa.types.is_string(now):
        return from_text(value, to)
    if pa.types.is_date(to):
        return value // DAY
    if pa.types.is_timestamp(to):
        return whole(value * DAY if pa.types.is_date(now) else value, pa.int64())
    if pa.types.is_boolean(to):
        return value != 0
    return number(value, to)


def number(value: Any, to: pa.DataType) -> Any:
    """A number or a boolean as another number."""
    if pa.types.is_floating(to):
        return real(value, to)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    exact = Fraction(value)
    if pa.types.is_decimal(to):
        units = half_away(exact * 10**to.scale)
        fits = abs(units) < 10**to.precision
        return EXACT.scaleb(Decimal(units), -to.scale) if fits else None
    return whole(round(exact) if isinstance(value, float) else half_away(exact), to)


def half_away(exact: Fraction) -> int:
    """The nearest whole number, away from zero where two are.

    >>> half_away(Fraction(5, 2)), half_away(Fraction(-5, 2)), half_away(Fraction(7, 3))
    (3, -3, 2)
    """
    size = math.floor(abs(exact) + Fraction(1, 2))
    return -size if exact < 0 else size


def whole(value: int, to: pa.DataType) -> int | None:
    """The number where the integer type holds it."""
    least = 0 if pa.types.is_unsigned_integer(to) else -(2 ** (to.bit_width - 1))
    return value if least <= value < least + 2**to.bit_width else None


def real(value: Any, to: pa.DataType) -> float | None:
    """The nearest float of the type; None where a finite number is beyond it."""
    if not isinstance(value, float):
        # Never beyond DOUBLE; the one rounding to FLOAT starts from the exact value.
        exact = Fraction(value)
        return float(exact) if to == pa.float64() else nearest_float(exact)
    if to == pa.float64() or not math.isfinite(value):
        return value
    return math.copysign(0.0, value) if value == 0 else nearest_float(Fraction(value))


def nearest_float(exact: Fraction) -> float | None:
    """The nearest FLOAT, ties to even; None beyond the largest.

    >>> nearest_float(Fraction(1, 10)), nearest_float(Fraction(10) ** 39)
    (0.10000000149011612, None)
    """
    if exact == 0:
        return 0.0
    size = abs(exact)
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    if Fraction(2) ** exponent > size:
        exponent -= 1
    unit = Fraction(2) ** (max(exponent, -126) - 23)
    rounded = round(size / unit) * unit
    if rounded >= 2**128:
        return None
    return math.copysign(float(rounded), -1.0 if exact < 0 else 1.0)


def from_text(text: str, to: pa.DataType) -> Any:
    """What the text says, read strictly."""
    if pa.types.is_binary(to):
        return text.encode()
    if pa.types.is_boolean(to):
        return TRUTHS.get(text.lower()) if text.isascii() else None
    if pa.types.is_timestamp(to):
        return instant(text)
    if pa.types.is_date(to):
        us = instant(text) if len(text) == 10 else None
        return None if us is None else us // DAY
    if pa.types.is_floating(to):
        if not FLOAT.fullmatch(text):
            return None
        if "n" in text.lower():
            return float(text)
        if to == pa.float32():
            near = nearest_float(Fraction(text))
            return -0.0 if near == 0 and text.startswith("-") else near
        read = float(text)
        return None if math.isinf(read) else read
    if pa.types.is_decimal(to):
        return number(Fraction(text), to) if DECIMAL.fullmatch(text) else None
    return whole(int(text), to) if INTEGER.fullmatch(text) else None


def instant(text: str) -> int | None:
    """Microseconds since the epoch of an ISO 8601 time; None where the text is none.

    >>> instant("1970-01-01 01:00:00.25+01:00"), instant("2013-02-29")
    (250000, None)
    """
    match = INSTANT.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    number_of_day = day_number(year, month, day)
    if number_of_day is None or hour > 23 or minute > 59 or second > 59:
        return None
    fraction = int((match[7] or "").ljust(9, "0")[:6])
    us = number_of_day * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction
    zone = match[8]
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
        if hours > 15 or minutes > 59:
            return None
        us -= (hours * HOUR + minutes * MINUTE) * (1 if zone[0] == "+" else -1)
    return us


def to_text(value: Any, now: pa.DataType) -> str | None:
    """How a value is written."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        kind: Any = now
        return format(value, f".{kind.scale}f")
    if pa.types.is_duration(now):
        return format_interval(value)
    if pa.types.is_date(now):
        return civil(value)
    if pa.types.is_timestamp(now):
        days, rest = divmod(value, DAY)
        text = f"{civil(days)} {format_interval(rest)}"
        return f"{text}+00" if now == TIMESTAMPTZ else text
    if pa.types.is_float32(now):
        return shortest(value)
    return repr(value) if isinstance(value, float) else str(value)


def shortest(value: float) -> str:
    """The fewest digits that read as this FLOAT and no other."""
    if not math.isfinite(value) or is_nan(value):
        return repr(value)
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack("f", float(text)) == struct.pack("f", value):
            break
    return spelled(text)


def spelled(text: str) -> str:
    """A number of few digits as Python spells a float: an exponent from 1e16 up and below 1e-4."""
    return repr(float(text))
