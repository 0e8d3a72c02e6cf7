"""A backfill that is killed anywhere goes on, and ends with the bytes of an unbroken one.

The child process counts its changes to the disk and kills itself right after the k-th, for every
k there is, so no instant between two changes is left out.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.planner.backfill.shop import at, files, fill, orders

TABLE = orders([at(d, i) for d in (0, 1, 3) for i in range(4)])


def run_killed(output: Path, after: int, **changes: Any) -> bool:
    """Runs a backfill in a child that dies after so many changes; False where it finished first."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            _die_after(after)
            fill(output, TABLE, rows_per_run=4, **changes)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _die_after(changes: int) -> None:
    left = changes

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            result = function(*args, **kwargs)
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    os.fsync = counted(os.fsync)
    os.open = counted(os.open)
    for name in ("open", "replace", "unlink", "mkdir", "rmdir"):
        setattr(Path, name, counted(getattr(Path, name)))


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    output = tmp_path_factory.mktemp("unbroken")
    fill(output, TABLE, rows_per_run=4)
    return files(output)


def test_a_kill_anywhere_then_the_same_again_gives_the_same_bytes(
    tmp_path: Path, unbroken: dict[str, bytes]
) -> None:
    kills = 0
    while run_killed(tmp_path / str(kills), kills + 1):
        output = tmp_path / str(kills)
        fill(output, TABLE, rows_per_run=4)
        assert files(output) == unbroken
        assert not list(output.rglob("*.tmp"))
        kills += 1
    assert kills > 40  # each run of days takes a dozen changes


def test_kills_at_every_start_still_come_to_an_end(
    tmp_path: Path, unbroken: dict[str, bytes]
) -> None:
    starts = 1
    while run_killed(tmp_path, 40) and starts < 10:  # enough for one run of days, not for all
        starts += 1
    assert 1 < starts < 10
    assert files(tmp_path) == unbroken


def test_a_kill_during_a_restart_leaves_no_mix_of_two_definitions(
    tmp_path: Path, unbroken: dict[str, bytes]
) -> None:
    kills = 0
    while True:
        output = tmp_path / str(kills)
        fill(output, TABLE, definition="sha256:old", rows_per_run=1)
        if not run_killed(output, kills + 1, restart=True):
            break
        fill(output, TABLE, restart=True, rows_per_run=4)
        assert files(output) == unbroken
        kills += 1
    assert kills > 50
