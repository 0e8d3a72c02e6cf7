"""The reference is checked too: against DuckDB where SQL says the same, and by hand.

DuckDB knows no visibility, so each window is spelled out as a sub-query over the rows that the
contract lets a spine row see.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from bighead.planner.engines.reference.numbers import exact_sum, nearest, square_root
from bighead.planner.engines.reference.values import from_arrow, order, to_arrow
from bighead.zipline.ir.nodes import Feature, Lookup, TemporalJoin, View
from bighead.zipline.windows import DAY, HOUR, Window
from tests.conformance.cases import Case, aggregate, column, declare, events, spine
from tests.conformance.check import REFERENCE, ask
from tests.conformance.values import POOLS, draw

CENTRE = 1_356_998_400_000_000
TIMES = [CENTRE + s * w + d for w in (0, HOUR, DAY) for s in (-1, 1) for d in (-1, 0, 1)]

IN_DUCKDB = {
    "count_rows": "COUNT(*) {0}",
    "count": "COUNT(v) {0}",
    "count_distinct": "COUNT(DISTINCT v) {0}",
    "sum": "(SUM(v) {0})::BIGINT",
    "avg": "AVG(v) {0}",
    "min": "MIN(v) {0}",
    "max": "MAX(v) {0}",
    "quantile": "QUANTILE_CONT(v, 0.25) {0}",
    "var_pop": "VAR_POP(v) {0}",
    "stddev_samp": "STDDEV_SAMP(v) {0}",
    "first": "FIRST(v ORDER BY ts, v) {0}",
    "last": "LAST(v ORDER BY ts, v) {0}",
    "top_k": "(LIST(v ORDER BY v DESC) {0})[:2]",
}
WINDOWS = (Window(HOUR), Window(DAY), Window())


def tables(seed: int, *, known: bool) -> dict[str, pa.Table]:
    rng = np.random.default_rng(seed)
    happened = draw(rng, TIMES, 40, 0.0)
    late = [t + int(rng.integers(3)) * HOUR for t in happened]
    return {
        "spine": pa.table(
            {
                "n": pa.array(range(12), pa.int64()),
                "k": pa.array(draw(rng, (1, 2, 3), 12, 0.1), pa.int64()),
                "t": pa.array(draw(rng, TIMES, 12, 0.1), pa.timestamp("us")),
            }
        ),
        "events": pa.table(
            {
                "k": pa.array(draw(rng, (1, 2), 40, 0.1), pa.int64()),
                "ts": pa.array(happened, pa.timestamp("us")),
                "known": pa.array(late if known else happened, pa.timestamp("us")),
                "v": pa.array(draw(rng, (1, 2, 3, -7, 100), 40, 0.2), pa.int64()),
                "id": pa.array(rng.permutation(40), pa.int64()),
            }
        ),
    }


def case(data: dict[str, pa.Table], right: Any, *, inclusive: bool) -> Case:
    schema = data["spine"].schema
    keys = (column(schema, "k"),)
    plan = TemporalJoin(spine(schema), right, "b", keys, column(schema, "t"), inclusive)
    return Case("by hand", plan, data)


def answer(asked: Case) -> pa.Table:
    outcome = ask(REFERENCE, asked)
    assert outcome.error is None, outcome.error
    assert outcome.table is not None
    return outcome.table


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_windows_are_those_of_sub_queries_in_duckdb(
    seed: int, inclusive: bool, known: bool
) -> None:
    data = tables(seed, known=known)
    schema = data["events"].schema
    v = column(schema, "v")
    features, columns = [], []
    before = "<=" if inclusive else "<"
    for function, text in IN_DUCKDB.items():
        for i, window in enumerate(WINDOWS):
            args = () if function == "count_rows" else (v,)
            more: dict[str, Any] = {"k": 2} if function == "top_k" else {}
            if function == "quantile":
                more["p"] = Decimal("0.25")
            features.append(Feature(f"{function}_{i}", aggregate(function, *args, **more), window))
            inside = "e.ts IS NOT NULL" if function == "count_rows" else "v IS NOT NULL"
            if window.width is not None:
                inside += f" AND e.ts >= q.t - INTERVAL {window.width} MICROSECOND"
            columns.append(f"{text.format(f'FILTER (WHERE {inside})')} AS {function}_{i}")
    source = declare("events", schema, known=known)
    view = View(events(source), (column(schema, "k"),), tuple(features))
    ours = answer(case(data, view, inclusive=inclusive))
    with duckdb.connect() as database:
        database.register("events", data["events"])
        database.register("q", data["spine"])
        theirs = database.sql(
            f"SELECT {', '.join(columns)} FROM q LEFT JOIN events e ON e.k = q.k"
            f" AND e.ts {before} q.t AND e.known {before} q.t GROUP BY n ORDER BY n"
        ).to_arrow_table()
    for feature in features:
        pairs = zip(
            ours[f"b.{feature.name}"].to_pylist(), theirs[feature.name].to_pylist(), strict=True
        )
        for a, b in pairs:
            assert a == (pytest.approx(b, rel=1e-9) if isinstance(b, float) else b), feature.name


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_look_ups_are_those_of_duckdb_and_polars(seed: int, forward: bool, inclusive: bool) -> None:
    data = tables(seed, known=False)
    # Other engines take any of tied rows, so there are none.
    once = data["events"].group_by(["k", "ts"]).aggregate([("id", "min")])
    data["events"] = once.rename_columns(["k", "ts", "id"])
    schema = data["events"].schema
    lookup = Lookup(
        events(declare("events", schema)), (column(schema, "k"),), ("id",), forward=forward
    )
    ours = answer(case(data, lookup, inclusive=inclusive))["b.id"].to_pylist()
    sign = ("<" if forward else ">") + ("=" if inclusive else "")
    with duckdb.connect() as database:
        database.register("events", data["events"])
        database.register("q", data["spine"])
        theirs = database.sql(
            f"SELECT n, id FROM q ASOF LEFT JOIN events e ON q.k = e.k AND q.t {sign} e.ts"
        )
        found = dict(theirs.fetchall())
    assert ours == [found[n] for n in range(12)]
    left = pl.DataFrame(data["spine"]).drop_nulls("t").sort("t")
    joined = left.join_asof(  # both are sorted by time alone
        pl.DataFrame(data["events"]).drop_nulls("k").sort("ts"),
        left_on="t",
        right_on="ts",
        by="k",
        strategy="forward" if forward else "backward",
        allow_exact_matches=inclusive,
        check_sortedness=False,
    )
    by_row = dict(zip(joined["n"], joined["id"], strict=True))
    assert ours == [by_row.get(n) for n in range(12)]


@pytest.mark.parametrize(
    "values",
    [
        [0.1] * 10,
        [1e16, 1.0, -1e16],
        [2.0**53, 1.0, 1.0],
        [2.0**53, 1.0, 2.0**-60],
        [5e-324] * 3,
        [1e308, -1e308, 1e-308, 5e-324],
    ],
)
def test_an_exact_sum_is_that_of_fsum(values: list[float]) -> None:
    assert exact_sum(values) == math.fsum(values)


def test_the_nearest_double_is_infinite_only_beyond_the_rounding_boundary() -> None:
    largest = 2**1024 - 2**971
    assert nearest(largest + 2**970 - 1) == float(largest)
    assert nearest(largest + 2**970) == math.inf
    assert nearest(-largest - 2**970) == -math.inf


def test_square_roots_are_rounded_correctly() -> None:
    rng = np.random.default_rng(3)
    for x in rng.lognormal(0, 80, 2000):
        assert square_root(Fraction(x)) == math.sqrt(x)
    assert square_root(Fraction(5e-324)) == math.sqrt(5e-324)
    assert square_root(Fraction(1, 10**640)) == 1e-320
    assert square_root(Fraction(10**616)) == 1e308


@pytest.mark.parametrize("name", POOLS)
def test_values_go_to_python_and_back(name: str) -> None:
    kind, pool = POOLS[name]
    array = pa.array(draw(np.random.default_rng(1), pool(np.random.default_rng(7)), 20, 0.2), kind)
    again = to_arrow(from_arrow(array), kind)
    assert [repr(v) for v in from_arrow(again)] == [repr(v) for v in from_arrow(array)]
    assert again.type == kind


def test_nested_values_go_to_python_and_back() -> None:
    kind = pa.struct(
        [
            ("when", pa.list_(pa.timestamp("us", "UTC"))),
            ("rooms", pa.map_(pa.string(), pa.date32())),
        ]
    )
    values: list[Any] = [([1, None, -1], [("a", 3), ("b", None)]), (None, []), None]
    assert from_arrow(to_arrow(values, kind)) == values
    assert from_arrow(to_arrow(values, kind).slice(1)) == values[1:]


@pytest.mark.parametrize(
    "ordered",
    [
        [None, -math.inf, -1.0, 0.0, 2.5, math.inf, math.nan],
        [None, "", "B", "a", "a\0", "ab", "é", "\uffee", "\U0001f600"],
        [None, [], [None], [None, 1], [1], [1, None], [2]],
        [None, False, True],
    ],
    ids=["numbers", "texts", "lists", "booleans"],
)
def test_the_canonical_order_of_values(ordered: list[Any]) -> None:
    turned = ordered[::-1]
    assert sorted(turned, key=order) == ordered


def test_minus_zero_is_zero_in_order() -> None:
    assert order(-0.0) == order(0.0)
