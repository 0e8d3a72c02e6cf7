"""The door: what it takes, what it refuses and how, and that results outlive their makers."""

from __future__ import annotations

import gc
import random
from typing import Any

import pyarrow as pa
import pytest

from bighead.kernels.temporal import (
    Encoding,
    NullTime,
    Overflow,
    Spec,
    TemporalError,
    Timeline,
    Unsupported,
    Window,
    deal_keys,
    distinct_rows,
    encode,
)
from tests.kernels.cases import taken


def ints(*values: int | None) -> pa.Array[Any]:
    return pa.array(values, pa.int64())


def one_key(spine: pa.Array[Any], events: pa.Array[Any], **options: Any) -> Timeline:
    encoding = encode([], [], spine_rows=len(spine), event_rows=len(events))
    return Timeline(encoding, spine, events, **options)


def codes(encoding: Encoding) -> tuple[list[int], list[int]]:
    return taken(encoding.spine_codes).to_pylist(), taken(encoding.event_codes).to_pylist()


@pytest.mark.parametrize("wide", [1, 10**12])
def test_codes_join_equal_keys(wide: int) -> None:
    spine = ints(5 * wide, None, -7 * wide, 5 * wide)
    spine_codes, event_codes = codes(encode([spine], [ints(-7 * wide, 6 * wide, 5 * wide, None)]))
    assert spine_codes[0] == spine_codes[3] == event_codes[2]
    assert spine_codes[2] == event_codes[0] != spine_codes[0]
    assert [spine_codes[1], event_codes[1], event_codes[3]] == [-1, -1, -1]


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.binary(), pa.int8(), pa.uint64(), pa.float64(), pa.date32(),
     pa.date64(), pa.timestamp("us", "UTC"), pa.decimal128(24, 3), pa.bool_(), pa.float32(),
     pa.time64("us"), pa.duration("ms")],
)  # fmt: skip
def test_codes_of_every_type(kind: pa.DataType) -> None:
    r = random.Random(7)
    pool = [None, 0, 1] if pa.types.is_boolean(kind) else [None, *range(40)]
    if pa.types.is_date64(kind):
        pool = [None, *(86_400_000 * i for i in range(40))]

    def column(n: int) -> tuple[list[Any], pa.Array[Any]]:
        values = [r.choice(pool) for _ in range(n)]
        if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind):
            return values, pa.array([None if v is None else str(v) * 7 for v in values], kind)
        if pa.types.is_boolean(kind):
            return values, pa.array([None if v is None else bool(v) for v in values], kind)
        storage = pa.int32() if pa.types.is_date32(kind) else pa.int64()
        return values, pa.array(values, storage).cast(kind)

    spine_values, spine = column(300)
    event_values, events = column(5000)
    for threads in (1, 2):
        encoding = encode([spine, spine], [events, events], threads)
        for keys, spine_codes, event_codes in (
            (encoding.keys, *codes(encoding)),
            (encode([spine], [events]).keys, *codes(encode([spine], [events]))),
        ):
            named = dict(zip(spine_values, spine_codes, strict=True))
            assert named.pop(None, -1) == -1
            assert sorted(named.values()) == list(range(keys))
            assert event_codes == [named.get(v, -1) for v in event_values]


def test_many_keys_grow_the_table() -> None:
    n = 20_000
    spine = pa.array([f"{i}" for i in range(n)])
    events = pa.array([f"{i}" for i in range(n - 1, -1, -1)])
    assert codes(encode([spine], [events])) == (list(range(n)), list(range(n - 1, -1, -1)))
    wide = pa.array([i * 10**9 for i in range(n)])
    assert codes(encode([wide], [wide]))[1] == list(range(n))


def test_a_column_of_nulls_matches_nothing() -> None:
    assert codes(encode([pa.nulls(2)], [ints(1, 2)])) == ([-1, -1], [-1, -1])


