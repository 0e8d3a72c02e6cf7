"""A backfill that is killed anywhere goes on, and ends with the bytes of an unbroken one.

The child process counts its changes to the disk and kills itself right after the k-th, with k drawn
from all that there are, so that any instant between two changes may be hit.
"""

import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bighead.planner.backfill.backfill import prune
from bighead.zipline.ir.nodes import Project
from tests.planner.backfill.shop import ORDERS, at, files, fill, inputs, orders, with_early

TABLE = orders([at(d, i) for d in (0, 1, 3) for i in range(4)])
GROWN = orders([at(d, i) for d in (0, 1, 3, 4) for i in range(4)])
EARLY = with_early(ORDERS)


@dataclass(frozen=True)
class Scene:
    """What is there before, and what is being done when the kill comes."""

    before: Callable[[Path], object]
    during: Callable[[Path], object]
    changes: int
    """At least so many changes to the disk are made during."""


def first(output: Path) -> None:
    fill(output, TABLE, rows_per_run=4)


def new_column(output: Path) -> None:
    fill(output, TABLE, rows_per_run=4, training_set=EARLY)


def back(output: Path) -> None:
    new_column(output)
    first(output)


def new_rows(output: Path) -> None:
    fill(output, GROWN, rows_per_run=4, inputs=inputs(orders="1", more="1"))


def restart(output: Path) -> None:
    fill(output, TABLE, rows_per_run=4, restart=True)


def narrower(output: Path) -> None:
    first(output)
    plan = ORDERS.plan
    assert isinstance(plan, Project)
    fewer = replace(ORDERS, plan=replace(plan, columns=(plan.columns[0], plan.columns[2])))
    fill(output, TABLE, training_set=fewer)


SCENES = {
    "the first time": Scene(Path.mkdir, first, 50),
    "a new column": Scene(first, new_column, 50),
    "a column fewer": Scene(new_column, first, 30),
    "new rows": Scene(first, new_rows, 50),
    "a restart": Scene(new_column, restart, 80),
    "a prune": Scene(back, prune, 8),
    "a prune within groups": Scene(narrower, prune, 20),
}


def run_killed(action: Callable[[Path], object], output: Path, after: int) -> bool:
    """Runs an action in a child that dies after so many changes; False where it finished first."""
    child = os.fork()
    if child == 0:
        code = 3
        try:
            _die_after(after)
            action(output)
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
    def die(made: int) -> None:
        if made >= changes:
            os.kill(os.getpid(), signal.SIGKILL)

    _count(die)


def _count(then: Callable[[int], None]) -> list[str]:
    """Every change to the disk from now on, the latest last; `then` is told how many there are."""
    made: list[str] = []

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            made.append(name)
            then(len(made))
            return result

        return call

    os.fsync = counted("fsync", os.fsync)
    os.open = counted("open", os.open)
    for name in ("open", "replace", "unlink", "mkdir", "rmdir"):
        setattr(Path, name, counted(name, getattr(Path, name)))
    return made


@dataclass(frozen=True)
class Stage:
    """A scene made ready: what lies there before and after, and how many changes that takes."""

    scene: Scene
    before: Path
    after: dict[str, bytes]
    changes: int

    def kill(self, output: Path, after: int) -> None:
        """Kills the scene after so many changes, lets it go on, and looks at every byte."""
        shutil.copytree(self.before, output)
        assert run_killed(self.scene.during, output, after)
        self.scene.during(output)
        assert files(output) == self.after, f"killed after {after} changes"
        assert not list(output.rglob("*.tmp"))
        shutil.rmtree(output)


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stage]:
    found = {}
    for name, scene in SCENES.items():
        folder = tmp_path_factory.mktemp("stage")
        scene.before(folder / "before")
        shutil.copytree(folder / "before", folder / "after")
        scene.during(folder / "after")
        changes = _changes(scene, folder)
        assert changes >= scene.changes
        found[name] = Stage(scene, folder / "before", files(folder / "after"), changes)
    return found


def _changes(scene: Scene, folder: Path) -> int:
    """How many changes a scene makes, counted in a child."""
    output = folder / "counted"
    shutil.copytree(folder / "before", output)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            made = _count(lambda _: None)
            scene.during(output)
            os.write(writes, str(len(made)).encode())
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads) as pipe:
        return int(pipe.read())


def kill_all(stages: dict[str, Stage], folder: Path, seed: int, kills: int) -> int:
    """Kills at seeded points, the scenes in turn; how many points there were."""
    choose = random.Random(seed)
    names = list(stages)
    for number in range(kills):
        stage = stages[names[number % len(names)]]
        stage.kill(folder / "killed", choose.randint(1, stage.changes))
    return kills


def test_a_kill_anywhere_then_the_same_again_gives_the_same_bytes(
    tmp_path: Path, stages: dict[str, Stage]
) -> None:
    assert kill_all(stages, tmp_path, seed=1, kills=20) == 20


@pytest.mark.soak
def test_many_kills_anywhere_give_the_same_bytes(tmp_path: Path, stages: dict[str, Stage]) -> None:
    for seed in range(10):
        kill_all(stages, tmp_path, seed, kills=20)
        sys.stdout.write(f"seed {seed}: {20 * (seed + 1)} kills, all went on to the same bytes\n")


def test_kills_at_every_start_still_come_to_an_end(
    tmp_path: Path, stages: dict[str, Stage]
) -> None:
    starts = 1
    while run_killed(first, tmp_path, 80) and starts < 10:  # enough for a run of days, not for all
        starts += 1
    assert 1 < starts < 10
    assert files(tmp_path) == stages["the first time"].after
