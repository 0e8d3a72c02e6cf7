"""Whether data of one type may stand where another is declared: widening yes, narrowing never.

Every value of the found type must have an equal one in the declared type. A time with a zone and
one without are the same instant in UTC, so either may stand for the other.
"""

from __future__ import annotations

import pyarrow as pa

_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}
_EXACT_IN_FLOAT = {32: 24, 64: 53}


def fits(found: pa.DataType, declared: pa.DataType) -> bool:
    """Whether each value of `found` is also a value of `declared` (both types of the plan).

    >>> fits(pa.int32(), pa.int64()), fits(pa.int64(), pa.int32()), fits(pa.int64(), pa.float64())
    (True, False, False)
    """
    if found == declared or pa.types.is_null(found):
        return True
    if pa.types.is_integer(found):
        return _integer_fits(found, declared)
    if pa.types.is_floating(found):
        return pa.types.is_floating(declared) and found.bit_width <= declared.bit_width
    if pa.types.is_decimal(found):
        return (
            pa.types.is_decimal(declared)
            and declared.scale >= found.scale
            and declared.precision - declared.scale >= found.precision - found.scale
        )
    if pa.types.is_date(found) or pa.types.is_timestamp(found):
        return bool(pa.types.is_timestamp(declared))
    if pa.types.is_list(found):
        return pa.types.is_list(declared) and fits(found.value_type, declared.value_type)
    if pa.types.is_map(found):
        return (
            pa.types.is_map(declared)
            and fits(found.key_type, declared.key_type)
            and fits(found.item_type, declared.item_type)
        )
    if pa.types.is_struct(found) and pa.types.is_struct(declared):
        ours = {f.name: f.type for f in found}
        return all(f.name in ours and fits(ours[f.name], f.type) for f in declared)
    return False


def is_narrowing(found: pa.DataType, declared: pa.DataType) -> bool:
    """Whether both are of one kind and only the declared type is too small."""
    kinds = (_is_numeric, pa.types.is_timestamp, pa.types.is_list, pa.types.is_struct)
    return any(kind(found) and kind(declared) for kind in kinds)


def _is_numeric(arrow: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(arrow) or pa.types.is_floating(arrow) or pa.types.is_decimal(arrow)
    )


def _integer_fits(found: pa.DataType, declared: pa.DataType) -> bool:
    signed = pa.types.is_signed_integer(found)
    if pa.types.is_integer(declared):
        if signed == pa.types.is_signed_integer(declared):
            return bool(found.bit_width <= declared.bit_width)
        return not signed and found.bit_width < declared.bit_width
    if pa.types.is_floating(declared):
        magnitude = found.bit_width - 1 if signed else found.bit_width
        return bool(magnitude <= _EXACT_IN_FLOAT.get(declared.bit_width, 0))
    if pa.types.is_decimal(declared):
        return bool(declared.precision - declared.scale >= _DIGITS[found.bit_width])
    return False
