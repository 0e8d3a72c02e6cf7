"""A process that is killed while it logs: what was flushed is there, and the end is told."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from bighead.storage.fetch.client import Client
from bighead.storage.fetch_log.journal import parquet_of
from bighead.storage.fetch_log.keeping import complete_left
from bighead.storage.fetch_log.layout import facts_of
from bighead.storage.fetch_log.reading import Span, draw, files_of
from tests.storage.fetch.running import serving
from tests.storage.fetch_log.asked import AT

LISTINGS = {"listing": [1, 2, 3, 4]}


def waiting_for(rows: int, folder: Path) -> None:
    """Until so many rows can be read."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if folder.is_dir() and (folder / "listing_bookings").is_dir():
            if draw(files_of(folder, "listing_bookings", Span()), 1000).total == rows:
                return
        time.sleep(0.05)
    raise AssertionError(f"no {rows} rows in {folder}")


def test_what_was_flushed_outlives_the_process(filled: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(filled, log=str(log)) as killed:
        with Client(killed.address, timeout=20.0) as client:
            answer = client.fetch("listing_bookings", LISTINGS, at=AT)
        waiting_for(4, log)
        killed.end(signal.SIGKILL)
    assert not list(log.rglob("*.parquet"))
    assert draw(files_of(log, "listing_bookings", Span()), 10).total == 4
    with serving(filled, log=str(log)) as again:
        told = again.event("fetch-log-recovered")
        assert told["rows"] == 4
        with Client(again.address, timeout=20.0) as client:
            client.fetch("listing_bookings", LISTINGS, at=AT)
        assert again.end() == 0
    files = sorted(log.rglob("*.parquet"))
    assert [pq.read_table(f).num_rows for f in files] == [4, 4]
    found = draw(files_of(log, "listing_bookings", Span()), 10)
    assert (found.total, found.cut) == (8, 1)
    values = [n for n in found.drawn[0].rows.column_names if n.startswith("value.")]
    rows: Any = found.drawn[0].rows.select(values).to_pylist()
    assert [list(r.values()) for r in rows[:4]] == [list(r.values()) for r in answer.to_pylist()]


def test_a_journal_that_ends_anywhere_gives_the_rows_before(filled: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(filled, log=str(log)) as killed:
        with Client(killed.address, timeout=20.0) as client:
            for rows in (4, 8, 12):
                client.fetch("listing_bookings", LISTINGS, at=AT)
                waiting_for(rows, log)
        killed.end(signal.SIGKILL)
    (journal,) = log.rglob(".*.journal")
    data = journal.read_bytes()
    counts = []
    for end in (*range(0, len(data), max(len(data) // 60, 1)), len(data)):
        journal.write_bytes(data[:end])
        ((path, rows),) = complete_left(log)
        assert path == parquet_of(journal)
        assert not journal.exists()
        counts.append(rows)
        if rows:
            table = pq.read_table(path)
            assert table.num_rows == rows
            assert facts_of(table.schema, "").cut
            path.unlink()
        else:
            assert not path.exists()
    assert counts == sorted(counts)
    assert set(counts) == {0, 4, 8, 12}
