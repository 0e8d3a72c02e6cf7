"""User-defined aggregates: what a class must have, what it declares, and its version."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bighead.zipline.aggregates import aggregate as typed
from bighead.zipline.aggregates import declared
from bighead.zipline.aggregates.user import (
    aggregate,
    aggregates_of,
    fits,
    known_aggregate,
    user_aggregate,
)
from bighead.zipline.errors import DataError, ExpressionError, SchemaError, UnsupportedError
from bighead.zipline.ir.expr import Call, Column
from bighead.zipline.ir.nodes import Aggregate


class Plain:
    """The number of bits.

    More of it.
    """

    def zero(self) -> int:
        return 0

    def add(self, state: int, x: int) -> int:
        return state | x

    def merge(self, a: int, b: int) -> int:
        return a | b

    def finish(self, state: int) -> Any:
        return state.bit_count()


def declare(made: type = Plain, **more: Any) -> type:
    return aggregate(**{"arguments": ["BIGINT"], "returns": "BIGINT", **more})(
        type(made.__name__, (made,), {})
    )


def test_a_class_declares_its_name_types_and_version() -> None:
    user = user_aggregate(declare(name="Bits"))
    assert (user.name, user.signature, user.doc) == ("bits", "BITS(BIGINT)", "The number of bits.")
    assert user.arguments == (pa.int64(),)
    assert user.returns == pa.int64()
    assert not user.invertible
    assert len(user.version) == 16
    assert known_aggregate("bits", user.version) is user
    function = user.function
    assert (function.name, function.accuracy, function.arity) == ("bits", "exact", 1)


def test_the_name_is_that_of_the_class_in_snake_case() -> None:
    class HyperMean(Plain):
        pass

    assert user_aggregate(declare(HyperMean)).name == "hyper_mean"


@pytest.mark.parametrize(
    "more",
    [
        {"name": "other"},
        {"arguments": ["INTEGER"]},
        {"returns": "INTEGER"},
        {"version": "2"},
        {"accuracy": "rounded"},
    ],
)
def test_the_version_changes_with_what_is_declared(more: dict[str, Any]) -> None:
    assert user_aggregate(declare()).version == user_aggregate(declare()).version
    assert user_aggregate(declare()).version != user_aggregate(declare(**more)).version


def made_by(source: str) -> str:
    """The version of a class that has no source file, in a process of its own."""
    program = f"""
from bighead.zipline.aggregates.user import aggregate, user_aggregate
@aggregate(arguments=["BIGINT"], returns="BIGINT")
class A:
{source}
    def zero(self): return 0
    def merge(self, a, b): return a + b
    def finish(self, s): return s
print(user_aggregate(A).version)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_without_a_source_the_version_is_that_of_the_bytecode() -> None:
    one = made_by("    def add(self, s, x): return s + x")
    assert one == made_by("    def add(self, s, x):  return s + x")
    assert one != made_by("    def add(self, s, x): return s + x + x")
    assert one != made_by("    def add(self, s, x): return s + 2")


