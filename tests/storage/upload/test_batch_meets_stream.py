"""Random streams and uploads at random times: a store has the rows of both, each once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.storage.upload.scenario import Meeting, Scenario


def play(path: Path, meeting: Meeting, seed: int, turns: int = 8) -> int:
    """How many uploads there were."""
    rng = np.random.default_rng(seed)
    scenario = Scenario(path, meeting, rng, forgets=seed % 2 == 0)
    uploads = 0
    for _ in range(turns):
        turn = rng.choice(["stream", "stream", "upload", "back", "reopen"])
        if turn == "stream":
            scenario.stream(int(rng.integers(1, 40)))
        elif turn == "upload":
            scenario.upload()
            uploads += 1
        elif turn == "back":
            scenario.back()
        else:
            scenario.reopen()
        scenario.check(6)
    scenario.store.verify()
    scenario.store.close()
    return uploads


@pytest.mark.parametrize("meeting", ["identity", "cut"])
def test_a_store_has_the_rows_of_batch_and_stream_once(tmp_path: Path, meeting: Meeting) -> None:
    uploads = sum(play(tmp_path / f"{seed}", meeting, seed) for seed in range(4))
    assert uploads >= 4


@pytest.mark.soak
@pytest.mark.parametrize("meeting", ["identity", "cut"])
def test_many_stores(tmp_path: Path, meeting: Meeting) -> None:
    for seed in range(100, 300):
        play(tmp_path / f"{seed}", meeting, seed, 14)
