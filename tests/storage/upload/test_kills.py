"""An uploader that is killed leaves the old generation or the new one, and the next one goes on."""

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

from bighead.storage.following import Follower
from bighead.storage.sets.values import numbers
from bighead.storage.store import Store
from bighead.storage.upload.package import packages
from tests.storage.shop import asking, assert_equal
from tests.storage.upload.scenario import online_view
from tests.storage.upload.uploader import LAST, ROWS, SMALL, expected, meeting_of, rows_of

ROOT = Path(__file__).parents[3]


def started(path: Path, seed: int) -> subprocess.Popen[str]:
    """The process, once it has taken its first rows."""
    paths = os.pathsep.join([str(ROOT), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.upload.uploader", str(path), str(seed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def compare(store: Store, seed: int, questions: int) -> tuple[int, int]:
    """The store answers what it should by its generation and the rows that came: these two."""
    generation, came = store.sets["set"].generation, store.offset("events", "0")
    times = numbers(rows_of(seed)["ts"].combine_chunks().cast(pa.int64()))
    asked = asking(np.random.default_rng(came), times, 3, questions)
    view = online_view(meeting_of(seed))
    assert_equal(store, "set", view, expected(seed, generation, came), asked)
    return generation, came


def kill_and_compare(path: Path, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    before = (0, 0)
    for kill in range(kills + 1):
        process = started(path, seed)
        try:
            if kill < kills:
                time.sleep(chance.random() * 0.6)
                process.kill()
        finally:
            process.communicate()
        with Store.open(path, SMALL, create=False) as store:
            seen = compare(store, seed, 6)
            store.verify()
            assert seen[0] >= before[0]
            assert seen[1] >= before[1]
            before = seen
    assert before == (LAST, ROWS)
    assert packages(path) == []
    with Store.open(path, SMALL, create=False) as store:
        blocks = store.database.scan("blocks", b"", b"\xff")
        held = {int.from_bytes(key[:4], "big") for key, _ in blocks}
    assert held <= {LAST, LAST - 1}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_killed_uploader_leaves_one_generation_or_the_next(tmp_path: Path, seed: int) -> None:
    kill_and_compare(tmp_path / "store", seed, 2)


def test_readers_in_another_process_see_one_generation_or_the_next(tmp_path: Path) -> None:
    path = tmp_path / "store"
    process = started(path, 2)
    seen: set[tuple[int, int]] = set()
    try:
        with Follower(path, tmp_path / "notes") as follower:
            while process.poll() is None:
                follower.refresh()
                with follower.reading() as store:
                    seen.add(compare(store, 2, 2))
            follower.refresh()
            with follower.reading() as store:
                assert compare(store, 2, 2) == (LAST, ROWS)
    finally:
        process.kill()
        process.communicate()
    assert len(seen) > 3


@pytest.mark.soak
def test_hundreds_of_kills(tmp_path: Path) -> None:
    for seed in range(10, 70):
        kill_and_compare(tmp_path / f"{seed}", seed, 5)
