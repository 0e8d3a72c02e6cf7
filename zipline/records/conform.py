"""Bringing columns to the plan's types, and checking them against what is declared.

Nanoseconds are floored to microseconds (also before 1970), zones become UTC, dictionaries and views
are decoded. What is already of its type is passed on as it is, without a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bighead.zipline.errors import DataError, SchemaError, did_you_mean
from bighead.zipline.ir.types import VARCHAR, canonical, sql_name
from bighead.zipline.records.fits import fits, is_narrowing

_PER_MICROSECOND = {"ns": 1_000}
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_DAY_OF_MILLISECONDS = 86_400_000
_COUNTED = (pa.types.is_timestamp, pa.types.is_duration)


def plan_schema(schema: pa.Schema, place: str) -> pa.Schema:
    """The columns of data under the types that a plan gives them.

    `place` names the data in messages. Raises SchemaError for a name that occurs twice and for a
    type that no plan has.
    """
    fields = []
    seen: set[str] = set()
    for field in schema:
        if field.name in seen:
            raise SchemaError(f"{place} has the column '{field.name}' twice; rename one of them")
        seen.add(field.name)
        arrow = canonical(field.type)
        if arrow is None:
            raise SchemaError(
                f"column '{field.name}' of {place} is of type {field.type}, which has no place in "
                "SQL; leave it out or cast it"
            )
        if pa.types.is_null(arrow):  # nothing but NULL may be of any type; text is one
            arrow = VARCHAR
        fields.append(pa.field(field.name, arrow))
    return pa.schema(fields)


def resolve(names: Sequence[str], found: Sequence[str], place: str) -> list[str]:
    """The found name of each declared one: the same, else the only one that differs in case.

    Raises SchemaError where there is none, or where several names differ in case alone.
    """
    folded: dict[str, list[str]] = {}
    for name in found:
        folded.setdefault(name.casefold(), []).append(name)
    resolved = []
    for name in names:
        like = folded.get(name.casefold(), [])
        if like.count(name) > 1:
            raise SchemaError(f"{place} has the column '{name}' twice; rename one of them")
        if name in like:
            resolved.append(name)
        elif len(like) == 1:
            resolved.append(like[0])
        elif like:
            raise SchemaError(
                f"{place} has no column '{name}', but several that differ from it in case: "
                f"{', '.join(like)}; declare one of these, in double quotes"
            )
        else:
            hint = did_you_mean(name, found)
            raise SchemaError(f"{place} has no column '{name}'" + (f"; {hint}" if hint else ""))
    return resolved


def check_type(name: str, found: pa.DataType, declared: pa.DataType, place: str) -> None:
    """Raises SchemaError where data of this type cannot stand for the declared one."""
    arrow = canonical(found)
    if arrow is not None and fits(arrow, declared):
        return
    have = sql_name(arrow) if arrow is not None else str(found)
    want = sql_name(declared)
    if arrow is not None and is_narrowing(arrow, declared):
        raise SchemaError(
            f"column '{name}' of {place} is {have} and is declared {want}, which cannot hold every "
            f"such value; declare it {have}, or cast the data"
        )
    raise SchemaError(
        f"column '{name}' of {place} is {have} but is declared {want}; "
        "declare the type that it has, or change the data"
    )


def conform(
    column: pa.ChunkedArray[Any], declared: pa.DataType, name: str, place: str
) -> pa.ChunkedArray[Any]:
    """A column under its declared type (one of the plan's); without a copy where it has it.

    Raises SchemaError where the types do not go together, DataError where a time lies beyond the
    years that microseconds can tell.
    """
    if column.type == declared:
        return column
    check_type(name, column.type, declared, place)
    try:
        chunks = [_convert(chunk, declared) for chunk in column.chunks]
        return pa.chunked_array(chunks, type=cast("Any", declared))
    except (pa.ArrowInvalid, OverflowError) as error:
        raise DataError(
            f"column '{name}' of {place} holds a value that is no {sql_name(declared)}; "
            "times reach from the year -290307 to 294247, text is UTF-8"
        ) from error


def _convert(array: Any, declared: Any) -> pa.Array[Any]:
    """An array brought to a declared type that fits it; which array classes, its type says."""
    found = array.type
    converted: pa.Array[Any]
    if found == declared:
        converted = array
    elif pa.types.is_dictionary(found):
        # Not dictionary_decode(), which takes no strings that are views.
        converted = _convert(array.dictionary, declared).take(array.indices)
    elif any(kind(found) and kind(declared) for kind in _COUNTED):
        converted = _integers(array, found.unit).view(declared)
    elif pa.types.is_date64(found):
        days = np.floor_divide(_values(array.view(pa.int64())), _DAY_OF_MILLISECONDS)
        dates = pa.array(days.astype(np.int32), pa.int32(), mask=_mask(array)).view(pa.date32())
        converted = _convert(dates, declared)
    elif pa.types.is_date32(found) and pa.types.is_timestamp(declared):
        converted = array.cast(pa.timestamp("us")).view(declared)
    elif _is_nested(found) and not pa.types.is_null(declared):
        converted = _nested(array, declared)
    else:
        converted = array.cast(declared)
    return converted


def _integers(array: pa.Array[Any], unit: str) -> pa.Array[Any]:
    """Microseconds as int64; nanoseconds floored, an overflow of coarser units raised."""
    raw = array.view(pa.int64())
    if unit == "ns":
        return pa.array(np.floor_divide(_values(raw), 1_000), pa.int64(), mask=_mask(array))
    return pc.multiply_checked(raw, pa.scalar(_MICROSECONDS[unit], pa.int64()))


def _values(array: pa.Array[Any]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The integers of an array, with 0 for NULL."""
    filled = array.fill_null(0) if array.null_count else array
    values: np.ndarray[tuple[int], np.dtype[np.int64]] = filled.to_numpy(zero_copy_only=True)
    return values


def _mask(array: pa.Array[Any]) -> np.ndarray[tuple[int], np.dtype[np.bool_]] | None:
    if not array.null_count:
        return None
    mask: np.ndarray[tuple[int], np.dtype[np.bool_]] = array.is_null().to_numpy(
        zero_copy_only=False
    )
    return mask


def _is_nested(arrow: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(arrow)
        or pa.types.is_large_list(arrow)
        or pa.types.is_fixed_size_list(arrow)
        or pa.types.is_map(arrow)
        or pa.types.is_struct(arrow)
    )


def _nested(array: Any, declared: Any) -> pa.Array[Any]:
    """Lists, maps and structs, item by item."""
    if array.offset:  # Arrow takes no mask beside a slice, so the rows are copied to the front
        array = pa.concat_arrays([array, pa.nulls(1, array.type)])[:-1]
    mask = array.is_null() if array.null_count else None
    if pa.types.is_struct(array.type):
        # `field` ignores the parent's NULLs, and `mask` puts them back.
        children = [_convert(array.field(f.name), f.type) for f in declared]
        return pa.StructArray.from_arrays(children, fields=list(declared), mask=mask)
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_type))
    offsets = array.offsets.cast(pa.int32())
    if pa.types.is_map(array.type):
        keys = _convert(array.keys, declared.key_type)
        items = _convert(array.items, declared.item_type)
        return pa.MapArray.from_arrays(offsets, keys, items, type=declared, mask=mask)
    values = _convert(array.values, declared.value_type)
    return pa.ListArray.from_arrays(offsets, values, type=declared, mask=mask)