def test_keys_must_agree() -> None:
    with pytest.raises(ValueError, match="key column 0"):
        encode([ints(1)], [pa.array(["a"])])
    with pytest.raises(ValueError, match="different numbers"):
        encode([ints(1)], [])
    with pytest.raises(ValueError, match="not as long"):
        encode([ints(1), ints(1, 2)], [ints(1), ints(1)])
    with pytest.raises(Unsupported):
        encode([pa.array([[1]])], [pa.array([[1]])])
    with pytest.raises(ValueError, match="must be given"):
        encode([], [])
    with pytest.raises(TypeError, match="__arrow_c_array__"):
        encode([[1, 2]], [[1]])  # type: ignore[list-item]


def test_null_event_time_raises_only_where_the_spine_looks() -> None:
    spine, events = [ints(1, 2)], [ints(3, 2, 1)]
    encoding = encode(spine, events)
    Timeline(encoding, ints(10, None), ints(None, None, 1))
    with pytest.raises(NullTime) as error:
        Timeline(encoding, ints(10, 10), ints(None, None, None))
    assert error.value.row == 1


def test_lengths_and_types_of_times() -> None:
    encoding = encode([ints(1)], [ints(1)])
    with pytest.raises(ValueError, match="has 2 rows"):
        Timeline(encoding, ints(1, 2), ints(1))
    with pytest.raises(Unsupported, match="microseconds"):
        Timeline(encoding, pa.array([1.0]), ints(1))
    with pytest.raises(Unsupported, match="microseconds"):
        Timeline(encoding, pa.array([1], pa.timestamp("ms")), ints(1))
    Timeline(encoding, pa.array([1], pa.timestamp("us", "UTC")), pa.array([1], pa.timestamp("us")))


def test_overflow_names_the_least_place() -> None:
    big = (1 << 63) - 1
    timeline = one_key(ints(5, 1, 3), ints(0, 2, 4))
    columns = [ints(big, 1, -1)]
    everything, recent = Window(), Window(width=1)
    with pytest.raises(Overflow) as error:
        timeline.aggregate(columns, [Spec("count", (0,)), Spec("sum", (0,), (recent, everything))])
    assert (error.value.spec, error.value.window, error.value.row) == (1, 1, 2)
    [[fits]] = timeline.aggregate([ints(big, -1, 1)], [Spec("sum", (0,))])
    assert taken(fits).to_pylist() == [big, big, big - 1]


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (Spec("mode", (0,)), Unsupported, "no aggregate 'mode'"),
        (Spec("sum", (1,)), Unsupported, "takes numbers"),
        (Spec("sum", (2,)), Unsupported, "takes numbers"),
        (Spec("bool_and", (0,)), Unsupported, "takes booleans"),
        (Spec("sum", (9,)), TemporalError, "no column 9"),
        (Spec("sum", (-1,)), TemporalError, "no column -1"),
        (Spec("sum", ()), TemporalError, "takes 1 arguments"),
        (Spec("max_by", (0,)), TemporalError, "takes 2 arguments"),
        (Spec("top_k", (0,)), TemporalError, "needs a k"),
        (Spec("histogram", (0,), k=0), TemporalError, "at least 1"),
        (Spec("quantile", (0,)), ValueError, "needs its p"),
        (Spec("quantile", (0,), p=(3, 2)), ValueError, "lies in"),
        (Spec("quantile", (0,), p=(1, 0)), ValueError, "denominator 0"),
        (Spec("sum", (0,), filter=0), Unsupported, "booleans"),
        (Spec("sum", (0,), ()), ValueError, "no window"),
    ],
)
def test_specs_are_checked(spec: Spec, error: type[Exception], message: str) -> None:
    timeline = one_key(ints(1), ints(0))
    columns = [ints(1), pa.array(["a"]), pa.array([True])]
    with pytest.raises(error, match=message):
        timeline.aggregate(columns, [spec])


def test_windows_are_checked() -> None:
    with pytest.raises(ValueError, match="width"):
        Window(width=-1)
    with pytest.raises(ValueError, match="at least one row"):
        Window(rows=0)


