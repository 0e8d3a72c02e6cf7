"""Lists, structs and maps as bytes that order as they do, for kernels that hold single values."""

from __future__ import annotations

import pyarrow as pa

from bighead.kernels import nested
from bighead.storage.sets.exports import exported, exported_of
from bighead.zipline.expressions.arrow import Array


def is_encoded(arrow: pa.DataType) -> bool:
    """Whether values of this type are kept as bytes.

    >>> is_encoded(pa.struct([("a", pa.int64())])), is_encoded(pa.string())
    (True, False)
    """
    return pa.types.is_nested(arrow)


def encode(array: Array) -> Array:
    """A nested column as bytes that order like it (`kernels/nested/encode.h`)."""
    return exported(nested.encode(array))


def decode(array: Array, arrow: pa.DataType) -> Array:
    """The column that `encode` was given; -0.0 comes back as 0.0."""
    return exported_of(nested.decode(array, arrow), arrow)
