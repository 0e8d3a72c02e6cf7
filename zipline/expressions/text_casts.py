"""Casts to and from VARCHAR: how values are written, and the only ways in which they are read."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pyarrow as pa

from bighead.zipline.expressions.arrow import (
    Array,
    as_type,
    compute,
    is_all_true,
    is_among,
    make,
    matches,
    replaced,
    scalar,
    view,
)
from bighead.zipline.expressions.datum import Values, numbers, valid
from bighead.zipline.expressions.decimals import fit
from bighead.zipline.expressions.typing import parse_timestamp
from bighead.zipline.ir.types import DATE, TIMESTAMP, VARCHAR
from bighead.zipline.windows import DAY, HOUR, MINUTE, SECOND

Converted = tuple[Array, bool]

INTEGER_TEXT = r"^[+-]?[0-9]+$"
DECIMAL_TEXT = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$"
FLOAT_TEXT = r"^(?i:[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)(e[+-]?[0-9]+)?|[+-]?(inf|infinity)|nan)$"
DAY_TEXT = r"^(?:[1-9][0-9]{3}|0[1-9][0-9]{2})-[0-9]{2}-[0-9]{2}$"
INSTANT_TEXT = DAY_TEXT[:-1] + r"[ T][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?$"
"""The forms that Arrow reads as we do."""
INF_TEXT = r"^(?i:[+-]?(inf|infinity))$"
TRUE_TEXTS = ("true", "t", "1")
FALSE_TEXTS = ("false", "f", "0")


def format_as_text(array: Array, to: pa.DataType) -> Converted:
    """How a value of any single type is written."""
    arrow = array.type
    if pa.types.is_integer(arrow) or pa.types.is_boolean(arrow):
        return as_type(array, to), False
    if pa.types.is_decimal(arrow) and arrow.scale <= 6:  # beyond, Arrow writes exponents
        return as_type(array, to), False
    if pa.types.is_date(arrow) or pa.types.is_timestamp(arrow):
        return _format_times(array), False
    write = _writer(arrow)
    return make([None if v is None else write(v) for v in _plain(array)], VARCHAR), False


def _plain(array: Array) -> list[object]:
    if pa.types.is_duration(array.type):
        return as_type(array, pa.int64()).to_pylist()
    return array.to_pylist()


def _writer(arrow: pa.DataType) -> Callable[..., str]:
    if pa.types.is_decimal(arrow):
        return lambda v: format(v, "f")
    if pa.types.is_duration(arrow):
        return format_interval
    if arrow == pa.float32():
        # numpy finds the fewest digits, Python spells them as those of a DOUBLE.
        return lambda v: repr(float(str(np.float32(v))))
    return repr


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


def _format_times(array: Array) -> Array:
    mask = valid(array)
    values = np.where(mask, numbers(array).astype(np.int64), 0)
    null = ~mask
    if array.type == DATE:
        if _within(values, NEAR):
            return as_type(array, VARCHAR)
        return make(_days(values), VARCHAR, mask=null)
    if _within(values, NEAR * DAY):
        return _shortened(as_type(view(array, TIMESTAMP), VARCHAR), array.type)
    days, rest = values // DAY, values % DAY
    clock = np.datetime_as_string(rest.astype("datetime64[us]"))
    texts = [f"{d} {c[11:]}" for d, c in zip(_days(days), clock.tolist(), strict=True)]
    return _shortened(make(texts, VARCHAR, mask=null), array.type)


NEAR = 700_000
"""Days around 1970 in which years have four digits."""


def _within(values: Values, limit: int) -> bool:
    # Not by abs: the least int64 has none.
    return bool(((values > -limit) & (values < limit)).all())


def _shortened(texts: Array, arrow: pa.DataType) -> Array:
    """Without the fraction's last zeros; UTC is written where the type has it."""
    short = replaced(texts, r"\.?0{1,6}$", "")
    if arrow == TIMESTAMP:
        return short
    zone, nothing = scalar("+00", pa.string()), scalar("", pa.string())
    return compute("binary_join_element_wise", short, zone, nothing)


