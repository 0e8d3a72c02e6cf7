"""Nested values as bytes: equal to a plain model, in the order of the values, and read back."""

from __future__ import annotations

import datetime as dt
import struct
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.kernels.aggregates import StateError, Unsupported
from bighead.storage.sets.nested import decode, encode

EXACT = Context(prec=80)
LEAVES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.bool_(), st.booleans()),
    (pa.int8(), st.integers(-128, 127)),
    (pa.uint16(), st.integers(0, 2**16 - 1)),
    (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    (pa.decimal128(38, 3), st.integers(-(10**38) + 1, 10**38 - 1)),
    (pa.string(), st.text(st.sampled_from("a\0\x01ÿ"), max_size=4)),
    (pa.large_binary(), st.binary(max_size=4)),
    (pa.timestamp("us", "UTC"), st.integers(-(2**62), 2**62)),
    (pa.timestamp("ns"), st.integers(-(2**62), 2**62)),
    (pa.date32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.null(), st.none()),
]


def leaf(arrow: pa.DataType, values: Any) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(arrow), st.just(st.none() | values))


def lists(of: Any) -> Any:
    arrow, values = of
    made = st.none() | st.lists(values, max_size=3)
    return st.sampled_from([(pa.list_(arrow), made), (pa.large_list(arrow), made)])


def structs(of: Any) -> Any:
    fields = [pa.field(f"f{i}", arrow) for i, (arrow, _) in enumerate(of)]
    values = st.fixed_dictionaries({f"f{i}": v for i, (_, v) in enumerate(of)})
    return st.just((pa.struct(fields), st.none() | values))


def maps(of: Any) -> Any:
    arrow, values = of
    pairs = st.lists(st.tuples(st.integers(-5, 5), values), max_size=3)
    return st.just((pa.map_(pa.int64(), arrow), st.none() | pairs))


def nested(of: Any) -> Any:
    several = st.lists(of, max_size=3).flatmap(structs)
    return of.flatmap(lists) | several | of.flatmap(maps)


LEAF = st.sampled_from(LEAVES).flatmap(lambda each: leaf(*each))
TYPED = nested(st.recursive(LEAF, nested, max_leaves=5))
COLUMNS = TYPED.flatmap(lambda of: st.tuples(st.just(of[0]), st.lists(of[1], max_size=6)))


def whole(value: Any, arrow: Any) -> Any:
    """What a decimal's number says, as pyarrow takes it; other values as they are."""
    if value is None:
        return None
    if pa.types.is_decimal(arrow):
        return Decimal(value).scaleb(-arrow.scale, EXACT)
    if pa.types.is_map(arrow):
        return [(k, whole(v, arrow.item_type)) for k, v in value]
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return [whole(v, arrow.value_type) for v in value]
    if pa.types.is_struct(arrow):
        return {f.name: whole(value[f.name], f.type) for f in arrow}
    return value


def written(value: Any, arrow: Any) -> bytes:
    """The bytes of a value, as `kernels/nested/encode.h` says in words."""
    if pa.types.is_boolean(arrow):
        return bytes([value])
    if pa.types.is_unsigned_integer(arrow):
        return struct.pack(">Q", value)
    if pa.types.is_floating(arrow):
        (bits,) = struct.unpack(">Q", struct.pack(">d", value + 0.0))
        key = bits ^ (2**64 - 1) if bits >> 63 else bits | 1 << 63
        return struct.pack(">Q", 2**64 - 1 if value != value else key)
    if pa.types.is_decimal(arrow):
        return int(value + 2**127).to_bytes(16, "big")
    if pa.types.is_string(arrow):
        return escaped(str(value).encode())
    if pa.types.is_large_binary(arrow):
        return escaped(bytes(value))
    if pa.types.is_map(arrow):
        pairs = [b"\1\1" + part(k, arrow.key_type) + part(v, arrow.item_type) for k, v in value]
        return b"".join(pairs) + b"\0"
    if pa.types.is_list(arrow) or pa.types.is_large_list(arrow):
        return b"".join(b"\1" + part(v, arrow.value_type) for v in value) + b"\0"
    if pa.types.is_struct(arrow):
        return b"".join(part(value[f.name], f.type) for f in arrow)
    return struct.pack(">Q", value + 2**63)  # whole numbers, and times


def escaped(value: bytes) -> bytes:
    return value.replace(b"\0", b"\0\xff") + b"\0\0"


def part(value: Any, arrow: Any) -> bytes:
    return b"\0" if value is None else b"\1" + written(value, arrow)


@settings(max_examples=300, deadline=None)
@given(COLUMNS)
def test_bytes_are_those_of_the_model_and_are_read_back(
    column: tuple[pa.DataType, list[Any]],
) -> None:
    arrow, values = column
    array = pa.array([whole(v, arrow) for v in [None, *values]], arrow)
    for some, of in ((array, [None, *values]), (array[1:], values)):
        made = encode(some)
        assert made.to_pylist() == [None if v is None else written(v, arrow) for v in of]
        back = decode(made, arrow)
        back.validate(full=True)
        assert back.type == arrow
        assert encode(back).equals(made)


