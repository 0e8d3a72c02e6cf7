"""One project from declarations to rows: sources in files, a feature set, a training set."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.planner.session import Session

DEFINITIONS = """
CREATE EVENT SOURCE bookings (
  booking_id BIGINT, listing BIGINT, room_type VARCHAR, n_nights INT, price DOUBLE, ts TIMESTAMP, loaded_at TIMESTAMP
) EVENT TIME ts KNOWN AT loaded_at IDENTITY (booking_id)            -- and SEQUENCE col, UNIT 'ms', SKIP NULL TIMES
  WITH (batch = 'warehouse/bookings/*.parquet', stream = 'kafka://bookings', format = 'json', owner = 'homes');

CREATE ENTITY SOURCE listings (listing BIGINT, host BIGINT, room_type VARCHAR, updated_at TIMESTAMP)
  PRIMARY KEY (listing) CHANGED AT updated_at                       -- and SEQUENCE lsn, EVENT TIME created_at, KNOWN AT k; or STATIC
  WITH (batch = 'warehouse/listings/', stream = 'kafka://listings', format = 'debezium-json');

CREATE EVENT SOURCE requests (request_id BIGINT, listing BIGINT, is_risky BOOLEAN, ts TIMESTAMP) EVENT TIME ts
  WITH (batch = 'warehouse/requests/*.parquet');

CREATE FEATURE SET listing_bookings WITH (owner = 'homes', description = 'Booking activity of a listing', online = true) AS
SELECT listing,
       SUM(n_nights)  OVER w                                   AS nights,       -- nights_7d, nights_14d, ... nights_1y
       COUNT(*)       OVER w                                   AS bookings,
       AVG(price) FILTER (WHERE n_nights > 1)
                      OVER (RANGE INTERVAL '30' DAY PRECEDING) AS long_stay_price,
       SUM(n_nights) BY room_type OVER (LAST '30d')            AS nights_by_room, -- bucketed: MAP<room_type, sum>
       AVG(price) OVER (LAST 10 ROWS)                          AS recent_price, -- by count of events
       LAST(price)                                             AS last_price    -- no window: all history
FROM bookings
WHERE price > 0
GROUP BY listing
WINDOW w AS (LAST '7d', '14d', '30d', '90d', '180d', '1y');

CREATE TRAINING SET stay_risk ID (request_id) AS
SELECT q.request_id, q.ts, LABEL q.is_risky, b.*, l.room_type,
       b.nights_7d / NULLIF(b.nights_30d, 0) AS burst                           -- derived, the same online
