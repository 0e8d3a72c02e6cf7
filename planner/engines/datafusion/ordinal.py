"""Canonical order as numbers: for values that the kernel cannot compare, and for sorting rows.

The order is that of the time contract, rule 5: NULL, false < true, numbers with NaN last, strings
and bytes by their bytes, lists and structs item by item.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bighead.planner.engines.datafusion.rows import Numbers, numbers
from bighead.zipline.expressions.arrow import Array, as_type, compute, make, nulls, scalar


def ordinal(array: Array) -> Array:
    """int64 numbers that order and compare like the values; NULL stays NULL."""
    if pa.types.is_null(array.type):
        return nulls(len(array), pa.int64())
    if pa.types.is_nested(array.type):
        return _nested(array)
    if pa.types.is_floating(array.type):
        array = compute("add", array, scalar(0.0, array.type))  # -0.0 is 0.0
    encoded = cast("Any", array.dictionary_encode())
    order = pc.sort_indices(encoded.dictionary)  # NaN comes last
    ranks = np.empty(len(order), np.int64)
    ranks[order.to_numpy()] = np.arange(len(order))
    return make(ranks).take(encoded.indices)


def comparable(array: Array) -> Array:
    """The column itself where the kernel compares its type, else numbers in its place."""
    return ordinal(array) if pa.types.is_nested(array.type) else array


def sorted_rows(columns: Sequence[Array], rows: int) -> Numbers:
    """The numbers of the rows in ascending order of the columns in turn, NULL first; stable."""
    if not columns:
        return np.arange(rows)
    keys = [numbers(ordinal(c)) for c in columns]
    found: Numbers = np.lexsort(keys[::-1])
    return found


def _nested(array: Array) -> Array:
    """Item by item in Python: such columns are rare, and short where they order anything."""
    plain = as_type(array, _without_times(array.type))
    keys = [None if v is None else _key(v) for v in plain.to_pylist()]
    ranks = {k: i for i, k in enumerate(sorted({k for k in keys if k is not None}))}
    return make([None if k is None else ranks[k] for k in keys], pa.int64())


def _without_times(arrow: Any) -> pa.DataType:
    """The same type with times as whole numbers: Python's calendar ends before theirs."""
    if pa.types.is_timestamp(arrow) or pa.types.is_duration(arrow):
        return pa.int64()
    if pa.types.is_date(arrow):
        return pa.int32()
    if pa.types.is_map(arrow):
        return pa.map_(_without_times(arrow.key_type), _without_times(arrow.item_type))
    if pa.types.is_list(arrow):
        return pa.list_(_without_times(arrow.value_type))
    if pa.types.is_struct(arrow):
        parts = (arrow.field(i) for i in range(arrow.num_fields))
        return pa.struct([pa.field(part.name, _without_times(part.type)) for part in parts])
    return cast("pa.DataType", arrow)


def _key(value: Any) -> tuple[Any, ...]:
    """A tuple that compares like the value, NULL first and NaN last within a column."""
    if value is None:
        return (0,)
    if isinstance(value, dict):
        return (1, *(_key(v) for v in value.values()))
    if isinstance(value, list | tuple):
        return (1, *(_key(v) for v in value))
    if isinstance(value, float) and value != value:
        return (2,)
    if isinstance(value, str):
        return (1, value.encode())
    return (1, value)
