"""Casts to and from DECIMAL; excess places are rounded half away from zero."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal

import numpy as np
import pyarrow as pa

from bighead.zipline.expressions.arrow import Array, as_type, decimal_type, make, rounded, view
from bighead.zipline.expressions.datum import numbers, valid
from bighead.zipline.expressions.floats import units_of

Converted = tuple[Array, bool]

EXACT = Context(prec=1200, rounding=ROUND_HALF_UP, Emin=-99999, Emax=99999)
"""Enough digits for the exact value of any DOUBLE. (ROUND_HALF_UP is half away from zero.)"""


def fit(value: Decimal, to: pa.DataType) -> Decimal | None:
    """The value rounded to the type's scale, or None where it has too many digits.

    >>> fit(Decimal("2.345"), pa.decimal128(3, 2)), fit(Decimal(10), pa.decimal128(3, 2))
    (Decimal('2.35'), None)
    """
    if not value.is_finite():
        return None
    arrow = decimal_type(to)
    nearest = value.quantize(Decimal(1).scaleb(-arrow.scale), context=EXACT)
    fits = abs(int(nearest.scaleb(arrow.scale, context=EXACT))) < 10**arrow.precision
    return nearest if fits else None


def _each(array: Array, to: pa.DataType, read: Callable[[object], Decimal | None]) -> Converted:
    made = [None if v is None else read(v) for v in array.to_pylist()]
    result = make(made, to)
    return result, result.null_count != array.null_count


def integer_to_decimal(array: Array, to: pa.DataType) -> Converted:
    """Exact, where it has no more whole digits than the type."""
    scale = decimal_type(to).scale
    try:
        return as_type(as_type(array, pa.decimal256(20 + scale, scale)), to), False
    except pa.ArrowInvalid:
        return _each(array, to, lambda v: fit(Decimal(int(str(v))), to))


def float_to_decimal(array: Array, to: pa.DataType) -> Converted:
    """The exact binary value, rounded."""
    known = decimal_type(to)
    values = numbers(array).astype(np.float64)
    if known.scale <= 18:
        units, certain = units_of(values, known.scale)
        certain |= values == 0.0
        if known.precision < 18:
            certain &= np.abs(units) < 10.0**known.precision
        mask = valid(array)
        if bool((certain | ~mask).all()):
            whole = np.where(mask, units, 0.0).astype(np.int64)
            whole_numbers = as_type(make(whole, mask=~mask), pa.decimal128(19, 0))
            scaled = view(whole_numbers, pa.decimal128(19, known.scale))
            return as_type(scaled, to), False

    def read(value: object) -> Decimal | None:
        assert isinstance(value, float)
        return fit(Decimal(value), to)

    return _each(array, to, read)


def decimal_to_decimal(array: Array, to: pa.DataType) -> Converted:
    """More places: exact; fewer: rounded."""
    now, scale = decimal_type(array.type), decimal_type(to).scale
    try:
        if scale >= now.scale:
            widened = pa.decimal256(now.precision + scale - now.scale, scale)
            return as_type(as_type(array, widened), to), False
        wide = as_type(array, pa.decimal256(now.precision + 1, now.scale))
        return as_type(rounded(wide, scale), to), False
    except pa.ArrowInvalid:
        return _each(array, to, lambda v: fit(Decimal(str(v)), to))


def decimal_to_integer(array: Array, to: pa.DataType) -> Converted:
    """Rounded to a whole number, which must lie in the type."""
    whole, _ = decimal_to_decimal(array, pa.decimal128(38, 0))
    try:
        return as_type(whole, to), False
    except pa.ArrowInvalid:
        least = -(2 ** (to.bit_width - 1)) if pa.types.is_signed_integer(to) else 0
        greatest = least + 2**to.bit_width - 1
        made = [
            v if v is not None and least <= v <= greatest else None
            for v in (None if d is None else int(d) for d in whole.to_pylist())
        ]
        return make(made, to), True
