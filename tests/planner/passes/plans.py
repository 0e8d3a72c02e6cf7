"""Plans to be optimised: a few written out, and random ones with their data.

The random ones draw from few sources, keys and windows, so that joins often agree and merge, and
from conditions of all kinds, some of which fail for some rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.zipline.aggregates import aggregate
from bighead.zipline.expressions import call
from bighead.zipline.ir.expr import Column, Expr, Literal
from bighead.zipline.ir.nodes import (
    Events,
    Feature,
    Filter,
    JoinKind,
    Lookup,
    Node,
    Project,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
)
from bighead.zipline.ir.sources import EntitySource, EventSource, Source
from bighead.zipline.ir.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    INTEGER,
    INTERVAL,
    TIMESTAMP,
    VARCHAR,
)
from bighead.zipline.windows import DAY, HOUR, Window


def typed(**types: pa.DataType) -> pa.Schema:
    return pa.schema(types)


COLUMNS = typed(
    id=BIGINT,
    listing=BIGINT,
    host=BIGINT,
    price=DOUBLE,
    nights=INTEGER,
    room=VARCHAR,
    ts=TIMESTAMP,
    loaded=TIMESTAMP,
)
ASKED = typed(n=BIGINT, listing=BIGINT, late=BOOLEAN, t=TIMESTAMP)
STILL = typed(host=BIGINT, city=VARCHAR, stars=INTEGER)


def column(schema: pa.Schema, name: str) -> Column:
    return Column(name, schema.field(name).type)


def col(name: str) -> Column:
    """A column of the events."""
    return column(COLUMNS, name)


def scan(source: Source) -> Scan:
    return Scan(source, tuple(source.schema.names))


REQUESTS = EventSource("requests", ASKED, event_time=column(ASKED, "t"))
BOOKINGS = EventSource("bookings", COLUMNS, event_time=col("ts"), known_at=col("loaded"))
VIEWS = EventSource("views", COLUMNS, event_time=col("ts"), identity=("id",))
LISTINGS = EntitySource("listings", COLUMNS, primary_key=("listing",), changed_at=col("ts"))
HOSTS = EntitySource("hosts", STILL, primary_key=("host",))


def events(source: EventSource, where: Expr | None = None) -> Events:
    below: Node = scan(source) if where is None else Filter(scan(source), where)
    return Events(
        below,
        source.name,
        source.event_time,
        source.known_at,
        None,
        source.identity,
        source.skip_null_times,
    )


def chained(part: Events, window: Window, where: Expr | None = None) -> Events:
    """The events again, `host` being how many there were of the listing before each."""
    counted = View(part, (col("listing"),), (feature("n", "count_rows", window=window),))
    rows = TemporalJoin(part.input, counted, "#s", (col("listing"),), part.event_time)
    columns = [(f.name, Column(f.name, f.type)) for f in COLUMNS]
    before = [(n, Column("#s.n", BIGINT) if n == "host" else e) for n, e in columns]
    below: Node = Project(rows, tuple(before))
    return replace(part, input=below if where is None else Filter(below, where))


def versions() -> Versions:
    return Versions(scan(LISTINGS), "listings", ("listing",), col("ts"))


def spine() -> Project:
    """The requests as a query calls them: `q.n`, `q.listing`, ..."""
    columns = ((f"q.{f.name}", Column(f.name, f.type)) for f in ASKED)
    return Project(scan(REQUESTS), tuple(columns))


Q_LISTING = Column("q.listing", BIGINT)
Q_TIME = Column("q.t", TIMESTAMP)
AHEAD = call("-", [Q_TIME, Literal(2 * HOUR, INTERVAL)])


def feature(name: str, function: str, *args: Expr, window: Window, **more: Any) -> Feature:
    return Feature(name, aggregate(function, args, **more), window)


def join(
    below: Node,
    right: View | Lookup,
    alias: str,
    kind: JoinKind = "left",
    time: Expr = Q_TIME,
    inclusive: bool = False,
    keys: tuple[Expr, ...] = (Q_LISTING,),
) -> TemporalJoin:
    return TemporalJoin(below, right, alias, keys, time, inclusive, kind)


def activity(where: Expr | None = None) -> View:
    """Nights and bookings of a listing, over several windows."""
    features = [
        feature(f"nights_{w // DAY}d", "sum", col("nights"), window=Window(w))
        for w in (7 * DAY, 30 * DAY)
    ]
    features.append(feature("bookings", "count_rows", window=Window(90 * DAY)))
    features.append(
        feature(
            "long_price",
            "avg",
            col("price"),
            window=Window(30 * DAY),
            filter=call(">", [col("nights"), Literal(1, INTEGER)]),
        )
    )
    return View(events(BOOKINGS, where), (col("listing"),), tuple(features))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A random plan and the data of its sources."""

    plan: Node
    tables: dict[str, pa.Table]


