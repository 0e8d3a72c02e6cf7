"""From the kernel's answers to columns of the plan's types: lists, maps and nested values."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.storage.sets.nested import decode, is_encoded
from bighead.zipline.expressions.arrow import Array, make
from bighead.zipline.ir.nodes import Aggregate, Feature


def numbers(array: Array) -> list[int]:
    """Whole numbers, none of them NULL, as Python's."""
    return cast("list[int]", array.to_pylist())


def column_of(feature: Feature, values: Array, buckets: Array | None, ends: list[int]) -> Array:
    """A feature's column; `ends`: where the buckets of each question end."""
    plain = value_of(feature.aggregate, values)
    if buckets is None:
        return plain
    arrow: Any = feature.type
    offsets: Any = make(np.array([0, *ends]), pa.int32())
    mask: Any = make(np.diff(np.array([0, *ends])) == 0)
    return cast(
        "Array",
        pa.MapArray.from_arrays(
            offsets, _typed(buckets, arrow.key_type), plain, type=arrow, mask=mask
        ),
    )


def value_of(aggregate: Aggregate, values: Any) -> Array:
    """The values of an aggregate, without the map that a bucket puts around them."""
    arrow: Any = aggregate.type
    function = aggregate.function
    if function in ("histogram", "approx_top_k"):
        held, counts = values.values.field(0), values.values.field(1)
        if function == "histogram":
            keys = _typed(held, arrow.key_type)
            return cast(
                "Array",
                pa.MapArray.from_arrays(
                    _offsets(values),
                    keys,
                    _typed(counts, arrow.item_type),
                    type=arrow,
                    mask=_mask(values),
                ),
            )
        fields = list(arrow.value_type)
        parts = [_typed(a, f.type) for a, f in zip((held, counts), fields, strict=True)]
        pairs = pa.StructArray.from_arrays(parts, fields=fields)
        return _listed(values, pairs, arrow)
    if pa.types.is_large_list(values.type):
        return _listed(values, _item(values.values, arrow.value_type), arrow)
    return _item(values, arrow)


def _item(values: Array, arrow: Any) -> Array:
    if is_encoded(arrow) and pa.types.is_large_binary(values.type):
        return decode(values, arrow)
    return _typed(values, arrow)


def _listed(values: Any, items: Any, arrow: Any) -> Array:
    made = pa.ListArray.from_arrays(_offsets(values), items, type=arrow, mask=_mask(values))
    return cast("Array", made)


def _offsets(values: Any) -> Any:
    return values.offsets.cast(pa.int32())


def _mask(values: Any) -> Any:
    return values.is_null() if values.null_count else None


def _typed(array: Array, arrow: Any) -> Array:
    return array if array.type == arrow else cast("Array", cast("Any", array).cast(arrow))
