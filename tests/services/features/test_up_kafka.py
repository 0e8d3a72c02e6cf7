"""`bighead up` over topics of a real broker: restarts of either lose nothing and double nothing."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.services.features.project import Online, append, started
from tests.storage.fetch.running import Running
from tests.storage.ingest.broker import Broker, idle_broker

pytestmark = pytest.mark.xdist_group("kafka")  # one broker at a time

# Rows of visits have no identity: only the offsets tell which have come.
SQL = """
CREATE EVENT SOURCE visits (listing BIGINT, ts TIMESTAMP)
  EVENT TIME ts WITH (stream = 'kafka://{servers}/visits');
CREATE EVENT SOURCE clicks (listing BIGINT, ts TIMESTAMP)
  EVENT TIME ts WITH (stream = 'clicks.jsonl');

CREATE FEATURE SET visited WITH (online = true) AS
SELECT listing, COUNT(*) AS visits FROM visits GROUP BY listing;
CREATE FEATURE SET clicked WITH (online = true) AS
SELECT listing, COUNT(*) AS clicks FROM clicks GROUP BY listing;
"""
LISTINGS = 7
PARTITIONS = 3


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with idle_broker(tmp_path / "broker") as made:
        yield made


class Shop:
    """A project, what was sent to its topic, and the process that is online."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        self.folder, self.broker = folder, broker
        self.sent = Counter[int]()
        self.clicks = 0
        (folder / "features").mkdir(parents=True)
        (folder / "bighead.toml").write_text('name = "shop"\n')
        sql = SQL.format(servers=broker.servers)
        (folder / "features" / "all.sql").write_text(sql)
        self.running: Running | None = None
        self.online: Online | None = None

    def begin(self) -> Online:
        """`bighead up`, as soon as it answers."""
        self.running = started(self.folder)
        places = self.running.event("listening")["addresses"]
        self.online = Online(self.running, places["gRPC"], places["producers"])
        return self.online

    def end(self, number: signal.Signals) -> None:
        if self.running is not None:
            self.running.end(number)

    def send(self, count: int) -> None:
        """Visits, dealt out to the partitions."""
        first = self.sent.total()
        numbers = [i % LISTINGS for i in range(first, first + count)]
        self.sent.update(numbers)
        rows: list[dict[str, Any]] = [{"listing": n, "ts": "2025-01-01 10:00:00"} for n in numbers]
        self.broker.send("visits", [json.dumps(row).encode() for row in rows], PARTITIONS)

    def click(self) -> None:
        append(self.folder / "clicks.jsonl", [{"listing": 1, "ts": "2025-01-01 10:00:00"}])
        self.clicks += 1

    def until_all_came(self) -> None:
        """Until each visit and click has been counted, and then a while longer."""
        assert self.online is not None
        end = time.monotonic() + 60
        while self._answers() != self._expected():
            assert time.monotonic() < end, (self._answers(), self._expected())
            time.sleep(0.1)
        time.sleep(0.5)
        assert self._answers() == self._expected()

    def _answers(self) -> list[int]:
        assert self.online is not None
        keys: dict[str, list[Any]] = {"listing": list(range(LISTINGS))}
        found = [row["visits"] for row in self.online.fetch("visited", keys)]
        return [*found, self.online.fetch("clicked", {"listing": [1]})[0]["clicks"]]

    def _expected(self) -> list[int]:
        return [*(self.sent[n] for n in range(LISTINGS)), self.clicks]


def noted(running: Running, words: str) -> str:
    """The next note that has these words."""
    while words not in (text := str(running.event("note")["text"])):
        pass
    return text


def test_restarts_of_the_broker_and_of_the_process_lose_and_double_nothing(
    tmp_path: Path, broker: Broker
) -> None:
    shop = Shop(tmp_path / "shop", broker)
    try:
        shop.click()
        running = shop.begin().running
        began = time.monotonic()
        running.event("ready", keep=True)
        assert "no answer from Kafka" in noted(running, "the stream of visits is not read")
        assert time.monotonic() - began < 5  # a second, but for a machine with much to do
        shop.until_all_came()  # the other source, meanwhile

        broker.start()
        broker.create("visits", PARTITIONS)
        shop.send(1000)
        noted(running, "the stream of visits is read now")
        shop.until_all_came()

        shop.send(2000)
        shop.end(signal.SIGKILL)
        shop.send(500)
        running = shop.begin().running
        shop.until_all_came()

        broker.kill()
        noted(running, "Kafka at")
        shop.click()
        shop.until_all_came()
        broker.start()
        shop.send(1500)
        noted(running, "answers again")
        shop.until_all_came()
    finally:
        shop.end(signal.SIGTERM)
