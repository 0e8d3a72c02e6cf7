"""The one production evaluator: an expression over Arrow columns, column by column.

Rows do not see each other, which is what makes errors exact: where a batch holds a bad value it is
halved until the row is found, and that row's own values are in the message. Only CASE and COALESCE
choose: they compute a branch for the rows that take it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from bighead.zipline.errors import DataError
from bighead.zipline.expressions.arrow import (
    Array,
    Datum,
    Scalar,
    compute,
    false_for_null,
    item,
    make,
    nulls,
    scalar,
    view,
)
from bighead.zipline.expressions.datum import Mask, numbers, spread
from bighead.zipline.expressions.function import BadValueError
from bighead.zipline.expressions.functions import FUNCTIONS
from bighead.zipline.expressions.wording import spell
from bighead.zipline.ir.expr import Call, Column, Expr, Literal, columns_of
from bighead.zipline.ir.types import BOOLEAN

Columns = Mapping[str, Array]


def evaluate(expr: Expr, batch: pa.RecordBatch | pa.Table, first_row: int = 0) -> Array:
    """The value of the expression for each row, as one array of the expression's type.

    Parameters
    ----------
    batch: holds the columns that are read, with the types of the plan.
    first_row: the number of the batch's first row, for messages; rows count from 0.

    Raises
    ------
    DataError: a value that breaks a function's rule (overflow, a CAST that does not fit); names the
        first such row and the values in it.

    >>> from bighead.zipline.expressions import call
    >>> batch = pa.record_batch({"a": [1, 2, None], "b": [2, 0, 1]})
    >>> a, b = Column("a", pa.int64()), Column("b", pa.int64())
    >>> evaluate(call("/", [a, b]), batch).to_pylist()
    [0.5, None, None]
    >>> evaluate(call("*", [a, Literal(2**62, pa.int64())]), batch)
    Traceback (most recent call last):
    bighead.zipline.errors.DataError: 2 * 4611686018427387904 is beyond BIGINT, in row 1
    """
    columns = {name: _whole(batch, name) for name in columns_of(expr)}
    return _evaluate(expr, columns, batch.num_rows, first_row)


def _whole(batch: pa.RecordBatch | pa.Table, name: str) -> Array:
    found = batch.column(name)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _evaluate(expr: Expr, columns: Columns, rows: int, first_row: int) -> Array:
    if rows == 0:
        return make([], expr.type)
    try:
        return spread(_value(expr, columns, rows), rows)
    except BadValueError as bad:
        if rows == 1:
            raise DataError(f"{bad}, in row {first_row}") from None
    # One of the halves fails: the rows are independent.
    half = rows // 2
    for start, stop in ((0, half), (half, rows)):
        part = {name: array.slice(start, stop - start) for name, array in columns.items()}
        _evaluate(expr, part, stop - start, first_row + start)
    raise AssertionError(f"{expr} fails on the whole and on no part")


def _value(expr: Expr, columns: Columns, rows: int) -> Datum:
    if isinstance(expr, Column):
        found = columns[expr.name]
        assert found.type == expr.type, f"{expr.name} is {found.type}, not {expr.type}"
        return found
    if isinstance(expr, Literal):
        return constant(expr)
    choose = CHOICES.get(expr.function)
    if choose is not None:
        return choose(expr, columns, rows)
    args = tuple(_value(a, columns, rows) for a in expr.args)
    return _apply(expr, args)


def _apply(call: Call, args: tuple[Datum, ...]) -> Datum:
    run = FUNCTIONS[call.function].run
    assert run is not None, f"{call.function} is a shorthand"
    constant_only = all(isinstance(a, pa.Scalar) for a in args)
    given = (spread(args[0], 1), *args[1:]) if constant_only and args else args
    try:
        result = run(call, given)
    except BadValueError as bad:
        if bad.spelled:
            raise
        single = all(isinstance(a, pa.Scalar) or len(a) == 1 for a in args)
        shown = spell(call, [spread(a, 1)[0] for a in args]) if single else call.function
        raise BadValueError(f"{shown} {bad}", spelled=True) from None
    if constant_only and isinstance(result, pa.Array):
        result = result[0]
    assert result.type == call.type, f"{call.function}: {result.type}, not {call.type}"
    return result


def constant(literal: Literal) -> Scalar:
    """A literal as Arrow's scalar of its type."""
    value, arrow = literal.value, literal.type
    if value is None:
        return scalar(None, arrow)
    if pa.types.is_temporal(arrow):
        inner = pa.int32() if pa.types.is_date32(arrow) else pa.int64()
        return item(view(make([value], inner), arrow), 0)
    return scalar(value, arrow)


def _case(call: Call, columns: Columns, rows: int) -> Datum:
    *pairs, otherwise = call.args
    result = nulls(rows, call.type)
    left = np.ones(rows, np.bool_)
    for i in range(0, len(pairs), 2):
        when, then = pairs[i], pairs[i + 1]
        answers = _place(nulls(rows, BOOLEAN), left, when, columns)
        taken = left & numbers(false_for_null(answers))
        result = _place(result, taken, then, columns)
        left &= ~taken
        if not left.any():
            return result
    return _place(result, left, otherwise, columns)


def _coalesce(call: Call, columns: Columns, rows: int) -> Datum:
    result = spread(_value(call.args[0], columns, rows), rows)
    for arg in call.args[1:]:
        if not result.null_count:
            break
        result = _place(result, numbers(compute("is_null", result)), arg, columns)
    return result


CHOICES: dict[str, Callable[[Call, Columns, int], Datum]] = {"case": _case, "coalesce": _coalesce}
"""The functions that compute an argument only for the rows that take it."""


def _place(result: Array, mask: Mask, expr: Expr, columns: Columns) -> Array:
    """The result with the expression's values in the rows of the mask."""
    count = int(mask.sum())
    rows = len(result)
    if count == 0:
        return result
    if count == rows:
        return spread(_value(expr, columns, rows), rows)
    chosen = make(mask)
    if isinstance(expr, Literal):
        return compute("if_else", chosen, constant(expr), result)
    if isinstance(expr, Column):
        return compute("if_else", chosen, columns[expr.name], result)
    part = {name: columns[name].filter(chosen) for name in columns_of(expr)}
    values = spread(_value(expr, part, count), count)
    # Each chosen row takes the next value, every other row its old one.
    places = np.arange(rows)
    places[mask] = rows + np.arange(count)
    return pa.concat_arrays([result, values]).take(make(places))
