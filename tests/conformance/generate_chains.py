"""Whole plans: several joins over one spine, filters, projections, static entities, lists of keys.

What the passes move about lies here: filters over what was joined, joins that ask the same events,
columns that nobody reads, times that no window reaches. And tables large enough for the paths that
the kernel takes only for many rows.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.zipline.expressions import call
from bighead.zipline.ir.expr import Column, Expr
from bighead.zipline.ir.expr import Literal as Constant
from bighead.zipline.ir.nodes import (
    Feature,
    Filter,
    Keys,
    Lookup,
    Node,
    Project,
    Scan,
    StaticJoin,
    TemporalJoin,
    View,
)
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.ir.types import BIGINT, INTERVAL, TIMESTAMP
from bighead.zipline.windows import DAY, HOUR, Window
from tests.conformance.cases import Case, aggregate, column, declare, events, spine
from tests.conformance.draw_tables import (
    CENTRES,
    KNOWLEDGE,
    WIDTHS,
    event_table,
    moments,
    pick,
    spine_table,
)
from tests.conformance.values import Rng, draw

CALM = ("i8", "i16", "i32", "f64", "dec")
"""Columns whose sums always fit."""


def chain_case(seed: int) -> Case:
    """Several joins one above the other, with filters and projections between."""
    rng = np.random.default_rng([seed, 7])
    centres = [int(c) for c in rng.choice(CENTRES, 2)]
    widths = [int(w) for w in rng.choice(WIDTHS, 3)]
    times = moments(rng, centres, widths)
    tables: dict[str, pa.Table] = {"spine": spine_table(rng, "int", times, 20)}
    for name in ("events", "others"):
        tables[name] = event_table(rng, "int", pick(rng, KNOWLEDGE), times, 25, 0.0)
    tables["hosts"] = _hosts(rng)
    plan: Node = spine(tables["spine"].schema)
    if rng.random() < 0.3:
        plan = _listed_keys(rng, tables, times)
    for number in range(int(rng.integers(1, 5))):
        plan = _joined(rng, plan, tables, f"j{number}", widths)
        if rng.random() < 0.25:
            plan = Filter(plan, _condition(rng, plan))
    if rng.random() < 0.7:
        plan = _projected(rng, plan)
    return Case(f"chain_case({seed})", plan, tables)


def _hosts(rng: Rng) -> pa.Table:
    """A static entity; now and then a key repeats."""
    keys = [1, 2, None, None, -(2**63)] if rng.random() < 0.9 else [1, 2, 2, 5, None]
    return pa.table(
        {
            "k0": pa.array(keys, pa.int64()),
            "city": pa.array(draw(rng, ("a", "b", None), 5, 0.0), pa.string()),
            "stars": pa.array(draw(rng, (1, 2, 3), 5, 0.2), pa.int32()),
        }
    )


def _listed_keys(rng: Rng, tables: dict[str, pa.Table], times: list[int]) -> Node:
    """The keys of the events, as of one time: what `AS OF TIMESTAMP` makes."""
    schema = tables["events"].schema
    source = declare("events", schema)
    listed = Keys(events(source), (("k0", column(schema, "k0")),))
    row = (
        ("n", Constant(1, BIGINT)),
        ("k0", Column("k0", BIGINT)),
        ("t", Constant(pick(rng, times), TIMESTAMP)),
        ("x", Constant(1, pa.int32())),
    )
    return Project(listed, row)


def _joined(
    rng: Rng, plan: Node, tables: dict[str, pa.Table], alias: str, widths: list[int]
) -> Node:
    keys: tuple[Expr, ...] = (column(plan.schema, "k0"),)
    if rng.random() < 0.2:
        schema = tables["hosts"].schema
        hosts = EntitySource("hosts", schema, primary_key=("k0",))
        entity = Scan(hosts, tuple(schema.names))
        residual = None
        if rng.random() < 0.3:
            stars = Column(f"{alias}.stars", pa.int32())
            residual = call("greater", [stars, column(plan.schema, "x")])
        return StaticJoin(
            plan, entity, alias, keys, ("k0",), ("city", "stars"), _kind(rng), residual
        )
    time: Expr = column(plan.schema, "t")
    if rng.random() < 0.3:
        # The lag shrinks to nothing where it would leave the range of int64.
        time = call("subtract", [time, Constant(0, INTERVAL)])
    name = "events" if rng.random() < 0.7 else "others"
    schema = tables[name].schema
    known = rng.random() < 0.5
    source = declare(name, schema, known=known, sequence=pick(rng, (None, "seq")), skip=True)
    where = column(schema, "flag") if rng.random() < 0.4 else None
    theirs = (column(schema, "k0"),)
    if rng.random() < 0.4:
        residual = Column(f"{alias}.flag", pa.bool_()) if rng.random() < 0.4 else None
        wanted = ("s", "f64", "i32", "id")[: int(rng.integers(1, 5))]
        right: View | Lookup = Lookup(
            events(source, where),
            theirs,
            wanted,
            forward=rng.random() < 0.2,
            tolerance=pick(rng, (None, None, widths[0])),
            residual=residual,
        )
    else:
        windows = [Window(w) for w in widths[:2]] + [Window(), Window(rows=2)]
        made = []
        for i in range(int(rng.integers(1, 5))):
            function = pick(rng, ("sum", "avg", "count_rows", "max", "last", "var_pop", "quantile"))
            args = () if function == "count_rows" else (column(schema, pick(rng, CALM)),)
            more: dict[str, Any] = {"p": Decimal("0.5")} if function == "quantile" else {}
            if rng.random() < 0.2:
                more["filter"] = column(schema, "bool")
            made.append(Feature(f"f{i}", aggregate(function, *args, **more), pick(rng, windows)))
        tail = pick(rng, (None, None, None, HOUR))
        right = View(events(source, where), theirs, tuple(made), tail)
    return TemporalJoin(
        plan, right, alias, keys, time, inclusive=rng.random() < 0.4, kind=_kind(rng)
    )


def _kind(rng: Rng) -> Any:
    return "inner" if rng.random() < 0.25 else "left"


def _condition(rng: Rng, plan: Node) -> Expr:
    """Something about the rows so far."""
    field = plan.schema.field(int(rng.integers(len(plan.schema))))
    tested = Column(field.name, field.type)
    if pa.types.is_int64(field.type) or pa.types.is_int32(field.type):
        return call("greater", [tested, Constant(int(rng.integers(3)), field.type)])
    return call("is_null" if rng.random() < 0.4 else "is_not_null", [tested])


def _projected(rng: Rng, plan: Node) -> Node:
    """Some of the columns, a derived one, and perhaps a filter above."""
    kept = [f for f in plan.schema if rng.random() < 0.6] or [plan.schema.field(0)]
    columns: list[tuple[str, Expr]] = [
        (f"c{i}", Column(f.name, f.type)) for i, f in enumerate(kept)
    ]
    numbers = [f for f in plan.schema if pa.types.is_float64(f.type)]
    if numbers:
        field = numbers[int(rng.integers(len(numbers)))]
        half = call("divide", [Column(field.name, field.type), Constant(2, BIGINT)])
        columns.append(("half", half))
    whole = Project(plan, tuple(columns))
    return Filter(whole, _condition(rng, whole)) if rng.random() < 0.3 else whole


def large_case(seed: int, rows: int, asking: int) -> Case:
    """Few keys with many events each, one of them hot, in few features."""
    rng = np.random.default_rng([seed, 11])
    span = int(pick(rng, (400, 10 * HOUR, 300 * DAY)))
    start = int(pick(rng, (0, -(10**15), 1_356_998_400_000_000)))
    happened = start + rng.integers(0, span, rows)
    keys = np.where(rng.random(rows) < 0.7, 0, rng.integers(0, 9, rows))
    late = np.where(rng.random(rows) < 0.1, rng.integers(0, span, rows), 0)
    prices = np.round(rng.lognormal(3, 1, rows), 2)
    spread = rng.normal(size=rows) * 10.0 ** rng.integers(-200, 200, rows)
    table = pa.table(
        {
            "k0": pa.array(keys, pa.int64()),
            "ts": pa.array(happened, pa.timestamp("us")),
            "known": pa.array(happened + late, pa.timestamp("us")),
            "seq": pa.array(rng.integers(0, 3, rows), pa.int64()),
            "i32": pa.array(rng.integers(-5, 50, rows), pa.int32()),
            "big": pa.array(rng.integers(-(2**40), 2**40, rows), pa.int64()),
            "price": pa.array(prices, mask=rng.random(rows) < 0.1),
            "spread": pa.array(spread, mask=rng.random(rows) < 0.1),
            "room": pa.array([f"r{v}" for v in rng.integers(0, 5, rows)], pa.string()),
            "flag": pa.array(rng.random(rows) < 0.5),
        }
    )
    questions = pa.table(
        {
            "n": pa.array(range(asking), pa.int64()),
            "k0": pa.array(np.where(rng.random(asking) < 0.7, 0, rng.integers(0, 10, asking))),
            "t": pa.array(
                start + rng.integers(-span // 10, span + span // 10, asking), pa.timestamp("us")
            ),
        }
    )
    known = bool(rng.random() < 0.4)
    source = declare("events", table.schema, known=known, sequence=pick(rng, (None, "seq")))
    windows = [Window(span // 3 + 1), Window(span // 50 + 1), Window(), Window(rows=100)]
    made = []
    for i, function in enumerate(rng.permutation(_LARGE)[:6]):
        name = _LARGE_COLUMNS.get(function, pick(rng, ("i32", "big", "price", "spread")))
        args = () if function == "count_rows" else (column(table.schema, name),)
        if function in ("min_by", "max_by"):
            args = (*args, column(table.schema, pick(rng, ("i32", "price"))))
        more: dict[str, Any] = {}
        if function in ("first_k", "last_k", "top_k", "bottom_k"):
            more["k"] = 5
        if function == "quantile":
            more["p"] = Decimal("0.3")
        if function == "histogram":
            more["k"] = 3
        if rng.random() < 0.2:
            more["bucket"] = column(table.schema, "room")
        if rng.random() < 0.2:
            more["filter"] = column(table.schema, "flag")
        made.append(Feature(f"f{i}", aggregate(str(function), *args, **more), pick(rng, windows)))
    view = View(events(source), (column(table.schema, "k0"),), tuple(made))
    schema = questions.schema
    plan = TemporalJoin(
        spine(schema),
        view,
        "b",
        (column(schema, "k0"),),
        column(schema, "t"),
        inclusive=bool(rng.random() < 0.5),
    )
    return Case(
        f"large_case({seed}, {rows}, {asking})", plan, {"spine": questions, "events": table}
    )


_LARGE_COLUMNS = {"histogram": "room", "count_distinct": "room"}
_LARGE = (
    "count_rows", "count", "count_distinct", "sum", "avg", "min", "max", "var_pop", "stddev_samp",
    "first", "last", "first_k", "last_k", "top_k", "bottom_k", "min_by", "max_by", "histogram",
    "quantile",
)  # fmt: skip
