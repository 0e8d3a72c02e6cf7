"""Every function of the closed list: the evaluator over Arrow against the naive one.

Arguments are drawn from all types; what the binder refuses is left out. Where a row has no value
the whole must be refused, and then the other rows must agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.planner.engines.reference.expressions import FORMS, Failure, attempt
from bighead.planner.engines.reference.functions import FUNCTIONS as NAIVE
from bighead.planner.engines.reference.values import Row, from_arrow, rows_of
from bighead.zipline.errors import BigheadError, DataError
from bighead.zipline.expressions import FUNCTIONS, call, evaluate
from bighead.zipline.expressions.casts import cast, castable, try_cast
from bighead.zipline.expressions.nested import struct
from bighead.zipline.ir.expr import Call, Column, Expr, Literal, columns_of
from bighead.zipline.ir.expr import walk as parts_of
from bighead.zipline.ir.types import BIGINT, BOOLEAN, VARCHAR
from tests.conformance.compare import same
from tests.conformance.values import POOLS, TEXTS, Rng, draw

ROWS = 24
TRIALS = 120

SMALL = (0, 1, 2, 3, -1, -2, 5, 40)
DATES = ("1969-12-31", "2013-02-28", "2012-02-29 23:59:59.999999", "2013-06-05T01:02:03Z")
ODD = (
    *DATES, "2013-1-1", "2013-02-30", "2013-01-01 24:00:00", "2013-01-01 00:00:00+05:30",
    "1", "-1", "+7", "007", "1.5", ".5", "5.", "1e3", "1e400", "-1e-400", "nan", "-inf", "Infinity",
    "true", "T", "FALSE", "yes", " 1", "1 ", "", "127", "128", "-129", "0.1", "2.345", "-2.345",
    "9223372036854775807", "9223372036854775808", "18446744073709551615", "1e-45", "3.5e38",
    "１", "12345678901234567890123456789012345678.9", "0.000000000000000000000000000000000000049",
)  # fmt: skip
PATTERNS = ("%", "a%", "%b", "a_b", "%a%", "", "_", "a\\%", "[a]", "a.b", "%é%")
UNITS = ("microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month",
         "quarter", "year", "decade", "century")  # fmt: skip
PARTS = ("isoyear", "dow", "isodow", "doy", *UNITS)

TOLERANT = ("exp", "ln", "log10", "log2", "power")
"""Functions of the C library, whose last digits IEEE 754 leaves open."""


def batch_of(rng: Rng) -> pa.Table:
    """A column of each pool, one of small numbers, texts that say something, a list and a map."""
    columns: dict[str, Any] = {}
    for name, (kind, pool) in POOLS.items():
        columns[name] = pa.array(draw(rng, pool(rng), ROWS, 0.15), kind)
    columns["n"] = pa.array(draw(rng, SMALL, ROWS, 0.1), pa.int64())
    columns["odd"] = pa.array(draw(rng, ODD, ROWS, 0.1), pa.string())
    columns["when"] = pa.array(
        [int(d) * 3_600_000_000 * 7 + 123_456 for d in rng.integers(-(10**6), 10**6, ROWS)],
        pa.timestamp("us"),
    )
    items = (1, 2, None, -1)
    lists = [None if rng.random() < 0.2 else draw(rng, items, 3, 0.0)[: rng.integers(4)] for _ in
             range(ROWS)]  # fmt: skip
    columns["list"] = pa.array(lists, pa.list_(pa.int64()))
    maps = [None if v is None else [(f"k{i}", x) for i, x in enumerate(v)] for v in lists]
    columns["map"] = pa.array(maps, pa.map_(pa.string(), pa.int64()))
    return pa.table(columns)


def argument(rng: Rng, schema: pa.Schema) -> Expr:
    """A column, or now and then a constant."""
    field = schema.field(int(rng.integers(len(schema))))
    if rng.random() < 0.8 or pa.types.is_nested(field.type):
        return Column(field.name, field.type)
    pool = POOLS[field.name][1](rng) if field.name in POOLS else (1,)
    value = pool[int(rng.integers(len(pool)))]
    return Literal(value, field.type if field.name in POOLS else BIGINT)


def text(rng: Rng, among: Sequence[str]) -> Literal:
    return Literal(among[int(rng.integers(len(among)))], VARCHAR)


def temporal(rng: Rng) -> Expr:
    name = ("when", "stamp", "zoned", "date")[int(rng.integers(4))]
    return Column(name, POOLS[name][0] if name in POOLS else pa.timestamp("us"))


def truth(rng: Rng) -> Expr:
    """Something true, false or unknown."""
    if rng.random() < 0.5:
        return Column("bool", BOOLEAN)
    return call("greater", [N, Literal(int(rng.integers(3)), BIGINT)])


N = Column("n", BIGINT)
S = Column("s", VARCHAR)

SHAPES: dict[str, Callable[[Rng, pa.Schema], list[Expr]]] = {
    "date_trunc": lambda rng, _: [text(rng, UNITS), temporal(rng)],
    "date_part": lambda rng, _: [text(rng, PARTS), temporal(rng)],
    "date_diff": lambda rng, _: [text(rng, UNITS), temporal(rng), temporal(rng)],
    "from_epoch": lambda rng, schema: [argument(rng, schema), text(rng, ("s", "ms", "us"))],
    "round": lambda rng, schema: [
        argument(rng, schema),
        Literal(int(rng.integers(-3, 20)), BIGINT),
    ],
    "like": lambda rng, _: [S, text(rng, PATTERNS)] if rng.random() < 0.7 else [S, S],
    "substr": lambda rng, _: [S, N, N] if rng.random() < 0.5 else [S, N],
    "left": lambda rng, _: [S, N],
    "right": lambda rng, _: [S, N],
    "split_part": lambda rng, _: [S, text(rng, ("", "a", "b", "é")), N],
    "lpad": lambda rng, _: [S, N, text(rng, ("", " ", "xy"))],
    "rpad": lambda rng, _: [S, N, text(rng, ("", " ", "xy"))],
    "and": lambda rng, _: [truth(rng), truth(rng)],
    "or": lambda rng, _: [truth(rng), truth(rng)],
    "not": lambda rng, _: [truth(rng)],
    "is_true": lambda rng, _: [truth(rng)],
    "is_not_true": lambda rng, _: [truth(rng)],
    "is_false": lambda rng, _: [truth(rng)],
    "is_not_false": lambda rng, _: [truth(rng)],
    "ltrim": lambda rng, _: [S, text(rng, ("", " ", "ab", "é"))],
    "rtrim": lambda rng, _: [S, text(rng, ("", " ", "ab", "é"))],
    "starts_with": lambda rng, _: [S, text(rng, TEXTS) if rng.random() < 0.5 else S],
    "ends_with": lambda rng, _: [S, text(rng, TEXTS) if rng.random() < 0.5 else S],
    "contains": lambda rng, _: [S, text(rng, TEXTS) if rng.random() < 0.5 else S],
    "strpos": lambda rng, _: [S, text(rng, TEXTS) if rng.random() < 0.5 else S],
    "trim": lambda rng, _: [S, text(rng, ("", " ", "ab", "é"))],
    "replace": lambda rng, _: [S, text(rng, ("", "a", "é")), text(rng, ("", "x", "aa"))],
    "make_date": lambda rng, _: [
        call("multiply", [N, Literal(int(rng.integers(1, 700)), BIGINT)]),
        call("add", [N, Literal(3, BIGINT)]),
        Literal(int(rng.integers(27, 32)), BIGINT),
    ],
    "make_timestamp": lambda rng, _: [Literal(2013, BIGINT), Literal(6, BIGINT), N, N, N, N],
    "element": lambda rng, _: [Column("list", pa.list_(pa.int64())), N]
    if rng.random() < 0.6
    else [Column("map", pa.map_(pa.string(), pa.int64())), text(rng, ("k0", "k1", "k9"))],
    "struct": lambda rng, schema: [
        Literal("a", VARCHAR), argument(rng, schema), Literal("b", VARCHAR), argument(rng, schema),
    ],
    "field": lambda rng, schema: [
        struct([("a", argument(rng, schema)), ("b", argument(rng, schema))]), text(rng, ("a", "b")),
    ],
    "case": lambda rng, schema: [
        call("greater", [N, Literal(1, BIGINT)]), argument(rng, schema), argument(rng, schema),
    ],
    "map_keys": lambda rng, _: [Column("map", pa.map_(pa.string(), pa.int64()))],
    "map_values": lambda rng, _: [Column("map", pa.map_(pa.string(), pa.int64()))],
}  # fmt: skip
"""Functions whose arguments are not just any columns."""

COMPUTED = [name for name, f in FUNCTIONS.items() if f.run is not None or name in FORMS]


def agree(expr: Expr, table: pa.Table) -> None:
    """Assert that both evaluators give the same for every row."""
    table = table.select(list(columns_of(expr)) or ["n"])
    rows: list[Row] = rows_of(table)
    wanted = [attempt(expr, row) for row in rows]
    sound = [i for i, value in enumerate(wanted) if not isinstance(value, Failure)]
    if len(sound) < len(rows):
        with pytest.raises(DataError):
            evaluate(expr, table)
    got = from_arrow(evaluate(expr, table.take(pa.array(sound, pa.int64()))))
    tolerant = any(isinstance(e, Call) and e.function in TOLERANT for e in parts_of(expr))
    for i, value in zip(sound, got, strict=True):
        right = wanted[i]
        fine = same(value, right) or (tolerant and near(value, right))
        assert fine, f"{expr}\nof {rows[i]}\nis {value!r}, not {right!r}"


def near(a: Any, b: Any) -> bool:
    return isinstance(a, float) and isinstance(b, float) and math.isclose(a, b, rel_tol=1e-14)


@pytest.mark.parametrize("name", [n for n in COMPUTED if n not in ("cast", "try_cast")])
def test_a_function_means_what_its_naive_form_does(name: str) -> None:
    rng = np.random.default_rng(list(name.encode()))
    known = FUNCTIONS[name]
    tables = [batch_of(rng) for _ in range(5)]
    asked = 0
    for trial in range(TRIALS):
        table = tables[trial % len(tables)]
        if name in SHAPES:
            args = SHAPES[name](rng, table.schema)
        else:
            most = known.most if known.most is not None else known.least + 2
            count = int(rng.integers(known.least, most + 1))
            args = [argument(rng, table.schema) for _ in range(count)]
            if rng.random() < 0.5:
                args = [args[0]] * count
        try:
            expr = call(name, args)
        except BigheadError:
            continue
        asked += 1
        agree(expr, table)
    assert asked > 5, f"{name} took too few of the arguments"


TYPES = [*dict.fromkeys(kind for kind, _ in POOLS.values() if not pa.types.is_duration(kind))]


@pytest.mark.parametrize("to", TYPES, ids=str)
def test_casts_to_a_type_mean_what_the_naive_ones_do(to: pa.DataType) -> None:
    rng = np.random.default_rng(len(str(to)))
    asked = 0
    for _ in range(4):
        table = batch_of(rng)
        for field in table.schema:
            if field.type != to and castable(field.type, to):
                asked += 1
                agree(cast(Column(field.name, field.type), to), table)
                agree(try_cast(Column(field.name, field.type), to), table)
    assert asked


@pytest.mark.parametrize(
    "to",
    [
        pa.list_(pa.string()),
        pa.list_(pa.int8()),
        pa.map_(pa.string(), pa.float64()),
    ],
    ids=str,
)
def test_casts_of_nested_values_go_item_by_item(to: pa.DataType) -> None:
    table = batch_of(np.random.default_rng(5))
    column = Column("map" if pa.types.is_map(to) else "list", pa.list_(pa.int64()))
    if pa.types.is_map(to):
        column = Column("map", pa.map_(pa.string(), pa.int64()))
    agree(cast(column, to), table)


def test_every_function_has_its_naive_form() -> None:
    assert set(COMPUTED) <= set(NAIVE) | set(FORMS)
    shorthands = set(FUNCTIONS) - set(COMPUTED)
    assert not shorthands & (set(NAIVE) | set(FORMS)), "a shorthand is replaced when it is bound"
