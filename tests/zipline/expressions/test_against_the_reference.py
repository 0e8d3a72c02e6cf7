"""The evaluator over Arrow equals the naive one over Python values, errors included."""

from __future__ import annotations

import math
import struct
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bighead.planner.engines.reference.expressions import FORMS
from bighead.planner.engines.reference.expressions import evaluate as naive
from bighead.planner.engines.reference.functions import FUNCTIONS as NAIVE
from bighead.planner.engines.reference.values import from_arrow
from bighead.zipline.errors import DataError
from bighead.zipline.expressions import FUNCTIONS, evaluate
from bighead.zipline.ir.expr import Call, Expr, walk
from tests.zipline.expressions.bound import bound, listed
from tests.zipline.expressions.boundaries import SCHEMA, columns_in, crossed

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


NUMBERS = pa.schema([SCHEMA.field(name) for name in ("n", "x", "f", "i")])
INTS = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), st.integers(-100, 100))
FLOATS = st.one_of(st.none(), st.floats(), st.integers(-(2**60), 2**60).map(float))
SMALL = st.one_of(st.none(), st.integers(-(2**31), 2**31 - 1))
COLUMNS = {sql: set(columns_in(bound(sql, SCHEMA))) for sql in ALL}
NUMERIC = [sql for sql, names in COLUMNS.items() if names and names <= set(NUMBERS.names)]


@settings(max_examples=60, deadline=None)
@given(
    sql=st.sampled_from(NUMERIC),
    rows=st.lists(st.tuples(INTS, FLOATS, st.none() | st.floats(width=32), SMALL), max_size=8),
)
def test_random_numbers(sql: str, rows: list[tuple[Any, ...]]) -> None:
    columns = [pa.array([r[i] for r in rows], field.type) for i, field in enumerate(NUMBERS)]
    check(bound(sql, NUMBERS), pa.record_batch(columns, schema=NUMBERS))