class Draw:
    """Random parts of plans, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.halves = 0

    def pick(self, among: Sequence[Any]) -> Any:
        return among[int(self.rng.integers(len(among)))]

    def often(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def values(self, among: Sequence[Any], size: int, nulls: float = 0.1) -> list[Any]:
        return [None if self.often(nulls) else self.pick(among) for _ in range(size)]

    def tables(self) -> dict[str, pa.Table]:
        """Few rows, few keys, times at the edges of the windows."""
        base = 400 * DAY
        times = [base + d * DAY + e for d in (0, 1, 7, 8, 30, 37) for e in (-1, 0, 1)]

        def rows(size: int, nulls: float) -> pa.Table:
            made = {
                "id": list(range(size)),
                "listing": self.values((1, 2), size),
                "host": self.values((1, 2, 3), size),
                "price": self.values((0.0, 1.5, 80.25, float("nan")), size),
                "nights": self.values((0, 1, 2, 7), size),
                "room": self.values(("a", "b", ""), size),
                "ts": self.values(times, size, nulls),
                "loaded": self.values(times, size),
            }
            return pa.table(made, COLUMNS)

        bookings, views = rows(14, self.pick((0.0, 0.0, 0.05))), rows(10, 0.0)
        asked = {
            "n": list(range(7)),
            "listing": self.values((1, 2, 3), 7),
            "late": self.values((True, False), 7),
            "t": self.values([t + 2 * HOUR * self.often(0.3) for t in times], 7),
        }
        still = {"host": [1, 2], "city": self.values(("x", "y"), 2), "stars": [3, None]}
        return {
            "bookings": bookings,
            "views": pa.concat_tables([views, views.slice(2, 2)]),
            "listings": rows(6, 0.0).filter(pa.array([True] * 6)),
            "requests": pa.table(asked, ASKED),
            "hosts": pa.table(still, STILL),
        }

    def condition(self, schema: pa.Schema) -> Expr:
        """A condition over some columns; one in eight fails where a number is large."""
        names = [f.name for f in schema if f.type in (BIGINT, INTEGER, DOUBLE, BOOLEAN)]
        a = column(schema, self.pick(names))
        if a.type == BOOLEAN:
            return call("not", [a]) if self.often(0.5) else a
        sign = self.pick(("<", "<=", ">", ">=", "=", "<>"))
        if self.often(0.12) and a.type != DOUBLE:
            high = Literal(2**63 - 3, BIGINT)
            return call(">", [call("+", [a, high]), Literal(0, BIGINT)])
        plain = call(sign, [a, Literal(self.pick((0, 1, 2)), INTEGER)])
        if self.often(0.2):
            return call("or", [plain, self.condition(schema)])
        found: Expr = self.pick((plain, plain, call("is_null", [a]), Literal(True, BOOLEAN)))
        return found

    def where(self) -> Expr | None:
        """The same few conditions, so that events are often equal."""
        return None if self.often(0.6) else call(">", [col("price"), Literal(0.0, DOUBLE)])

    def timed(self) -> Events | UnionAll:
        where = self.where()
        if self.often(0.15):
            return UnionAll((events(BOOKINGS, where), events(VIEWS, where)))
        found = events(self.pick((BOOKINGS, BOOKINGS, VIEWS)), where)
        while self.often(0.25):
            again = call(">", [col("host"), Literal(0, BIGINT)]) if self.often(0.5) else None
            found = chained(found, self.pick((Window(7 * DAY), Window())), again)
        return found

    def features(self) -> tuple[Feature, ...]:
        made = []
        ahead = self.often(0.15)
        for i in range(int(self.rng.integers(1, 5))):
            window = self.pick(
                (Window(DAY), Window(7 * DAY), Window(30 * DAY), Window(), Window(7 * DAY, rows=2))
            )
            if ahead and self.often(0.7):
                window = Window(self.pick((DAY, 7 * DAY)), forward=True)
            function, args = self.pick(
                (
                    ("count_rows", ()),
                    ("sum", (col("nights"),)),
                    ("avg", (col("price"),)),
                    ("last", (col("room"),)),
                    ("max", (call("*", [col("nights"), Literal(2, INTEGER)]),)),
                    ("count", (call("+", [Literal(1, INTEGER), Literal(2, INTEGER)]),)),
                )
            )
            more: dict[str, Any] = {}
            if self.often(0.2):
                more["filter"] = self.pick((self.condition(COLUMNS), Literal(True, BOOLEAN)))
            if self.often(0.1):
                more["bucket"] = col("room")
            made.append(feature(f"f{i}", function, *args, window=window, **more))
        return tuple(made)

    def right(self, alias: str) -> View | Lookup:
        key = (col("listing"),)
        if self.often(0.65):
            return View(self.timed(), key, self.features(), self.pick((None, None, HOUR)))
        names = ("host", "price", "nights", "room")
        columns = tuple(n for n in names if self.often(0.5)) or ("host",)
        residual = None
        if self.often(0.3):
            nights = Column(f"{alias}.nights", INTEGER)
            residual = call(">", [nights, Literal(0, INTEGER)])
            if self.often(0.3):
                residual = call("and", [residual, call("<", [Column("q.n", BIGINT), nights])])
        tolerance = self.pick((None, None, DAY, 0))
        if self.often(0.3):
            return Lookup(versions(), key, columns, residual=residual, tolerance=tolerance)
        return Lookup(self.timed(), key, columns, self.often(0.2), tolerance, residual)

    def joins(self, below: Node) -> Node:
        for i in range(int(self.rng.integers(1, 6))):
            alias = f"j{i}"
            kind: JoinKind = "inner" if self.often(0.2) else "left"
            hosts = [n for n in below.schema.names if n.endswith(".host")]
            if hosts and self.often(0.4):
                key = Column(self.pick(hosts), BIGINT)
                columns = tuple(c for c in ("city", "stars") if self.often(0.6))
                residual = None
                if self.often(0.3):
                    residual = call("is_null", [Column(f"{alias}.stars", INTEGER)])
                below = StaticJoin(
                    below, scan(HOSTS), alias, (key,), ("host",), columns, kind, residual
                )
                continue
            time = self.pick((Q_TIME, Q_TIME, AHEAD))
            below = join(below, self.right(alias), alias, kind, time, self.often(0.2))
        return below

    def plan(self) -> Node:
        node: Node = spine()
        if self.often(0.3):
            node = Filter(node, self.condition(node.schema))
        node = self.joins(node)
        for _ in range(int(self.rng.integers(0, 3))):
            node = Filter(node, call("and", [self.condition(node.schema) for _ in range(2)]))
            if self.often(0.5):
                node = self.project(node)
        return self.project(node) if self.often(0.7) else node

    def project(self, node: Node) -> Node:
        """Some of the columns, under new names here and there, and something computed."""
        kept = [f for f in node.schema if f.name.startswith("q.") or self.often(0.4)]
        columns: list[tuple[str, Expr]] = [(f.name, Column(f.name, f.type)) for f in kept]
        for f in list(kept):
            if f.type in (BIGINT, DOUBLE) and self.often(0.3):
                half = call("/", [Column(f.name, f.type), Literal(2, INTEGER)])
                self.halves += 1
                columns.append((f"half_{self.halves}", half))
        return Project(node, tuple(columns))


def drawn(seed: int) -> Drawn:
    """A random plan and its data."""
    draw = Draw(seed)
    return Drawn(draw.plan(), draw.tables())
