"""Folders that are gone for a while, and files that cannot be read: nothing is lost or doubled."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bighead.storage.ingest.followed_lines import FollowedLines
from bighead.storage.ingest.positions import files_at
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


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another disk than the temporary ones."""
    there = Path("/dev/shm")
    if not there.is_dir() or there.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one disk only")
    made = Path(tempfile.mkdtemp(dir=there))
    yield made
    shutil.rmtree(made)


def mount(folder: Path, disk: Path) -> None:
    """What `folder` names lies on a disk, as where it is mounted."""
    folder.rmdir()
    folder.symlink_to(disk, target_is_directory=True)


def unmount(folder: Path) -> None:
    folder.unlink()
    folder.mkdir()


@pytest.mark.parametrize("pattern", ["in", "in/*.jsonl", "in/a.jsonl", "*/a.jsonl"])
@pytest.mark.parametrize("again", [False, True])
def test_files_of_a_disk_that_is_not_mounted_are_read_on(
    store: Store, folder: Path, disk: Path, pattern: str, again: bool
) -> None:
    notes: list[str] = []
    place = folder.parent / pattern
    mount(folder, disk)
    write(disk / "a.jsonl", 0, 20)
    door = file_door(store, place, notes)
    loop = ingester(store, door)
    loop.run(once=True)
    unmount(folder)
    if again:
        door.close()
        door = file_door(store, place, notes)
        loop = ingester(store, door)
    for _ in range(5):
        loop.commit(loop.gather())
    assert notes == [f"{folder} cannot be read (no disk is mounted there); it is tried again"]
    folder.rmdir()
    folder.mkdir()
    mount(folder, disk)
    write(disk / "a.jsonl", 20, 60)
    loop.run(once=True)
    assert_holds(store, ROWS, PLAIN)
    assert store.counts()[0].rows == 60
    (disk / "a.jsonl").unlink()
    loop.run(once=True)
    assert list(files_at(store.database, "events")) == [], "gone it is forgotten"
    assert len(notes) == 1