def test_bytes_order_like_values() -> None:
    arrow = pa.list_(pa.struct([("x", pa.float64()), ("s", pa.string())]))
    ordered = [
        [],
        [{"x": None, "s": "z"}],
        [{"x": float("-inf"), "s": None}],
        [{"x": -1.5, "s": ""}],
        [{"x": -1.5, "s": "a"}],
        [{"x": -1.5, "s": "a\0"}],
        [{"x": -1.5, "s": "ab"}],
        [{"x": -1.5, "s": "ab"}, {"x": None, "s": None}],
        [{"x": 0.0, "s": ""}],
        [{"x": float("inf"), "s": ""}],
        [{"x": float("nan"), "s": ""}],
    ]
    made: list[Any] = encode(pa.array(ordered, arrow)).to_pylist()
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_times_come_back_with_their_zone() -> None:
    arrow = pa.struct([("at", pa.timestamp("us", "UTC"))])
    rows = [{"at": dt.datetime(1969, 12, 31, tzinfo=dt.UTC)}]
    assert decode(encode(pa.array(rows, arrow)), arrow).to_pylist() == rows


def test_bytes_that_are_cut_or_mangled_are_an_error() -> None:
    arrow = pa.list_(pa.struct([("x", pa.int64()), ("s", pa.string())]))
    found: list[Any] = encode(pa.array([[{"x": 7, "s": "a\0b"}]], arrow)).to_pylist()
    (data,) = found
    for damaged in [*(data[:n] for n in range(len(data))), data + b"\0", b"\2" + data[1:]]:
        with pytest.raises(StateError, match="cut off or mangled"):
            decode(pa.array([damaged], pa.large_binary()), arrow)


WORD = pa.list_(pa.struct([("a", pa.int8()), ("b", pa.uint16()), ("c", pa.int64())]))
REAL = pa.list_(pa.struct([("f", pa.float32()), ("d", pa.float64())]))
TEXT = pa.struct([("s", pa.string()), ("l", pa.large_string()), ("z", pa.binary())])
EXACTLY = pa.list_(pa.decimal128(5, 2))
NAMED = pa.map_(pa.string(), pa.list_(pa.bool_()))
DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
NOWS = pa.struct([("day", pa.date32()), ("at", pa.timestamp("us", "UTC")), ("none", pa.null())])
VALUES: list[tuple[pa.DataType, Any]] = [
    (WORD, [{"a": -3, "b": 500, "c": -1}, None]),
    (REAL, [{"f": 0.5, "d": 0.1}, {"f": 0.0, "d": 0.0}, {"f": float("nan"), "d": float("inf")}]),
    (TEXT, {"s": "a\0", "l": "ä€😀", "z": b"\xff\0"}),
    (EXACTLY, [Decimal("-999.99"), Decimal("512.00"), None]),
    (NAMED, [("k", [True, None]), ("", None)]),
    (NOWS, {"day": DAY.date(), "at": DAY, "none": None}),
    (pa.list_(pa.list_(pa.int32(), 2)), [[1, -1], None]),
]


@pytest.mark.parametrize(("arrow", "value"), VALUES, ids=[str(arrow) for arrow, _ in VALUES])
def test_a_flipped_bit_is_an_error_or_another_sound_value(arrow: pa.DataType, value: Any) -> None:
    found: list[Any] = encode(pa.array([value], arrow)).to_pylist()
    (data,) = found
    refused = 0
    for at in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[at // 8] ^= 1 << at % 8
        try:
            back = decode(pa.array([bytes(damaged)], pa.large_binary()), arrow)
        except StateError:
            refused += 1
            continue
        back.validate(full=True)
        assert encode(back).to_pylist() == [bytes(damaged)]
    assert refused > len(data)


def real(x: float) -> bytes:
    return written(x, pa.float64())


@pytest.mark.parametrize(
    ("arrow", "item"),
    [
        (pa.int8(), struct.pack(">Q", 128 + 2**63)),
        (pa.int8(), struct.pack(">Q", 2**63 - 129)),
        (pa.int32(), struct.pack(">Q", 2**31 + 2**63)),
        (pa.uint16(), struct.pack(">Q", 2**16)),
        (pa.float32(), real(0.1)),
        (pa.float32(), real(1e300)),
        (pa.float64(), struct.pack(">Q", 2**64 - 2)),  # a NaN that is not written
        (pa.float64(), struct.pack(">Q", 2**63 - 1)),  # -0.0
        (pa.decimal128(3, 1), (1000 + 2**127).to_bytes(16, "big")),
        (pa.decimal128(3, 1), (-1000 + 2**127).to_bytes(16, "big")),
        (pa.string(), b"\xff\0\0"),
        (pa.large_string(), b"\xc3\0\0"),
        (pa.string(), b"\xc3\0\xff\xa4\0\0"),  # half a character, a zero, the other half
        (pa.string(), b"\xed\xa0\x80\0\0"),  # a surrogate
    ],
    ids=str,
)
def test_what_is_no_value_of_its_type_is_an_error(arrow: pa.DataType, item: bytes) -> None:
    with pytest.raises(StateError, match="cut off or mangled"):
        decode(pa.array([b"\1\1" + item + b"\0"], pa.large_binary()), pa.list_(arrow))


def test_a_map_without_a_key_is_an_error() -> None:
    arrow = pa.map_(pa.int64(), pa.int64())
    for pair in (b"\0", b"\1\0\0"):
        with pytest.raises(StateError, match="cut off or mangled"):
            decode(pa.array([b"\1" + pair + b"\0"], pa.large_binary()), arrow)


def test_what_has_no_bytes_is_refused() -> None:
    with pytest.raises(Unsupported, match="dictionary"):
        encode(pa.array([["a"]], pa.list_(pa.dictionary(pa.int32(), pa.string()))))
