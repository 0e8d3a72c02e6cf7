"""What `to_datafusion_sql` writes is computed by DataFusion to the same bits, errors included.

One column of boundary values a type, crossed with each other; rows on which our evaluator raises
must raise there too.
"""

from __future__ import annotations

import itertools
import math
import struct
from decimal import Decimal
from typing import Any

import datafusion
import pyarrow as pa
import pytest

from bighead.zipline.errors import DataError
from bighead.zipline.expressions import FUNCTIONS, evaluate
from bighead.zipline.expressions.datafusion import DATAFUSION_EQUAL, WRITERS, to_datafusion_sql
from bighead.zipline.ir.expr import Call, Expr, walk
from tests.zipline.expressions.bound import bound

NAN, INF = math.nan, math.inf
BIGGEST, LEAST = 2**63 - 1, -(2**63)
VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "n": (
        pa.int64(),
        [None, 0, 1, -1, 2, 3, 7, -7, 10**9, -(10**9), 2**53 + 1, BIGGEST, LEAST, LEAST + 1],
    ),
    "i": (pa.int32(), [None, 0, 1, -1, 5, 2**31 - 1, -(2**31)]),
    "s": (pa.int8(), [None, 0, 1, -1, 127, -128]),
    "x": (
        pa.float64(),
        [
            None, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 0.1, 0.49999999999999994, 3.7, 1e15 + 0.5,
            4503599627370497.5, 9.3e18, -9.3e18, 1e300, -1e300, 5e-324, NAN, -NAN, INF, -INF,
        ],
    ),
    "f": (pa.float32(), [None, 0.0, -0.0, 1.5, -2.5, 0.1, 3e38, NAN, INF]),
    "d": (
        pa.decimal128(8, 2),
        [None, *(Decimal(v) for v in ("0.00", "1.25", "-1.25", "2.50", "999999.99", "-999999.99"))],
    ),
    "e": (pa.decimal128(10, 4), [None, *(Decimal(v) for v in ("0.0000", "1.2500", "-7.1234"))]),
    "v": (pa.string(), [None, "", "a", "abc", "ABC", "Zürich", "ß", "a%b", "a_b", "a\\b", "  a ", "日本語", "x\ny"]),
    "w": (pa.string(), [None, "", "a", "b", "ü", "%", "本"]),
    "b": (pa.bool_(), [None, True, False]),
    "c": (pa.bool_(), [None, True, False]),
    "day": (pa.date32(), [None, 0, -1, 1, 15706, -719162, 2932896, 11016, 59, 60]),
    "t": (
        pa.timestamp("us"),
        [None, 0, -1, 1, 1_357_000_000_123_456, -1_000_000, -86_400_000_001, 86_399_999_999,
         951_782_400_000_000, -2_208_988_800_000_001, 253_402_300_799_999_999, 4 * 86_400_000_000],
    ),
    "u": (pa.timestamp("us", "UTC"), [None, 0, -1, 1_357_000_000_123_456, -86_400_000_001]),
    "k": (pa.int64(), [None, 0, 1, -1, 2, -2, 5, 100]),
}  # fmt: skip

