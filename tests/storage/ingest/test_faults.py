"""An ingester that is killed, or meets a full disk, loses nothing and doubles nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL

import pyarrow.parquet as pq
import pytest

from bighead.storage.ingest.positions import files_at
from bighead.storage.store import Store
from tests.storage.ingest.killed import follow
from tests.storage.ingest.rows import assert_holds, booked, dead, lines
from tests.storage.ingester import SMALL
from tests.storage.mortal import begun, note
from tests.storage.shop import SHORT, source, view

ROWS = booked(400)
# Without an identity a row that came twice would count twice.
PLAIN = view(source(), SHORT, ["sum", "count_rows", "last", "max"])


def run(path: Path, folder: Path, when: int, how: str) -> tuple[int | None, list[str]]:
    """The process, to its end: its exit code, and what it said."""
    with begun(follow, path, folder, when, how) as process:
        return process.ended(), process.said


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
    """Each time some rows come, in more commits than the one at which it is killed."""
    chance = random.Random(seed)
    path, folder = made(tmp_path)
    each = 400 // kills
    for i in range(kills):
        write(folder, i * each, (i + 1) * each)
        when, how = chance.randint(1, 4), chance.choice(["before", "after"])
        assert run(path, folder, when, how) == (-SIGKILL, [])
        note("ingester", seed, i, f"{how} commit {when}")
    assert run(path, folder, 0, "after") == (0, [])
    with Store.open(path, SMALL, create=False) as store:
        assert_holds(store, ROWS.slice(0, each * kills), PLAIN)
        assert store.counts()[0].rows == each * kills
        assert sorted(k.letter.raw for k in dead(store)) == sorted(
            b"oops %d" % (i * each) for i in range(kills)
        )
        store.verify()


def test_a_killed_ingester_loses_and_doubles_nothing(tmp_path: Path) -> None:
    kill_and_compare(tmp_path, 1, 7)


@pytest.mark.soak
def test_a_hundred_and_fifty_kills(tmp_path: Path) -> None:
    for seed in range(25):
        (tmp_path / f"{seed}").mkdir()
        kill_and_compare(tmp_path / f"{seed}", seed, 6)


def test_a_full_disk_is_an_error_and_the_store_stays_whole(tmp_path: Path) -> None:
    path, folder = made(tmp_path)
    write(folder, 0, 400)
    code, (said,) = run(path, folder, 0, "full")
    assert code == 3
    assert "the store cannot be written" in said
    assert "see that the disk has room" in said
    with Store.open(path, SMALL, create=False) as store:
        held = store.counts()[0].rows
        assert 0 < held < 400
        store.verify()
    assert run(path, folder, 0, "after") == (0, [])
    with Store.open(path, SMALL, create=False) as store:
        assert_holds(store, ROWS, PLAIN)
        assert store.counts()[0].rows == 400
        assert len(dead(store)) == 1


def damaged(path: Path) -> Callable[[], None]:
    """Other bytes in the blocks of the largest file; the function puts the right ones back."""
    largest = max(path.glob("*.sst"), key=lambda f: f.stat().st_size)
    right = largest.read_bytes()
    wrong = bytearray(right)
    for place in range(0, len(wrong) // 2, 16):  # the index lies behind them
        wrong[place] ^= 0xFF
    largest.write_bytes(bytes(wrong))

    def mend() -> None:
        largest.write_bytes(right)

    return mend


def test_a_damaged_file_ends_the_ingester_with_nothing_lost(tmp_path: Path) -> None:
    path, folder = made(tmp_path)
    write(folder, 0, 200)
    assert run(path, folder, 0, "after") == (0, [])
    with Store.open(path, SMALL, create=False) as store:
        store.compact()
        offsets = list(files_at(store.database, "events"))
    mended = damaged(path)
    write(folder, 200, 400)
    code, (said,) = run(path, folder, 0, "after")
    assert code == 3
    assert "the store is damaged" in said
    assert "restore a backup" in said
    mended()
    with Store.open(path, SMALL, create=False) as store:
        assert store.counts()[0].rows == 200
        assert len(dead(store)) == 1
        assert list(files_at(store.database, "events")) == offsets
    assert run(path, folder, 0, "after") == (0, [])
    with Store.open(path, SMALL, create=False) as store:
        assert_holds(store, ROWS, PLAIN)
        assert store.counts()[0].rows == 400
        assert len(dead(store)) == 2
