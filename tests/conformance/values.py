"""Values to test with: few of each type, and those that break things.

A column is drawn from one mood, so that a window may hold ordinary prices, numbers of widely spread
exponents, or what IEEE reserves, and not always a bit of everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

Rng = np.random.Generator
INF, NAN = float("inf"), float("nan")
TINY = 5e-324

ORDINARY = (1.5, 2.25, -3.0, 0.1, 0.2, 0.3, 100.0, 19.99, 1e-3, 7.0)
MOODS: dict[str, tuple[float, ...]] = {
    "ordinary": ORDINARY,
    "cancelling": (1e16, -1e16, 1.0, -1.0, 0.5, 2.0**53, -(2.0**53), 3.0),
    "spread": (1e-300, -1e-300, 1e300, -1e300, 1.0, 1e-150, 1e150, 3.0, TINY, -TINY),
    "huge": (1.7e308, -1.7e308, 1e308, -1e308, 1.7976931348623157e308, 1e292, 9.9e291),
    "tiny": (TINY, -TINY, 2 * TINY, 2.2250738585072014e-308, -2.2250738585072014e-308, 1e-310),
    "special": (NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, NAN),
    "hopeful": (INF, 1.0, 2.0, -0.0, NAN, 3.5, 1e308),
    "zeros": (0.0, -0.0),
    "constant": (0.1,),
    "close": (1e6 + 1e-3, 1e6 - 1e-3, 1e6, 1e6 + 2e-3),
    "closer": (1e9 + 1.0, 1e9, 1e9 - 1.0, 1e9 + 0.5),
}
TEXTS = ("", "a", "b", "ab", "B", "z", "é", "€", "\U0001f600", "\uffee", "a\0b", "long " * 5)
BYTES = (b"", b"\0", b"a", b"\xff", b"\x80a", b"a\0", b"b")
DAYS = (0, -1, 1, 15706, 15707, -719162, 100000)
INSTANTS = (0, -1, 1, 1356998400000000, 1356998400000001, -86400000000, -(2**62), 2**62)


def integers(kind: pa.DataType) -> Callable[[Rng], tuple[Any, ...]]:
    """Small ones, or the ends of the type."""
    bits = kind.bit_width
    least = 0 if pa.types.is_unsigned_integer(kind) else -(2 ** (bits - 1))
    greatest = least + 2**bits - 1
    moods = [
        (0, 1, 2, 3, 5, 7, 100),
        (0, 1, 1, 2) if least == 0 else (0, 1, -1, 2, -2, -100),
        (greatest, greatest - 1, 0, 1, least, least + 1),
        (greatest // 40, greatest // 41, least // 40, 3),
        (5,),
    ]
    return lambda rng: tuple(moods[int(rng.integers(len(moods)))])


def floats(rng: Rng) -> tuple[Any, ...]:
    """One mood."""
    names = list(MOODS)
    return MOODS[names[int(rng.integers(len(names)))]]


def short_floats(rng: Rng) -> tuple[Any, ...]:
    """One mood, as FLOAT has it."""
    with np.errstate(over="ignore", under="ignore"):
        return tuple(float(np.float32(v)) for v in floats(rng))


def decimals(precision: int, scale: int) -> Callable[[Rng], tuple[Any, ...]]:
    """Ordinary amounts, or the ends of the type."""
    unit = Decimal(1).scaleb(-scale)
    end = Decimal((0, (9,) * precision, -scale))
    moods = [
        tuple(unit * n for n in (0, 1, -1, 150, 225, 99, -301)),
        (end, end.copy_negate(), unit, unit.copy_negate()),
        (unit * 10**9 // 7, unit * 3),
        (unit * 7,),
    ]
    return lambda rng: moods[int(rng.integers(len(moods)))]


def always(*values: Any) -> Callable[[Rng], tuple[Any, ...]]:
    """The same pool each time."""
    return lambda rng: values


POOLS: dict[str, tuple[pa.DataType, Callable[[Rng], tuple[Any, ...]]]] = {
    "i8": (pa.int8(), integers(pa.int8())),
    "i16": (pa.int16(), integers(pa.int16())),
    "i32": (pa.int32(), integers(pa.int32())),
    "i64": (pa.int64(), integers(pa.int64())),
    "u8": (pa.uint8(), integers(pa.uint8())),
    "u16": (pa.uint16(), integers(pa.uint16())),
    "u32": (pa.uint32(), integers(pa.uint32())),
    "u64": (pa.uint64(), integers(pa.uint64())),
    "f32": (pa.float32(), short_floats),
    "f64": (pa.float64(), floats),
    "g64": (pa.float64(), floats),
    "dec": (pa.decimal128(10, 2), decimals(10, 2)),
    "dec38": (pa.decimal128(38, 6), decimals(38, 6)),
    "s": (pa.string(), always(*TEXTS)),
    "bin": (pa.binary(), always(*BYTES)),
    "bool": (pa.bool_(), always(True, False)),
    "date": (pa.date32(), always(*DAYS)),
    "stamp": (pa.timestamp("us"), always(*INSTANTS)),
    "zoned": (pa.timestamp("us", "UTC"), always(*INSTANTS)),
    "span": (pa.duration("us"), always(*INSTANTS)),
}
"""Columns of the events that aggregates read: their types, and where their values come from."""

NESTED: dict[str, tuple[pa.DataType, tuple[Any, ...]]] = {
    "pair": (
        pa.struct([("a", pa.int32()), ("b", pa.float64())]),
        (
            {"a": 1, "b": 2.5},
            {"a": 1, "b": None},
            {"a": None, "b": NAN},
            {"a": 2, "b": -0.0},
            {"a": 1, "b": NAN},
            {"a": None, "b": None},
        ),
    ),
    "items": (pa.list_(pa.string()), ([], ["a"], ["a", None], [None], ["b"], ["a", "é"])),
    "rooms": (pa.map_(pa.string(), pa.int64()), ([], [("a", 1)], [("a", 1), ("b", None)])),
}
"""Columns of lists, structs and maps."""

VECTORS: dict[str, tuple[pa.DataType, tuple[Any, ...]]] = {
    "vec": (
        pa.list_(pa.float64()),
        (
            [1.0, -0.0],
            [0.1, 1e300],
            [1e16, -1e300],
            [None, 1.0],
            [NAN, float("inf")],
            [-1e16, float("-inf")],
            [1.0],
        ),
    ),
    "ivec": (pa.list_(pa.int32()), ([1, 2, 3], [-1, 2**31 - 1, 0], [None, 5, -(2**31)], [])),
}
"""Columns of vectors: all but the last are of one length."""


def draw(rng: Rng, pool: Sequence[Any], size: int, nulls: float) -> list[Any]:
    """Values from a pool, a share of them NULL."""
    return [
        None if rng.random() < nulls else pool[int(rng.integers(len(pool)))] for _ in range(size)
    ]


def column(rng: Rng, name: str, size: int) -> pa.Array[Any]:
    """A column of one of the pools, with no, some or mostly NULLs."""
    kind, pool = POOLS[name]
    nulls = (0.0, 0.2, 0.8)[int(rng.integers(3))]
    return pa.array(draw(rng, pool(rng), size, nulls), kind)
