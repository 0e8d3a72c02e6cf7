"""Rows as Python sees them: how Arrow's values become Python's, how they order, what counts.

One mapping, decided here: whole numbers, booleans, text and bytes are themselves; times and
intervals are whole microseconds, dates whole days since the epoch; decimals are `Decimal`; a list
is a list, a struct a tuple in the order of its fields, a map a list of pairs; NULL is None.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa

Value = Any
"""bool, int, float, str, bytes, Decimal, list, tuple or None."""
Row = dict[str, Value]

EXACT = Context(prec=200)
"""Room for every product of two decimals: nothing is rounded before it has to be."""


class Unfit(ArithmeticError):
    """A result that its type cannot hold; names the type."""


def from_arrow(array: pa.Array[Any] | pa.ChunkedArray[Any]) -> list[Value]:
    """The values of an array."""
    return [_from_scalar(scalar) for scalar in array]


def _from_scalar(scalar: Any) -> Value:
    if not scalar.is_valid:
        return None
    kind = scalar.type
    if pa.types.is_temporal(kind):
        return scalar.value
    if pa.types.is_map(kind):
        return [(_from_scalar(e[0]), _from_scalar(e[1])) for e in scalar.values]
    if pa.types.is_list(kind):
        return [_from_scalar(item) for item in scalar.values]
    if pa.types.is_struct(kind):
        return tuple(_from_scalar(scalar[i]) for i in range(kind.num_fields))
    return scalar.as_py()


def to_arrow(values: list[Value], kind: pa.DataType) -> pa.Array[Any]:
    """The array of these values; values that the type cannot hold are a bug."""
    return pa.array([_to_arrow(value, kind) for value in values], kind)


def _to_arrow(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_map(kind):
        return [(_to_arrow(k, kind.key_type), _to_arrow(v, kind.item_type)) for k, v in value]
    if pa.types.is_list(kind):
        return [_to_arrow(item, kind.value_type) for item in value]
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        return {f.name: _to_arrow(v, f.type) for f, v in zip(fields, value, strict=True)}
    return value


def table_of(rows: list[Row], schema: pa.Schema) -> pa.Table:
    """The rows as a table of this schema."""
    columns = [to_arrow([row[field.name] for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def rows_of(table: pa.Table) -> list[Row]:
    """The rows of a table whose column names are unique."""
    columns = [from_arrow(column) for column in table.columns]
    return [dict(zip(table.column_names, row, strict=True)) for row in zip(*columns, strict=True)]


def is_nan(value: Value) -> bool:
    """Whether this is the float that is not a number."""
    return isinstance(value, float) and math.isnan(value)


def is_counted(value: Value) -> bool:
    """Whether aggregates, keys and buckets take notice of it: they read NaN as NULL."""
    return value is not None and not is_nan(value)


def order(value: Value) -> tuple[Any, ...]:
    """What to sort by for the canonical order of values of one type.

    NULL, then false < true, numbers with NaN last, text and bytes by byte, lists and structs item
    by item. `-0.0` is `0.0`.

    >>> sorted([2.0, float("nan"), None, -1.0], key=order)
    [None, -1.0, 2.0, nan]
    """
    if value is None:
        return (0,)
    if is_nan(value):
        return (2,)
    if isinstance(value, str):
        return (1, value.encode())
    if isinstance(value, list | tuple):
        return (1, tuple(order(item) for item in value))
    return (1, value)


def to_decimal(value: Fraction | float, kind: Any) -> Decimal:
    """The value in this decimal type, rounded half to even; Unfit where it does not fit."""
    unscaled = round(Fraction(value) * 10**kind.scale)
    if abs(unscaled) >= 10**kind.precision:
        raise Unfit(f"DECIMAL({kind.precision}, {kind.scale})")
    return EXACT.scaleb(Decimal(unscaled), -kind.scale)


def positive_zero(value: Value) -> Value:
    """The value with `-0.0` as `0.0`, inside lists and structs too."""
    if isinstance(value, float):
        return value + 0.0
    if isinstance(value, list):
        return [positive_zero(item) for item in value]
    if isinstance(value, tuple):
        return tuple(positive_zero(item) for item in value)
    return value