def _days(days: Values) -> list[str]:
    texts: list[str] = np.datetime_as_string(days.astype("datetime64[D]")).tolist()
    # Numpy counts the minus of a year among its four places.
    return [f"-0{t[1:]}" if t[0] == "-" and t[4] == "-" else t for t in texts]


def _read(array: Array, to: pa.DataType, pattern: str, read: Callable[[str], object]) -> Converted:
    """Arrow's own parser on what matches the pattern, and `read` (None: no value) where it"
    " balks."""
    good = matches(array, pattern)
    texts = compute("if_else", good, array, scalar(None, VARCHAR))
    try:
        result = as_type(replaced(texts, r"^\+", ""), to)
    except pa.ArrowInvalid:
        made = [None if t is None else read(t) for t in texts.to_pylist()]
        result = make(made, to)
    return result, result.null_count != array.null_count


def text_to_integer(array: Array, to: pa.DataType) -> Converted:
    """A sign and digits."""
    least = -(2 ** (to.bit_width - 1)) if pa.types.is_signed_integer(to) else 0
    greatest = least + 2**to.bit_width - 1

    def read(text: str) -> int | None:
        value = int(text)
        return value if least <= value <= greatest else None

    return _read(array, to, INTEGER_TEXT, read)


def text_to_float(array: Array, to: pa.DataType) -> Converted:
    """Digits with a point or an exponent, or 'inf', 'infinity', 'nan' in any case."""

    def read(text: str) -> float | None:
        value = float(text)
        if to == pa.float32():
            with np.errstate(over="ignore"):
                value = float(np.float32(value))
        return None if math.isinf(value) and "inf" not in text.lower() else value

    values, bad = _read(array, to, FLOAT_TEXT, read)
    # Arrow's parser makes infinities of what is beyond the type.
    beyond = compute("and", compute("is_inf", values), compute("invert", matches(array, INF_TEXT)))
    kept = compute("if_else", beyond, scalar(None, to), values)
    return kept, bad or kept.null_count != values.null_count


def text_to_decimal(array: Array, to: pa.DataType) -> Converted:
    """Digits with a point; excess places are rounded half away from zero."""
    good = matches(array, DECIMAL_TEXT)
    texts = compute("if_else", good, array, scalar(None, VARCHAR)).to_pylist()
    result = make([None if t is None else fit(Decimal(t), to) for t in texts], to)
    return result, result.null_count != array.null_count


def text_to_boolean(array: Array, to: pa.DataType) -> Converted:
    """true, t, 1, false, f, 0, in any case."""
    lower = compute("ascii_lower", array)
    yes = is_among(lower, make(TRUE_TEXTS))
    no = is_among(lower, make(FALSE_TEXTS))
    result = compute(
        "if_else",
        yes,
        scalar(True, pa.bool_()),
        compute("if_else", no, scalar(False, pa.bool_()), scalar(None, pa.bool_())),
    )
    return result, result.null_count != array.null_count


def text_to_time(array: Array, to: pa.DataType) -> Converted:
    """ISO 8601: a day, and for timestamps perhaps a time of day and a zone."""
    if is_all_true(matches(array, DAY_TEXT if to == DATE else INSTANT_TEXT)):
        try:
            return view(as_type(array, DATE if to == DATE else TIMESTAMP), to), False
        except pa.ArrowInvalid:
            pass  # a day or an hour that does not exist: each text is looked at
    if to == DATE:
        made = [
            None if t is None or len(t) != 10 else _day(parse_timestamp(t))
            for t in array.to_pylist()
        ]
        result = view(make(made, pa.int32()), to)
    else:
        made = [None if t is None else parse_timestamp(t) for t in array.to_pylist()]
        result = view(make(made, pa.int64()), to)
    return result, result.null_count != array.null_count


def _day(us: int | None) -> int | None:
    return None if us is None else us // DAY


def binary_to_text(array: Array, to: pa.DataType) -> Converted:
    """Bytes that are UTF-8."""
    try:
        return as_type(array, to), False
    except pa.ArrowInvalid:
        made = [None if v is None else _decode(v) for v in array.to_pylist()]
        return make(made, to), True


def _decode(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