def test_columns_are_as_long_as_the_events() -> None:
    with pytest.raises(ValueError, match="2 rows"):
        one_key(ints(1), ints(0)).aggregate([ints(1, 2)], [Spec("sum", (0,))])


def test_nothing_at_all() -> None:
    empty = pa.array([], pa.int64())
    for spine, events in ((empty, empty), (ints(1, 2), empty), (empty, ints(1, 2))):
        timeline = one_key(spine, events)
        values = pa.array([0.5] * len(events), pa.float64())
        kinds = ("count", "sum", "max", "last", "quantile", "histogram")
        specs = [Spec(kind, (0,), p=(1, 2) if kind == "quantile" else None) for kind in kinds]
        got = [taken(result).to_pylist() for [result] in timeline.aggregate([values], specs)]
        n = len(spine)
        assert got == [[0] * n, *([None] * n for _ in kinds[1:])]
        assert taken(timeline.lookup()).to_pylist() == [None] * n


def test_result_types() -> None:
    timeline = one_key(ints(1), ints(0))
    columns = [
        pa.array([1], pa.decimal128(9, 2)),
        ints(1),
        pa.array([True]),
        pa.array([1.5], pa.float32()),
    ]
    wanted = {
        Spec("sum", (0,)): pa.decimal128(38, 2),
        Spec("avg", (0,)): pa.decimal128(38, 6),
        Spec("var_pop", (0,)): pa.float64(),
        Spec("sum", (1,)): pa.int64(),
        Spec("avg", (1,)): pa.float64(),
        Spec("sum", (3,)): pa.float64(),
        Spec("bool_or", (2,)): pa.bool_(),
        Spec("min", (2,)): pa.int64(),
        Spec("last_k", (1,), k=2): pa.list_(pa.int64()),
        Spec("histogram", (1,)): pa.list_(pa.struct([("row", pa.int64()), ("count", pa.int64())])),
        Spec("sum", (1,), bucket=2): pa.list_(
            pa.struct([("bucket_row", pa.int64()), ("value", pa.int64())])
        ),
    }
    results = timeline.aggregate(columns, list(wanted))
    assert [taken(result).type for [result] in results] == list(wanted.values())


def test_least_and_greatest_as_values_have_the_type_of_their_column() -> None:
    timeline = one_key(ints(0, 9), ints(1, 2, 3))
    columns: list[pa.Array[Any]] = [
        pa.array([2.5, None, -0.0]),
        pa.array([7, -(2**63), 8]),
        pa.array([5, 3, None], pa.timestamp("us", "UTC")),
    ]
    kinds = ("min", "max")
    for column in columns:
        specs = [Spec(kind, (0,), values=True) for kind in kinds]
        specs += [Spec(kind, (0,)) for kind in kinds]
        results = [taken(result) for [result] in timeline.aggregate([column], specs)]
        for values, rows in zip(results[:2], results[2:], strict=True):
            assert values.type == column.type
            assert values.to_pylist() == column.take(rows).to_pylist()
    least = taken(timeline.aggregate(columns[:1], [Spec("min", (0,), values=True)])[0][0])
    assert str(least.to_pylist()) == "[None, 0.0]"  # never -0.0


def test_values_are_given_of_64_bits_only() -> None:
    timeline = one_key(ints(0), ints(1))
    for spec, column in (
        (Spec("min", (0,), values=True), pa.array(["a"])),
        (Spec("first", (0,), values=True), ints(1)),
    ):
        with pytest.raises(Unsupported, match="values instead of rows"):
            timeline.aggregate([column], [spec])


def test_results_outlive_their_makers_and_are_taken_twice() -> None:
    timeline = one_key(ints(1, 2), ints(0, 1))
    [[result]] = timeline.aggregate([ints(3, 4)], [Spec("sum", (0,))])
    first, second = taken(result), taken(result)
    assert len(result) == 2
    assert first.buffers()[1].address == second.buffers()[1].address
    del timeline, result
    gc.collect()
    assert first.to_pylist() == second.to_pylist() == [3, 7]


