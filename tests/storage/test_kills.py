"""A process that is killed while it writes loses nothing that it committed, and doubles nothing."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.sets.values import numbers
from bighead.storage.store import Store
from tests.storage.ingester import BATCH, ROWS, SMALL, set_of_rows, take_rows
from tests.storage.mortal import begun, note
from tests.storage.shop import asking, assert_equal


def kill_and_compare(path: Path, seed: int, kills: int) -> None:
    """Kills it behind a commit drawn by the seed, and a moment more; there is always more to do."""
    chance = random.Random(seed)
    asked, rows = set_of_rows(seed)
    times = numbers(rows["ts"].combine_chunks().cast(pa.int64()))
    most = ROWS // BATCH // (kills + 1) - 5
    before = 0
    for kill in range(kills):
        with begun(take_rows, path, seed, 0.002) as process:
            process.hear(chance.randint(1, most))
            time.sleep(chance.random() * 0.01)
            assert process.kill()
        with Store.open(path, SMALL, create=False) as store:
            done = store.offset("events", "0")
            note("writer", seed, kill, f"{done} rows")
            assert before < process.said[-1] <= done < ROWS
            assert store.counts()[0].rows == done
            store.verify()
            questions = asking(np.random.default_rng(seed), times, 4, 4)
            assert_equal(store, "set", asked, rows.slice(0, done), questions)
        before = done


def test_a_killed_process_loses_and_doubles_nothing(tmp_path: Path) -> None:
    kill_and_compare(tmp_path / "store", 0, 7)


@pytest.mark.soak
def test_two_hundred_kills(tmp_path: Path) -> None:
    for seed in range(40):
        kill_and_compare(tmp_path / f"{seed}", seed, 5)
