"""What `to_datafusion_sql` writes is computed by DataFusion to the same bits, errors included.

One column of boundary values a type, crossed with each other; rows on which our evaluator raises
must raise there too.
"""

from __future__ import annotations

from typing import Any

import datafusion
import numpy as np
import pyarrow as pa
import pytest

from bighead.zipline.errors import DataError
from bighead.zipline.expressions import FUNCTIONS, evaluate
from bighead.zipline.expressions.datafusion import DATAFUSION_EQUAL, WRITERS, to_datafusion_sql
from bighead.zipline.ir.expr import Call, Expr, walk
from tests.zipline.expressions.bound import bound, listed
from tests.zipline.expressions.boundaries import SCHEMA, bits, columns_in, crossed

ALWAYS = listed("datafusion_equal")
NEVER = listed("datafusion_unequal")


def computed(sql: str, batch: pa.RecordBatch) -> pa.Array[Any]:
    context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(1))
    context.register_record_batches("t", [[batch]])
    table = context.sql(f"SELECT {sql} AS y FROM t").to_arrow_table()
    return table.column("y").combine_chunks()


def split(expr: Expr, batch: pa.RecordBatch, first: int) -> tuple[list[int], list[int]]:
    """The rows on which our evaluator has a value, and those on which it raises."""
    rows = batch.num_rows
    try:
        evaluate(expr, batch)
    except DataError:
        if rows == 1:
            return [], [first]
        half = rows // 2
        good, bad = split(expr, batch.slice(0, half), first)
        more_good, more_bad = split(expr, batch.slice(half), first + half)
        return good + more_good, bad + more_bad
    return list(range(first, first + rows)), []


@pytest.mark.parametrize("sql", ALWAYS)
def test_datafusion_gives_the_same_bits(sql: str) -> None:
    expr = bound(sql, SCHEMA)
    text = to_datafusion_sql(expr)
    assert text is not None
    batch = crossed(columns_in(expr))
    good, bad = split(expr, batch, 0)
    kept = batch.take(pa.array(good, pa.int64()))
    ours, theirs = evaluate(expr, kept), computed(text, kept)
    assert theirs.type == expr.type
    for row, (a, b) in enumerate(zip(bits(ours), bits(theirs), strict=True)):
        assert a == b, f"{kept.slice(row, 1).to_pylist()}: {text}"
    for row in bad[:12]:
        with pytest.raises(Exception, match=r"(?i)error"):
            computed(text, batch.slice(row, 1))


@pytest.mark.parametrize("sql", NEVER)
def test_what_may_differ_has_no_text(sql: str) -> None:
    assert to_datafusion_sql(bound(sql, SCHEMA)) is None


def test_the_functions_called_equal_exist_and_are_tested() -> None:
    tested = {
        part.function
        for sql in ALWAYS
        for part in walk(bound(sql, SCHEMA))
        if isinstance(part, Call)
    }
    assert FUNCTIONS.keys() >= DATAFUSION_EQUAL
    assert set(WRITERS) <= FUNCTIONS.keys()
    assert set(WRITERS) - tested == set()


@pytest.mark.parametrize(
    "sql", ["EXP(x)", "LN(x)", "LOG10(x)", "LOG2(x)", "FLOOR(x)", "ROUND(x)", "x % 7e0", "x / 3"]
)
def test_datafusion_gives_the_same_bits_for_many_doubles(sql: str) -> None:
    random = np.random.default_rng(17)
    spread = random.integers(0, 2**64, 100_000, np.uint64).view(np.float64)
    near = random.normal(0, 100, 100_000)
    batch = pa.record_batch({"x": pa.array(np.concatenate([spread, near]))})
    text = to_datafusion_sql(bound(sql, batch.schema))
    assert text is not None
    ours, theirs = evaluate(bound(sql, batch.schema), batch), computed(text, batch)
    same = np.asarray(ours).view(np.int64) == np.asarray(theirs).view(np.int64)
    nan = np.isnan(np.asarray(ours)) & np.isnan(np.asarray(theirs))
    assert bool((same | nan).all())
