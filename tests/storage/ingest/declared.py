"""Sources as SQL declares them, and what a batch reads of files of them."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from bighead.planner.session import Session
from bighead.planner.sources.changes import open_changes
from bighead.planner.sources.opener import Place, open_source
from bighead.zipline.ir.nodes import Lookup, View
from bighead.zipline.ir.sources import EntitySource, EventSource

T = TypeVar("T")

EVERYTHING = """
    CREATE EVENT SOURCE events (
        id BIGINT, small SMALLINT, flag BOOLEAN, price DOUBLE, exact DECIMAL(10, 2), name VARCHAR,
        day DATE, ts TIMESTAMP, zoned TIMESTAMPTZ, tags VARCHAR[], at STRUCT(x DOUBLE, n BIGINT[]),
        big UBIGINT, narrow FLOAT
    ) EVENT TIME ts IDENTITY (id) WITH (stream = 'events.jsonl')
"""

LISTINGS = """
    CREATE ENTITY SOURCE listings (listing BIGINT, host BIGINT, price DOUBLE, at TIMESTAMP)
        PRIMARY KEY (listing) CHANGED AT at
        WITH (batch = 'c.jsonl', format = 'debezium-json')
"""


def event_source(sql: str = EVERYTHING) -> EventSource:
    """The one event source that a statement declares."""
    return _declared(sql, EventSource)


def entity_source(sql: str = LISTINGS) -> EntitySource:
    """The one entity source that a statement declares."""
    return _declared(sql, EntitySource)


def _declared(sql: str, kind: type[T]) -> T:
    session = Session()
    session.sql(sql)
    (found,) = [d for d in session.definitions if isinstance(d, kind)]
    return found


def view_of(sql: str, name: str) -> View | Lookup:
    """What a store keeps of a feature set."""
    session = Session()
    session.sql(sql)
    found = session.definitions.get(name)
    right = getattr(found, "view", None)
    assert isinstance(right, View | Lookup)
    return right


def read_offline(source: EventSource | EntitySource, path: Path) -> pa.Table:
    """What a batch reads of a file."""
    place = Place(path.parent)
    if isinstance(source, EntitySource):
        return open_changes(source, path.name, place, lambda _: None).scan(source.scanned.names)
    return open_source(path.name, source.name, place, source.schema).scan(source.schema.names)
