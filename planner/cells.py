"""A value in a cell of a table that is read by eye: short, on one line, and the same everywhere.

Times are UTC and shown without an offset; their type says whether they have a zone.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa

CHARACTERS = 32
"""Longer texts are cut."""


def cell(value: pa.Scalar[Any]) -> str:
    """The value of a cell, cut where it is long.

    >>> cell(pa.scalar([("entire", 1), ("private", 5)], pa.map_(pa.string(), pa.int64())))
    '{entire: 1, private: 5}'
    >>> cell(pa.scalar([True, None])), cell(pa.scalar(1_500_000, pa.timestamp("us", "UTC")))
    ('[true, NULL]', '1970-01-01 00:00:01.5')
    """
    text = _spelled(value).replace("\n", "⏎")
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"


def _spelled(value: pa.Scalar[Any]) -> str:
    if not value.is_valid:
        return "NULL"
    arrow = value.type
    parts: Any = value
    if pa.types.is_map(arrow):
        pairs = (f"{_spelled(e[0])}: {_spelled(e[1])}" for e in parts.values or ())
        return f"{{{', '.join(pairs)}}}"
    if pa.types.is_list(arrow):
        return f"[{', '.join(_spelled(v) for v in parts.values or ())}]"
    if pa.types.is_struct(arrow):
        return f"{{{', '.join(f'{name}: {_spelled(part)}' for name, part in parts.items())}}}"
    return _plain(value)


def _plain(value: pa.Scalar[Any]) -> str:
    """A single value."""
    try:
        found = value.as_py()
    except (ValueError, OverflowError):  # a year that Python's datetime does not have
        return str(value.cast(pa.int64()).as_py()) + " us"
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, datetime):
        text = found.replace(tzinfo=None).isoformat(" ")
        return text.rstrip("0") if "." in text else text
    if isinstance(found, date):
        return found.isoformat()
    if isinstance(found, timedelta):
        return str(found)
    if isinstance(found, bytes):
        return "\\x" + found.hex()
    return str(found)