def test_a_disk_that_has_another_number_when_it_is_mounted_again(
    store: Store, folder: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mount(folder, disk)
    write(disk / "a.jsonl", 0, 20)
    loop = ingester(store, file_door(store, folder))
    loop.run(once=True)
    unmount(folder)
    for _ in range(3):
        loop.commit(loop.gather())
    mount(folder, disk)
    number, looked, told = disk.stat().st_dev, Path.stat, os.fstat

    def renumbered(found: os.stat_result) -> os.stat_result:
        here = found.st_dev == number
        return os.stat_result((*found[:2], number + 1000, *found[3:10])) if here else found

    monkeypatch.setattr(Path, "stat", lambda path, **how: renumbered(looked(path, **how)))
    monkeypatch.setattr(os, "fstat", lambda handle: renumbered(told(handle)))
    loop.run(once=True)
    take(store, folder)
    write(disk / "a.jsonl", 20, 60)
    loop.run(once=True)
    assert store.counts()[0].rows == 60
    assert_holds(store, ROWS, PLAIN)


def pack(path: Path, first: int, last: int) -> None:
    rows = lines(ROWS.slice(first, last - first))
    path.write_bytes(gzip.compress(b"".join(line + b"\n" for line in rows)))


def test_a_compressed_file_whose_disk_goes_as_it_is_opened_is_read_later(
    store: Store, folder: Path, disk: Path
) -> None:
    notes: list[str] = []
    mount(folder, disk)
    pack(disk / "a.jsonl.gz", 0, 60)
    now = 0.0
    door = file_door(store, folder, notes)
    door.clock, door.settle, door.look_every = lambda: now, 1.0, 5.0
    assert door.take(1000) == []  # it may still be written
    unmount(folder)
    now = 2.0
    assert door.take(1000) == []
    assert notes == [f"{folder} cannot be read (no disk is mounted there); it is tried again"]
    folder.rmdir()
    folder.mkdir()
    mount(folder, disk)
    now = 10.0
    loop = ingester(store, door)
    loop.run(once=True)
    assert store.counts()[0].rows == 60
    assert_holds(store, ROWS, PLAIN)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_folder_that_does_not_answer_is_told_of_once_and_read_on(
    store: Store, folder: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    write(folder / "a.jsonl", 0, 20)
    loop = ingester(store, file_door(store, folder, notes))
    loop.run(once=True)

    def refused(path: object) -> Iterator[os.DirEntry[str]]:
        raise OSError(number, os.strerror(number), path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refused)
        for _ in range(5):
            loop.commit(loop.gather())
        take(store, folder)  # another process, meanwhile
    assert notes == [f"{folder} cannot be read ({os.strerror(number)}); it is tried again"]
    write(folder / "a.jsonl", 20, 60)
    loop.run(once=True)
    assert store.counts()[0].rows == 60
    assert_holds(store, ROWS, PLAIN)


def test_a_path_that_does_not_answer_is_told_of_once_and_read_on(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    write(folder / "a.jsonl", 0, 20)
    loop = ingester(store, file_door(store, folder, notes))
    loop.run(once=True)
    looked = Path.stat

    def refused(path: Path, **how: bool) -> os.stat_result:
        if path.is_relative_to(folder):
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected", str(path))
        return looked(path, **how)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", refused)
        for _ in range(5):
            loop.commit(loop.gather())
    assert len(set(notes)) == len(notes)
    assert all("(Transport endpoint is not connected)" in note for note in notes)
    write(folder / "a.jsonl", 20, 60)
    loop.run(once=True)
    assert store.counts()[0].rows == 60
    assert_holds(store, ROWS, PLAIN)


def test_a_file_that_may_not_be_read_at_the_start_is_read_on_later(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "a.jsonl", 0, 20)
    take(store, folder)
    notes: list[str] = []
    loop = ingester(store, file_door(store, folder, notes))
    opened = os.open

    def refused(path: str, flags: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(os, "open", refused)
    for _ in range(5):
        loop.commit(loop.gather())
    assert notes == [f"{folder}/a.jsonl cannot be read (Permission denied); it is tried again"]
    monkeypatch.setattr(os, "open", opened)
    write(folder / "a.jsonl", 20, 60)
    loop.run(once=True)
    assert store.counts()[0].rows == 60
    assert_holds(store, ROWS, PLAIN)


def test_a_copy_that_does_not_grow_is_known_by_the_next_run_too(store: Store, folder: Path) -> None:
    path = folder / "a.jsonl"
    write(path, 0, 60)
    take(store, folder)
    shutil.copy(path, folder / "b")
    (folder / "b").rename(path)
    for _ in range(3):
        take(store, folder)
    assert store.counts()[0].rows == 60
    assert_holds(store, ROWS, PLAIN)


def test_a_file_that_cannot_be_read_is_not_tried_all_the_time(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "a.jsonl", 0, 20)
    now, tried = 0.0, list[float]()

    def refusing(_: FollowedLines) -> int:
        tried.append(now)
        raise PermissionError(errno.EACCES, "Permission denied", "a.jsonl")

    monkeypatch.setattr(FollowedLines, "open", refusing)
    door = file_door(store, folder)
    door.again, door.clock = 1.0, lambda: now
    while now < 3:
        assert door.take(1000) == []
        now += 0.25
    assert tried == [0, 1, 2]


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


def test_a_compressed_file_that_may_not_be_read_yet_is_no_dead_letter(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    path = folder / "a.jsonl.gz"
    pack(path, 0, 60)

    def refusing(*_: object, **__: object) -> pa.NativeFile:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    loop = ingester(store, file_door(store, folder, notes))
    with monkeypatch.context() as patched:
        patched.setattr("bighead.storage.ingest.followed_packed.pa.input_stream", refusing)
        for _ in range(5):
            loop.commit(loop.gather())
    assert loop.counters["events"].rejected == 0
    assert notes == [f"{path} cannot be read (Permission denied); it is tried again"]
    loop.run(once=True)
    assert loop.counters["events"].rejected == 0
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