ALWAYS = [
    # arithmetic
    "n + k", "n - k", "n * k", "n + n", "n - n", "i + i", "i * i", "s - i", "n + 1", "n * 3", "-n", "-x",
    "-d", "x + x", "x * f", "x - 1", "n + 0.5e0", "x / x", "n / k", "n / 3", "n % k", "n % 7", "x % x", "x / 0",
    "d + e", "d - e", "d * e", "d + 1", "d * 2.5", "d / e", "i % s",
    # comparisons
    "n = k", "n < k", "n >= i", "x = x", "x <> x", "x < x", "x <= f", "x > 0", "x >= 0.0", "x = 0", "x <> 0",
    "x < 0", "x = 1.5", "x <> 1.5", "1.5 > x", "x = -0.0", "i < x", "s >= x", "x = CAST('nan' AS DOUBLE)",
    "v < w", "v = w", "v >= 'a'", "b = c", "b < c", "day < t", "day = day", "t <= u", "t = u", "d = e", "d < i",
    "d > 1", "n IS DISTINCT FROM k", "x IS DISTINCT FROM x", "x IS NOT DISTINCT FROM f", "n IN (1, 2, NULL)",
    "x IN (0, 1.5)", "v IN ('a', 'ß')", "n BETWEEN k AND 10", "x BETWEEN 0 AND 3",
    # logic and choice
    "b AND c", "b OR c", "NOT b", "b IS TRUE", "b IS NOT TRUE", "b IS FALSE", "b IS NOT FALSE", "n IS NULL",
    "x IS NOT NULL", "CASE WHEN b THEN n WHEN c THEN k ELSE 0 END", "CASE WHEN n > 0 THEN v END",
    "COALESCE(n, k, 7)", "COALESCE(x, 0)", "NULLIF(n, k)", "NULLIF(x, 0)", "IF(b, v, w)",
    # numbers
    "ABS(n)", "ABS(x)", "ABS(d)", "SIGN(n)", "SIGN(x)", "SIGN(d)", "FLOOR(x)", "CEIL(x)", "ROUND(x)",
    "ISNAN(x)", "LEAST(n, k)", "GREATEST(n, k, i)", "LEAST(v, w)", "GREATEST(t, t)",
    "EXP(x)", "LN(x)", "LOG10(x)", "LOG2(x)",
    # text
    "LENGTH(v)", "TRIM(v)", "LTRIM(v)", "RTRIM(v, 'ca')", "TRIM(v, w)", "SUBSTR(v, k)", "SUBSTR(v, k, k)",
    "SUBSTR(v, 2, 1)", "LEFT(v, k)", "RIGHT(v, k)", "CONCAT(v, w, '!')", "v || w", "REPLACE(v, 'a', w)",
    "STARTS_WITH(v, w)", "ENDS_WITH(v, w)", "CONTAINS(v, w)", "v LIKE 'a%'", "v LIKE '_b_'", "v LIKE '%\\%'",
    "v LIKE '%'", "v LIKE 'a!%b' ESCAPE '!'", "v LIKE 'a\\b'", "SPLIT_PART(v, 'b', k)", "STRPOS(v, w)",
    # times
    *(f"DATE_TRUNC('{u}', t)" for u in ("microsecond", "millisecond", "second", "minute", "hour", "day")),
    "DATE_TRUNC('hour', u)", "DATE_TRUNC('day', day)",
    *(f"EXTRACT({p} FROM t)" for p in ("year", "quarter", "month", "week", "day", "doy", "dow", "isodow", "hour",
                                       "minute", "second", "millisecond", "microsecond", "epoch")),
    "EXTRACT(year FROM day)", "EXTRACT(hour FROM u)", "EPOCH(t)", "EPOCH_MS(t)", "EPOCH_US(u)", "EPOCH_S(t)",
    "t + INTERVAL '90' MINUTE", "t - INTERVAL '1' DAY", "day + INTERVAL '1' HOUR", "t + n * INTERVAL '1' MINUTE",
    "t + x * INTERVAL '1' MINUTE", "u - k * INTERVAL '1' SECOND", "t - t", "t - u", "FROM_EPOCH(n, 'ms')",
    "FROM_EPOCH(n, 's')", "FROM_EPOCH(n, 'us')", "(t - INTERVAL '1' DAY) < u",
    # casts
    "CAST(n AS INTEGER)", "CAST(n AS TINYINT)", "CAST(n AS DOUBLE)", "CAST(n AS FLOAT)", "CAST(i AS BIGINT)",
    "CAST(n AS VARCHAR)", "CAST(b AS VARCHAR)", "CAST(b AS INTEGER)", "CAST(x AS BIGINT)", "CAST(x AS INTEGER)",
    "CAST(x AS TINYINT)", "CAST(f AS DOUBLE)", "CAST(f AS INTEGER)", "CAST(d AS DOUBLE)", "CAST(d AS DECIMAL(12, 4))",
    "CAST(n AS DECIMAL(10, 0))", "CAST(day AS TIMESTAMP)", "CAST(t AS DATE)", "CAST(t AS TIMESTAMPTZ)",
    "CAST(u AS TIMESTAMP)",
]  # fmt: skip

