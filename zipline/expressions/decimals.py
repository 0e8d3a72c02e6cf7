"""Casts to and from DECIMAL; excess places are rounded half away from zero."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal

import pyarrow as pa
import pyarrow.compute as pc

Converted = tuple[pa.Array, bool]

EXACT = Context(prec=1200, rounding=ROUND_HALF_UP, Emin=-99999, Emax=99999)
"""Enough digits for the exact value of any DOUBLE. (ROUND_HALF_UP is half away from zero.)"""


def fit(value: Decimal, arrow: pa.Decimal128Type) -> Decimal | None:
    """The value rounded to the type's scale, or None where it has too many digits.

    >>> fit(Decimal("2.345"), pa.decimal128(3, 2)), fit(Decimal(10), pa.decimal128(3, 2))
    (Decimal('2.35'), None)
    """
    if not value.is_finite():
        return None
    rounded = value.quantize(Decimal(1).scaleb(-arrow.scale), context=EXACT)
    fits = abs(int(rounded.scaleb(arrow.scale, context=EXACT))) < 10**arrow.precision
    return rounded if fits else None


def _each(array: pa.Array, to: pa.DataType, read: Callable[[object], Decimal | None]) -> Converted:
    made = [None if v is None else read(v) for v in array.to_pylist()]
    result = pa.array(made, to)
    return result, result.null_count != array.null_count


def integer_to_decimal(array: pa.Array, to: pa.DataType) -> Converted:
    """Exact, where it has no more whole digits than the type."""
    try:
        return array.cast(pa.decimal256(20 + to.scale, to.scale)).cast(to), False
    except pa.ArrowInvalid:
        return _each(array, to, lambda v: fit(Decimal(int(str(v))), to))


def float_to_decimal(array: pa.Array, to: pa.DataType) -> Converted:
    """The exact binary value, rounded."""

    def read(value: object) -> Decimal | None:
        assert isinstance(value, float)
        return fit(Decimal(value), to)

    return _each(array, to, read)


def decimal_to_decimal(array: pa.Array, to: pa.DataType) -> Converted:
    """More places: exact; fewer: rounded."""
    now = array.type
    try:
        if to.scale >= now.scale:
            widened = pa.decimal256(now.precision + to.scale - now.scale, to.scale)
            return array.cast(widened).cast(to), False
        wide = array.cast(pa.decimal256(now.precision + 1, now.scale))
        return pc.round(wide, to.scale, round_mode="half_towards_infinity").cast(to), False
    except pa.ArrowInvalid:
        return _each(array, to, lambda v: fit(Decimal(str(v)), to))


def decimal_to_integer(array: pa.Array, to: pa.DataType) -> Converted:
    """Rounded to a whole number, which must lie in the type."""
    whole, _ = decimal_to_decimal(array, pa.decimal128(38, 0))
    try:
        return whole.cast(to), False
    except pa.ArrowInvalid:
        least = -(2 ** (to.bit_width - 1)) if pa.types.is_signed_integer(to) else 0
        greatest = least + 2**to.bit_width - 1
        made = [
            v if v is not None and least <= v <= greatest else None
            for v in (None if d is None else int(d) for d in whole.to_pylist())
        ]
        return pa.array(made, to), True
