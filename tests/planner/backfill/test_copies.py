"""Bytes of one file in another, whatever the system copies of them by itself."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Event

import pytest

from bighead.planner.backfill.folder import Piece, Range, write_whole, writing
from bighead.planner.backfill.manifest import Stored
from bighead.planner.backfill.workers import workers
from bighead.zipline.errors import BigheadError

HELD = bytes(range(256)) * 40
Copy = Callable[[int, int, int, int], int]


def copying(most: int, rounds: int, then: int) -> Copy:
    """Copies so many bytes at most, so often; from then on none, or an error is raised."""
    left = rounds

    def copy(source: int, target: int, count: int, start: int) -> int:
        nonlocal left
        left -= 1
        if left >= 0:
            return os.write(target, os.pread(source, min(count, most), start))
        if then:
            raise OSError(then, os.strerror(then))
        return 0

    return copy


COPIES = {
    "all": (1 << 20, 9, 0),
    "in short pieces": (1000, 1000, 0),
    "some": (1000, 3, 0),
    "nothing": (0, 0, 0),
    "nothing across systems": (0, 0, errno.EXDEV),
    "nothing where it is forbidden": (0, 0, errno.EPERM),
    "some, then no more": (1000, 3, errno.EOPNOTSUPP),
}


def pieces(folder: Path) -> list[Piece]:
    source = folder / "held"
    source.write_bytes(HELD)
    view = memoryview(HELD)
    return [
        b"head",
        Range(source, 10, view[10:9000]),
        memoryview(b"between"),
        Range(source, 9500, view[9500:]),
        b"tail",
    ]


@pytest.mark.parametrize("copied", COPIES)
def test_a_file_holds_its_pieces(
    copied: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "copy_file_range", copying(*COPIES[copied]))
    target, given = tmp_path / "target", pieces(tmp_path)
    write_whole(target, given)
    assert target.read_bytes() == b"head" + HELD[10:9000] + b"between" + HELD[9500:] + b"tail"
    assert Stored.of(*given).intact(target)


def test_the_system_itself_copies(tmp_path: Path) -> None:
    target, given = tmp_path / "target", pieces(tmp_path)
    write_whole(target, given)
    assert Stored.of(*given).intact(target)


def test_a_disk_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "copy_file_range", copying(1000, 3, errno.EIO))
    with pytest.raises(BigheadError, match="cannot write .*Input/output error"):
        write_whole(tmp_path / "target", pieces(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["held"]


def test_a_sync_that_fails_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = os.fsync

    def failing(handle: int) -> None:
        if "second" in os.readlink(f"/proc/self/fd/{handle}"):  # noqa: PTH115
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        sync(handle)

    monkeypatch.setattr(os, "fsync", failing)

    def write() -> None:
        with writing() as files:
            for name in ("first", "second", "third"):
                files.put(tmp_path / name, b"content")

    with pytest.raises(BigheadError, match="cannot write .*/second: Input/output error"):
        write()
    assert list(tmp_path.iterdir()) == []


def test_where_something_fails_what_is_not_begun_is_left_undone() -> None:
    begun, free = Event(), Event()
    done: list[int] = []
    submitted: list[Future[None]] = []

    def first() -> None:
        begun.set()
        free.wait()

    def stop() -> None:
        with workers(1) as threads:
            submitted.append(threads.submit(first))
            submitted.extend(threads.submit(done.append, number) for number in range(9))
            submitted[-1].add_done_callback(lambda _: free.set())  # cancelled, after all others
            begun.wait()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert [each.cancelled() for each in submitted] == [False] + [True] * 9
    assert submitted[0].done()
    assert done == []
