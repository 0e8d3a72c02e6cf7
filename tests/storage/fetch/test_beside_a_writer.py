"""Several processes that serve beside one that writes: each answer is of one whole commit."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from bighead.storage.fetch.client import Client
from tests.storage.fetch.running import ROOT, serving
from tests.storage.fetch.writer import LISTINGS, prepared

LATER = 2_000_000_000_000_000


def check(client: Client) -> int:
    """Asks for all listings, of two sets; how many commits of bookings the answer is of."""
    keys = {"listing": list(range(LISTINGS))}
    each, together = client.fetch_sets(["nights", "all_nights"], keys, at=LATER)
    assert (each.errors, together.errors) == ((), ())
    rows = each.to_pylist()
    nights = {row["nights"] or 0 for row in rows}
    assert len(nights) == 1, "some keys are of another commit than others"
    (count,) = nights
    assert {row["bookings"] for row in rows} == {count}
    assert {row["all_nights"] or 0 for row in together} == {count * LISTINGS}
    if count:
        assert [row["last_id"] for row in rows] == [
            (count - 1) * LISTINGS + i for i in keys["listing"]
        ]
    return count


def read_beside(path: Path, commits: int, readers: int) -> set[int]:
    """Reads until the last commit is seen; which counts were seen."""
    prepared(path).close()
    paths = os.pathsep.join([str(ROOT), *sys.path])
    with ExitStack() as stack:
        services = [stack.enter_context(serving(path, refresh=0.005)) for _ in range(readers)]
        clients = [stack.enter_context(Client(s.address, timeout=30.0)) for s in services]
        writer = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.storage.fetch.writer", str(path), str(commits)],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": paths},
            )
        )
        seen: set[int] = set()
        latest = dict.fromkeys(range(readers), 0)
        until = time.monotonic() + 60
        while min(latest.values()) < commits:
            assert time.monotonic() < until, f"the readers are at {latest} of {commits}"
            for i, client in enumerate(clients):
                count = check(client)
                assert count >= latest[i], "a reader went back"
                latest[i] = count
                seen.add(count)
        assert writer.wait() == 0
    return seen


def test_no_answer_is_torn(tmp_path: Path) -> None:
    seen = read_beside(tmp_path / "store", 80, 2)
    assert len(seen) > 10


@pytest.mark.soak
def test_no_answer_is_torn_for_long(tmp_path: Path) -> None:
    for turn in range(10):
        read_beside(tmp_path / f"{turn}", 2000, 3)
