"""Folders that are gone for a while, and files that cannot be read: nothing is lost or doubled."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bighead.storage.ingest.followed_lines import FollowedLines
from bighead.storage.store import Store
from tests.storage.ingest.rows import (
    assert_holds,
    booked,
    file_door,
    ingester,
    lines,
    memory_store,
    take,
)
from tests.storage.shop import SHORT, source, view

ROWS = booked(60)
# Without an identity a row that came twice would count twice.
PLAIN = view(source(), SHORT, ["sum", "count_rows", "last", "max"])


@pytest.fixture
def store() -> Store:
    return memory_store(PLAIN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


def write(path: Path, first: int, last: int) -> None:
    with path.open("ab") as file:
        file.write(b"".join(line + b"\n" for line in lines(ROWS.slice(first, last - first))))


@pytest.mark.parametrize("pattern", ["", "*.jsonl"])
def test_a_folder_that_was_away_is_read_on(store: Store, folder: Path, pattern: str) -> None:
    notes: list[str] = []
    path = folder / "a.jsonl"
    write(path, 0, 20)
    door = file_door(store, folder / pattern, notes)
    loop = ingester(store, door)
    loop.run(once=True)
    folder.rename(folder.with_name("elsewhere"))
    for _ in range(5):
        loop.commit(loop.gather())
    assert notes == [f"there is no folder {folder} any more; its files are read on once it is"]
    take(store, folder / pattern, notes)  # another process, meanwhile
    folder.with_name("elsewhere").rename(folder)
    write(path, 20, 60)
    loop.run(once=True)
    assert loop.counters["events"].messages == 60
    assert_holds(store, ROWS, PLAIN)


def test_a_file_that_cannot_be_read_is_told_of_once_and_keeps_nobody_waiting(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    write(folder / "a.jsonl", 0, 20)
    write(folder / "b.jsonl", 20, 40)
    opened = FollowedLines.open
    closed = True

    def refusing(self: FollowedLines) -> int:
        if closed and self.at.path.endswith("a.jsonl"):
            raise PermissionError(errno.EACCES, "Permission denied", self.at.path)
        return opened(self)

    monkeypatch.setattr(FollowedLines, "open", refusing)
    loop = ingester(store, file_door(store, folder, notes))
    for _ in range(5):
        loop.commit(loop.gather())
    assert loop.counters["events"].messages == 20
    assert notes == [f"{folder}/a.jsonl cannot be read (Permission denied); it is tried again"]
    closed = False
    write(folder / "a.jsonl", 40, 60)
    loop.run(once=True)
    assert loop.counters["events"].messages == 60
    assert_holds(store, ROWS, PLAIN)


def test_a_parquet_file_that_may_not_be_read_yet_is_no_dead_letter(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    path = folder / "a.parquet"
    pq.write_table(ROWS, path)
    real = pq.ParquetFile

    def refusing(*_: object, **__: object) -> pq.ParquetFile:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr("bighead.storage.ingest.followed_rows.pq.ParquetFile", refusing)
    loop = ingester(store, file_door(store, folder, notes))
    for _ in range(5):
        loop.commit(loop.gather())
    assert loop.counters["events"].messages == 0
    assert notes == [f"{path} cannot be read (Permission denied); it is tried again"]
    monkeypatch.setattr("bighead.storage.ingest.followed_rows.pq.ParquetFile", real)
    loop.run(once=True)
    assert loop.counters["events"].rejected == 0
    assert_holds(store, ROWS, PLAIN)
