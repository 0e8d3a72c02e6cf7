"""How long the log is kept: whole hours, by the time at which they ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from bighead.storage.fetch_log.journal import PARQUET
from bighead.zipline.windows import HOUR


def hours(folder: Path) -> Iterator[tuple[int, Path]]:
    """The folders of hours below that of a set, or of all: each with the hour since 1970."""
    for place in sorted(folder.rglob("ds=*/hour=*")):
        text = f"{place.parent.name.removeprefix('ds=')}T{place.name.removeprefix('hour=')}"
        try:
            moment = datetime.strptime(text, "%Y-%m-%dT%H").replace(tzinfo=UTC)
        except ValueError:
            continue  # it is not ours
        yield int(moment.timestamp()) // 3600, place


def forget(folder: Path, before: int) -> int:
    """Remove the files of hours that ended before a time in microseconds; how many."""
    gone = 0
    for hour, place in hours(folder):
        if (hour + 1) * HOUR > before:
            continue
        for path in place.glob(f"*{PARQUET}"):
            with suppress(FileNotFoundError):  # another process was first
                path.unlink()
                gone += 1
        for empty in (place, place.parent):
            with suppress(OSError):
                empty.rmdir()
    return gone
