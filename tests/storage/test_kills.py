"""A process that is killed while it writes loses nothing that it committed, and doubles nothing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.sets.values import numbers
from bighead.storage.store import Settings, Store
from tests.storage.ingester import ROWS, set_of_rows
from tests.storage.shop import asking, assert_equal

ROOT = Path(__file__).parents[2]


def killed_after(path: Path, seed: int, seconds: float) -> int:
    """The last offset that the process said was committed before it was killed."""
    paths = os.pathsep.join([str(ROOT), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.ingester", str(path), str(seed), "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    said = [first, *process.stdout.read().splitlines()]
    process.wait()
    whole = [line for line in said if line.strip().isdigit()]
    return int(whole[-1]) if whole else ROWS


def kill_and_compare(path: Path, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    asked, rows = set_of_rows(seed)
    times = numbers(rows["ts"].combine_chunks().cast(pa.int64()))
    before = 0
    for _ in range(kills):
        said = killed_after(path, seed, chance.random() * 0.5)
        with Store.open(path, Settings(leaf=8, logged=4), create=False) as store:
            done = store.offset("events", "0")
            assert done >= said
            assert done >= before
            assert store.counts()[0].rows == done
            store.verify()
            questions = asking(np.random.default_rng(seed), times, 4, 4)
            assert_equal(store, "set", asked, rows.slice(0, done), questions)
        before = done
        if done == ROWS:
            return


def test_a_killed_process_loses_and_doubles_nothing(tmp_path: Path) -> None:
    kill_and_compare(tmp_path / "store", 0, 3)


@pytest.mark.soak
def test_hundreds_of_kills(tmp_path: Path) -> None:
    for seed in range(100):
        kill_and_compare(tmp_path / f"{seed}", seed, 6)
