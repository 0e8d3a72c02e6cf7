"""`bighead up` where its store cannot be written: it answers, and goes on once it can."""

from __future__ import annotations

import random
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bighead.storage.errors import StoreError
from bighead.storage.ingest.producer import Producer
from tests.services.features.project import Online, append, started

SQL = """
CREATE EVENT SOURCE visits (listing BIGINT, page VARCHAR, ts TIMESTAMP)
  EVENT TIME ts WITH (stream = 'visits.jsonl');
CREATE FEATURE SET visited WITH (online = true) AS
SELECT listing, COUNT(*) AS visits, LAST(page) AS page FROM visits GROUP BY listing;
"""
FULL = 300_000
"""Bytes of a file, where the disk is full."""


def rows(count: int) -> list[dict[str, object]]:
    chance = random.Random(count)
    pages = [f"{chance.getrandbits(8000):x}" for _ in range(count)]  # that nothing makes smaller
    return [{"listing": 1, "page": page, "ts": "2025-01-01 10:00:00"} for page in pages]


def visits(online: Online) -> int:
    (found,) = online.fetch("visited", {"listing": [1]}, datetime(2025, 2, 1, tzinfo=UTC))
    return int(found["visits"] or 0)


def limit(process: int, size: int) -> None:
    """How large files of a process may become."""
    _, most = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, most))


@contextmanager
def up(folder: Path) -> Iterator[Online]:
    """`bighead up`, which may end in an error."""
    running = started(folder)
    try:
        places = running.event("listening")["addresses"]
        running.event("ready")
        yield Online(running, places["gRPC"], places["producers"])
    finally:
        running.end(signal.SIGTERM)


def until(online: Online, count: int) -> None:
    end = time.monotonic() + 30
    while visits(online) != count:
        assert time.monotonic() < end, visits(online)
        time.sleep(0.1)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of others are Linux's")
def test_a_full_disk_is_told_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    (tmp_path / "features").mkdir()
    (tmp_path / "bighead.toml").write_text('name = "shop"\n')
    (tmp_path / "features" / "all.sql").write_text(SQL)
    log = tmp_path / "visits.jsonl"
    append(log, rows(10))
    with up(tmp_path) as online, Producer(online.producers, "visits", "test") as producer:
        producer.write(rows(5))
        until(online, 15)
        limit(online.running.process.pid, FULL)
        append(log, rows(1000))
        told = online.running.event("failed")["text"]
        assert "the store cannot be written" in told
        assert "it is tried again" in told
        assert visits(online) == 15
        producer.patience = 1.0
        with pytest.raises(StoreError, match="the store cannot be written now; open again"):
            producer.write(rows(5))
        assert visits(online) == 15
    with up(tmp_path) as online, Producer(online.producers, "visits", "test") as producer:
        until(online, 1015)
        assert producer.offset == 5
        producer.write(rows(5))
        until(online, 1020)
