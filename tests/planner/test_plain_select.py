"""Plain SELECT gives the rows that DuckDB gives, on small tables with NULLs and ties.

Left out are the rules in which this dialect differs on purpose: x / 0 is NULL, and rows keep the
order of the spine where ORDER BY says nothing.
"""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from bighead.planner.session import Session

QUERIES = (
    (Path(__file__).parent / "plain_select.sql").read_text(encoding="utf-8").strip().split(";\n")
)


def tables() -> dict[str, pa.Table]:
    pick = random.Random(3)

    def moment(hours: int) -> dt.datetime:
        return dt.datetime(2024, 1, 1) + dt.timedelta(hours=hours)

    def column(values: list[Any], count: int) -> list[Any]:
        return [pick.choice(values) for _ in range(count)]

    return {
        "bookings": pa.table(
            {
                "booking_id": pa.array(range(200), pa.int64()),
                "listing": pa.array(column([1, 2, 3, None], 200), pa.int64()),
                "room_type": column(["a", "b", None], 200),
                "n_nights": pa.array(column([1, 2, 3, None], 200), pa.int32()),
                "price": column([1.5, 2.5, None, 10.0], 200),
                "ts": [moment(pick.randrange(1000)) for _ in range(200)],
            }
        ),
        "requests": pa.table(
            {
                "request_id": pa.array(range(50), pa.int64()),
                "listing": pa.array(column([1, 2, 3, 4], 50), pa.int64()),
                "is_risky": column([True, False], 50),
                "ts": [moment(pick.randrange(1000)) for _ in range(50)],
            }
        ),
        "listings": pa.table(
            {
                "listing": pa.array([1, 2, 3, 3, 1], pa.int64()),
                "host": pa.array([10, 20, 30, 31, 10], pa.int64()),
                "room_type": ["x", "y", "z", "z", "x"],
                "updated_at": [moment(h) for h in (0, 1, 2, 500, 700)],
            }
        ),
        "hosts": pa.table({"host": pa.array([10, 20, 30], pa.int32()), "city": ["A", "B", None]}),
    }


@pytest.fixture(scope="module")
def session() -> Session:
    data = tables()
    ours = Session()
    ours.register("bookings", data["bookings"], event_time="ts", identity="booking_id")
    ours.register("requests", data["requests"], event_time="ts")
    ours.register("listings", data["listings"], primary_key="listing", changed_at="updated_at")
    ours.register("hosts", data["hosts"], primary_key="host")
    return ours


@pytest.fixture(scope="module")
def theirs() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    for name, table in tables().items():
        connection.register(name, table)
    return connection


@pytest.mark.parametrize("query", QUERIES)
def test_the_rows_of_duckdb(
    query: str, session: Session, theirs: duckdb.DuckDBPyConnection
) -> None:
    assert rows(session.sql(query).to_arrow()) == rows(theirs.sql(query).to_arrow_table())


def rows(table: pa.Table) -> list[tuple[object, ...]]:
    columns = [[plain(value) for value in column.to_pylist()] for column in table.columns]
    return list(zip(*columns, strict=True))


def plain(value: object) -> object:
    """Numbers of all types as one, rounded; times without a zone."""
    if isinstance(value, float | Decimal):
        return round(float(value), 9)
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value