NEVER = [
    "LOWER(v)", "UPPER(v)", "ROUND(x, 2)", "ROUND(d, 1)", "n = x", "n < f", "d < x", "CAST(v AS DOUBLE)",
    "CAST(v AS BIGINT)", "CAST(x AS VARCHAR)", "CAST(t AS VARCHAR)", "CAST(d AS BIGINT)", "TRY_CAST(v AS INTEGER)",
    "LEAST(x, f)", "SQRT(x)", "POWER(x, f)", "LPAD(v, k, 'x')", "DATE_TRUNC('month', t)", "1 / CAST(v AS DOUBLE)", "v LIKE w", "LPAD(v, k, w)", "REPLACE(v, w, 'x')", "DATE_DIFF('day', t, u)",
]  # fmt: skip
"""For which no exact text is known, and `evaluate` is used."""


def columns_in(expr: Expr) -> list[str]:
    return list(
        dict.fromkeys(e.name for e in walk(expr) if not isinstance(e, Call) and hasattr(e, "name"))
    )


def crossed(names: list[str]) -> pa.RecordBatch:
    rows = list(itertools.product(*(VALUES[n][1] for n in names)))
    columns = []
    for i, name in enumerate(names):
        arrow, values = VALUES[name][0], [row[i] for row in rows]
        whole = {True: pa.int32(), False: pa.int64()}[pa.types.is_date(arrow)]
        temporal = pa.types.is_temporal(arrow)
        columns.append(pa.array(values, whole).view(arrow) if temporal else pa.array(values, arrow))
    return pa.record_batch(columns, names=names)


def bits(array: pa.Array[Any]) -> list[object]:
    """Values that are equal where the bits are, but for the sign and payload of NaN."""
    if pa.types.is_temporal(array.type):
        array = array.view(pa.int32() if pa.types.is_date(array.type) else pa.int64())
    return [
        struct.pack("d", v)
        if isinstance(v, float) and v == v
        else "NaN"
        if isinstance(v, float)
        else v
        for v in array.to_pylist()
    ]


def computed(sql: str, batch: pa.RecordBatch) -> pa.Array[Any]:
    context = datafusion.SessionContext()
    context.register_record_batches("t", [[batch]])
    table = context.sql(f"SELECT {sql} AS y FROM t").to_arrow_table()
    return table.column("y").combine_chunks()


@pytest.mark.parametrize("sql", ALWAYS)
def test_datafusion_gives_the_same_bits(sql: str) -> None:
    schema = pa.schema([pa.field(n, t) for n, (t, _) in VALUES.items()])
    expr = bound(sql, schema)
    text = to_datafusion_sql(expr)
    assert text is not None
    batch = crossed(columns_in(expr))
    good, bad = [], []
    for row in range(batch.num_rows):
        try:
            evaluate(expr, batch.slice(row, 1))
            good.append(row)
        except DataError:
            bad.append(row)
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
    schema = pa.schema([pa.field(n, t) for n, (t, _) in VALUES.items()])
    assert to_datafusion_sql(bound(sql, schema)) is None


def test_the_functions_called_equal_exist_and_are_tested() -> None:
    schema = pa.schema([pa.field(n, t) for n, (t, _) in VALUES.items()])
    tested = {
        part.function
        for sql in ALWAYS
        for part in walk(bound(sql, schema))
        if isinstance(part, Call)
    }
    assert FUNCTIONS.keys() >= DATAFUSION_EQUAL
    assert set(WRITERS) <= FUNCTIONS.keys()
    assert set(WRITERS) - tested == {"field"}
