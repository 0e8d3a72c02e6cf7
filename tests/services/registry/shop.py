"""A small project in SQL, and applies of it."""

from dataclasses import replace

from bighead.planner.session import Session
from bighead.platform.cli.changes import Changes
from bighead.platform.cli.diff import diff
from bighead.platform.cli.snapshot import snapshot
from bighead.platform.cli.workspace import Draft
from bighead.platform.registry import Registry, State, Version

BOOKINGS = """CREATE EVENT SOURCE bookings (listing BIGINT, nights INT, price DOUBLE, ts TIMESTAMP)
EVENT TIME ts WITH (batch = 'bookings.parquet', owner = 'homes', tags = ['stays', 'money'])"""
REQUESTS = """CREATE EVENT SOURCE requests (id BIGINT, listing BIGINT, ts TIMESTAMP) EVENT TIME ts
WITH (batch = 'requests.parquet')"""
ACTIVITY = """CREATE FEATURE SET activity WITH (description = 'How much a listing is booked') AS
SELECT listing, SUM(nights) OVER (LAST '7d') AS nights, COUNT(*) OVER (LAST '7d') AS bookings
FROM bookings WHERE price > 0 GROUP BY listing"""
RISK = """CREATE TRAINING SET risk ID (id) AS
SELECT q.id, q.ts, a.nights, a.nights + 1 AS more FROM requests AS q
ASOF LEFT JOIN activity AS a MATCH_CONDITION (q.ts > a.event_time) ON a.listing = q.listing"""
ALL = (BOOKINGS, REQUESTS, ACTIVITY, RISK)


def changes(registry: Registry, *statements: str, state: State | None = None) -> Changes:
    """What an apply of these definitions would change."""
    session = Session(versions=registry)
    drafted: dict[str, Version] = {}
    for text in statements:
        session.sql(text)
        *_, definition = session.definitions
        drafted[definition.name] = snapshot(definition, getattr(definition, "sql", text))
    state = state if state is not None else registry.state()
    files = {"all.sql": str(hash(statements))}
    return Changes(state, Draft(session, drafted, files), diff(state, drafted))


def steady(version: Version) -> Version:
    """Without what differs from run to run."""
    return replace(version, applied_at=None, applied_by="")
