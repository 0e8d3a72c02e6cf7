"""Values that came with a request, in the types that a set needs: exactly, or not at all.

A number fits another type of numbers where it is the same number there. A type that could only
fit by luck (DOUBLE for BIGINT, text for anything else) is an error of the request; a value that
does not fit, of a type that mostly does, is an error of its entity.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, cast

import numpy as np
import pyarrow as pa

from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import Array, make, nulls, view
from bighead.zipline.ir.types import canonical, is_integer, sql_name

Bad = dict[int, str]
"""Entities, and what is wrong with each."""


def fit(name: str, array: Array, wanted: pa.DataType) -> tuple[Array, Bad]:
    """The values as `wanted`, and the entities whose value is not one; theirs is NULL.

    Raises DataError where values of the array's type are not taken for `wanted`.
    """
    given = array.type
    if given == wanted:
        return _text(name, array) if pa.types.is_string(given) else (array, {})
    if pa.types.is_null(given):
        return nulls(len(array), wanted), {}
    plain = canonical(given)
    if plain is not None and plain != given:
        return fit(name, _floored(array, plain), wanted)
    if is_integer(given) and _is_numeric(wanted):
        return _number(name, array, wanted)
    if pa.types.is_decimal(given) and pa.types.is_decimal(wanted):
        return _number(name, array, wanted)
    if given == pa.float32() and wanted == pa.float64():
        return _cast(array, wanted), {}
    if pa.types.is_timestamp(given) and pa.types.is_timestamp(wanted):
        return view(array, wanted), {}  # without a zone it is UTC
    if pa.types.is_date32(given) and pa.types.is_timestamp(wanted):
        return _cast(array, wanted), {}
    if pa.types.is_nested(given) and given.id == wanted.id:
        return _nested(name, array, wanted)
    raise DataError(f"'{name}' is {sql_name(wanted)}, and {sql_name(given)} was given")


def _is_numeric(arrow: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow)
    )


def _cast(array: Array, wanted: pa.DataType) -> Array:
    return cast("Array", array.cast(cast("Any", wanted)))


def _floored(array: Array, plain: pa.DataType) -> Array:
    """Times to microseconds, downwards; all else as it is."""
    given = array.type
    if pa.types.is_timestamp(given) and given.unit == "ns":
        whole = np.asarray(view(array, pa.int64()).fill_null(0)) // 1000
        return view(make(whole, pa.int64(), np.asarray(array.is_null())), plain)
    return _cast(array, plain)


def _number(name: str, array: Array, wanted: pa.DataType) -> tuple[Array, Bad]:
    """Numbers, each where it is the same number in the other type."""
    try:
        return _exactly(array, wanted), {}
    except pa.ArrowInvalid:
        pass
    kept: list[Any] = []
    bad: Bad = {}
    for entity, value in enumerate(array.to_pylist()):
        if value is not None and not _fits(value, wanted):
            bad[entity] = f"'{name}' is {sql_name(wanted)}, and {value} does not fit"
            value = None
        kept.append(value)
    return make(kept, wanted), bad


def _exactly(array: Array, wanted: pa.DataType) -> Array:
    made = _cast(array, wanted)
    if pa.types.is_floating(wanted):  # Arrow looks at the range alone
        back = made.cast(array.type)
        if not back.equals(array):
            raise pa.ArrowInvalid("not the same")
    return made


def _fits(value: Any, wanted: pa.DataType) -> bool:
    try:
        one = make([value], wanted)
    except (pa.ArrowException, OverflowError, ValueError):
        return False
    back: Any = one.to_pylist()[0]
    return bool(Decimal(back) == Decimal(value))


def _text(name: str, array: Array) -> tuple[Array, Bad]:
    """Text that came as bytes: each value is UTF-8, or its entity is bad."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        pass
    else:
        return array, {}
    kept: list[str | None] = []
    bad: Bad = {}
    for entity, value in enumerate(view(array, pa.binary()).to_pylist()):
        try:
            kept.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            bad[entity] = f"'{name}' is VARCHAR, and {value!r} is not UTF-8"
            kept.append(None)
    return make(kept, pa.string()), bad


def _nested(name: str, array: Array, wanted: pa.DataType) -> tuple[Array, Bad]:
    try:
        return _cast(array, wanted), {}
    except pa.ArrowException as error:
        raise DataError(
            f"'{name}' is {sql_name(wanted)}, and {sql_name(array.type)} was given: {error}"
        ) from None
