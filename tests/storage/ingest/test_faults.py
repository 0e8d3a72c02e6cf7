"""An ingester that is killed, or meets a full disk, loses nothing and doubles nothing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bighead.storage.store import Store
from tests.storage.ingest.rows import assert_holds, booked, dead, lines
from tests.storage.ingester import SMALL
from tests.storage.shop import SHORT, source, view
from tests.storage.test_kills import ROOT

ROWS = booked(400)
# Without an identity a row that came twice would count twice.
PLAIN = view(source(), SHORT, ["sum", "count_rows", "last", "max"])


def run(path: Path, folder: Path, when: int, how: str) -> subprocess.CompletedProcess[str]:
    """The process, to its end."""
    paths = os.pathsep.join([str(ROOT), *sys.path])
    command = [sys.executable, "-m", "tests.storage.ingest.killed"]
    return subprocess.run(
        [*command, str(path), str(folder), str(when), how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
    )


def made(tmp_path: Path) -> tuple[Path, Path]:
    """A store of the set, and a folder for its stream."""
    path, folder = tmp_path / "store", tmp_path / "in"
    folder.mkdir()
    with Store.open(path, SMALL) as store:
        store.define("set", PLAIN)
    return path, folder


def write(folder: Path, first: int, last: int) -> None:
    """Some rows: lines with poison between them, and a Parquet file."""
    part = ROWS.slice(first, last - first)
    half = part.num_rows // 2
    text = lines(part.slice(0, half))
    text.insert(len(text) // 2, b"oops %d" % first)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b"".join(line + b"\n" for line in text))
    pq.write_table(part.slice(half), folder / f"{first:04}.parquet", row_group_size=13)


def kill_and_compare(tmp_path: Path, seed: int, kills: int) -> None:
    chance = random.Random(seed)
    path, folder = made(tmp_path)
    each = 400 // kills
    for i in range(kills):
        write(folder, i * each, (i + 1) * each)
        ended = run(path, folder, chance.randint(1, 12), chance.choice(["before", "after"]))
        assert ended.returncode in (0, -9), ended.stderr
    assert run(path, folder, 0, "after").returncode == 0
    with Store.open(path, SMALL, create=False) as store:
        assert_holds(store, ROWS.slice(0, each * kills), PLAIN)
        assert store.counts()[0].rows == each * kills
        assert sorted(k.letter.raw for k in dead(store)) == sorted(
            b"oops %d" % (i * each) for i in range(kills)
        )
        store.verify()


def test_a_killed_ingester_loses_and_doubles_nothing(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, 1, 3)


@pytest.mark.soak
def test_hundreds_of_kills(tmp_path: Path) -> None:
    for seed in range(60):
        (tmp_path / f"{seed}").mkdir()
        kill_and_compare(tmp_path / f"{seed}", seed, 8)


def test_a_full_disk_is_an_error_and_the_store_stays_whole(tmp_path: Path) -> None:
    path, folder = made(tmp_path)
    write(folder, 0, 400)
    ended = run(path, folder, 0, "full")
    assert ended.returncode == 3, ended.stderr
    assert "the store cannot be written" in ended.stderr
    assert "see that the disk has room" in ended.stderr
    with Store.open(path, SMALL, create=False) as store:
        held = store.counts()[0].rows
        assert 0 < held < 400
        store.verify()
    assert run(path, folder, 0, "after").returncode == 0
    with Store.open(path, SMALL, create=False) as store:
        assert_holds(store, ROWS, PLAIN)
        assert store.counts()[0].rows == 400
        assert len(dead(store)) == 1