def test_ordered_tells_which_path_is_taken() -> None:
    spine, events = ints(9), ints(0, 5)
    assert one_key(spine, events).ordered
    assert one_key(spine, events, known=ints(6, 6)).ordered
    late = one_key(spine, events, known=ints(7, 6))
    assert not late.ordered
    assert (late.rows, late.groups, late.largest_group) == (2, 1, 2)


def test_copies_count_once() -> None:
    identity = ints(1, 2, None, 1, None, 2)
    rows, conflict = distinct_rows(
        [identity], [identity, pa.array([0.0, 1.0, 2.0, -0.0, 2.0, 1.0])]
    )
    assert taken(rows).to_pylist() == [0, 1, 2, 4]
    assert conflict is None
    values = pa.array(["a", "b", None, "a", "x", "c"])
    rows, conflict = distinct_rows([identity, identity], [values])
    assert taken(rows).to_pylist() == [0, 1, 2, 4]
    assert conflict == (1, 5)
    assert distinct_rows([ints(1, 1)], [pa.array([None, 1])])[1] == (0, 1)
    assert distinct_rows([ints(1, 1)], [pa.array([float("nan")] * 2)])[1] is None
    with pytest.raises(ValueError, match="at least one column"):
        distinct_rows([], [ints(1)])
    with pytest.raises(ValueError, match="unequal lengths"):
        distinct_rows([ints(1)], [ints(1, 2)])


def test_candidates_take_only_rows_of_the_spine() -> None:
    candidates = one_key(ints(5), ints(1, 2)).candidates()
    with pytest.raises(ValueError, match="no spine row 1"):
        candidates.take(ints(1))
    with pytest.raises(ValueError, match="int64"):
        candidates.take(pa.array([0], pa.int32()))
    pairs = [taken(side).to_pylist() for side in candidates.take(limit=5)]
    assert pairs == [[0, 0], [1, 0]]


def test_rows_that_end_need_no_time_but_look_no_way_ahead() -> None:
    timeline = one_key(ints(10, 20), ints(None, 5), until=ints(15, None))
    columns, windows = [ints(7, 8)], (Window(), Window(whenever=True), Window(rows=1))
    [[happened, ever, newest]] = timeline.aggregate(columns, [Spec("sum", (0,), windows)])
    assert taken(happened).to_pylist() == taken(newest).to_pylist() == [8, 8]
    assert taken(ever).to_pylist() == [15, 8]
    assert taken(timeline.lookup()).to_pylist() == [1, 1]
    with pytest.raises(TemporalError, match="no window looks ahead over rows that end"):
        timeline.aggregate(columns, [Spec("sum", (0,), (Window(5, forward=True),))])
    with pytest.raises(TemporalError, match="the end of validity has 1 rows, its keys 2"):
        one_key(ints(10, 20), ints(None, 5), until=ints(15))
    with pytest.raises(ValueError, match="counts whenever events happened has no bounds"):
        Window(5, whenever=True)


def test_equal_keys_are_dealt_to_the_same_part() -> None:
    texts = [f"k{i % 50}" for i in range(400)]
    numbers = [i % 7 for i in range(400)]
    ours = taken(deal_keys([pa.array(texts), ints(*numbers)], 5)).to_pylist()
    theirs = taken(
        deal_keys([pa.array(texts[::-1], pa.large_string()), ints(*numbers[::-1])], 5, threads=1)
    ).to_pylist()
    assert ours == theirs[::-1]
    assert set(ours) == set(range(5))
    by_key = dict(zip(zip(texts, numbers, strict=True), ours, strict=True))
    assert [by_key[key] for key in zip(texts, numbers, strict=True)] == ours
    assert ours != taken(deal_keys([pa.array(texts), ints(*numbers)], 5, seed=1)).to_pylist()
    without = taken(deal_keys([pa.array([0.0, -0.0, None, float("nan")])], 9)).to_pylist()
    assert without[0] == without[1] >= 0
    assert without[2:] == [-1, -1]
