"""`bighead up` that is killed at any moment: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.services.features.project import Online, append, started, up

SQL = """
CREATE EVENT SOURCE bookings (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
  EVENT TIME ts IDENTITY (id) WITH (batch = 'batch.csv', stream = 'bookings/*.jsonl');

-- Its rows have no identity: only how far the file was read tells which have come.
CREATE EVENT SOURCE visits (listing BIGINT, ts TIMESTAMP)
  EVENT TIME ts WITH (stream = 'visits.jsonl');

CREATE FEATURE SET booked WITH (online = true) AS
SELECT listing, COUNT(*) AS bookings, SUM(nights) AS nights FROM bookings GROUP BY listing;

CREATE FEATURE SET visited WITH (online = true) AS
SELECT listing, COUNT(*) AS visits FROM visits GROUP BY listing;
"""
MOMENTS = ("listening", "applied", "uploading", "uploaded", "served", "ready", "counts")
LISTINGS = 5
BATCH = 40


class Shop:
    """A project whose streams grow, and what it has to answer."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.bookings: dict[int, tuple[int, int]] = {}
        self.visits = [0] * LISTINGS
        (folder / "features").mkdir()
        (folder / "bighead.toml").write_text('name = "shop"\n')
        (folder / "features" / "all.sql").write_text(SQL)
        lines = ["id,listing,nights,ts\n"]
        for number in range(BATCH):
            row = self.booking(number)
            lines.append(f"{row['id']},{row['listing']},{row['nights']},{row['ts']}\n")
        (folder / "batch.csv").write_text("".join(lines))

    def booking(self, number: int) -> dict[str, Any]:
        listing, nights = number % LISTINGS, number % 7 + 1
        self.bookings[number] = (listing, nights)
        return {"id": number, "listing": listing, "nights": nights, "ts": "2025-01-01 10:00:00"}

    def grow(self) -> None:
        """Rows of both streams: of bookings also some that came before, in the batch or not."""
        first = len(self.bookings)
        new = range(first, first + self.random.randint(1, 30))
        again = self.random.sample(range(first), 5)
        file = self.folder / "bookings" / f"{self.random.randint(0, 2)}.jsonl"
        append(file, [self.booking(n) for n in (*new, *again)])
        listings = [self.random.randrange(LISTINGS) for _ in range(self.random.randint(1, 30))]
        for listing in listings:
            self.visits[listing] += 1
        rows = [{"listing": n, "ts": "2025-01-01 10:00:00"} for n in listings]
        append(self.folder / "visits.jsonl", rows)

    def expected(self) -> list[list[dict[str, Any]]]:
        """What both sets hold of each listing."""
        held = [[n for at, n in self.bookings.values() if at == i] for i in range(LISTINGS)]
        booked = [{"bookings": len(h), "nights": sum(h)} for h in held]
        return [booked, [{"visits": n} for n in self.visits]]


def answers(online: Online) -> list[list[dict[str, Any]]]:
    keys: dict[str, list[Any]] = {"listing": list(range(LISTINGS))}
    return [online.fetch("booked", keys), online.fetch("visited", keys)]


def killed(shop: Shop) -> None:
    """One run of the process, while its streams grow, that ends in the midst of something."""
    running = started(shop.folder)
    shop.grow()
    running.event("listening")
    moment = shop.random.choice(MOMENTS)
    try:
        until = time.monotonic() + 5
        while moment != "listening" and time.monotonic() < until:
            shop.grow()
            if running.lines.get(timeout=30)["event"] == moment:
                break
        time.sleep(shop.random.random() * 0.2)
    finally:
        running.end(signal.SIGKILL)


def check(folder: Path, seed: int, kills: int) -> None:
    shop = Shop(folder, seed)
    for _ in range(kills):
        killed(shop)
    with up(folder) as online:
        # Files are read in order, so that with these rows all before them are there.
        shop.grow()
        until = time.monotonic() + 60
        while answers(online) != shop.expected() and time.monotonic() < until:
            time.sleep(0.1)
        assert answers(online) == shop.expected()
        time.sleep(0.5)
        assert answers(online) == shop.expected()


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_or_doubled_by_kills(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed, kills=2)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 125))
def test_nothing_is_lost_or_doubled_by_many_kills(tmp_path: Path, seed: int) -> None:
    check(tmp_path, seed, kills=6)
