"""Random cases, biased towards the edges where engines differ; the same seed makes the same case.

Every aggregate meets every window in every case of windows; what else a case has (keys, knowledge,
match) is given, the rest is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from bighead.zipline.ir.expr import Call, Column, Expr
from bighead.zipline.ir.expr import Literal as Constant
from bighead.zipline.ir.nodes import (
    Events,
    Feature,
    JoinKind,
    Lookup,
    Scan,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
)
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.windows import DAY, HOUR, Window
from tests.conformance.cases import Case, aggregate, column, declare, events, spine
from tests.conformance.draw_features import features
from tests.conformance.draw_tables import (
    CENTRES,
    KEY_POOLS,
    KEYS,
    KNOWLEDGE,
    MATCHES,
    WIDTHS,
    Keys,
    Knowledge,
    Match,
    event_table,
    moments,
    pick,
    spine_table,
)
from tests.conformance.values import Rng, draw

WINDOWS, LOOKUP = 1, 2
"""Kinds of cases."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the parts of a case are drawn from; tables are added while they are."""

    rng: Rng
    match: Match
    keys: Keys
    knowledge: Knowledge
    widths: tuple[int, ...]
    times: list[int]
    sequence: str | None
    tables: dict[str, pa.Table]

    def chance(self, share: float) -> bool:
        """True in so many cases."""
        return bool(self.rng.random() < share)

    def keys_of(self, schema: pa.Schema) -> tuple[Expr, ...]:
        """The key columns of a table."""
        return tuple(column(schema, f"k{i}") for i in range(len(KEY_POOLS[self.keys])))


def draft(
    kind: int, seed: int, match: Match, keys: Keys, knowledge: Knowledge, sizes: Sequence[int]
) -> Draft:
    """A spine and the first of the events, with the widths and times they have in common."""
    given = (MATCHES.index(match), KEYS.index(keys), KNOWLEDGE.index(knowledge))
    rng = np.random.default_rng([seed, kind, *given])
    centres = [int(c) for c in rng.choice(CENTRES, 2)]
    widths = tuple(int(w) for w in rng.choice(WIDTHS, 3))
    # The least time there is stands for "always known" where a union mixes sources that name a
    # knowledge time with sources that do not, so that a strict look-up ahead cannot ask at it.
    times = [max(t, -(2**63) + (kind == LOOKUP)) for t in moments(rng, centres, widths)]
    nulls = float(pick(rng, (0.0, 0.0, 0.0, 0.1)))
    rows = event_table(rng, keys, knowledge, times, int(pick(rng, (0, 1, 5, 20, 30))), nulls)
    tables = {"spine": spine_table(rng, keys, times, int(pick(rng, sizes))), "events": rows}
    return Draft(
        rng, match, keys, knowledge, widths, times, pick(rng, (None, "seq", "word")), tables
    )


def drawn_events(d: Draft) -> Events | UnionAll:
    """The events, perhaps with copies, below a WHERE, or united with others."""
    rows = d.tables["events"]
    where: Expr | None = column(rows.schema, "flag") if d.chance(0.2) else None
    skip = d.chance(0.5)
    known = d.knowledge != "none"
    source = declare("events", rows.schema, known=known, sequence=d.sequence, skip=skip)
    if rows["ts"].null_count and not skip and d.chance(0.5):
        # Mostly the rows without a time lie outside of what WHERE lets through.
        where = Call("is_not_null", (source.event_time,), pa.bool_())
    if d.chance(0.2) and rows.num_rows:
        source = replace(source, identity=("id",))
        d.tables["events"] = pa.concat_tables([rows, _copies(d, rows)])
    first = events(source, where)
    if not d.chance(0.2):
        return first
    others = event_table(d.rng, d.keys, pick(d.rng, KNOWLEDGE), d.times, 8, 0.0)
    d.tables["others"] = others
    # Whether a source names a knowledge time decides what a forward look-up may take.
    second = declare(
        "others",
        others.schema,
        known=d.chance(0.5),
        sequence=pick(d.rng, (None, d.sequence)),
        skip=d.chance(0.5),
    )
    return UnionAll((first, events(second, where)))


