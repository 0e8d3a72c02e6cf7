"""EXPLAIN at each stage, with the bounds of the time contract; `golden/explain` has the texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from bighead.planner.pipeline import STAGES, Stage
from bighead.planner.session import Session
from bighead.zipline.errors import BigheadError

Golden = Callable[[str, str], None]

START = datetime(2024, 1, 1)

DEFINITIONS = """
CREATE FEATURE SET listing_bookings AS
SELECT listing,
       SUM(nights) OVER w AS nights,
       COUNT(*) OVER w AS bookings,
       AVG(price) FILTER (WHERE nights > 1) OVER (LAST '30d') AS long_stay_price,
       SUM(nights) BY room OVER (LAST '30d') AS nights_by_room,
       AVG(price) OVER (LAST 10 ROWS) AS recent_price,
       LAST(price) AS last_price
FROM bookings
WHERE price > 0
GROUP BY listing
WINDOW w AS (LAST '7d', '30d');

CREATE FEATURE SET rounded WITH (tail = '1h') AS
SELECT listing, SUM(nights) OVER (LAST '7d') AS nights FROM bookings GROUP BY listing;

CREATE TRAINING SET stay_risk ID (request_id) AS
SELECT q.request_id, q.ts, LABEL q.is_risky, b.*, l.room, h.city,
       b.nights_7d / NULLIF(b.nights_30d, 0) AS burst
FROM requests AS q
ASOF LEFT JOIN listing_bookings AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
ASOF LEFT JOIN listings AS l MATCH_CONDITION (q.ts > l.changed) ON l.listing = q.listing
LEFT JOIN hosts AS h ON h.host = l.host;

CREATE FEATURE SET usual AS
SELECT listing, AVG(nights_7d) OVER (LAST '30d') AS usual_nights
FROM listing_bookings GROUP BY listing;

CREATE TRAINING SET busy_soon WITH (open_labels = 'mark') AS
SELECT q.request_id, b.nights_7d, y.nights_30d AS later
FROM requests AS q
ASOF LEFT JOIN listing_bookings AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
LABEL LEFT JOIN (
  SELECT listing, SUM(nights) OVER w AS nights FROM bookings GROUP BY listing
  WINDOW w AS (NEXT '7d', '30d')
) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing;
"""

QUERIES = {
    "training_set": "SELECT * FROM stay_risk",
    "labels": "SELECT * FROM busy_soon",
    "chained": """
        SELECT q.request_id, u.usual_nights FROM requests AS q
        ASOF LEFT JOIN usual AS u MATCH_CONDITION (q.ts > u.event_time)
          ON u.listing = q.listing""",
    "some_of_it": "SELECT request_id, nights_7d FROM stay_risk WHERE request_id < 3",
    "two_joins": """
        SELECT q.request_id, a.nights_7d, b.nights_30d FROM requests AS q
        ASOF LEFT JOIN listing_bookings AS a MATCH_CONDITION (q.ts > a.event_time)
          ON a.listing = q.listing
        ASOF LEFT JOIN listing_bookings AS b MATCH_CONDITION (q.ts > b.event_time)
          ON b.listing = q.listing""",
    "rounded": """
        SELECT q.request_id, b.nights FROM requests AS q
        ASOF INNER JOIN rounded AS b MATCH_CONDITION (q.ts >= b.event_time)
          ON b.listing = q.listing""",
    "next_row": """
        SELECT q.request_id, n.price FROM requests AS q
        ASOF LEFT JOIN bookings AS n MATCH_CONDITION (q.ts <= n.ts)
          ON n.listing = q.listing TOLERANCE INTERVAL '3' DAY""",
    "grouped": """
        SELECT q.listing, COUNT(*) AS n, MAX(b.bookings_7d) AS most FROM requests AS q
        ASOF LEFT JOIN listing_bookings AS b MATCH_CONDITION (q.ts > b.event_time)
          ON b.listing = q.listing
        WHERE q.is_risky GROUP BY q.listing ORDER BY n DESC""",
}


def explained(session: Session, statement: str) -> str:
    """The lines that a statement gives, as one text."""
    return "\n".join(map(str, session.sql(statement).to_arrow()["plan"].to_pylist()))


def days(*numbers: int) -> list[datetime]:
    return [START + timedelta(days=n) for n in numbers]


@pytest.fixture(scope="module")
def session() -> Session:
    s = Session()
    s.register(
        "requests",
        {
            "request_id": [1, 2, 3],
            "listing": [1, 1, 2],
            "is_risky": [True, False, True],
            "ts": days(10, 20, 15),
        },
        event_time="ts",
    )
    s.register(
        "bookings",
        {
            "id": [1, 2, 3],
            "listing": [1, 1, 2],
            "nights": [2, 3, 4],
            "price": [10.0, 20.0, 30.0],
            "room": ["a", "b", "a"],
            "ts": days(5, 12, 14),
            "loaded": days(5, 13, 14),
        },
        event_time="ts",
        known_at="loaded",
        complete="3d",
    )
    s.register(
        "listings",
        {"listing": [1, 2], "host": [7, 8], "room": ["a", "b"], "changed": days(0, 0)},
        primary_key="listing",
        changed_at="changed",
    )
    s.register("hosts", {"host": [7, 8], "city": ["x", "y"]}, primary_key="host")
    s.sql(DEFINITIONS)
    return s


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", QUERIES)
def test_stage(name: str, stage: Stage, session: Session, golden: Golden) -> None:
    text = session.sql(QUERIES[name]).explain(stage)
    golden(f"explain/{name}.{stage}.txt", text + "\n")


@pytest.mark.parametrize("name", ["training_set", "two_joins", "grouped"])
def test_analyze_adds_rows_seconds_and_the_path(
    name: str, session: Session, golden: Golden
) -> None:
    text = explained(session, f"EXPLAIN ANALYZE {QUERIES[name]}")
    text = re.sub(r"\d+\.\d{3} s", "0.000 s", text)
    golden(f"explain/{name}.analyze.txt", text + "\n")


def test_optimized_is_what_is_shown_by_default(session: Session) -> None:
    result = session.sql(QUERIES["some_of_it"])
    assert result.explain() == result.explain("optimized")
    assert explained(session, f"EXPLAIN {QUERIES['some_of_it']}") == result.explain()


def test_a_statement_names_a_stage(session: Session) -> None:
    query = QUERIES["rounded"]
    text = explained(session, f"EXPLAIN STAGE tiled {query}")
    assert text == session.sql(query).explain("tiled")


def test_an_unknown_stage_is_an_error(session: Session) -> None:
    with pytest.raises(BigheadError, match="logical"):
        session.sql(f"EXPLAIN STAGE fast {QUERIES['rounded']}")


def test_skipped_rows_are_remarked() -> None:
    s = Session()
    s.register(
        "bookings",
        {"listing": [1, 1], "nights": [1, 2], "ts": [START, None]},
        event_time="ts",
        skip_null_times=True,
    )
    s.register("requests", {"listing": [1], "ts": days(1)}, event_time="ts")
    text = s.sql(
        """SELECT b.n FROM requests AS q
        ASOF LEFT JOIN (SELECT listing, SUM(nights) OVER (LAST '7d') AS n
                        FROM bookings GROUP BY listing) AS b
        MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing"""
    ).explain(analyze=True)
    assert "1 row" in text
    assert "skipped" in text
    assert "skip null times" in text
