"""A shop that serves and logs, with rows that come on time, late, altered, or never."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from bighead.planner.session import Session
from bighead.platform.features.verify.report import Found, SetFound
from bighead.platform.features.verify.verifying import Question, verify
from bighead.storage.access.authorizer import Open
from bighead.storage.fetch.answers import Answer
from bighead.storage.fetch.served import serve
from bighead.storage.fetch.service import Service
from bighead.storage.fetch.shelf import Shelf
from bighead.storage.fetch_log.fetch_log import FetchLog, LogSettings
from bighead.storage.store import Settings, Store
from bighead.storage.writing.arrival import Arrival
from bighead.zipline.catalog import FeatureSet, TrainingSet
from tests.storage.fetch_log.asked import ask

HOUR, DAY = 3_600_000_000, 86_400_000_000
START = 1_704_067_200_000_000

SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id);
CREATE EVENT SOURCE views (listing BIGINT, seconds DOUBLE, ts TIMESTAMP, loaded TIMESTAMP)
    EVENT TIME ts KNOWN AT loaded;
CREATE ENTITY SOURCE listings (listing BIGINT, host BIGINT, city VARCHAR, updated TIMESTAMP)
    PRIMARY KEY (listing) CHANGED AT updated;
CREATE ENTITY SOURCE hosts (host BIGINT, tier VARCHAR, updated TIMESTAMP)
    PRIMARY KEY (host) CHANGED AT updated;
CREATE EVENT SOURCE requests (request_id BIGINT, listing BIGINT, guests BIGINT, ts TIMESTAMP)
    EVENT TIME ts;

CREATE FEATURE SET nights AS
SELECT listing, SUM(nights) OVER (LAST '7d', '30d') AS nights, LAST(nights) AS last_nights,
       COUNT(*) AS bookings, STDDEV(nights) OVER (LAST '30d') AS spread
FROM bookings WHERE nights > 0 GROUP BY listing;
CREATE FEATURE SET looks AS
SELECT listing, SUM(seconds) OVER (LAST '7d') AS seconds, COUNT(*) OVER (LAST '1d') AS views
FROM views GROUP BY listing;
CREATE FEATURE SET in_city AS
SELECT city, COUNT(*) AS listings FROM listings GROUP BY city;
CREATE TRAINING SET risk ID (request_id) AS
SELECT q.request_id, n.*, v.seconds, l.city, h.tier, n.nights_7d * q.guests AS busy,
       n.spread / 2 AS half_spread
FROM requests AS q
ASOF LEFT JOIN nights AS n MATCH_CONDITION (q.ts > n.event_time) ON n.listing = q.listing
ASOF LEFT JOIN looks AS v MATCH_CONDITION (q.ts > v.event_time) ON v.listing = q.listing
ASOF LEFT JOIN listings AS l MATCH_CONDITION (q.ts > l.updated) ON l.listing = q.listing
ASOF LEFT JOIN hosts AS h MATCH_CONDITION (q.ts > h.updated) ON h.host = l.host;
"""
SETS = ("nights", "looks", "in_city", "risk")
Rows = list[dict[str, Any]]


def at(day: float) -> int:
    """Microseconds of a day of the shop."""
    return START + int(day * DAY)


def booking(number: int, day: float, nights: int = 2, listing: int = 1) -> dict[str, Any]:
    return {"id": number, "listing": listing, "nights": nights, "ts": at(day)}


def look(day: float, seconds: float = 1.5, known: float | None = None) -> dict[str, Any]:
    loaded = at(day if known is None else known)
    return {"listing": 1, "seconds": seconds, "ts": at(day), "loaded": loaded}


def listed(day: float, city: str, host: int = 1, listing: int = 1) -> dict[str, Any]:
    return {"listing": listing, "host": host, "city": city, "updated": at(day)}


@dataclass
class Shop:
    """Definitions, what lies offline, a store, and a service whose answers are logged."""

    session: Session
    store: Store
    path: Path
    service: Service
    log: FetchLog
    arrival: int = START

    def offline(self, **rows: Rows) -> None:
        """What lies offline; sources that are not named are empty."""
        for name in ("bookings", "views", "listings", "hosts", "requests"):
            source: Any = self.session.definitions.get(name)
            self.session.supply(name, pa.Table.from_pylist(rows.get(name, []), source.scanned))

    def takes(self, source: str, *rows: dict[str, Any]) -> int:
        """Rows that a stream brings, as one commit; its number."""
        declared: Any = self.session.definitions.get(source)
        table = pa.Table.from_pylist(list(rows), declared.scanned)
        self.arrival += HOUR
        return self.store.ingest(source, table, arrival=Arrival(self.arrival)).commit

    def fetch(self, name: str, day: float = 10, **columns: Any) -> Answer:
        """An answer, which is logged."""
        return ask(self.service, name, columns or {"listing": [1]}, at(day))

    def verify(self, name: str = "nights", **given: Any) -> SetFound:
        """What the log says of the one version that was served."""
        found = self.whole(name, **given)
        (one,) = found.sets
        return one

    def whole(self, name: str, store: Path | None = None, **given: Any) -> Found:
        """The whole verification; of what was served from this store, or from another one."""
        self.log.close()
        kept = store or self.path / "store"
        return verify(self.session, Question(name, self.log.settings.folder, kept, **given))


@contextmanager
def shop(
    path: Path, sql: str = SQL, sets: tuple[str, ...] = SETS, log: Path | None = None
) -> Iterator[Shop]:
    """A shop without any row, or of the store that is there."""
    session = Session()
    session.sql(sql)
    with Store.open(path / "store", Settings(leaf=8, logged=4)) as store:
        for name in sets:
            found = session.definitions.get(name)
            assert isinstance(found, FeatureSet | TrainingSet)
            serve(store, found)
        fetches = FetchLog(LogSettings(log or path / "log"))
        served = Service(Shelf(lambda: nullcontext(store)), Open(), observers=(fetches.observe,))
        yield Shop(session, store, path, served, fetches)
        fetches.close()


def counts(found: SetFound) -> dict[str, dict[str, int]]:
    """By feature, the outcomes that occur."""
    return {f.name: {o: n for o, n in f.counts.items() if n} for f in found.features}
