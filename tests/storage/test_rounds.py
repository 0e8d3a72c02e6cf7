"""Reads of keys with many rows: few rounds to the database, few blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.database.database import Memory, Table
from bighead.storage.sets.values import numbers
from bighead.storage.store import Store
from bighead.zipline.windows import DAY, HOUR, MINUTE, SECOND, Window
from tests.storage.shop import START, bookings, source, view

LENGTHS = (10 * SECOND, HOUR, DAY, 7 * DAY, 30 * DAY, 365 * DAY)


class Counted(Memory):
    """Counts how often blocks are asked for."""

    rounds = 0

    def get_many(self, table: Table, keys: list[bytes]) -> list[bytes | None]:
        self.rounds += table == "blocks"
        return super().get_many(table, keys)


@pytest.mark.parametrize(
    ("rows", "span"),
    [(300_000, 30 * SECOND), (1_000_000, DAY), (1000, 365 * DAY)],
    ids=["10,000 rows a second", "a million rows in a day", "1,000 rows in a year"],
)
def test_a_key_with_many_rows_is_read_by_few_rounds_of_few_blocks(rows: int, span: int) -> None:
    rng = np.random.default_rng(1)
    times = np.sort(START + rng.integers(0, span, rows))
    database = Counted()
    store = Store.over(database)
    store.define("set", view(source(), [Window(w) for w in LENGTHS], ["count_rows", "sum"]))
    for first in range(0, rows, 100_000):
        store.ingest("events", bookings(rng, times[first : first + 100_000], 1))
    store.fold()
    for at in (START + span, START + span // 3, START + span // 2 + 1, START + MINUTE // 7):
        database.rounds = 0
        asked: list[Any] = [pa.array([0], pa.int64())]
        fetched = store.fetch("set", asked, pa.array([at], pa.int64()))
        assert database.rounds <= 3
        assert fetched.blocks <= 40
        for i, length in enumerate(LENGTHS):
            (counted,) = numbers(fetched.table[f"count_rows_{i}"].combine_chunks())
            low, high = np.searchsorted(times, [at - length, at])
            assert counted == high - low
