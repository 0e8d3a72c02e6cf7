"""The bytes of a store: version 2 is what it was, and older ones still read.

`golden/store/v1.json` is a store that version 1 wrote. When the layout changes, a new one comes
beside it, and both are read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.database.database import Memory
from bighead.storage.errors import StoreError
from bighead.storage.sets.values import numbers
from bighead.storage.store import Settings, Store
from bighead.storage.writing.ingesting import Stamp
from bighead.zipline.windows import DAY, HOUR, Window
from tests.storage.shop import START, asking, assert_equal, bookings, source, view
from tests.storage.test_store import times_of

Golden = Callable[[str, str], None]
GOLDEN = Path(__file__).parents[1] / "golden/store"
SMALL = Settings(leaf=8, logged=4, recent=9000, waiting=30)


def rows_of_golden() -> pa.Table:
    rng = np.random.default_rng(1)
    return bookings(rng, times_of(rng, 120), late=(0, HOUR))


GOLDEN_SET = view(source(known=True), [Window(DAY), Window(rows=3), Window()])


def golden_store() -> Store:
    """What the bytes were made of."""
    # Stamps say when rows came, which is another time each time.
    store = Store.over(Memory(), replace(SMALL, stamps=None))
    store.define("set", GOLDEN_SET)
    for first in range(0, 120, 30):
        store.ingest("events", rows_of_golden().slice(first, 30), Stamp("0", first))
    return store


def dumped(store: Store) -> str:
    """Every table as hexadecimal text."""
    database: Any = store.database
    tables = {t: {k.hex(): v.hex() for k, v in database.scan(t, b"", None)} for t in database.keys}
    return json.dumps(tables, indent=1, sort_keys=True) + "\n"


def loaded(text: str) -> Store:
    """The store of such text."""
    database = Memory()
    for table, values in json.loads(text).items():
        batch: Any = {(table, bytes.fromhex(k)): bytes.fromhex(v) for k, v in values.items()}
        database.write(batch, sync=True)
    return Store.over(database, SMALL)


def test_bytes_of_version_2_are_written_as_ever(
    golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "urandom", lambda size: bytes(range(size)))  # the store's origin
    golden("store/v2.json", dumped(golden_store()))


@pytest.mark.parametrize(("version", "waiting"), [(1, 0), (2, 4)])
def test_bytes_of_all_versions_still_read(version: int, waiting: int) -> None:
    store = loaded((GOLDEN / f"v{version}.json").read_text())
    assert store.database.get("meta", b"format") == str(version).encode()
    assert store.committed == 5
    assert store.offset("events", "0") == 120
    blocks = list(store.database.scan("blocks", b"", b"\xff"))
    segments = list(store.database.scan("meta", b"segment\0", b"segment\1"))
    assert (len(segments), len(blocks) > 3) == (waiting, True)
    assert store.verify() == len(blocks) + len(segments)
    rows = rows_of_golden()
    rng = np.random.default_rng(2)
    times = [
        t + d for t in numbers(rows["ts"].combine_chunks().cast(pa.int64())) for d in (0, HOUR, DAY)
    ]
    assert_equal(store, "set", GOLDEN_SET, rows, asking(rng, times, 3, 25))
    more = bookings(rng, [START + 3 * DAY, START + 30 * DAY], first=500)
    store.ingest("events", more)
    assert store.database.get("meta", b"format") == b"2"
    both = pa.concat_tables([rows, more])
    assert_equal(store, "set", GOLDEN_SET, both, asking(rng, times, 3, 10))


@pytest.mark.parametrize("format_", ["0", "3"])
def test_another_version_is_refused(format_: str) -> None:
    database = Memory()
    database.write({("meta", b"format"): format_.encode()}, sync=True)
    with pytest.raises(
        StoreError, match=f"is of format {format_}, and this version reads formats 1 and 2"
    ):
        Store.over(database)
