"""Random cases, biased towards the edges where engines differ; the same seed makes the same case.

Times come from few values: the edges of the windows around few centres, a microsecond to either
side, midnights, times before 1970 and at the ends of int64. Every aggregate meets every window in
every case of windows; what else a case has (keys, knowledge, match) is given, the rest is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa

from bighead.zipline.expressions import call
from bighead.zipline.ir.expr import Call, Column, Expr
from bighead.zipline.ir.expr import Literal as Constant
from bighead.zipline.ir.nodes import Feature, Lookup, TemporalJoin, UnionAll, Versions, View
from bighead.zipline.ir.nodes import Scan as Read
from bighead.zipline.ir.sources import EntitySource, EventSource
from bighead.zipline.windows import DAY, HOUR, Window
from tests.conformance.cases import Case, aggregate, column, declare, events, spine
from tests.conformance.values import BYTES, NAN, NESTED, POOLS, Rng, draw
from tests.conformance.values import column as drawn_column

Keys = Literal[
    "none",
    "int",
    "text",
    "date",
    "composite",
    "float",
    "bool",
    "decimal",
    "stamp",
    "bytes",
    "small",
    "unsigned",
    "wide",
]
Knowledge = Literal["none", "equal", "late", "never", "unordered", "early"]
Match = Literal["strict", "inclusive"]
KEYS: tuple[Keys, ...] = get_args(Keys)
KNOWLEDGE: tuple[Knowledge, ...] = get_args(Knowledge)
MATCHES: tuple[Match, ...] = get_args(Match)

KEY_POOLS: dict[Keys, tuple[tuple[pa.DataType, tuple[Any, ...]], ...]] = {
    "none": (),
    "int": ((pa.int64(), (1, 2, -(2**63), None)),),
    "small": ((pa.uint16(), (1, 2, 65535, None)),),
    "text": ((pa.string(), ("", "a", "b", "\U0001f600", None)),),
    "date": ((pa.date32(), (0, -1, 15706, None)),),
    "composite": ((pa.int32(), (1, 2, None)), (pa.string(), ("", "a", None))),
    "float": ((pa.float64(), (0.0, -0.0, 1.5, NAN, None)),),
    "bool": ((pa.bool_(), (True, False, None)),),
    "decimal": ((pa.decimal128(20, 3), (Decimal("1.500"), Decimal("-1.500"), None)),),
    "stamp": ((pa.timestamp("us"), (0, -1, 2**62, None)),),
    "bytes": ((pa.binary(), (*BYTES[:4], None)),),
    "unsigned": ((pa.uint64(), (0, 2**64 - 1, 2**63, None)),),
    "wide": (
        (pa.int8(), (1, -128)),
        (pa.float32(), (0.5, 0.0, -0.0, NAN)),
        (pa.timestamp("us", "UTC"), (0, None)),
        (pa.duration("us"), (0,)),
    ),
}

MIDNIGHT = 1_356_998_400_000_000
CENTRES = (MIDNIGHT, MIDNIGHT + 37, 0, -1, -400 * DAY, -(2**63) + 2, 2**63 - 3, 1)
WIDTHS = (1, 2, 1000, HOUR, DAY, 7 * DAY, 365 * DAY, 2**62, 2**63 - 1)

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
}
"""Each aggregate with the columns that it takes."""
BUCKETS = ("s", "i16", "f64", "bool", "date", "dec", "stamp", "bin", "u64", "f32")
QUANTILES = ("0", "1", "0.5", "0.25", "0.1", "0.333333333333", "0.99")


def pick(rng: Rng, among: Sequence[Any]) -> Any:
    """One of them."""
    return among[int(rng.integers(len(among)))]


def moments(rng: Rng, centres: Sequence[int], widths: Sequence[int]) -> list[int]:
    """The times of a case: few, at the edges of its windows."""
    times: set[int] = set()
    for c in centres:
        for w in (0, *widths):
            for sign in (-1, 1):
                times.update(c + sign * w + d for d in (-1, 0, 1))
        times.add(c // DAY * DAY)
    legal = sorted(t for t in times if -(2**63) <= t < 2**63)
    return [legal[int(i)] for i in rng.permutation(len(legal))[: int(rng.integers(4, 14))]]


def known_times(rng: Rng, knowledge: Knowledge, times: list[int | None], late: list[int]) -> Any:
    """When each event became known."""

    def one(t: int | None) -> int | None:
        if knowledge == "equal":
            return t
        if knowledge == "unordered":
            return late[int(rng.integers(len(late)))] if rng.random() < 0.9 else None
        if t is None or rng.random() < 0.5:
            return t
        if knowledge == "never":
            return None
        delay = int(pick(rng, (1, 2, HOUR, DAY))) * (-1 if knowledge == "early" else 1)
        return min(max(t + delay, -(2**63)), 2**63 - 1)

    return pa.array([one(t) for t in times], pa.timestamp("us"))


def event_table(
    rng: Rng, keys: Keys, knowledge: Knowledge, times: list[int], size: int, nulls: float
) -> pa.Table:
    """Events: keys, times, all kinds of values; `id` numbers the rows."""
    hot = rng.random() < 0.2
    columns: dict[str, Any] = {}
    for i, (kind, pool) in enumerate(KEY_POOLS[keys]):
        values = draw(rng, pool, size, 0.0)
        columns[f"k{i}"] = pa.array([pool[0]] * size if hot else values, kind)
    happened = draw(rng, times, size, nulls)
    columns["ts"] = pa.array(happened, pa.timestamp("us"))
    columns["known"] = known_times(rng, knowledge, happened, times)
    columns["seq"] = pa.array(draw(rng, (0, 1, -5), size, 0.3), pa.int64())
    columns["word"] = pa.array(draw(rng, ("", "a", "é"), size, 0.3), pa.string())
    columns["id"] = pa.array(range(size), pa.int64())
    columns["flag"] = pa.array(draw(rng, (True, False), size, 0.2), pa.bool_())
    for name in POOLS:
        columns[name] = drawn_column(rng, name, size)
    for name, (kind, nested) in NESTED.items():
        columns[name] = pa.array(draw(rng, nested, size, 0.2), kind)
    return chunked(rng, pa.table(columns))


def chunked(rng: Rng, table: pa.Table) -> pa.Table:
    """The same rows, now and then in several chunks that do not begin where their buffers do."""
    rows = table.num_rows
    if rows < 2 or rng.random() < 0.5:
        return table
    cut = int(rng.integers(1, rows))
    padded = pa.concat_tables([table.slice(cut), table]).combine_chunks()
    return pa.concat_tables([padded.slice(rows - cut, cut), padded.slice(rows, rows - cut)])


def spine_table(rng: Rng, keys: Keys, times: list[int], size: int) -> pa.Table:
    """Rows that ask, some twice, some without a key or a time."""
    columns: dict[str, Any] = {"n": pa.array(range(size), pa.int64())}
    for i, (kind, pool) in enumerate(KEY_POOLS[keys]):
        columns[f"k{i}"] = pa.array(draw(rng, pool, size, 0.0), kind)
    columns["t"] = pa.array(draw(rng, times, size, 0.05), pa.timestamp("us"))
    columns["x"] = pa.array(draw(rng, (0, 1, 2), size, 0.1), pa.int32())
    return pa.table(columns)


def features(rng: Rng, schema: pa.Schema, windows: Sequence[Window]) -> list[Feature]:
    """Every aggregate over every window; column, filter and bucket are drawn."""
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
            if function in ("first_k", "last_k", "top_k", "bottom_k"):
                more["k"] = pick(rng, (1, 2, 3, 100))
            if function == "histogram":
                more["k"] = pick(rng, (None, 1, 2))
            if function == "quantile":
                more["p"] = Decimal(pick(rng, QUANTILES))
            if rng.random() < 0.25:
                more["filter"] = _filter(rng, schema)
            if rng.random() < 0.25:
                more["bucket"] = column(schema, pick(rng, BUCKETS))
            made.append(Feature(f"{function}_{i}", aggregate(function, *args, **more), window))
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


def _source(
    rng: Rng, name: str, schema: pa.Schema, knowledge: Knowledge, *, sequence: str | None
) -> EventSource:
    return declare(
        name, schema, known=knowledge != "none", sequence=sequence, skip=rng.random() < 0.5
    )


def windows_case(seed: int, match: Match, keys: Keys, knowledge: Knowledge) -> Case:
    """Every aggregate over every window of the case."""
    rng = np.random.default_rng(
        [seed, MATCHES.index(match), KEYS.index(keys), KNOWLEDGE.index(knowledge)]
    )
    centres = [int(c) for c in rng.choice(CENTRES, 2)]
    widths = [int(w) for w in rng.choice(WIDTHS, 3)]
    times = moments(rng, centres, widths)
    inner = rng.random() < 0.2
    windows = [
        Window(widths[0]),
        Window(widths[1]),
        Window(widths[2], rows=int(rng.integers(1, 4))),
        Window(rows=1),
        Window(rows=3),
        Window(),
        Window(widths[0], forward=True),
        Window(widths[1], rows=2, forward=True),
        Window(forward=True),
    ]
    if inner:
        windows = [windows[int(rng.integers(len(windows)))]]
    size = int(pick(rng, (0, 1, 5, 20, 30)))
    nulls = float(pick(rng, (0.0, 0.0, 0.0, 0.1)))
    rows = event_table(rng, keys, knowledge, times, size, nulls)
    tables = {"spine": spine_table(rng, keys, times, int(pick(rng, (0, 1, 6, 10)))), "events": rows}
    where: Expr | None = column(rows.schema, "flag") if rng.random() < 0.2 else None
    sequence = pick(rng, (None, "seq", "word"))
    source = _source(rng, "events", rows.schema, knowledge, sequence=sequence)
    if nulls and not source.skip_null_times and rng.random() < 0.5:
        # Mostly the rows without a time lie outside of what WHERE lets through.
        where = Call("is_not_null", (source.event_time,), pa.bool_())
    if rng.random() < 0.2 and size:
        source = replace(source, identity=("id",))
        copies = rows.take(rng.integers(0, size, 3))
        if rng.random() < 0.2:
            other_words = pa.array(draw(rng, ("", "b"), 3, 0.0), pa.string())
            copies = copies.set_column(copies.column_names.index("word"), "word", other_words)
        tables["events"] = pa.concat_tables([rows, copies])
    right: Any = events(source, where)
    if rng.random() < 0.2:
        other = event_table(rng, keys, pick(rng, KNOWLEDGE), times, 8, 0.0)
        tables["others"] = other
        known: Knowledge = "late" if rng.random() < 0.5 else "none"
        second = _source(rng, "others", other.schema, known, sequence=pick(rng, (None, sequence)))
        right = UnionAll((right, events(second, where)))
    expressions = tuple(column(rows.schema, f"k{i}") for i in range(len(KEY_POOLS[keys])))
    made = features(rng, rows.schema, windows)
    if rng.random() < 0.2:
        narrow = Call("cast", (column(rows.schema, "i32"),), pa.int8())
        made.append(Feature("narrow", aggregate("max", narrow), windows[0]))
    view = View(
        right,
        expressions,
        tuple(made),
        tail=pick(rng, (None, None, None, None, HOUR, DAY, 300_000_000)),
    )
    asking = tables["spine"].schema
    plan = TemporalJoin(
        spine(asking),
        view,
        "b",
        tuple(column(asking, f"k{i}") for i in range(len(expressions))),
        column(asking, "t"),
        inclusive=match == "inclusive",
        kind="inner" if inner else "left",
    )
    label = f"windows_case({seed}, {match!r}, {keys!r}, {knowledge!r})"
    return Case(label, plan, tables)


def lookup_case(seed: int, match: Match, keys: Keys, knowledge: Knowledge) -> Case:
    """A row look-up: backward or forward, with tolerance, condition, sequence, union, versions."""
    rng = np.random.default_rng(
        [seed, 99, MATCHES.index(match), KEYS.index(keys), KNOWLEDGE.index(knowledge)]
    )
    centres = [int(c) for c in rng.choice(CENTRES, 2)]
    widths = [int(w) for w in rng.choice(WIDTHS, 2)]
    times = moments(rng, centres, widths)
    size = int(pick(rng, (0, 1, 10, 30)))
    nulls = float(pick(rng, (0.0, 0.0, 0.0, 0.1)))
    rows = event_table(rng, keys, knowledge, times, size, nulls)
    tables = {"spine": spine_table(rng, keys, times, 20), "events": rows}
    where = column(rows.schema, "flag") if rng.random() < 0.2 else None
    sequence = pick(rng, (None, "seq", "word"))
    source = _source(rng, "events", rows.schema, knowledge, sequence=sequence)
    right: Any = events(source, where)
    entity = rng.random() < 0.25
    forward = not entity and rng.random() < 0.4
    if entity:
        right = _versions(rng, rows.schema, knowledge, sequence, f"k{len(KEY_POOLS[keys]) - 1}")
    elif rng.random() < 0.2:
        other = event_table(rng, keys, pick(rng, KNOWLEDGE), times, 8, 0.0)
        tables["others"] = other
        # Whether a source names a knowledge time decides what a forward look-up may take.
        known = pick(rng, (knowledge, "none", "late"))
        second = _source(rng, "others", other.schema, known, sequence=pick(rng, (None, sequence)))
        right = UnionAll((right, events(second, where)))
    expressions = tuple(column(rows.schema, f"k{i}") for i in range(len(KEY_POOLS[keys])))
    residual = _residual(rng) if rng.random() < 0.4 else None
    lookup = Lookup(
        right,
        expressions,
        tuple(rows.schema.names),
        forward=forward,
        tolerance=pick(rng, (None, None, 0, 1, *widths)),
        residual=residual,
    )
    asking = tables["spine"].schema
    plan = TemporalJoin(
        spine(asking),
        lookup,
        "b",
        tuple(column(asking, f"k{i}") for i in range(len(expressions))),
        column(asking, "t"),
        inclusive=match == "inclusive",
        kind=pick(rng, ("left", "left", "inner")),
    )
    return Case(f"lookup_case({seed}, {match!r}, {keys!r}, {knowledge!r})", plan, tables)


def _residual(rng: Rng) -> Expr:
    """A condition that a looked-up row meets, alone or beside the spine's row."""
    x, other = Column("x", pa.int32()), Column("b.i32", pa.int32())
    text = (Column("b.s", pa.string()), Constant("a", pa.string()))
    conditions = (
        Column("b.flag", pa.bool_()),
        Call("less", (x, other), pa.bool_()),
        Call("not_equal", text, pa.bool_()),
    )
    return conditions[int(rng.integers(3))]


def _versions(
    rng: Rng, schema: pa.Schema, knowledge: Knowledge, sequence: str | None, key: str
) -> Versions:
    """An entity whose primary key is the join's key, or something else."""
    primary = key if key in schema.names and rng.random() < 0.6 else "i16"
    source = EntitySource(
        "events",
        schema,
        primary_key=(primary,),
        changed_at=column(schema, "ts"),
        known_at=column(schema, "known") if knowledge != "none" else None,
        sequence=sequence,
    )
    return Versions(
        Read(source, tuple(schema.names)),
        "events",
        (primary,),
        column(schema, "ts"),
        source.known_at,
        None if sequence is None else column(schema, sequence),
    )
