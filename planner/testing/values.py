"""Values as people write them in tests, as values of a column's type, and back.

A time may be a text, a number may be a text (for DECIMAL), a MAP is a dict. What comes out is what
Arrow gives for that type, so that expected and actual values compare with `==`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from bighead.zipline.errors import BigheadError, DataError
from bighead.zipline.expressions import cast, evaluate
from bighead.zipline.ir.expr import Column
from bighead.zipline.ir.types import sql_name


def typed(value: object, kind: pa.DataType) -> object:
    """A value as a column of this type holds it; None stays None.

    Raises BigheadError where it is no value of the type.

    >>> typed("2026-01-03", pa.timestamp("us"))
    datetime.datetime(2026, 1, 3, 0, 0)
    >>> typed({"a": "1.5"}, pa.map_(pa.string(), pa.float64()))
    {'a': 1.5}
    """
    if value is None:
        return None
    try:
        return pa.array([_given(value, kind)], kind)[0].as_py(maps_as_pydicts="strict")
    except (DataError, pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise BigheadError(f"{value!r} is no {sql_name(kind)}") from error


def _given(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping) and pa.types.is_map(kind):
        return [(_given(k, kind.key_type), _given(v, kind.item_type)) for k, v in value.items()]
    if isinstance(value, Mapping) and pa.types.is_struct(kind):
        return {field.name: _given(value.get(field.name), field.type) for field in kind}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and is_list(kind):
        return [_given(v, kind.field(0).type) for v in value]
    if isinstance(value, str) and not (pa.types.is_string(kind) or pa.types.is_binary(kind)):
        return _from_text(value, kind)
    if isinstance(value, float) and pa.types.is_decimal(kind):
        return Decimal(repr(value))  # what was written, not its nearest binary fraction
    if isinstance(value, float) and pa.types.is_integer(kind) and not value.is_integer():
        raise ValueError(value)
    if pa.types.is_timestamp(kind) and isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value


def _from_text(text: str, kind: pa.DataType) -> object:
    """What CAST makes of a text, by the dialect's own rules."""
    column = cast(Column("text", pa.string()), kind)
    return evaluate(column, pa.record_batch({"text": [text]}))[0].as_py()


def is_list(kind: pa.DataType) -> bool:
    """Whether values of a type are lists, of whatever size."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind)) or bool(
        pa.types.is_fixed_size_list(kind)
    )


def equal(expected: object, got: object) -> bool:
    """Whether two values are the same to a test: NaN equals NaN, `pytest.approx` decides itself."""
    if isinstance(expected, float) and isinstance(got, float):
        return expected == got or (math.isnan(expected) and math.isnan(got))
    if isinstance(expected, list | tuple) and isinstance(got, list | tuple):
        return len(expected) == len(got) and all(map(equal, expected, got))
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(equal(v, got[k]) for k, v in expected.items())
    return bool(expected == got)
