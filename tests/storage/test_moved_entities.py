"""An entity that moves between the keys of a set, also by two changes of one microsecond."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pyarrow as pa
import pytest

from bighead.planner.session import Session
from bighead.storage.database.database import Memory
from bighead.storage.store import Store

SQL = """
CREATE ENTITY SOURCE listings (listing BIGINT, city VARCHAR, updated TIMESTAMP)
    PRIMARY KEY (listing) CHANGED AT updated;
CREATE FEATURE SET in_city AS SELECT city, COUNT(*) AS listings FROM listings GROUP BY city;
"""
CHANGES = [("Lima", 5), ("Oslo", 5), ("Lima", 9), ("Rome", 9)]
CITIES = ["Lima", "Oslo", "Rome"]
IN_FORCE = {6: "Oslo", 10: "Rome"}
"""By time; of two changes at once the greater row is the newer."""


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_it_counts_where_its_newest_change_says(order: tuple[int, ...]) -> None:
    session = Session("reference")
    session.sql(SQL)
    declared: Any = session.definitions.get("listings")
    found: Any = session.definitions.get("in_city")
    with Store.over(Memory()) as store:
        store.define("in_city", found.view)
        for number in order:
            city, at = CHANGES[number]
            row = {"listing": 1, "city": city, "updated": at}
            store.ingest("listings", pa.Table.from_pylist([row], declared.scanned))
        store.fold()
        for time, city in IN_FORCE.items():
            asked = [pa.array(CITIES)], pa.array([time] * len(CITIES), pa.int64())
            counts: Any = store.fetch("in_city", *asked).table.column("listings").to_pylist()
            assert dict(zip(CITIES, counts, strict=True)) == {c: int(c == city) for c in CITIES}
