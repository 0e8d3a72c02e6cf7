"""A value as text and in JSON: one spelling, wherever people or programs read it.

Times in ISO 8601 (with Z where the type has a zone), decimals with all their digits, bytes in
hexadecimal, NaN and the infinities by name, since JSON has no numbers for them.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isfinite, isnan
from typing import Any

import pyarrow as pa


def plain(value: object) -> object:
    """A value as JSON has it.

    >>> plain([Decimal("1.50"), float("nan"), [("a", 1)], datetime(2025, 1, 1, tzinfo=UTC)])
    ['1.50', 'NaN', {'a': 1}, '2025-01-01T00:00:00Z']
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else spelled(value)
        case list():
            if value and all(isinstance(v, tuple) and len(v) == 2 for v in value):
                return {spelled(k): plain(v) for k, v in value}
            return [plain(v) for v in value]
        case dict():
            return {str(k): plain(v) for k, v in value.items()}
        case _:
            return spelled(value)


def spelled(value: object) -> str:
    """A value as text, the same in every format.

    >>> spelled(datetime(2025, 1, 1, 2, 3)), spelled(float("-inf")), spelled(timedelta(days=1))
    ('2025-01-01T02:03:00', '-Infinity', '86400s')
    """
    match value:
        case float():  # the commonest first
            if isfinite(value):
                return repr(value)
            return "NaN" if isnan(value) else f"{'-' if value < 0 else ''}Infinity"
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case datetime():
            if value.tzinfo is None:
                return value.isoformat()
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case timedelta():
            return f"{Decimal(value // timedelta(microseconds=1)).scaleb(-6).normalize():f}s"
        case Decimal():
            return f"{value:f}"
        case bytes():
            return value.hex()
        case list() | dict():
            return json.dumps(plain(value), ensure_ascii=False)
        case _:
            return str(value)


def plain_column(column: pa.Array[Any]) -> list[Any]:
    """The values of a column as JSON has them.

    >>> plain_column(pa.array([1.5, None, float("inf")]))
    [1.5, None, 'Infinity']
    """
    values = column.to_pylist()
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_boolean(kind):
        return values
    return [_of_type(v, kind) for v in values]


def _of_type(value: Any, kind: Any) -> Any:
    """As `plain`, and a map without entries is told from a list."""
    if value is None or not pa.types.is_nested(kind):
        return plain(value)
    if pa.types.is_map(kind):
        return {spelled(k): _of_type(v, kind.item_type) for k, v in value}
    if pa.types.is_struct(kind):
        return {f.name: _of_type(value[f.name], f.type) for f in kind.fields}
    item: Any = kind
    return [_of_type(v, item.value_type) for v in value]
