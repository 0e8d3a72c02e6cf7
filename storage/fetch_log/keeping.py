"""How the log is kept in order: what was left is completed, and what is old goes.

Files lie by set, day and hour, in folders whose names say it, so that only those folders are looked
into that can have what is looked for. The log is kept by whole hours.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from bighead.storage.fetch_log.journal import JOURNAL, PARQUET, complete, parquet_of
from bighead.zipline.windows import DAY, HOUR

LEAST, GREATEST = -(2**63), 2**63 - 1
_DAY, _HOUR = "ds=%Y-%m-%d", "hour=%H"


def hours(place: Path, since: int = LEAST, until: int = GREATEST) -> Iterator[tuple[int, Path]]:
    """The folders of a set that touch the times [since, until), each with its hour since 1970."""
    for day in sorted(place.glob("ds=*")):
        began = _moment(day.name, _DAY)
        if began is None or began >= until or began + DAY <= since:
            continue
        for inside in sorted(day.glob("hour=*")):
            began = _moment(f"{day.name}/{inside.name}", f"{_DAY}/{_HOUR}")
            if began is not None and since < began + HOUR and began < until:
                yield began // HOUR, inside


def _moment(text: str, form: str) -> int | None:
    """When a folder begins, in microseconds; None: it is not ours."""
    try:
        return int(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError:
        return None


def complete_left(folder: Path, since: int = LEAST) -> Iterator[tuple[Path, int]]:
    """Complete the journals that nobody writes any more; each file with its rows.

    since: of the hours that have later times. Those that are being written, here or in other
    processes, are left alone.
    """
    for place in sorted(folder.glob("*")):
        for _, inside in hours(place, since):
            for journal in sorted(inside.glob(f".*{JOURNAL}")):
                with suppress(OSError), journal.open("rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    yield parquet_of(journal), complete(journal)


def forget(folder: Path, before: int) -> int:
    """Remove the files of hours that ended before a time in microseconds; how many."""
    gone = 0
    for place in sorted(folder.glob("*")):
        for hour, inside in hours(place, until=before):
            if (hour + 1) * HOUR <= before:
                gone += _emptied(inside)
    return gone


def _emptied(inside: Path) -> int:
    """Remove the files of an hour, and those that a killed process had just begun; how many."""
    gone = 0
    for pattern in (f"*{PARQUET}", ".*.new"):
        for path in inside.glob(pattern):
            with suppress(FileNotFoundError):  # another process was first
                path.unlink()
                gone += 1
    for empty in (inside, inside.parent):
        with suppress(OSError):
            empty.rmdir()
    return gone
