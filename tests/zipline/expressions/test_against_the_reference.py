"""The evaluator over Arrow equals the naive one over Python values, errors included."""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.planner.engines.reference.expressions import FORMS
from bighead.planner.engines.reference.expressions import evaluate as naive
from bighead.planner.engines.reference.functions import FUNCTIONS as NAIVE
from bighead.planner.engines.reference.values import EXACT, from_arrow
from bighead.zipline.errors import DataError
from bighead.zipline.expressions import FUNCTIONS, evaluate
from bighead.zipline.ir.expr import Call, Expr, walk
from tests.zipline.expressions.bound import bound, listed
from tests.zipline.expressions.boundaries import SCHEMA, batch_of, columns_in, crossed

EVERY = [*listed("datafusion_equal"), *listed("datafusion_unequal"), *listed("more")]


def known(expr: Expr) -> bool:
    """The naive evaluator has every function in it."""
    parts = [p.function for p in walk(expr) if isinstance(p, Call)]
    return all(p in NAIVE or p in FORMS for p in parts)


ALL = [sql for sql in EVERY if known(bound(sql, SCHEMA))]


def same(a: Any, b: Any) -> bool:
    """Equal to the bit, but for the sign and payload of NaN."""
    if isinstance(a, float) and isinstance(b, float):
        return struct.pack("d", a) == struct.pack("d", b) or (math.isnan(a) and math.isnan(b))
    return type(a) is type(b) and bool(a == b)


def check(expr: Expr, batch: pa.RecordBatch) -> None:
    """Row by row: the same value, or an error from both."""
    rows = [from_arrow(c) for c in batch.columns]
    good, expected = [], []
    for number, values in enumerate(zip(*rows, strict=True)):
        row = dict(zip(batch.schema.names, values, strict=True))
        try:
            expected.append(naive(expr, row))
            good.append(number)
        except DataError:
            with pytest.raises(DataError, match=f"in row {number}$"):
                evaluate(expr, batch.slice(number, 1), first_row=number)
    got = from_arrow(evaluate(expr, batch.take(pa.array(good, pa.int64()))))
    for number, ours, theirs in zip(good, got, expected, strict=True):
        assert same(ours, theirs), batch.slice(number, 1).to_pylist()
    # A slice knows where it begins.
    part = batch.take(pa.array(good, pa.int64())).slice(len(good) // 3)
    for ours, theirs in zip(from_arrow(evaluate(expr, part)), got[len(good) // 3 :], strict=True):
        assert same(ours, theirs)


@pytest.mark.parametrize("sql", ALL)
def test_every_combination_of_boundaries(sql: str) -> None:
    expr = bound(sql, SCHEMA)
    check(expr, crossed(columns_in(expr)))


def test_most_functions_are_checked() -> None:
    tested = {p.function for sql in ALL for p in walk(bound(sql, SCHEMA)) if isinstance(p, Call)}
    assert tested >= (NAIVE.keys() | FORMS.keys()) & FUNCTIONS.keys()


LONG = st.integers(-(2**63), 2**63 - 1)
SHORT = st.text(alphabet="abAB%_\\ üß本İ", max_size=6)
MICROSECONDS = st.one_of(LONG, st.integers(-(10**17), 10**17), st.integers(-(10**7), 10**7))
DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "n": st.one_of(LONG, st.integers(-100, 100)),
    "k": st.integers(-12, 40),
    "i": st.integers(-(2**31), 2**31 - 1),
    "s": st.integers(-128, 127),
    "x": st.one_of(
        st.floats(),
        st.floats(-1e6, 1e6),
        st.integers(-(2**60), 2**60).map(float),
        st.integers(-(10**7), 10**7).map(lambda v: v / 1000),
    ),
    "f": st.floats(width=32),
    "d": st.integers(-(10**8) + 1, 10**8 - 1).map(lambda v: Decimal(v).scaleb(-2)),
    "e": st.integers(-(10**10) + 1, 10**10 - 1).map(lambda v: Decimal(v).scaleb(-4)),
    "v": SHORT,
    "w": SHORT.map(lambda text: text[:2]),
    "b": st.booleans(),
    "c": st.booleans(),
    "day": st.one_of(st.integers(-(2**31), 2**31 - 1), st.integers(-40_000, 40_000)),
    "t": MICROSECONDS,
    "u": MICROSECONDS,
    "l": st.lists(st.none() | LONG, max_size=3),
    "m": st.dictionaries(SHORT, st.none() | LONG, max_size=3).map(lambda m: list(m.items())),
    "p": st.fixed_dictionaries({"a": st.none() | LONG, "s": st.none() | SHORT}),
}
COLUMNS = {sql: columns_in(bound(sql, SCHEMA)) for sql in ALL}


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, pa.RecordBatch]:
    """An expression, and a few rows of the columns that it reads."""
    sql = draw(st.sampled_from([sql for sql, names in COLUMNS.items() if names]))
    rows = draw(st.integers(1, 6))
    columns = {
        name: draw(st.lists(st.none() | DRAWN[name], min_size=rows, max_size=rows))
        for name in COLUMNS[sql]
    }
    return sql, batch_of(columns)


@settings(max_examples=100, deadline=None)
@given(cases())
def test_random_values(case: tuple[str, pa.RecordBatch]) -> None:
    sql, batch = case
    check(bound(sql, SCHEMA), batch)


@pytest.mark.soak
@settings(max_examples=30_000, deadline=None)
@given(cases())
def test_very_many_random_values(case: tuple[str, pa.RecordBatch]) -> None:
    sql, batch = case
    check(bound(sql, SCHEMA), batch)


WIDE_TYPES: dict[str, pa.DataType] = {
    "a": pa.decimal128(38, 10),
    "b": pa.decimal128(38, 0),
    "c": pa.uint64(),
}
WIDE = pa.schema(WIDE_TYPES)
DIGITS = st.one_of(st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-(10**12), 10**12))
WIDE_CASES = listed("widest")


@settings(max_examples=80, deadline=None)
@given(
    sql=st.sampled_from(WIDE_CASES),
    rows=st.lists(st.tuples(DIGITS, DIGITS, st.integers(0, 2**64 - 1)), min_size=1, max_size=5),
)
def test_the_widest_numbers(sql: str, rows: list[tuple[int, int, int]]) -> None:
    columns = [
        pa.array([EXACT.scaleb(Decimal(a), -10) for a, _, _ in rows], WIDE.field("a").type),
        pa.array([Decimal(b) for _, b, _ in rows], WIDE.field("b").type),
        pa.array([c for _, _, c in rows], pa.uint64()),
    ]
    check(bound(sql, WIDE), pa.record_batch(columns, schema=WIDE))
