"""Random tables: keys, times at the edges of windows, knowledge times, and all kinds of values.

Times come from few values: the edges of the windows around few centres, a microsecond to either
side, midnights, times before 1970 and at the ends of int64.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal, get_args

import pyarrow as pa

from bighead.zipline.windows import DAY, HOUR
from tests.conformance.values import BYTES, NAN, NESTED, POOLS, VECTORS, Rng, draw
from tests.conformance.values import column as drawn_column

Keys = Literal[
    "none",
    "int",
    "text",
    "date",
    "composite",
    "float",
    "bool",
    "decimal",
    "stamp",
    "bytes",
    "small",
    "unsigned",
    "wide",
]
Knowledge = Literal["none", "equal", "late", "never", "unordered", "early"]
Match = Literal["strict", "inclusive"]
KEYS: tuple[Keys, ...] = get_args(Keys)
KNOWLEDGE: tuple[Knowledge, ...] = get_args(Knowledge)
MATCHES: tuple[Match, ...] = get_args(Match)

KEY_POOLS: dict[Keys, tuple[tuple[pa.DataType, tuple[Any, ...]], ...]] = {
    "none": (),
    "int": ((pa.int64(), (1, 2, -(2**63), None)),),
    "small": ((pa.uint16(), (1, 2, 65535, None)),),
    "text": ((pa.string(), ("", "a", "b", "\U0001f600", None)),),
    "date": ((pa.date32(), (0, -1, 15706, None)),),
    "composite": ((pa.int32(), (1, 2, None)), (pa.string(), ("", "a", None))),
    "float": ((pa.float64(), (0.0, -0.0, 1.5, NAN, None)),),
    "bool": ((pa.bool_(), (True, False, None)),),
    "decimal": ((pa.decimal128(20, 3), (Decimal("1.500"), Decimal("-1.500"), None)),),
    "stamp": ((pa.timestamp("us"), (0, -1, 2**62, None)),),
    "bytes": ((pa.binary(), (*BYTES[:4], None)),),
    "unsigned": ((pa.uint64(), (0, 2**64 - 1, 2**63, None)),),
    "wide": (
        (pa.int8(), (1, -128)),
        (pa.float32(), (0.5, 0.0, -0.0, NAN)),
        (pa.timestamp("us", "UTC"), (0, None)),
        (pa.duration("us"), (0,)),
    ),
}

MIDNIGHT = 1_356_998_400_000_000
CENTRES = (MIDNIGHT, MIDNIGHT + 37, 0, -1, -400 * DAY, -(2**63) + 2, 2**63 - 3, 1)
WIDTHS = (1, 2, 1000, HOUR, DAY, 7 * DAY, 365 * DAY, 2**62, 2**63 - 1)


def pick(rng: Rng, among: Sequence[Any]) -> Any:
    """One of them."""
    return among[int(rng.integers(len(among)))]


def moments(rng: Rng, centres: Sequence[int], widths: Sequence[int]) -> list[int]:
    """The times of a case: few, at the edges of its windows."""
    times: set[int] = set()
    for c in centres:
        for w in (0, *widths):
            for sign in (-1, 1):
                times.update(c + sign * w + d for d in (-1, 0, 1))
        times.add(c // DAY * DAY)
    legal = sorted(t for t in times if -(2**63) <= t < 2**63)
    return [legal[int(i)] for i in rng.permutation(len(legal))[: int(rng.integers(4, 14))]]


def known_times(rng: Rng, knowledge: Knowledge, times: list[int | None], late: list[int]) -> Any:
    """When each event became known."""

    def one(t: int | None) -> int | None:
        if knowledge == "equal":
            return t
        if knowledge == "unordered":
            return late[int(rng.integers(len(late)))] if rng.random() < 0.9 else None
        if t is None or rng.random() < 0.5:
            return t
        if knowledge == "never":
            return None
        delay = int(pick(rng, (1, 2, HOUR, DAY))) * (-1 if knowledge == "early" else 1)
        return min(max(t + delay, -(2**63)), 2**63 - 1)

    return pa.array([one(t) for t in times], pa.timestamp("us"))


def event_table(
    rng: Rng, keys: Keys, knowledge: Knowledge, times: list[int], size: int, nulls: float
) -> pa.Table:
    """Events: keys, times, all kinds of values; `id` numbers the rows."""
    hot = rng.random() < 0.2
    columns: dict[str, Any] = {}
    for i, (kind, pool) in enumerate(KEY_POOLS[keys]):
        values = draw(rng, pool, size, 0.0)
        columns[f"k{i}"] = pa.array([pool[0]] * size if hot else values, kind)
    happened = draw(rng, times, size, nulls)
    columns["ts"] = pa.array(happened, pa.timestamp("us"))
    columns["known"] = known_times(rng, knowledge, happened, times)
    columns["seq"] = pa.array(draw(rng, (0, 1, -5), size, 0.3), pa.int64())
    columns["word"] = pa.array(draw(rng, ("", "a", "é"), size, 0.3), pa.string())
    columns["id"] = pa.array(range(size), pa.int64())
    columns["flag"] = pa.array(draw(rng, (True, False), size, 0.2), pa.bool_())
    for name in POOLS:
        columns[name] = drawn_column(rng, name, size)
    for name, (kind, nested) in NESTED.items():
        columns[name] = pa.array(draw(rng, nested, size, 0.2), kind)
    (other,) = rng.spawn(1)
    for name, (kind, vectors) in VECTORS.items():
        # Mostly all of one length: the first two are.
        last = len(vectors) if other.random() < 0.1 else int(other.integers(2, len(vectors)))
        columns[name] = pa.array(draw(other, vectors[:last], size, 0.2), kind)
    return chunked(rng, pa.table(columns))


def chunked(rng: Rng, table: pa.Table) -> pa.Table:
    """The same rows, now and then in several chunks that do not begin where their buffers do."""
    rows = table.num_rows
    if rows < 2 or rng.random() < 0.5:
        return table
    cut = int(rng.integers(1, rows))
    padded = pa.concat_tables([table.slice(cut), table]).combine_chunks()
    return pa.concat_tables([padded.slice(rows - cut, cut), padded.slice(rows, rows - cut)])


def spine_table(rng: Rng, keys: Keys, times: list[int], size: int) -> pa.Table:
    """Rows that ask, some twice, some without a key or a time."""
    columns: dict[str, Any] = {"n": pa.array(range(size), pa.int64())}
    for i, (kind, pool) in enumerate(KEY_POOLS[keys]):
        columns[f"k{i}"] = pa.array(draw(rng, pool, size, 0.0), kind)
    columns["t"] = pa.array(draw(rng, times, size, 0.05), pa.timestamp("us"))
    columns["x"] = pa.array(draw(rng, (0, 1, 2), size, 0.1), pa.int32())
    return pa.table(columns)
