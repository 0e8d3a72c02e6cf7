"""When questions are asked: int64 microseconds, a column of them or one number for all.

NULL is no time, so that nothing is seen. Mostly there is one time for all, of which a column is
made only where somebody needs one.
"""

from __future__ import annotations

import struct
from typing import Any, TypeAlias, cast

import pyarrow as pa

from bighead.zipline.expressions.arrow import Array

Times: TypeAlias = "Array | int"

_TIME = struct.Struct("<q")


def times_column(times: Times, count: int) -> Array:
    """The times of so many questions, as a column.

    >>> times_column(7, 2).to_pylist()
    [7, 7]
    """
    if not isinstance(times, int):
        return times
    # Of its buffer, which is quicker than of its values.
    buffer: Any = pa.py_buffer(_TIME.pack(times) * count)
    return cast("Array", pa.Array.from_buffers(pa.int64(), count, [None, buffer]))


def some_times(times: Times, first: int, count: int) -> Times:
    """Those of some of the questions."""
    return times if isinstance(times, int) else times.slice(first, count)
