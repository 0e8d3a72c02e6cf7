"""An uploader that is killed leaves the old generation or the new one, and the next one goes on."""

from __future__ import annotations

import random
from pathlib import Path
from signal import SIGKILL

import numpy as np
import pyarrow as pa
import pytest

from bighead.storage.following import Follower
from bighead.storage.sets.values import numbers
from bighead.storage.store import Store
from bighead.storage.upload.package import packages
from bighead.storage.upload.uploads import adopt_waiting
from tests.storage.mortal import begun, note
from tests.storage.shop import asking, assert_equal
from tests.storage.upload.scenario import online_view
from tests.storage.upload.uploader import (
    LAST,
    ROWS,
    SMALL,
    expected,
    meeting_of,
    rows_of,
    stream,
    upload,
    upload_beside,
    upload_onto_a_full_disk,
)


def compare(store: Store, seed: int, questions: int) -> tuple[int, int]:
    """The store answers what it should by its generation and the rows that came: these two."""
    generation, came = store.sets["set"].generation, store.offset("events", "0")
    times = numbers(rows_of(seed)["ts"].combine_chunks().cast(pa.int64()))
    asked = asking(np.random.default_rng(came), times, 3, questions)
    view = online_view(meeting_of(seed))
    assert_equal(store, "set", view, expected(seed, generation, came), asked)
    return generation, came


def kill_and_compare(path: Path, seed: int, kills: int) -> None:
    """Kills it at steps that are drawn by the seed, each within the next generation or two."""
    chance = random.Random(seed)
    before = (0, 0)
    for kill in range(kills + 1):
        when = 0 if kill == kills else chance.randint(1, 90 if kill else 450)
        with begun(upload, path, seed, when) as process:
            assert process.ended() == (-SIGKILL if when else 0)
        with Store.open(path, SMALL, create=False) as store:
            if "set" not in store.sets:  # it was killed before it had defined it
                assert (process.said, before) == ([], (0, 0))
                assert store.offset("events", "0") == 0
                continue
            seen = compare(store, seed, 6)
            note("uploader", seed, kill, f"step {when}, generation {seen[0]}, {seen[1]} rows")
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
    kill_and_compare(tmp_path / "store", seed, 3)


def test_an_uploader_that_is_killed_beside_a_writer_leaves_it_as_it_is(tmp_path: Path) -> None:
    path, seed = tmp_path / "store", 3
    with Store.open(path, SMALL) as store:
        store.define("set", online_view(meeting_of(seed)))
        stream(store, rows_of(seed), 50)
        for kill, when in enumerate((1, 3, 5)):
            with begun(upload_beside, path, seed, when) as process:
                assert process.ended() == -SIGKILL
            note("uploader beside a writer", seed, kill, f"step {when}")
            assert adopt_waiting(store, path) is False
            stream(store, rows_of(seed), 20)
            assert compare(store, seed, 4) == (1, 70 + 20 * kill)
        with begun(upload_beside, path, seed, 0) as process:
            assert process.ended() == 0
        assert process.said[0] == 6
        while adopt_waiting(store, path, rows=20):
            pass
        assert compare(store, seed, 6) == (2, 110)
        store.verify()


def test_readers_in_another_process_see_one_generation_or_the_next(tmp_path: Path) -> None:
    path = tmp_path / "store"
    seen: set[tuple[int, int]] = set()
    with begun(upload, path, 2, 0) as running:
        running.hear(1)
        with Follower(path, tmp_path / "notes") as follower:
            while running.process.is_alive():
                follower.refresh()
                with follower.reading() as store:
                    seen.add(compare(store, 2, 2))
            follower.refresh()
            with follower.reading() as store:
                assert compare(store, 2, 2) == (LAST, ROWS)
    assert len(seen) > 3


def test_a_full_disk_ends_an_upload_and_the_store_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with begun(upload_onto_a_full_disk, path, 0) as process:
        assert process.ended() == 0
    reason, (generation, more) = process.said
    assert "a file of an upload cannot be written" in reason
    assert "see that the disk has room" in reason
    assert (generation, more) == (1, False)
    with Store.open(path, SMALL, create=False) as store:
        assert compare(store, 0, 6) == (1, 100)
    with begun(upload, path, 0, 0) as process:
        assert process.ended() == 0
    with Store.open(path, SMALL, create=False) as store:
        assert compare(store, 0, 6) == (LAST, ROWS)


@pytest.mark.soak
def test_a_hundred_and_fifty_kills(tmp_path: Path) -> None:
    for seed in range(10, 60):
        kill_and_compare(tmp_path / f"{seed}", seed, 3)
