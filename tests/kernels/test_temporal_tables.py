"""Rows of tables dealt into parts and put together again, against Arrow's own take."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bighead.kernels.temporal import (
    Deal,
    Merge,
    TemporalError,
    Unsupported,
    join_arrays,
    keep_memory,
)
from tests.kernels.cases import taken

TYPES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "bool": (pa.bool_(), [True, False]),
    "int8": (pa.int8(), [-1, 7]),
    "uint16": (pa.uint16(), [0, 65_535]),
    "date": (pa.date32(), [0, 20_000]),
    "double": (pa.float64(), [-0.0, 1.5, float("inf")]),
    "time": (pa.timestamp("us", "UTC"), [0, -1]),
    "decimal": (pa.decimal128(38, 2), [0, 10**20]),
}


def array(kind: str, rows: int, nulls: bool, seed: int) -> pa.Array[Any]:
    r = random.Random(seed)
    arrow, pool = TYPES[kind]
    values = [None if nulls and r.random() < 0.2 else r.choice(pool) for _ in range(rows)]
    # An offset, so that neither values nor bits begin at their buffers.
    return pa.array([pool[0], pool[0], pool[0], *values], arrow).slice(3)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 1_000, 40_000])
def test_rows_of_a_part_come_to_lie_together_in_their_order(
    kind: str, nulls: bool, rows: int
) -> None:
    r = random.Random(rows)
    parts = [r.randrange(-1, 5) for _ in range(rows)]
    column = array(kind, rows, nulls, 1)
    deal = Deal(pa.array(parts, pa.int32()), 6)
    order = sorted((i for i in range(rows) if parts[i] >= 0), key=lambda i: parts[i])
    assert taken(deal.rows()).to_pylist() == order
    assert deal.ends == [sum(0 <= p <= part for p in parts) for part in range(6)]
    [found] = map(taken, deal.columns([column]))
    assert found.equals(column.take(pa.array(order, pa.int64())))
    found.validate(full=True)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize("rows", [0, 1, 1_000, 70_000])
@pytest.mark.parametrize("stretches", [1, 3])
def test_stretches_of_rows_are_put_together(
    kind: str, nulls: bool, rows: int, stretches: int
) -> None:
    whole = array(kind, rows, nulls, 2)
    r = random.Random(3)
    owner = [r.randrange(stretches) for _ in range(rows)]
    places = [
        pa.array([i for i in range(rows) if owner[i] == s], pa.int64()) for s in range(stretches)
    ]
    parts = [whole.take(p) for p in places]
    for size in (rows + 1, 40_000):
        chunks = list(map(taken, Merge(places, rows).column(parts, size)))
        for i, chunk in enumerate(chunks):
            assert chunk.equals(whole.slice(i * size, size))
            chunk.validate(full=True)
        assert len(chunks) == max(1, -(-rows // size))
    cut = sorted(r.randrange(rows + 1) for _ in range(stretches - 1))
    bounds = list(zip([0, *cut], [*cut, rows], strict=True))
    joined = taken(join_arrays([whole.slice(a, b - a) for a, b in bounds]))
    assert joined.equals(whole)
    joined.validate(full=True)


def test_memory_that_is_given_back_is_kept_up_to_a_limit() -> None:
    status = Path("/proc/self/statm")

    def resident() -> int:
        return int(status.read_text().split()[1]) * 4096

    column = pa.array(range(1 << 21), pa.int64())
    before = keep_memory(1 << 28)
    try:
        del_me = join_arrays([column, column])
        held = resident()
        del del_me
        assert resident() > held - (16 << 20)
        assert keep_memory(0) == 1 << 28
        assert resident() < held - (24 << 20)
    finally:
        keep_memory(before)


def test_what_does_not_fit_is_refused() -> None:
    def ints(*values: int) -> pa.Array[Any]:
        return pa.array(values, pa.int64())

    with pytest.raises(TemporalError, match="a row is of a part that is not there"):
        Deal(pa.array([0, 2], pa.int32()), 2)
    with pytest.raises(TemporalError, match="the parts of rows are int32 without NULLs"):
        Deal(ints(0, 1), 2)
    deal = Deal(pa.array([0, 1], pa.int32()), 2)
    with pytest.raises(TemporalError, match="a column is not as long as the parts"):
        deal.columns([ints(1)])
    with pytest.raises(Unsupported, match="of Arrow format 'u' is not dealt by value"):
        deal.columns([pa.array(["a", "b"])])
    for places in ([0, 0], [1, 0]):
        with pytest.raises(TemporalError, match="places ascend"):
            Merge([ints(*places)], 2)
    for place in (-1, 2):
        with pytest.raises(TemporalError, match="a row has no place"):
            Merge([ints(place)], 2)
    merge = Merge([ints(0), ints(1)], 2)
    with pytest.raises(TemporalError, match="there are not as many columns as stretches"):
        merge.column([ints(1)], 2)
    with pytest.raises(TemporalError, match="a column has not a value a row"):
        merge.column([ints(1), ints(1, 2)], 2)
    with pytest.raises(TemporalError, match="a column is of 'l' and 'i'"):
        merge.column([ints(1), pa.array([1], pa.int32())], 2)
    with pytest.raises(Unsupported, match="of Arrow format 'u' is not merged by value"):
        merge.column([pa.array(["a"]), pa.array(["b"])], 2)
