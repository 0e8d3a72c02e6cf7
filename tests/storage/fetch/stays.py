"""A training set with every kind of join, its data, and the same data in a store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.planner.session import Session
from bighead.storage.fetch.served import serve
from bighead.storage.store import Settings, Store
from bighead.zipline.catalog import FeatureSet, TrainingSet

HOUR, DAY = 3_600_000_000, 86_400_000_000
START = 1_704_067_200_000_000
END = START + 60 * DAY

SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, room VARCHAR, nights BIGINT, price DOUBLE,
                              ts TIMESTAMP) EVENT TIME ts IDENTITY (id);
CREATE ENTITY SOURCE listings (listing BIGINT, host BIGINT, city VARCHAR, updated TIMESTAMP)
    PRIMARY KEY (listing) CHANGED AT updated;
CREATE ENTITY SOURCE hosts (host BIGINT, tier VARCHAR, updated TIMESTAMP)
    PRIMARY KEY (host) CHANGED AT updated;
CREATE ENTITY SOURCE cities (city VARCHAR, country VARCHAR) PRIMARY KEY (city) STATIC;
CREATE EVENT SOURCE requests (request_id BIGINT, listing INTEGER, guests BIGINT, risky BOOLEAN,
                              note VARCHAR, ts TIMESTAMP) EVENT TIME ts;

CREATE FEATURE SET listing_bookings WITH (description = 'Bookings of a listing') AS
SELECT listing,
       SUM(nights) OVER w                          AS nights,
       COUNT(*) OVER w                             AS bookings,
       AVG(price) OVER (LAST '30d')                AS price,
       SUM(nights) BY room OVER (LAST '30d')       AS by_room,
       LAST(room)                                  AS last_room,
       LAST_K(nights, 3) OVER (LAST '30d')         AS latest,
       MAX(price) OVER (LAST 2 ROWS)               AS recent_price
FROM bookings GROUP BY listing
WINDOW w AS (LAST '7d', '30d');

CREATE FEATURE SET all_bookings AS SELECT COUNT(*) OVER (LAST '1d') AS bookings FROM bookings;

CREATE FEATURE SET room_bookings AS
SELECT listing, room, COUNT(*) AS bookings, LAST(ts) AS last_at
FROM bookings GROUP BY listing, room;

CREATE TRAINING SET stay_risk ID (request_id) WITH (description = 'Will it be cancelled?') AS
SELECT q.request_id,
       q.ts,
       q.note,
       LABEL q.risky,
       b.*,
       a.bookings                          AS all_bookings,
       l.city,
       h.tier,
       c.country,
       p.price                             AS fitting_price,
       b.nights_7d / NULLIF(b.nights_30d, 0) AS burst,
       EXTRACT(HOUR FROM q.ts)             AS hour,
       b.bookings_7d * q.guests            AS busy,
       y.nights_7d                         AS coming
FROM requests AS q
ASOF LEFT JOIN listing_bookings AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
ASOF LEFT JOIN all_bookings AS a MATCH_CONDITION (q.ts > a.event_time)
ASOF LEFT JOIN listings AS l MATCH_CONDITION (q.ts > l.updated) ON l.listing = q.listing
ASOF LEFT JOIN hosts AS h MATCH_CONDITION (q.ts >= h.updated) ON h.host = l.host
ASOF LEFT JOIN bookings AS p MATCH_CONDITION (q.ts > p.ts)
    ON p.listing = q.listing AND p.nights <= q.guests
LEFT JOIN cities AS c ON c.city = l.city
LABEL LEFT JOIN (SELECT listing, SUM(nights) OVER (NEXT '7d') AS nights_7d FROM bookings
                 GROUP BY listing) AS y
    MATCH_CONDITION (y.event_time > q.ts) ON y.listing = q.listing;
"""

NEEDED = ("listing", "guests", "ts")
"""What `stay_risk` is given: note and risky have no part in it."""


def moments(numbers: Any) -> Any:
    return pa.array(np.asarray(numbers, np.int64)).cast(pa.timestamp("us"))


@dataclass(frozen=True)
class Stays:
    """The definitions and their rows."""

    session: Session
    tables: dict[str, pa.Table]

    def definition(self, name: str) -> FeatureSet | TrainingSet:
        found = self.session.definitions.get(name)
        assert isinstance(found, FeatureSet | TrainingSet)
        return found

    def expected(self, sql: str) -> pa.Table:
        """What the reference says."""
        return self.session.sql(sql).to_arrow()

    def fill(self, store: Store) -> None:
        """Take all rows but the spine's."""
        for name, rows in self.tables.items():
            if name != "requests":
                store.ingest(name, rows)


def stays(seed: int = 1, bookings: int = 300, requests: int = 80) -> Stays:
    """Definitions with data around shared times, in a session of the reference."""
    rng = np.random.default_rng(seed)
    hours = int((END - START) // HOUR)

    def times(count: int) -> Any:
        return START + rng.integers(0, hours, count) * HOUR + rng.integers(-1, 2, count)

    listings, hosts = 6, 3
    changes = 20
    booked = times(bookings)
    at = np.where(
        rng.random(requests) < 0.5, rng.choice(booked, requests), times(requests)
    ) + rng.integers(-1, 2, requests)
    guests = rng.integers(0, 6, requests)
    rooms = ["private", "entire", None]
    tables = {
        "bookings": pa.table({
            "id": pa.array(range(bookings), pa.int64()),
            "listing": pa.array(rng.integers(0, listings, bookings)),
            "room": pa.array([rooms[i] for i in rng.integers(0, 3, bookings)], pa.string()),
            "nights": pa.array(rng.integers(1, 9, bookings)),
            "price": pa.array(rng.choice([0.1, 1e16, 80.5, -0.3], bookings)),
            "ts": moments(booked),
        }),
        "listings": pa.table({
            "listing": pa.array(rng.integers(0, listings, changes)),
            "host": pa.array(rng.integers(0, hosts, changes)),
            "city": pa.array([["Lima", "Oslo", None][i] for i in rng.integers(0, 3, changes)]),
            "updated": moments(START + rng.permutation(hours)[:changes] * HOUR),
        }),
        "hosts": pa.table({
            "host": pa.array(rng.integers(0, hosts, changes)),
            "tier": pa.array([["gold", "plain"][i] for i in rng.integers(0, 2, changes)]),
            "updated": moments(START + rng.permutation(hours)[:changes] * HOUR),
        }),
        "cities": pa.table({"city": ["Lima", "Oslo"], "country": ["Peru", "Norway"]}),
        "requests": pa.table({
            "request_id": pa.array(range(requests), pa.int64()),
            "listing": pa.array(rng.integers(0, listings + 1, requests), pa.int32()),
            "guests": pa.array(guests, pa.int64(), mask=guests == 0),
            "risky": pa.array(rng.random(requests) < 0.5),
            "note": pa.array(["n"] * requests),
            "ts": moments(at),
        }),
    }  # fmt: skip
    session = Session("reference")
    session.sql(SQL)
    for name, rows in tables.items():
        session.supply(name, rows)
    return Stays(session, tables)


def store_of(data: Stays, path: Path, names: tuple[str, ...] = ()) -> Path:
    """A store in a folder that serves sets, by default all, with the data."""
    with Store.open(path, Settings(leaf=8, logged=4, recent=4000, waiting=6)) as store:
        for name in names or ("stay_risk", "listing_bookings", "all_bookings", "room_bookings"):
            serve(store, data.definition(name))
        data.fill(store)
    return path