def _copies(d: Draft, rows: pa.Table) -> pa.Table:
    """Some rows again; now and then not quite the same ones."""
    copies = rows.take(d.rng.integers(0, rows.num_rows, 3))
    if not d.chance(0.2):
        return copies
    words = pa.array(draw(d.rng, ("", "b"), 3, 0.0), pa.string())
    return copies.set_column(copies.column_names.index("word"), "word", words)


def joined(d: Draft, right: View | Lookup, kind: JoinKind, label: str) -> Case:
    """The case of the spine and what is joined to it."""
    schema = d.tables["spine"].schema
    plan = TemporalJoin(
        spine(schema),
        right,
        "b",
        d.keys_of(schema),
        column(schema, "t"),
        inclusive=d.match == "inclusive",
        kind=kind,
    )
    return Case(label, plan, d.tables)


def windows_case(seed: int, match: Match, keys: Keys, knowledge: Knowledge) -> Case:
    """Every aggregate over every window of the case."""
    d = draft(WINDOWS, seed, match, keys, knowledge, (0, 1, 6, 10))
    short, middle, long = d.widths
    windows = [
        Window(short),
        Window(middle),
        Window(long, rows=int(d.rng.integers(1, 4))),
        Window(rows=1),
        Window(rows=3),
        Window(),
        Window(short, forward=True),
        Window(middle, rows=2, forward=True),
        Window(forward=True),
    ]
    inner = d.chance(0.2)
    if inner:
        # Beside a window of all history the others could not decide which rows stay.
        windows = [pick(d.rng, windows)]
    schema = d.tables["events"].schema
    made = features(d.rng, schema, windows)
    if d.chance(0.2):
        narrow = Call("cast", (column(schema, "i32"),), pa.int8())
        made.append(Feature("narrow", aggregate("max", narrow), windows[0]))
    tail = pick(d.rng, (None, None, None, None, HOUR, DAY, 300_000_000))
    view = View(drawn_events(d), d.keys_of(schema), tuple(made), tail)
    label = f"windows_case({seed}, {match!r}, {keys!r}, {knowledge!r})"
    return joined(d, view, "inner" if inner else "left", label)


def lookup_case(seed: int, match: Match, keys: Keys, knowledge: Knowledge) -> Case:
    """A row look-up: backward or forward, with tolerance, condition, sequence, union, versions."""
    d = draft(LOOKUP, seed, match, keys, knowledge, (20,))
    schema = d.tables["events"].schema
    entity = d.chance(0.25)
    lookup = Lookup(
        _versions(d, schema) if entity else drawn_events(d),
        d.keys_of(schema),
        tuple(schema.names),
        forward=not entity and d.chance(0.4),
        tolerance=pick(d.rng, (None, None, 0, 1, *d.widths[:2])),
        residual=residual(d.rng) if d.chance(0.4) else None,
    )
    label = f"lookup_case({seed}, {match!r}, {keys!r}, {knowledge!r})"
    return joined(d, lookup, pick(d.rng, ("left", "left", "inner")), label)


def residual(rng: Rng) -> Expr:
    """A condition that a looked-up row meets, alone or beside the spine's row."""
    x, other = Column("x", pa.int32()), Column("b.i32", pa.int32())
    text = (Column("b.s", pa.string()), Constant("a", pa.string()))
    conditions = (
        Column("b.flag", pa.bool_()),
        Call("less", (x, other), pa.bool_()),
        Call("not_equal", text, pa.bool_()),
    )
    return conditions[int(rng.integers(3))]


def _versions(d: Draft, schema: pa.Schema) -> Versions:
    """An entity whose primary key is the last column of the join's key, or another column."""
    key = f"k{len(KEY_POOLS[d.keys]) - 1}"
    primary = key if key in schema.names and d.chance(0.6) else "i16"
    source = EntitySource(
        "events",
        schema,
        primary_key=(primary,),
        changed_at=column(schema, "ts"),
        known_at=column(schema, "known") if d.knowledge != "none" else None,
        sequence=d.sequence,
    )
    return Versions(
        Scan(source, tuple(schema.names)),
        "events",
        (primary,),
        column(schema, "ts"),
        source.known_at,
        None if d.sequence is None else column(schema, d.sequence),
    )
