"""Random cases of entities: rows that change, move between keys, are deleted and come back.

Few primary keys and few times, so that many changes tie and many rows move; knowledge times make
changes arrive late; the event time of a version is drawn apart from when it changed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.zipline.ir.expr import Expr
from bighead.zipline.ir.nodes import Feature, Lookup, Scan, TemporalJoin, Versions, View
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.windows import DAY, HOUR, Window
from tests.conformance.cases import Case, aggregate, column, spine
from tests.conformance.draw_features import features
from tests.conformance.draw_tables import KEY_POOLS, Keys, Knowledge, Match, pick
from tests.conformance.generate import Draft, draft, joined, residual
from tests.conformance.values import draw

ENTITY_WINDOWS, ENTITY_LOOKUP = 3, 4
OPERATIONS = ("insert", "update", "Update", "upsert", "c", "u", "r", "delete", "DELETE", "d")


def entity_windows_case(seed: int, match: Match, keys: Keys, knowledge: Knowledge) -> Case:
    """Every aggregate over some kinds of windows of the rows that are valid."""
    d = draft(ENTITY_WINDOWS, seed, match, keys, knowledge, (0, 1, 6, 10))
    versions = drawn_versions(d)
    short, middle, long = d.widths
    windows = [
        Window(short),
        Window(middle),
        Window(long, rows=int(d.rng.integers(1, 4))),
        Window(rows=1),
        Window(rows=3),
        Window(),
    ]
    inner = d.chance(0.3)
    few = d.rng.permutation(len(windows))[: 1 if inner else 3]
    windows = [windows[int(i)] for i in few]
    made: list[Feature] = features(d.rng, versions.schema, windows)
    tail = pick(d.rng, (None, None, None, None, HOUR, DAY))
    view = View(versions, d.keys_of(versions.schema), tuple(made), tail)
    label = f"entity_windows_case({seed}, {match!r}, {keys!r}, {knowledge!r})"
    return joined(d, view, "inner" if inner else "left", label)


def entity_lookup_case(seed: int, match: Match, keys: Keys, knowledge: Knowledge) -> Case:
    """A look-up by the primary key or by other columns, of rows that may be gone."""
    d = draft(ENTITY_LOOKUP, seed, match, keys, knowledge, (20,))
    versions = drawn_versions(d)
    lookup = Lookup(
        versions,
        d.keys_of(versions.schema),
        tuple(versions.schema.names),
        tolerance=pick(d.rng, (None, None, 0, 1, *d.widths[:2])),
        residual=residual(d.rng) if d.chance(0.4) else None,
    )
    label = f"entity_lookup_case({seed}, {match!r}, {keys!r}, {knowledge!r})"
    return joined(d, lookup, pick(d.rng, ("left", "left", "inner")), label)


def drawn_versions(d: Draft) -> Versions:
    """An entity over the events of a draft, with operations, perhaps an event time, and WHERE."""
    rows = d.tables["events"]
    count = rows.num_rows
    entities = (1, 2, 3) if d.chance(0.9) else (1, 2, None)
    rows = rows.append_column("pk", pa.array(draw(d.rng, entities, count, 0.0), pa.int16()))
    happened = draw(d.rng, d.times, count, 0.2)
    rows = rows.append_column("happened", pa.array(happened, pa.timestamp("us")))
    position = 0 if d.chance(0.5) else rows.num_columns
    operations = pa.array(draw(d.rng, OPERATIONS, count, 0.0), pa.string())
    deletes = d.chance(0.8)
    rows = rows.add_column(position, "op", operations)
    if d.chance(0.2) and count:
        rows = pa.concat_tables([rows, rows.take(d.rng.integers(0, count, 3))])
    d.tables["events"] = rows
    key = f"k{len(KEY_POOLS[d.keys]) - 1}"
    choices: list[tuple[str, ...]] = [("pk",), ("pk",), ("pk", "flag")]
    if key in rows.schema.names:
        choices.append((key,))
    primary = choices[int(d.rng.integers(len(choices)))]
    schema = rows.schema
    source = EntitySource(
        "events",
        schema,
        primary_key=primary,
        changed_at=column(schema, "ts"),
        known_at=column(schema, "known") if d.knowledge != "none" else None,
        sequence=d.sequence,
        event_time=column(schema, "happened") if d.chance(0.6) else None,
        options=(("op", "op"),) if deletes else (),
    )
    where: Expr | None = column(schema, "flag") if d.chance(0.3) else None
    return replace(versions_of(source), where=where)


def versions_of(source: EntitySource) -> Versions:
    """The changes of an entity."""
    assert source.changed is not None
    scanned = source.scanned
    sequence = None if source.sequence is None else column(scanned, source.sequence)
    return Versions(
        Scan(source, tuple(scanned.names)),
        source.name,
        source.primary_key,
        source.changed,
        source.known,
        sequence,
        source.event_time,
        source.deleted,
    )


def many_changes_case(seed: int, changes: int, keys: int, asking: int) -> Case:
    """Few aggregates over an entity of many rows, most of them changed several times."""
    rng = np.random.default_rng([seed, 5])
    base = 1_356_998_400_000_000
    spread = 30 * DAY
    entities = max(changes // 4, 1)

    def times(count: int) -> Any:
        return pa.array(base + rng.integers(0, spread, count) // HOUR * HOUR, pa.timestamp("us"))

    schema_of: dict[str, Any] = {
        "pk": pa.array(rng.integers(0, entities, changes), pa.int64()),
        "k0": pa.array(rng.integers(0, keys, changes), pa.int64()),
        "ts": times(changes),
        "known": times(changes),
        "happened": times(changes),
        "op": pa.array(rng.choice(["insert", "update", "update", "delete"], changes), pa.string()),
        "v": pa.array(rng.normal(size=changes)),
        "n": pa.array(rng.integers(-5, 5, changes), pa.int64()),
    }
    rows = pa.table(schema_of)
    late = bool(rng.random() < 0.5)
    source = EntitySource(
        "events",
        rows.schema,
        primary_key=("pk",),
        changed_at=column(rows.schema, "ts"),
        known_at=column(rows.schema, "known") if late else None,
        event_time=column(rows.schema, "happened"),
        options=(("op", "op"),),
    )
    asked: dict[str, Any] = {
        "k0": pa.array(rng.integers(0, keys, asking), pa.int64()),
        "t": times(asking),
    }
    windows = [Window(7 * DAY), Window(), Window(rows=5), Window(20 * DAY, rows=3)]
    made = [
        Feature(f"{function}_{i}", aggregate(function, *args), window)
        for i, window in enumerate(windows)
        for function, args in (
            ("count_rows", ()),
            ("avg", (column(rows.schema, "v"),)),
            ("sum", (column(rows.schema, "n"),)),
            ("max", (column(rows.schema, "v"),)),
            ("last", (column(rows.schema, "v"),)),
            ("count_distinct", (column(rows.schema, "n"),)),
        )
    ]
    spined = pa.table(asked)
    keyed = (column(rows.schema, "k0"),)
    plan = TemporalJoin(
        spine(spined.schema),
        View(versions_of(source), keyed, tuple(made)),
        "b",
        keyed,
        column(spined.schema, "t"),
    )
    label = f"many_changes_case({seed}, {changes}, {keys}, {asking})"
    return Case(label, plan, {"spine": spined, "events": rows})
