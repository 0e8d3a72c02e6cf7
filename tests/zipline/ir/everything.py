"""One plan that holds every node and every kind of thing that a node holds; every definition."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

from bighead.zipline.aggregates import aggregate
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.expressions import call
from bighead.zipline.ir.expr import Call, Column, Expr, Literal
from bighead.zipline.ir.nodes import (
    Events,
    Feature,
    Filter,
    Keys,
    Lookup,
    Node,
    Project,
    Reach,
    Relational,
    Scan,
    StaticJoin,
    TemporalJoin,
    UnionAll,
    Versions,
    View,
)
from bighead.zipline.ir.sources import EntitySource, EventSource, Table
from bighead.zipline.ir.tiled import Partial, TiledView
from bighead.zipline.ir.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    NULL,
    TIMESTAMP,
    TIMESTAMPTZ,
    VARCHAR,
)
from bighead.zipline.tiling import LEVELS
from bighead.zipline.windows import DAY, HOUR, Window


def typed(types: dict[str, pa.DataType]) -> pa.Schema:
    return pa.schema(types)


MONEY = pa.decimal128(12, 2)
BOOKED = typed(
    {
        "id": BIGINT,
        "listing": BIGINT,
        "nights": INTEGER,
        "price": DOUBLE,
        "paid": MONEY,
        "room": VARCHAR,
        "ts": TIMESTAMP,
        "loaded": TIMESTAMP,
        "tags": pa.list_(VARCHAR),
        "by_room": pa.map_(VARCHAR, DOUBLE),
        "place": pa.struct([pa.field("city", VARCHAR), pa.field("zone", pa.int8())]),
    }
)
ASKED = typed({"n": BIGINT, "listing": BIGINT, "late": BOOLEAN, "ts": TIMESTAMPTZ})
HOST = typed({"host": BIGINT, "city": VARCHAR})


def col(name: str) -> Column:
    return Column(name, BOOKED.field(name).type)


REQUESTS = EventSource("requests", ASKED, event_time=Column("ts", TIMESTAMPTZ))
BOOKINGS = EventSource(
    "shop.bookings",
    BOOKED,
    event_time=col("ts"),
    known_at=col("loaded"),
    sequence="id",
    identity=("id", "room"),
    skip_null_times=True,
    options=(
        ("batch", "bookings/*.parquet"),
        ("owner", "homes"),
        ("retries", 3),
        ("strict", True),
        ("tags", ("a", "b")),
    ),
)
LISTINGS = EntitySource(
    "listings",
    BOOKED,
    primary_key=("listing",),
    changed_at=col("ts"),
    known_at=col("loaded"),
    sequence="id",
    event_time=col("loaded"),
)
HOSTS = EntitySource("hosts", HOST, primary_key=("host",))
TABLE = Table("codes", HOST, options=(("batch", "codes.csv"),))

LITERALS: tuple[Literal, ...] = (
    Literal(None, NULL),
    Literal(None, DOUBLE),
    Literal(True, BOOLEAN),
    Literal(False, BOOLEAN),
    Literal(-(2**63), BIGINT),
    Literal(7, pa.int8()),
    Literal(2**64 - 1, pa.uint64()),
    Literal(1.5, DOUBLE),
    Literal(-0.0, DOUBLE),
    Literal(1e300, DOUBLE),
    Literal(0.1, pa.float32()),
    Literal(float("inf"), DOUBLE),
    Literal(float("-inf"), DOUBLE),
    Literal(float("nan"), DOUBLE),
    Literal(Decimal("-12.50"), MONEY),
    Literal("it's", VARCHAR),
    Literal("", VARCHAR),
    Literal(b"\x00\xff", BINARY),
    Literal(15706, DATE),
    Literal(-1, DATE),
    Literal(1_356_998_400_000_000, TIMESTAMP),
    Literal(-1, TIMESTAMPTZ),
    Literal(2**63 - 1, TIMESTAMP),
    Literal(2 * HOUR, INTERVAL),
    Literal(-90_000_000, INTERVAL),
    Literal(0, INTERVAL),
)


def spine() -> Node:
    named = ((f"q.{f.name}", Column(f.name, f.type)) for f in ASKED)
    return Project(
        Filter(Scan(REQUESTS, tuple(ASKED.names)), Column("late", BOOLEAN)), tuple(named)
    )


def bookings() -> Events:
    positive = call(">", [col("price"), Literal(0.0, DOUBLE)])
    scan = Scan(BOOKINGS, tuple(BOOKED.names), positive, Reach(7 * DAY, 0))
    return Events(scan, "shop.bookings", col("ts"), col("loaded"), col("id"), ("id", "room"), True)


def features() -> tuple[Feature, ...]:
    long = call(">", [col("nights"), Literal(1, INTEGER)])
    return (
        Feature("nights_7d", aggregate("sum", [col("nights")]), Window(7 * DAY)),
        Feature("bookings", aggregate("count_rows", [], filter=long), Window(7 * DAY, rows=100)),
        Feature("by_room", aggregate("sum", [col("paid")], bucket=col("room")), Window(rows=10)),
        Feature("rooms", aggregate("count_distinct", [col("room")])),
        Feature("best", aggregate("max_by", [col("room"), col("price")])),
        Feature("top", aggregate("top_k", [col("price")], k=3)),
        Feature("p90", aggregate("quantile", [col("price")], p=Decimal("0.90"))),
    )


def view() -> View:
    return View(bookings(), (col("listing"),), features(), tail=HOUR)


def tiled() -> TiledView:
    partials = (
        Partial("p1", "sum", (col("nights"),)),
        Partial("p2", "greatest", (col("price"),), k=3, filter=Literal(True, BOOLEAN)),
        Partial("p3", "rows", bucket=col("room")),
    )
    kept = features()[:2]
    return TiledView(
        bookings(), (col("listing"),), kept, None, LEVELS, partials, (("p1", "p2"), ())
    )


def versions() -> Versions:
    scan = Scan(LISTINGS, tuple(BOOKED.names))
    return Versions(scan, "listings", ("listing",), col("ts"), col("loaded"), col("id"))


def united() -> UnionAll:
    plain = Events(Scan(BOOKINGS, tuple(BOOKED.names)), "shop.bookings", col("ts"))
    return UnionAll((bookings(), plain))


def everything() -> Node:
    """A join of each kind, on top of one another, under plain SQL."""
    listing = (Column("q.listing", BIGINT),)
    time = Column("q.ts", TIMESTAMPTZ)
    ahead: Expr = Call("subtract", (time, Literal(2 * HOUR, INTERVAL)), TIMESTAMPTZ)
    residual = call(">", [Column("l.nights", INTEGER), Literal(0, INTEGER)])
    node: Node = TemporalJoin(spine(), view(), "b", listing, ahead)
    node = TemporalJoin(node, tiled(), "c", listing, time, inclusive=True, kind="inner")
    label = Feature("y", aggregate("count_rows", []), Window(7 * DAY, forward=True))
    node = TemporalJoin(node, View(united(), (), (label,)), "y", (), time)
    lookup = Lookup(versions(), (col("listing"),), ("nights", "room"), False, None, residual)
    node = TemporalJoin(node, lookup, "l", listing, time)
    ahead_of = Lookup(bookings(), (col("listing"),), ("price",), forward=True, tolerance=HOUR)
    node = TemporalJoin(node, ahead_of, "n", listing, time, inclusive=True)
    node = StaticJoin(
        node, Scan(HOSTS, tuple(HOST.names)), "h", listing, ("host",), ("city",), "inner", None
    )
    keys = Keys(bookings(), (("listing", col("listing")), ("room", col("room"))))
    tables = (("a", node), ("k", keys), ("codes", Scan(TABLE, ("city",))))
    sql = "SELECT a.n, count(*) AS c\nFROM a, k, codes\nGROUP BY a.n"
    return Relational(sql, tables, pa.schema({"n": BIGINT, "c": BIGINT}))


def feature_set() -> FeatureSet:
    total = Column("nights_7d", BIGINT)
    return FeatureSet(
        "listing_bookings",
        view(),
        ("listing",),
        (("nights_7d", total), ("double", call("*", [total, Literal(2, BIGINT)]))),
        "CREATE FEATURE SET listing_bookings AS SELECT ...",
        ("shop.bookings",),
        (("online", True), ("owner", "homes")),
    )


def training_set() -> TrainingSet:
    joined = TemporalJoin(
        spine(), view(), "b", (Column("q.listing", BIGINT),), Column("q.ts", TIMESTAMPTZ)
    )
    columns: tuple[tuple[str, Expr], ...] = (
        ("n", Column("q.n", BIGINT)),
        ("late", Column("q.late", BOOLEAN)),
        ("nights_7d", Column("b.nights_7d", BIGINT)),
    )
    return TrainingSet(
        "stay_risk",
        Project(joined, columns),
        ("n",),
        ("late",),
        Column("q.ts", TIMESTAMPTZ),
        "CREATE TRAINING SET stay_risk AS SELECT ...",
        ("requests", "listing_bookings"),
    )
