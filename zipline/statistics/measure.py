"""A column as something to measure: numbers on a line, or names of categories.

Numbers, decimals, dates and times are quantities; of lists and maps the length is one. Booleans,
texts and all else are categories, known by their text. NULL and NaN are missing in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bighead.zipline.spelling import spelled

Kind = Literal["number", "time", "length", "category"]
Floats = npt.NDArray[np.float64]

MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 1e-3}


@dataclass(frozen=True, slots=True)
class Measured:
    """The values of a column that are there."""

    kind: Kind
    rows: int
    """Of the column, with the missing ones."""
    quantities: Floats
    """Of a quantity; times are microseconds since the epoch. Infinities are kept."""
    categories: Any
    """A string array of a category's values."""
    distinct: int

    @property
    def present(self) -> int:
        """How many are there."""
        return len(self.categories) if self.kind == "category" else len(self.quantities)


def measured(column: pa.ChunkedArray[Any] | pa.Array[Any]) -> Measured:
    """The values of a column, as what they are measured as.

    >>> measured(pa.array([1.0, None, float("nan")])).quantities.tolist()
    [1.0]
    >>> measured(pa.array([True, None])).categories.to_pylist()
    ['true']
    """
    compute: Any = pc
    kind = column.type
    rows = len(column)
    there: Any = column.drop_null()
    if pa.types.is_floating(kind):
        there = there.filter(compute.invert(compute.is_nan(there)))
        there = compute.add(there, pa.scalar(0.0, kind))  # -0.0 is 0.0
    distinct = -1
    if pa.types.is_null(kind):
        return _category(rows, pa.array([], pa.string()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _quantity("length", rows, compute.list_value_length(there), distinct)
    if pa.types.is_map(kind):
        return _quantity("length", rows, _entries(there), distinct)
    if pa.types.is_struct(kind):
        return _category(rows, pa.array([spelled(v) for v in there.to_pylist()], pa.string()))
    distinct = compute.count_distinct(there).as_py()
    if pa.types.is_timestamp(kind):
        micros = there.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        return _quantity("time", rows, micros, distinct)
    if pa.types.is_date(kind):
        micros = there.cast(pa.timestamp("us")).cast(pa.int64())
        return _quantity("time", rows, micros, distinct)
    if pa.types.is_duration(kind):
        seconds = there.cast(pa.int64()).cast(pa.float64(), safe=False)
        scaled = compute.multiply(seconds, MICROSECONDS[kind.unit] / 1e6)
        return _quantity("number", rows, scaled, distinct)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _quantity("number", rows, there, distinct)
    return _category(rows, _texts(there))


def _entries(maps: Any) -> pa.Array[Any]:
    """How many entries each map has."""
    chunks: list[Any] = maps.chunks if isinstance(maps, pa.ChunkedArray) else [maps]
    counts = [np.diff(chunk.offsets.to_numpy()) for chunk in chunks]
    found: pa.Array[Any] = pa.array(np.concatenate([np.empty(0, np.int64), *counts]))
    return found


def _quantity(kind: Kind, rows: int, values: Any, distinct: int) -> Measured:
    floats = values.cast(pa.float64(), safe=False)
    quantities: Floats = np.asarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)
    found = len(np.unique(quantities)) if distinct < 0 else distinct
    return Measured(kind, rows, quantities, pa.array([], pa.string()), found)


def _category(rows: int, texts: Any) -> Measured:
    compute: Any = pc
    return Measured("category", rows, np.empty(0), texts, compute.count_distinct(texts).as_py())


def _texts(values: Any) -> Any:
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        return pa.array([v.hex() for v in values.to_pylist()], pa.string())
    return values.cast(pa.string())
