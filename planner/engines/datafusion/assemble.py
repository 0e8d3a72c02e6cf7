"""From the kernel's answers to columns: row numbers become values, lists and maps are put together.

Aggregates that select a value answer with the number of an event row, so that one take serves every
type. What an aggregate emits is +0.0, never -0.0.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from bighead.zipline.expressions.arrow import Array, compute, scalar
from bighead.zipline.ir.nodes import Aggregate, Feature

SELECTING = frozenset(
    {
        "min",
        "max",
        "first",
        "last",
        "min_by",
        "max_by",
        "first_k",
        "last_k",
        "top_k",
        "bottom_k",
        "histogram",
        "array_agg_distinct",
        "approx_top_k",
    }
)
"""The aggregates that answer with event rows; their values are those of the first argument."""


def by_value(aggregate: Aggregate) -> bool:
    """Whether the kernel is asked for the value itself: the least or greatest of 64 bits."""
    if aggregate.function not in ("min", "max"):
        return False
    arrow = aggregate.args[0].type
    wide = pa.types.is_int64(arrow) or pa.types.is_float64(arrow)
    return wide or pa.types.is_timestamp(arrow)


def assemble(
    feature: Feature,
    answer: Any,
    chosen: Array | None,
    bucket: Array | None,
) -> Array:
    """A feature's column.

    Parameters
    ----------
    answer: what the kernel gave.
    chosen: the events' column that row numbers are taken from, for aggregates that select a row.
    bucket: the events' bucket column, where there is one.
    """
    if bucket is None:
        return _typed(_value(feature, answer, chosen), feature.type)
    entries = answer.values
    keys = positive_zero(bucket.take(entries.field("bucket_row")))
    items = _value(feature, entries.field("value"), chosen)
    return _map(answer, keys, _typed(items, feature.aggregate.type), feature.type)


def _value(feature: Feature, answer: Any, chosen: Array | None) -> Any:
    """One value each, without the map that a bucket puts around them."""
    function = feature.aggregate.function
    if function not in SELECTING or by_value(feature.aggregate):
        return answer
    assert chosen is not None, f"{function} selects a value of a column"
    if function == "histogram":
        entries = answer.values
        keys = positive_zero(chosen.take(entries.field("row")))
        return _map(answer, keys, entries.field("count"), feature.aggregate.type)
    if function == "approx_top_k":
        entries = answer.values
        parts = [positive_zero(chosen.take(entries.field("row"))), entries.field("count")]
        arrow: Any = feature.aggregate.type
        pairs = pa.StructArray.from_arrays(parts, fields=list(arrow.value_type))
        return pa.ListArray.from_arrays(answer.offsets, pairs, type=arrow, mask=_mask(answer))
    if pa.types.is_list(answer.type):
        taken = positive_zero(chosen.take(answer.values))
        listed = pa.list_(taken.type)
        return pa.ListArray.from_arrays(answer.offsets, taken, type=listed, mask=_mask(answer))
    return positive_zero(chosen.take(answer))


def _map(answer: Any, keys: Array, items: Array, arrow: Any) -> Array:
    """The lists of an answer as maps."""
    return pa.MapArray.from_arrays(
        answer.offsets,
        _typed(keys, arrow.key_type),
        _typed(items, arrow.item_type),
        type=arrow,
        mask=_mask(answer),
    )


def _mask(answer: Any) -> Array | None:
    return answer.is_null() if answer.null_count else None


def _typed(array: Array, arrow: Any) -> Array:
    """The array under the plan's type; lists may differ in the name of their items."""
    return array if array.type == arrow else array.cast(arrow)


def positive_zero(column: Array) -> Array:
    """The same values with 0.0 in the place of -0.0, in parts of lists and structs too."""
    arrow: Any = column.type
    array: Any = column
    if pa.types.is_floating(arrow):
        return compute("add", array, scalar(0.0, arrow))
    if pa.types.is_list(arrow) and _holds_floats(arrow):
        return pa.ListArray.from_arrays(
            array.offsets, positive_zero(array.values), type=arrow, mask=_mask(array)
        )
    if pa.types.is_struct(arrow) and _holds_floats(arrow):
        fields = [positive_zero(array.field(i)) for i in range(arrow.num_fields)]
        return pa.StructArray.from_arrays(fields, fields=list(arrow), mask=_mask(array))
    return column


def _holds_floats(arrow: Any) -> bool:
    if pa.types.is_list(arrow):
        return _holds_floats(arrow.value_type)
    if pa.types.is_struct(arrow):
        return any(_holds_floats(arrow.field(i).type) for i in range(arrow.num_fields))
    return bool(pa.types.is_floating(arrow))
