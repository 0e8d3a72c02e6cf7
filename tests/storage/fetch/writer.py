"""A process that writes while others read: `python -m tests.storage.fetch.writer FOLDER COMMITS`.

Each commit brings every listing one booking of one night, so that in any one commit all listings
have as many nights as there were commits of bookings, and all listings the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from bighead.planner.session import Session
from bighead.storage.fetch.served import serve
from bighead.storage.store import Settings, Store
from bighead.zipline.catalog import FeatureSet
from tests.storage.fetch.stays import START, moments

LISTINGS = 40
SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
    EVENT TIME ts IDENTITY (id);
CREATE FEATURE SET nights AS
SELECT listing, SUM(nights) AS nights, COUNT(*) AS bookings, LAST(id) AS last_id
FROM bookings GROUP BY listing;
CREATE FEATURE SET all_nights AS SELECT SUM(nights) AS all_nights FROM bookings;
"""


def rows_of(commit: int) -> pa.Table:
    """The rows of a commit, counted from 0."""
    first = commit * LISTINGS
    return pa.table(
        {
            "id": pa.array(range(first, first + LISTINGS), pa.int64()),
            "listing": pa.array(range(LISTINGS), pa.int64()),
            "nights": pa.array([1] * LISTINGS, pa.int64()),
            "ts": moments([START + commit] * LISTINGS),
        }
    )


def prepared(path: Path) -> Store:
    """A store that serves the sets; its memtables are small, so that they are flushed often."""
    session = Session("reference")
    session.sql(SQL)
    store = Store.open(path, Settings(leaf=8, logged=4, recent=4000, waiting=6, buffer=64 * 1024))
    for name in ("nights", "all_nights"):
        definition = session.definitions.get(name)
        assert isinstance(definition, FeatureSet)
        serve(store, definition)
    return store


def write(path: Path, commits: int) -> None:
    """The commits, one after the other."""
    with prepared(path) as store:
        for commit in range(commits):
            store.ingest("bookings", rows_of(commit))
            sys.stdout.write(f"{commit}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