def without(name: str) -> type:
    methods = {n: m for n, m in vars(Plain).items() if n != name and callable(m)}
    return type("Broken", (), methods)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: declare(without("merge")),
         "the aggregate BROKEN has no method merge(); Broken needs def merge(self, a, b)"),
        (lambda: declare(without("add")),
         "the aggregate BROKEN has no method add(); Broken needs def add(self, state, x)"),
        (lambda: declare(arguments=["BIGINT", "DOUBLE"]),
         "add() of the aggregate PLAIN does not take what it is given, 2 arguments declared"),
        (lambda: declare(type("R", (Plain,), {"remove": lambda self, state: state})),
         "remove() of the aggregate R does not take what it is given, 1 argument declared"),
        (lambda: declare(arguments=["BIGIN"]),
         "the aggregate PLAIN names the type 'BIGIN', which no plan has"),
        (lambda: declare(returns="DECIMAL(50, 2)"), "the aggregate PLAIN names the type"),
        (lambda: declare(name="a b"), "'a b' is no name for an aggregate"),
        (lambda: declare(accuracy="nearly"), "the aggregate PLAIN has the accuracy 'nearly'"),
        (lambda: aggregate(arguments=[], returns="BIGINT")(len),  # type: ignore[arg-type]
         "@aggregate stands before a class, not <built-in function len>"),
        (lambda: user_aggregate(Plain), "Plain is not declared as an aggregate; write @aggregate"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_says_what_to_write(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        make()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("value", "arrow", "does"),
    [
        (None, pa.int64(), True),
        (1, pa.int8(), True),
        (128, pa.int8(), False),
        (1.0, pa.int64(), False),
        (True, pa.int64(), False),
        (1, pa.float64(), True),
        (True, pa.bool_(), True),
        (1, pa.bool_(), False),
        (float("nan"), pa.float64(), True),
        ("a", pa.string(), True),
        (b"a", pa.string(), False),
        (Decimal("1.50"), pa.decimal128(4, 1), True),
        (Decimal("1.55"), pa.decimal128(4, 1), False),
        (dt.datetime(2020, 1, 1), pa.timestamp("us"), True),
        (dt.date(2020, 1, 1), pa.date32(), True),
        ("2020-01-01", pa.date32(), False),
        ([1, None], pa.list_(pa.int64()), True),
        ((1, 2), pa.list_(pa.int64()), True),
        (["a"], pa.list_(pa.int64()), False),
        ({"a": 1}, pa.struct([("a", pa.int8()), ("b", pa.int8())]), True),
        ({"c": 1}, pa.struct([("a", pa.int8())]), False),
        ({"x": 1}, pa.map_(pa.string(), pa.int64()), True),
        ([("x", 1)], pa.map_(pa.string(), pa.int64()), True),
        ({"x": "y"}, pa.map_(pa.string(), pa.int64()), False),
    ],
)
def test_a_value_fits_its_type_without_loss(value: Any, arrow: pa.DataType, does: bool) -> None:
    assert fits(value, arrow) == does


def test_arguments_widen_and_do_not_narrow() -> None:
    user = user_aggregate(declare())
    made = typed("plain", [Column("x", pa.int8())], user=user)
    assert made == Aggregate(
        "plain", (Call("cast", (Column("x", pa.int8()),), pa.int64()),), pa.int64(),
        user=user.version,
    )  # fmt: skip
    assert declared(made).signature == "PLAIN(BIGINT)"
    with pytest.raises(ExpressionError, match="does not take DOUBLE; write CAST"):
        typed("plain", [Column("x", pa.float64())], user=user)
    with pytest.raises(ExpressionError, match="PLAIN.BIGINT. takes one expression, not 0"):
        typed("plain", [], user=user)


def test_a_plan_needs_the_class_of_its_version() -> None:
    declare(name="here")
    with pytest.raises(UnsupportedError, match="another version of it"):
        known_aggregate("here", "x")
    with pytest.raises(UnsupportedError, match="has no such class; import the module"):
        known_aggregate("nowhere", "x")


def test_a_failure_names_the_aggregate_and_the_method() -> None:
    class Fails(Plain):
        def finish(self, state: int) -> Any:
            return 1 // state

    user = user_aggregate(declare(Fails))
    made = user.make()
    with pytest.raises(DataError) as caught, user.guarded():
        made.finish(0)
    said = str(caught.value)
    with pytest.raises(ZeroDivisionError), user.guarded():
        1 // 0  # noqa: B018
    assert said.startswith("the aggregate FAILS failed in finish(), line ")
    assert "ZeroDivisionError: integer division or modulo by zero" in said
    with pytest.raises(DataError, match="returns BIGINT, but its finish.. gave '1', a str"):
        user.finished("1")


def test_a_module_offers_its_aggregates() -> None:
    module = type(sys)("some_module")
    made = declare(name="offered")
    made.__module__ = "some_module"
    vars(module).update(Offered=made, Plain=Plain, other=1)
    assert [user.name for user in aggregates_of(module)] == ["offered"]
