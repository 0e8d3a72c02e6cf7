"""A process that takes rows into a store until it is killed: `python ingester.py FOLDER SEED`.

Its store has small blocks and buffers, so that few rows make deep trees and many files.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from bighead.storage.store import Settings, Store
from bighead.storage.writing.ingesting import Stamp
from bighead.zipline.ir.nodes import View
from bighead.zipline.windows import DAY, HOUR, Window
from tests.storage.mortal import Say
from tests.storage.shop import START, bookings, source, view

ROWS, BATCH = 1200, 10
SMALL = Settings(leaf=8, logged=4, recent=4000, waiting=6, buffer=64 << 10)


def set_of_rows(seed: int) -> tuple[View, pa.Table]:
    """The set that is kept, and the rows of its stream in their order."""
    rng = np.random.default_rng(seed)
    windows = [Window(HOUR), Window(DAY), Window(rows=3)]
    wanted = ["count_rows", "sum", "last", "max"]
    times = START + rng.integers(0, 4 * DAY // HOUR, ROWS) * HOUR + rng.integers(-1, 2, ROWS)
    return view(source(), windows, wanted), bookings(rng, times, 4)


def take_rows(path: Path, seed: int, pause: float, say: Say) -> None:
    """Takes up where the last process was killed, says what is committed, and rests after each."""
    asked, rows = set_of_rows(seed)
    with Store.open(path, SMALL) as store:
        store.define("set", asked)
        while (first := store.offset("events", "0")) < ROWS:
            store.ingest("events", rows.slice(first, BATCH), Stamp("0", first))
            say(store.offset("events", "0"))
            time.sleep(pause)


if __name__ == "__main__":
    take_rows(
        Path(sys.argv[1]),
        int(sys.argv[2]),
        float(sys.argv[3]),
        lambda s: print(s, flush=True),  # noqa: T201
    )
