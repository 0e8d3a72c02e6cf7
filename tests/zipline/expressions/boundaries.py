"""Columns of boundary values, one a type, and all their combinations."""

from __future__ import annotations

import itertools
import math
import struct
from decimal import Decimal
from typing import Any

import pyarrow as pa

from bighead.zipline.ir.expr import Expr, columns_of

NAN, INF = math.nan, math.inf
BIGGEST, LEAST = 2**63 - 1, -(2**63)
VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "n": (
        pa.int64(),
        [None, 0, 1, -1, 2, 3, 7, -7, 10**9, -(10**9), 2**53 + 1, BIGGEST, LEAST, LEAST + 1],
    ),
    "i": (pa.int32(), [None, 0, 1, -1, 5, 2**31 - 1, -(2**31)]),
    "s": (pa.int8(), [None, 0, 1, -1, 127, -128]),
    "x": (
        pa.float64(),
        [
            None, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 0.49999999999999994,
            3.7, 1e15 + 0.5,
            4503599627370497.5, 9.3e18, -9.3e18, 1e300, -1e300, 5e-324, NAN, -NAN, INF, -INF,
        ],
    ),
    "f": (pa.float32(), [None, 0.0, -0.0, 1.5, -2.5, 0.1, 1e6, 3e38, NAN, INF]),
    "d": (
        pa.decimal128(8, 2),
        [None, *(Decimal(v) for v in ("0.00", "1.25", "-1.25", "2.50", "999999.99", "-999999.99"))],
    ),
    "e": (pa.decimal128(10, 4), [None, *(Decimal(v) for v in ("0.0000", "1.2500", "-7.1234"))]),
    "v": (
        pa.string(),
        [None, "", "a", "abc", "ABC", "Zürich", "ß", "a%b", "a_b", "a\\b", "  a ", "日本", "x\ny"],
    ),
    "w": (pa.string(), [None, "", "a", "b", "ü", "%", "本"]),
    "b": (pa.bool_(), [None, True, False]),
    "c": (pa.bool_(), [None, True, False]),
    "day": (pa.date32(), [None, 0, -1, 1, 15706, -719162, 2932896, 11016, 59, 60]),
    "t": (
        pa.timestamp("us"),
        [None, 0, -1, 1, 1_357_000_000_123_456, -1_000_000, -86_400_000_001, 86_399_999_999,
         951_782_400_000_000, -2_208_988_800_000_001, 253_402_300_799_999_999, 4 * 86_400_000_000],
    ),
    "u": (pa.timestamp("us", "UTC"), [None, 0, -1, 1_357_000_000_123_456, -86_400_000_001]),
    "l": (pa.list_(pa.int64()), [None, [], [1], [1, None, 3]]),
    "m": (
        pa.map_(pa.string(), pa.int64()),
        [None, [], [("a", 1)], [("", None), ("a", 2), ("b", 3)]],
    ),
    "p": (
        pa.struct([("a", pa.int64()), ("s", pa.string())]),
        [None, {"a": 1, "s": "x"}, {"a": None, "s": ""}],
    ),
    "k": (pa.int64(), [None, 0, 1, -1, 2, -2, 5, 100]),
}  # fmt: skip

SCHEMA = pa.schema([pa.field(name, arrow) for name, (arrow, _) in VALUES.items()])


def columns_in(expr: Expr) -> list[str]:
    """The columns that an expression reads."""
    return list(columns_of(expr))


def crossed(names: list[str]) -> pa.RecordBatch:
    """All combinations of the boundary values of these columns."""
    rows = list(itertools.product(*(VALUES[n][1] for n in names)))
    return batch_of({name: [row[i] for row in rows] for i, name in enumerate(names)})


def batch_of(columns: dict[str, list[Any]]) -> pa.RecordBatch:
    """These values under the columns' types; times are whole numbers."""
    arrays: list[pa.Array[Any]] = []
    for name, values in columns.items():
        arrow = VALUES[name][0]
        whole = pa.int32() if pa.types.is_date(arrow) else pa.int64()
        temporal = pa.types.is_temporal(arrow)
        arrays.append(pa.array(values, whole).view(arrow) if temporal else pa.array(values, arrow))
    return pa.record_batch(arrays, names=list(columns))


def bits(array: pa.Array[Any]) -> list[object]:
    """Values that are equal where the bits are, but for the sign and payload of NaN."""
    if pa.types.is_temporal(array.type):
        array = array.view(pa.int32() if pa.types.is_date(array.type) else pa.int64())
    return [
        struct.pack("d", v)
        if isinstance(v, float) and v == v
        else "NaN"
        if isinstance(v, float)
        else v
        for v in array.to_pylist()
    ]