FROM requests AS q
ASOF LEFT JOIN listing_bookings AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
ASOF LEFT JOIN listings         AS l MATCH_CONDITION (q.ts > l.updated_at) ON l.listing = q.listing;
"""  # noqa: E501


def at(month: int, day: int, hour: int = 0) -> dt.datetime:
    return dt.datetime(2024, month, day, hour)


def write_warehouse(base: Path) -> None:
    """Three days of bookings with a copy, a late row and a free one; a listing that changes."""
    bookings = [
        (1, 7, "private", 2, 80.0, at(3, 1, 9), at(3, 1, 9)),
        (2, 7, "private", 3, 90.0, at(3, 5, 12), at(3, 5, 13)),
        (2, 7, "private", 3, 90.0, at(3, 5, 12), at(3, 5, 13)),  # a copy
        (3, 7, "entire", 1, 120.0, at(3, 26, 8), at(3, 26, 8)),
        (4, 8, "entire", 7, 200.0, at(3, 21, 8), at(3, 21, 9)),
        (5, 7, "entire", 4, 110.0, at(3, 28, 8), at(3, 28, 8)),  # at the time of a request
        (6, 8, "entire", 9, 150.0, at(3, 27, 8), at(3, 29, 8)),  # known too late for request 101
        (7, 7, "entire", 5, 0.0, at(3, 27, 8), at(3, 27, 8)),  # free, so WHERE drops it
        (8, 7, None, 6, None, at(2, 20, 8), at(2, 20, 8)),  # without a price
    ]
    names = ("booking_id", "listing", "room_type", "n_nights", "price", "ts", "loaded_at")
    columns = dict(zip(names, zip(*bookings, strict=True), strict=True))
    whole = pa.table({n: list(v) for n, v in columns.items()})
    whole = whole.set_column(3, "n_nights", whole["n_nights"].cast(pa.int32()))
    listings = pa.table(
        {
            "listing": [7, 7, 8],
            "host": [70, 70, 80],
            "room_type": ["private", "entire", "entire"],
            "updated_at": [at(1, 1), at(3, 28, 8), at(3, 28)],
        }
    )
    requests = pa.table(
        {
            "request_id": [100, 101, 102, 103],
            "listing": [7, 8, 9, 7],
            "is_risky": [False, True, False, None],
            "ts": [at(3, 28, 8), at(3, 28), at(3, 30), at(3, 28, 9)],
        }
    )
    parts = {
        "bookings/a.parquet": whole.slice(0, 4),
        "bookings/b.parquet": whole.slice(4),
        "listings/a.parquet": listings,
        "requests/a.parquet": requests,
    }
    for name, table in parts.items():
        path = base / "warehouse" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)


def expected(
    nights: tuple[int | None, ...], bookings: tuple[int, ...], **others: object
) -> dict[str, object]:
    windows = ("7d", "14d", "30d", "90d", "180d", "1y")
    return {
        **{f"nights_{w}": n for w, n in zip(windows, nights, strict=True)},
        **{f"bookings_{w}": n for w, n in zip(windows, bookings, strict=True)},
        **others,
    }


@pytest.mark.parametrize("engine", ["datafusion", "reference"])
def test_the_rows_of_a_training_set_that_is_declared_over_files(
    engine: str, tmp_path: Path
) -> None:
    write_warehouse(tmp_path)
    session = Session(engine, folder=tmp_path)
    session.sql(DEFINITIONS)
    rows = session.sql("SELECT * FROM stay_risk").to_arrow().to_pylist()
    seven = {"private": 5, "entire": 1}
    assert [{**r, "nights_by_room": dict(r["nights_by_room"] or [])} for r in rows] == [
        {
            "request_id": 100,
            "ts": at(3, 28, 8),
            "is_risky": False,
            # At its own time the booking 5 and the change of the listing are not seen.
            **expected(
                (1, 1, 6, 6, 6, 6), (1, 1, 3, 3, 3, 3),
                long_stay_price=85.0, nights_by_room=seven,
                recent_price=(80.0 + 90.0 + 120.0) / 3, last_price=120.0,
            ),
            "room_type": "private",
            "burst": 1 / 6,
        },
        {
            "request_id": 101,
            "ts": at(3, 28),
            "is_risky": True,
            # Booking 6 has happened and is not known yet; the listing changes at this instant.
            **expected(
                (7,) * 6, (1,) * 6,
                long_stay_price=200.0, nights_by_room={"entire": 7},
                recent_price=200.0, last_price=200.0,
            ),
            "room_type": None,
            "burst": 1.0,
        },
        {
            "request_id": 102,
            "ts": at(3, 30),
            "is_risky": False,
            **expected(
                (None,) * 6, (0,) * 6,
                long_stay_price=None, nights_by_room={}, recent_price=None, last_price=None,
            ),
            "room_type": None,
            "burst": None,
        },
        {
            "request_id": 103,
            "ts": at(3, 28, 9),
            "is_risky": None,
            **expected(
                (5, 5, 10, 10, 10, 10), (2, 2, 4, 4, 4, 4),
                long_stay_price=(80.0 + 90.0 + 110.0) / 3,
                nights_by_room={"private": 5, "entire": 5},
                recent_price=100.0, last_price=110.0,
            ),
            "room_type": "entire",
            "burst": 0.5,
        },
    ]  # fmt: skip


def test_what_is_declared_of_serving_is_kept_and_said(tmp_path: Path) -> None:
    session = Session(folder=tmp_path)
    session.sql(DEFINITIONS)
    said = str(session.sql("DESCRIBE listing_bookings"))
    told = "a request gives listing, and is as of its time, else now"
    assert f"- online: {told}\n" in said
