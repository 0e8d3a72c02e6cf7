"""Values of every type at the edges where aggregates go wrong: zeros, signs, ends, equal ones.

Each pool begins with its simplest values, so that an example can be made simpler by taking earlier
ones.
"""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa

FLOATS = (0.0, 1.0, -1.0, 2.0, 3.0, 0.5, 0.1, -0.3, 7.25, 1e-9, 1e6, -1e6, 1e16, -1e16, 1e300)
INFINITE = (float("inf"), float("-inf"))
TEXTS = ("", "a", "b", "ab", "B", "é", "\U0001f600", "a\0b")
BYTES = (b"", b"a", b"\0", b"\xff", b"ab")
DATES = (dt.date(1970, 1, 1), dt.date(2013, 1, 1), dt.date(1969, 12, 31), dt.date(2000, 2, 29))
MOMENT = dt.datetime(1970, 1, 1)  # noqa: DTZ001  (columns without a zone hold such)
STEPS = (0, 1, -1, 10**6, 86_400 * 10**6, 1_356_998_400 * 10**6)
LENGTHS = (2, 2, 2, 0, 1, 3)


def pool(arrow: pa.DataType) -> list[Any]:
    """The values that a column of a type is drawn from, the simplest first."""
    kind: Any = arrow
    if pa.types.is_boolean(kind):
        return [False, True]
    if pa.types.is_integer(kind):
        bits = kind.bit_width
        least = 0 if pa.types.is_unsigned_integer(kind) else -(2 ** (bits - 1))
        most = least + 2**bits - 1
        wanted = (0, 1, -1, 2, 3, 5, -2, 7, 100, most, least, most - 1)
        return [v for v in wanted if least <= v <= most]
    if pa.types.is_floating(kind):
        most = 3e38 if kind.bit_width == 32 else 1e300
        return [v for v in FLOATS if abs(v) <= most] + [*INFINITE]
    if pa.types.is_decimal(kind):
        unit, end = Decimal(1).scaleb(-kind.scale), 10**kind.precision - 1
        return [unit * n for n in (0, 1, -1, 2, 5, 9, end, -end) if abs(n) <= end]
    if pa.types.is_string(kind):
        return [*TEXTS]
    if pa.types.is_binary(kind):
        return [*BYTES]
    if pa.types.is_date(kind):
        return [*DATES]
    if pa.types.is_timestamp(kind):
        start = MOMENT if kind.tz is None else MOMENT.replace(tzinfo=dt.UTC)
        return [start + dt.timedelta(microseconds=s) for s in STEPS]
    if pa.types.is_duration(kind):
        return [dt.timedelta(microseconds=s) for s in STEPS]
    return _nested(kind)


def _nested(kind: Any) -> list[Any]:
    rng = random.Random(0)
    if pa.types.is_struct(kind):
        parts = [(kind.field(i).name, pool(kind.field(i).type)) for i in range(kind.num_fields)]
        return [{name: rng.choice(p) for name, p in parts} for _ in range(8)]
    if pa.types.is_map(kind):
        keys, items = pool(kind.key_type), pool(kind.item_type)
        return [[(k, rng.choice(items)) for k in keys[:n]] for n in (0, 1, 2, 2)]
    items = pool(kind.value_type)
    return [[rng.choice(items[: max(len(items) - 2, 1)]) for _ in range(n)] for n in LENGTHS]
