"""What cannot be typed says so, and what to write instead."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from bighead.zipline.errors import DataError, ExpressionError, SqlError
from bighead.zipline.expressions import call, cast, evaluate, implicit_cast
from bighead.zipline.ir.expr import Call, Column, Literal
from tests.zipline.expressions.bound import bound
from tests.zipline.expressions.boundaries import SCHEMA

REFUSALS = [
    ("v + 1", "no + of VARCHAR and INTEGER; write CAST(... AS INTEGER) around the text"),
    ("n * '2'", "no * of BIGINT and VARCHAR; write CAST(... AS BIGINT) around the text"),
    ("b + 1", "no + of BOOLEAN and INTEGER; write CAST(... AS ...) around one of them"),
    ("v = 1", "VARCHAR = INTEGER does not compare; write CAST(... AS INTEGER) around the text"),
    ("t = n", "TIMESTAMP = BIGINT does not compare; write CAST(... AS ...) around one of them"),
    ("t > 'tomorrow'", "'tomorrow' is no TIMESTAMP; write 'YYYY-MM-DD' or 'YYYY-MM-DD HH:MM:SS'"),
    ("t + 1",
     "no + of TIMESTAMP and INTEGER; write x * INTERVAL '1' DAY, or the unit that x counts"),
    ("(t - t) / 2", "no / of INTERVAL and INTEGER; divide EPOCH(x), the seconds of an interval"),
    ("l < l", "BIGINT[] has no <; compare its parts, or write = or <>"),
    ("n AND b", "AND takes a BOOLEAN, not BIGINT; write a comparison, such as x <> 0"),
    ("CASE WHEN b THEN 1 ELSE 'x' END",
     "CASE cannot bring INTEGER and VARCHAR together; write CAST(... AS INTEGER) around the text"),
    ("CAST(n AS TIMESTAMP)",
     "no CAST from BIGINT to TIMESTAMP; write TO_TIMESTAMP(x) for seconds, or FROM_EPOCH(x, 'ms')"),
    ("CAST(t AS BIGINT)",
     "no CAST from TIMESTAMP to BIGINT; write EPOCH(t), EPOCH_MS(t) or EPOCH_US(t)"),
    ("LOWER(n)", "LOWER takes VARCHAR, not BIGINT; write CAST(... AS VARCHAR)"),
    ("LOWER()", "LOWER takes 1 argument, not 0; write LOWER(s)"),
    ("SUBSTR(v)", "SUBSTR takes 2 to 3 arguments, not 1; write SUBSTR(s, from [, n])"),
    ("LOWR(v)", "no function 'LOWR'; did you mean 'LOWER'?"),
    ("ROUND(x, k)", "the places of ROUND are a constant; write ROUND(x, 2)"),
    ("DATE_TRUNC('fortnight', t)", "DATE_TRUNC has no unit 'fortnight'"),
    ("EXTRACT(hour FROM t - t)",
     "an INTERVAL has no hour of its own; write EPOCH(x), its seconds, or EPOCH_US(x)"),
    ("t AT TIME ZONE 'Europe/Berlin'",
     "times are UTC here, and no function looks at the zone 'Europe/Berlin'"),
    ("p.zz", "no field 'zz' in STRUCT(a BIGINT, s VARCHAR)"),
    ("m[1]", "the keys of MAP(VARCHAR, BIGINT) are VARCHAR, not INTEGER"),
    ("v LIKE 'a' ESCAPE 'xy'", "ESCAPE takes one character, not 'xy'; write ESCAPE '!'"),
    ("ABS(v)", "ABS takes a number, not VARCHAR; write CAST(... AS DOUBLE) around the text"),
    ("CAST(1.5 AS DECIMAL(38, 30)) * CAST(1 AS DECIMAL(38, 10))",
     "DECIMAL(38, 30) * DECIMAL(38, 10) needs 40 decimal places; DECIMAL has 38"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "message"), REFUSALS)
def test_a_refusal_says_what_to_write(sql: str, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        bound(sql, SCHEMA)
    assert str(caught.value).startswith(message)


BAD_VALUES = [
    ("n + 1", [1, 2**63 - 1], "9223372036854775807 + 1 is beyond BIGINT, in row 1"),
    ("-n", [-(2**63)], "-(-9223372036854775808) is beyond BIGINT, in row 0"),
    ("n * n", [None, 3, 2**40], "1099511627776 * 1099511627776 is beyond BIGINT, in row 2"),
    ("CAST(n AS TINYINT)", [127, 128],
     "CAST(128 AS TINYINT) is not possible; TRY_CAST gives NULL instead, in row 1"),
    ("SUBSTR('hello', 1, n)", [5, -1], "SUBSTR('hello', 1, -1) has a negative length, in row 1"),
    ("MAKE_DATE(n, 2, 29)", [2012, 2013],
     "MAKE_DATE(2013, 2, 29) is no day of the years 1 to 9999, in row 1"),
    ("FROM_EPOCH(n, 's')", [0, 2**60],
     "FROM_EPOCH(1152921504606846976, 'second') is beyond TIMESTAMP, in row 1"),
    ("TIMESTAMP '2013-01-01 00:00:00' + n * INTERVAL '1' DAY", [1, 106_751_991],
     "TIMESTAMP '2013-01-01 00:00:00' + INTERVAL '2562047784:00:00' is beyond TIMESTAMP, in row 1"),
    ("2 * (n + 1)", [1, 2**63 - 1], "9223372036854775807 + 1 is beyond BIGINT, in row 1"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "values", "message"), BAD_VALUES)
def test_a_bad_value_is_named_with_its_row(
    sql: str, values: list[int | None], message: str
) -> None:
    batch = pa.record_batch({"n": pa.array(values, pa.int64())})
    with pytest.raises(DataError) as caught:
        evaluate(bound(sql, batch.schema), batch)
    assert str(caught.value) == message


def test_the_first_bad_row_is_named_in_a_long_batch() -> None:
    values = list(range(10_000))
    values[7_777] = 2**63 - 1
    values[9_000] = 2**63 - 1
    batch = pa.record_batch({"n": pa.array(values, pa.int64())})
    with pytest.raises(DataError, match="in row 17777$"):
        evaluate(bound("n + 1", batch.schema), batch, first_row=10_000)


def test_a_bad_constant_does_no_harm_without_rows() -> None:
    empty = pa.record_batch({"n": pa.array([], pa.int64())})
    assert evaluate(bound("CAST('x' AS INTEGER) + n", empty.schema), empty).type == pa.int64()


def test_only_the_chosen_branch_is_computed() -> None:
    batch = pa.record_batch({"n": pa.array([1, 1000, None], pa.int64())})
    expr = bound("CASE WHEN n < 128 THEN CAST(n AS TINYINT) ELSE NULL END", batch.schema)
    assert evaluate(expr, batch).to_pylist() == [1, None, None]
    expr = bound("COALESCE(n, CAST('x' AS BIGINT))", batch.schema)
    with pytest.raises(DataError, match="in row 2$"):
        evaluate(expr, batch)
    assert evaluate(expr, batch.slice(0, 2)).to_pylist() == [1, 1000]


def test_chunked_tables_are_taken_too() -> None:
    chunks = [pa.record_batch({"n": pa.array(v, pa.int64())}) for v in ([1, 2], [], [3])]
    table = pa.Table.from_batches(chunks)
    assert evaluate(bound("n * 2", table.schema), table).to_pylist() == [2, 4, 6]


def test_names_of_casts_and_functions_are_errors_of_their_own() -> None:
    with pytest.raises(ExpressionError, match="no function 'now'"):
        call("now", [])
    with pytest.raises(ExpressionError, match="BIGINT does not become INTEGER by itself"):
        implicit_cast(Column("n", pa.int64()), pa.int32())
    with pytest.raises(ExpressionError, match="no CAST from BIGINT to DATE"):
        cast(Column("n", pa.int64()), pa.date32())


CONSTANTS = [
    ("s = 3", Literal(3, pa.int8())),
    ("s < 300", Literal(300, pa.int32())),
    ("f = 0.1", Literal(0.10000000149011612, pa.float32())),
    ("x > 0.1", Literal(0.1, pa.float64())),
    ("x > 3", Literal(3.0, pa.float64())),
    ("x > 9007199254740993", Literal(9007199254740993, pa.int64())),
    ("n > 1.5", Literal(Decimal("1.5"), pa.decimal128(2, 1))),
    ("d = 1", Literal(Decimal(1), pa.decimal128(8, 2))),
    ("t >= '2013-01-01'", Literal(1_356_998_400_000_000, pa.timestamp("us"))),
    ("u >= '2013-01-01 01:00:00+01:00'",
     Literal(1_356_998_400_000_000, pa.timestamp("us", "UTC"))),
    ("day = '2013-01-01'", Literal(15706, pa.date32())),
    ("day > '2013-01-01'", Literal(15706, pa.date32())),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "constant"), CONSTANTS)
def test_a_constant_takes_the_type_beside_it(sql: str, constant: Literal) -> None:
    expr = bound(sql, SCHEMA)
    assert isinstance(expr, Call)
    assert expr.args[1] == constant
