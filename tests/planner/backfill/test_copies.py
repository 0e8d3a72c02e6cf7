"""Bytes of one file in another, whatever the system copies of them by itself."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bighead.planner.backfill.folder import Piece, Range, write_whole
from bighead.planner.backfill.manifest import Stored
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
