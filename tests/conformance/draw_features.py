"""Random features: every aggregate over every window; columns, filters and buckets are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

import pyarrow as pa

from bighead.zipline.aggregates import aggregate as typed
from bighead.zipline.expressions import call
from bighead.zipline.ir.expr import Call, Column, Expr
from bighead.zipline.ir.expr import Literal as Constant
from bighead.zipline.ir.nodes import Feature
from bighead.zipline.windows import DAY, HOUR, Window
from tests.conformance.cases import aggregate, column
from tests.conformance.draw_tables import pick
from tests.conformance.user import USERS
from tests.conformance.values import NESTED, POOLS, Rng

NUMBERS = (
    "i8",
    "i16",
    "i32",
    "i64",
    "u8",
    "u16",
    "u32",
    "u64",
    "f32",
    "f64",
    "g64",
    "dec",
    "dec38",
)
ANYTHING = tuple(POOLS)
WHATEVER = (*ANYTHING, *NESTED, *NESTED)
AGGREGATES: dict[str, tuple[str, ...]] = {
    "count_rows": (),
    "count": WHATEVER,
    "count_distinct": ANYTHING,
    "sum": NUMBERS,
    "avg": NUMBERS,
    "min": ANYTHING,
    "max": ANYTHING,
    "var_pop": NUMBERS,
    "var_samp": NUMBERS,
    "stddev_pop": NUMBERS,
    "stddev_samp": NUMBERS,
    "first": WHATEVER,
    "last": WHATEVER,
    "first_k": WHATEVER,
    "last_k": WHATEVER,
    "top_k": ANYTHING,
    "bottom_k": ANYTHING,
    "min_by": WHATEVER,
    "max_by": WHATEVER,
    "bool_and": ("bool",),
    "bool_or": ("bool",),
    "histogram": ANYTHING,
    "quantile": NUMBERS,
    "skewness": NUMBERS,
    "kurtosis": NUMBERS,
    "array_agg_distinct": ANYTHING,
    "approx_count_distinct": ANYTHING,
    "approx_quantile": NUMBERS,
    "approx_top_k": ANYTHING,
    "decayed_sum": NUMBERS,
    "decayed_count": (),
    "vector_sum": ("vec", "ivec"),
    "vector_avg": ("vec", "ivec"),
}
"""Each aggregate with the columns that it takes."""
BUCKETS = ("s", "i16", "f64", "bool", "date", "dec", "stamp", "bin", "u64", "f32")
TAKE_K = ("first_k", "last_k", "top_k", "bottom_k", "array_agg_distinct", "approx_top_k")
DECAYED = ("decayed_sum", "decayed_count")
HALF_LIVES = (1, HOUR, DAY, 4 * DAY)
QUANTILES = ("0", "1", "0.5", "0.25", "0.1", "0.333333333333", "0.99")


def features(rng: Rng, schema: pa.Schema, windows: Sequence[Window]) -> list[Feature]:
    """A feature for each aggregate and window, user-defined ones too."""
    made = []
    for function, names in AGGREGATES.items():
        for i, window in enumerate(windows):
            args: tuple[Expr, ...] = ()
            if names:
                args = (column(schema, pick(rng, names)),)
                if args[0].type in CHANGED and rng.random() < 0.2:
                    args = (_changed(rng, schema, args[0]),)
            if function in ("min_by", "max_by"):
                args = (*args, column(schema, pick(rng, ANYTHING)))
            more: dict[str, Any] = {}
            if function in DECAYED:
                if window.forward:
                    continue
                more["half_life"] = pick(rng, HALF_LIVES)
            if function in TAKE_K:
                more["k"] = pick(rng, (1, 2, 3, 100))
            if function == "histogram":
                more["k"] = pick(rng, (None, 1, 2))
            if function in ("quantile", "approx_quantile"):
                more["p"] = Decimal(pick(rng, QUANTILES))
            if rng.random() < 0.25:
                more["filter"] = _filter(rng, schema)
            if rng.random() < 0.25:
                more["bucket"] = column(schema, pick(rng, BUCKETS))
            made.append(Feature(f"{function}_{i}", aggregate(function, *args, **more), window))
    for (user, names), (i, window) in product(USERS, enumerate(windows)):
        asked = typed(user.name, [column(schema, n) for n in names], user=user)
        if rng.random() < 0.25:
            asked = replace(asked, filter=_filter(rng, schema))
        if rng.random() < 0.25:
            asked = replace(asked, bucket=column(schema, pick(rng, BUCKETS)))
        made.append(Feature(f"{user.name}_{i}", asked, window))
    return made


CHANGED = (pa.int32(), pa.float64(), pa.string(), pa.bool_())
"""Types of columns that aggregates read through an expression, too."""


def _changed(rng: Rng, schema: pa.Schema, plain: Expr) -> Expr:
    """An expression of the same type, or of a wider one, over this column and others."""
    if plain.type == pa.string():
        return call("nullif", [plain, Constant("a", pa.string())])
    if plain.type == pa.bool_():
        return call("or", [plain, column(schema, "flag")])
    other = column(schema, pick(rng, ("i8", "u16", "f32")))
    return call(pick(rng, ("multiply", "divide", "add")), [plain, other])


def _filter(rng: Rng, schema: pa.Schema) -> Expr:
    if rng.random() < 0.5:
        return column(schema, "flag")
    name, value = pick(rng, (("i32", 0), ("f64", 0.5), ("s", "a"), ("i8", 1)))
    function = pick(rng, ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal"))
    kind = schema.field(name).type
    return Call(function, (Column(name, kind), Constant(value, kind)), pa.bool_())
