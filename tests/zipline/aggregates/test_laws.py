"""The check of laws: lawful classes pass, and each way to break one is found and made small."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pytest

from bighead.zipline.aggregates.inputs import pool
from bighead.zipline.aggregates.laws import LAWS, Report, check_laws
from bighead.zipline.aggregates.state import pack, unpack
from bighead.zipline.aggregates.user import aggregate, fits, user_aggregate


class Total:
    """A lawful sum of whole numbers; each test breaks one method of it."""

    def zero(self) -> Any:
        return 0

    def add(self, state: Any, x: int) -> Any:
        return state + x

    def remove(self, state: Any, x: int) -> Any:
        return state - x

    def merge(self, a: Any, b: Any) -> Any:
        return a + b

    def finish(self, state: Any) -> Any:
        return float(state)


def tried(made: type, returns: str = "DOUBLE", arguments: str = "INTEGER", **more: Any) -> Report:
    declared = aggregate(arguments=[arguments], returns=returns, **more)(
        type(made.__name__, (made,), {})
    )
    return check_laws(user_aggregate(declared), examples=80)


def broken(made: type, **more: Any) -> dict[str, str]:
    """The laws that are broken, each with an example."""
    return {
        b.law: "; ".join(f"{part}: {rows}" for part, rows in b.example)
        for b in tried(made, **more).broken
    }


def test_a_lawful_aggregate_holds_all_laws() -> None:
    report = tried(Total)
    assert report.broken == ()
    assert report.refused == ()
    assert report.held == tuple(LAWS)


def test_without_remove_there_is_no_inverse_to_hold() -> None:
    class Most(Total):
        remove = None  # type: ignore[assignment]

    methods = {n: m for n, m in vars(Total).items() if n != "remove"}
    report = tried(type("NoRemove", (), methods))
    assert report.held == tuple(law for law in LAWS if law != "inverse")


class NotAssociative(Total):
    def merge(self, a: Any, b: Any) -> Any:
        return a + b + (1 if a and b else 0)


class NotCommutative(Total):
    def merge(self, a: Any, b: Any) -> Any:
        return a or b


class ZeroCounts(Total):
    def zero(self) -> Any:
        return 1


class WrongInverse(Total):
    def remove(self, state: Any, x: int) -> Any:
        return state - abs(x)


class FinishChanges:
    def zero(self) -> list[int]:
        return []

    def add(self, state: list[int], x: int) -> list[int]:
        state.append(x)
        return state

    def merge(self, a: list[int], b: list[int]) -> list[int]:
        return a + b

    def finish(self, state: list[int]) -> float:
        state.sort()
        return float(state[0])


class MergeChanges(FinishChanges):
    def merge(self, a: list[int], b: list[int]) -> list[int]:
        a.extend(b)
        return a

    def finish(self, state: list[int]) -> float:
        return float(sum(state))


class MergeShares(MergeChanges):
    def merge(self, a: list[int], b: list[int]) -> list[int]:
        return a + b if a and b else a or b


class SharedZero(MergeChanges):
    kept: list[int] = []  # noqa: RUF012

    def zero(self) -> list[int]:
        return self.kept

    def merge(self, a: list[int], b: list[int]) -> list[int]:
        return a + b


class Newest(Total):
    def add(self, state: Any, x: int) -> Any:
        return x

    def merge(self, a: Any, b: Any) -> Any:
        return max(a, b)


class Unkept(Total):
    def zero(self) -> Any:
        return Box(0)

    def add(self, state: Any, x: int) -> Any:
        return Box(state.value + x)

    def remove(self, state: Any, x: int) -> Any:
        return Box(state.value - x)

    def merge(self, a: Any, b: Any) -> Any:
        return Box(a.value + b.value)

    def finish(self, state: Any) -> Any:
        return float(state.value)


class Box:
    """A state that is no plain value."""

    def __init__(self, value: int) -> None:
        self.value = value


class Dumped(Unkept):
    def dump(self, state: Any) -> bytes:
        return str(state.value).encode()

    def load(self, data: bytes) -> Any:
        return Box(int(data))


class WrongType(Total):
    def finish(self, state: Any) -> Any:
        return str(state)


class FailsAtZero(Total):
    def finish(self, state: Any) -> Any:
        return 1 / state


@pytest.mark.parametrize(
    ("made", "laws"),
    [
        (NotAssociative, {"parts equal the whole"}),
        (NotCommutative, {"commutativity", "parts equal the whole"}),
        (ZeroCounts, {"identity", "parts equal the whole"}),
        (WrongInverse, {"inverse"}),
        (FinishChanges, {"finish leaves the state"}),
        (MergeChanges, {"merge leaves its states"}),
        (MergeShares, {"merge leaves its states"}),
        (SharedZero, {"fresh zero"}),
        (Newest, {"parts equal the whole", "order does not matter", "inverse"}),
        (Unkept, {"states can be kept"}),
        (WrongType, {"type"}),
        (FailsAtZero, set()),  # rows that come to nothing break one or the other
    ],
)
def test_what_breaks_a_law_is_found(made: type, laws: set[str]) -> None:
    found = broken(made)
    assert found
    assert laws <= found.keys()


def test_a_class_may_say_how_its_states_are_kept() -> None:
    assert tried(Dumped).broken == ()


def test_the_example_is_as_small_as_can_be() -> None:
    found = broken(NotCommutative)
    assert found["commutativity"] == "a: ((1,),); b: ((-1,),)"
    assert broken(WrongInverse)["inverse"] == "a: ((0,),); b: ((-1,),)"
    assert broken(Newest)["order does not matter"] in {"a: ((0,), (1,))", "a: ((1,), (0,))"}


def test_floats_are_exact_only_where_they_are() -> None:
    class Floats(Total):
        def finish(self, state: Any) -> Any:
            return state

    methods = {n: m for n, m in vars(Total).items() if n != "remove"} | vars(Floats)
    plain = type("Floats", (), {n: m for n, m in methods.items() if n in Total.__dict__})
    assert "associativity" in broken(plain, arguments="DOUBLE")
    assert broken(plain, arguments="DOUBLE", accuracy="rounded") == {}


def test_a_float_that_is_taken_back_poisons_the_rest() -> None:
    assert "inverse" in broken(Total, arguments="DOUBLE", accuracy="rounded")


def test_rows_that_add_refuses_are_told() -> None:
    class Logs(Total):
        def add(self, state: Any, x: float) -> Any:
            return state + Fraction(math.log(x))

        def remove(self, state: Any, x: float) -> Any:
            return state - Fraction(math.log(x))

    report = tried(Logs, arguments="DOUBLE")
    assert report.broken == ()
    assert ((0.0,), "ValueError: math domain error") in report.refused


def test_the_same_seed_gives_the_same_examples() -> None:
    assert tried(NotCommutative) == tried(NotCommutative)


TYPES = [
    pa.bool_(), pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(),
    pa.decimal128(5, 2), pa.string(), pa.binary(), pa.date32(), pa.timestamp("us"),
    pa.timestamp("us", "UTC"), pa.duration("us"), pa.list_(pa.float64()),
    pa.struct([("a", pa.int8()), ("b", pa.string())]), pa.map_(pa.string(), pa.int64()),
]  # fmt: skip


@pytest.mark.parametrize("arrow", TYPES, ids=str)
def test_every_type_has_values_that_columns_give(arrow: pa.DataType) -> None:
    values = pool(arrow)
    assert len(values) > 1
    assert all(fits(v, arrow) for v in values)
    if not pa.types.is_float32(arrow):
        column: Any = pa.array(values, arrow)
        assert column.to_pylist() == values


@pytest.mark.parametrize(
    "state",
    [
        None, True, 3, -0.5, float("inf"), "é", b"\x00\xff", Decimal("1.50"), Fraction(1, 3),
        dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 2, 3, 4, 5), dt.timedelta(-1, 2, 3),
        (1, (2, [])), [1.0, [None]], {"a": {1: b"x"}}, {(1, 2)}, frozenset({"a"}), {}, (),
        {"list": [1], "float": "x"},
    ],
)  # fmt: skip
def test_a_plain_state_is_kept(state: Any) -> None:
    again = unpack(pack(state))
    assert again == state
    assert type(again) is type(state)


def test_equal_sets_have_equal_bytes() -> None:
    assert pack({3, 1, 2}) == pack({2, 3, 1})


def test_other_states_are_refused_with_what_to_do() -> None:
    with pytest.raises(TypeError, match="a state holds a Counter; keep it in numbers"):
        pack([Counter("a")])
