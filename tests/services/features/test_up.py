"""`bighead up`: one process from files to answers, as a user runs it."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from bighead.storage.fetch.client import Client
from bighead.storage.fetch.errors import FetchError
from bighead.storage.ingest.producer import Producer
from bighead.storage.store import Store
from tests.services.cli.shell import edit, run, spawn
from tests.services.features.project import AT, Online, append, started, up

KEYS = {"listing": [1, 2, 3, 99]}
NEW = {
    "booking_id": 900_001,
    "listing": 99,
    "room_type": "private room",
    "n_nights": 3,
    "price": 50.0,
    "ts": "2025-01-31T10:00:00",
    "loaded_at": "2025-01-31T10:05:00",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, not applied."""
    folder = tmp_path_factory.mktemp("up")
    assert run(folder, "init", "shop").code == 0
    return folder / "shop"


@pytest.fixture(scope="module")
def port() -> int:
    """The first of two ports that are free."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            found: int = one.getsockname()[1]
            with contextlib.suppress(OSError, OverflowError):
                other.bind(("127.0.0.1", found + 1))
                return found


@pytest.fixture(scope="module")
def online(shop: Path, port: int) -> Iterator[Online]:
    with up(shop, "--metrics", str(port)) as running:
        yield running


def queried(shop: Path, listing: int) -> dict[str, Any]:
    """What the offline engine says of a listing."""
    sql = "SELECT * FROM listing_bookings AS OF TIMESTAMP '2025-02-01 00:00:00'"
    rows = {r["listing"]: r for r in run(shop, "query", sql, "--json").json}
    return {n: v for n, v in rows[listing].items() if n != "listing"}


def until(online: Online, column: str, value: object) -> dict[str, Any]:
    """The last row of a fetch, once its column has a value."""
    for _ in range(200):
        found = online.fetch("listing_bookings", KEYS)[-1]
        if found[column] == value:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{column} is {found[column]}, and {value} was awaited")


def test_the_batch_is_served_as_the_offline_engine_says(online: Online, shop: Path) -> None:
    rows = online.fetch("listing_bookings", KEYS)
    for listing, row in zip(KEYS["listing"][:3], rows, strict=False):
        said = queried(shop, listing)
        said["nights_by_room"] = list(said["nights_by_room"].items())
        assert row == said
    risk = online.fetch("stay_risk", {"listing": [1]})
    assert risk[0]["city"] is not None


def test_what_comes_is_served(online: Online, shop: Path) -> None:
    append(shop / "data" / "bookings" / "a.jsonl", [NEW])
    found = until(online, "nights_30d", 3)
    assert (found["bookings_30d"], found["last_price"]) == (1, 50.0)
    with Producer(online.producers, "bookings", "test") as producer:
        again = {**NEW, "booking_id": 900_002, "price": 70.0, "ts": "2025-01-31T11:00:00"}
        bad = {**NEW, "booking_id": 900_003, "price": "much"}
        written = producer.write([NEW, again, bad])
    assert [r.row for r in written.rejected] == [2]
    (row,) = online.fetch("listing_bookings", {"listing": [99]})
    assert (row["nights_30d"], row["bookings_30d"], row["last_price"]) == (6, 2, 70.0)
    counts = online.running.event("counts")["of"]["bookings"]
    while counts["messages"] < 4:
        counts = online.running.event("counts")["of"]["bookings"]
    assert counts == {
        "messages": 4, "rows": 2, "copies": 1, "late": 3, "expired": 0, "dead_letters": 1
    }  # fmt: skip


def test_answers_are_of_whole_commits_while_rows_come(online: Online) -> None:
    commits, listings = 60, list(range(5_000, 5_008))

    def write() -> None:
        with Producer(online.producers, "bookings", "many") as producer:
            for commit in range(commits):
                numbers = [1_000_000 + commit * len(listings) + i for i in range(len(listings))]
                pairs = zip(numbers, listings, strict=True)
                producer.write([{**NEW, "booking_id": n, "listing": at} for n, at in pairs])

    writing = threading.Thread(target=write)
    writing.start()
    seen = set()
    with Client(online.gRPC, timeout=30.0) as client:
        count = 0
        while count < commits:
            answer = client.fetch("listing_bookings", {"listing": listings}, at=AT)
            (found,) = {row["bookings_30d"] or 0 for row in answer.to_pylist()}
            assert found >= count
            seen.add(count := found)
    writing.join(30)
    assert len(seen) > 5, "it was asked while rows came"


def test_prometheus_is_told_of_requests_and_of_streams(online: Online, port: int) -> None:
    told = []
    for each in (port, port + 1):
        with urlopen(f"http://127.0.0.1:{each}/metrics", timeout=10) as answer:
            told.append(answer.read().decode())
    assert "bighead_fetch_requests_total" in told[0]
    assert 'bighead_ingest_rows_total{source="bookings"}' in told[1]
    assert 'bighead_ingest_lag_seconds{source="bookings"}' in told[1]


def test_a_second_one_says_that_one_runs(online: Online, shop: Path) -> None:
    second = spawn(shop, "up", "features")
    assert second.code == 1
    pid = online.running.process.pid
    assert f"error: 'bighead up' runs in {shop} already, as process {pid}; stop" in second.err


def test_a_port_in_use_is_told(online: Online, tmp_path: Path) -> None:
    assert run(tmp_path, "init", "other").code == 0
    taken = spawn(tmp_path, "up", "other", "--listen", online.gRPC)
    assert taken.code == 1
    assert f"error: cannot listen on {online.gRPC}; see that nobody else does" in taken.err


def test_definitions_are_taken_when_they_are_saved(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "shop").code == 0
    shop = tmp_path / "shop"
    file = shop / "features" / "listing_bookings.sql"
    with up(shop) as online:
        append(shop / "data" / "bookings" / "a.jsonl", [NEW])
        until(online, "nights_30d", 3)
        edit(file, "LAST(price)  ", "LAST(prize)  ")
        failed = online.running.event("failed")
        assert failed["text"].startswith("the definitions stay as they were: ")
        assert "did you mean 'price'?" in failed["text"]
        assert online.fetch("listing_bookings", KEYS)[-1]["nights_30d"] == 3
        edit(file, "LAST(prize)  ", "MAX(price) AS most, LAST(price)  ")
        assert online.running.event("ready")["sets"] == ["listing_bookings@2", "stay_risk@2"]
        rows = online.fetch("listing_bookings", KEYS)
        # The version that came has the batch, and what the stream brought before it was kept.
        assert rows[-1] == {**rows[-1], "nights_30d": 3, "most": 50.0}
        assert rows[0]["most"] is not None
        assert "most" not in online.fetch("listing_bookings@1", KEYS)[0]
        edit(file, "AS most", "AS top")
        gone = {online.running.event("withdrawn")["set"] for _ in range(2)}
        assert gone == {"listing_bookings@1", "stay_risk@1"}
        online.running.event("ready")
        assert online.fetch("listing_bookings", KEYS)[-1]["top"] == 50.0
        assert online.fetch("listing_bookings@2", KEYS)[-1]["most"] == 50.0
        with pytest.raises(FetchError, match="no set 'listing_bookings@1' is served"):
            online.fetch("listing_bookings@1", KEYS)
        edit(shop / "features" / "stay_risk.sql", ", online = true", "")
        assert online.running.event("withdrawn")["set"] == "stay_risk"
        code = online.running.end(signal.SIGINT)
    assert code == 0
    with Store.open(shop / ".bighead" / "online", create=False, read_only=True) as store:
        assert {n for n in store.sets if "bookings" in n} == {
            "listing_bookings@2", "listing_bookings@3"
        }  # fmt: skip


def test_a_second_start_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "shop").code == 0
    shop = tmp_path / "shop"
    with up(shop) as online:
        before = online.fetch("listing_bookings", KEYS)
    append(shop / "data" / "bookings" / "a.jsonl", [NEW])
    running = started(shop)
    try:
        places = running.event("listening")["addresses"]
        again = Online(running, places["gRPC"], places["producers"])
        events = []
        while "ready" not in events:
            events.append(running.lines.get(timeout=30)["event"])
        assert "uploading" not in events
        until(again, "nights_30d", 3)
        assert again.fetch("listing_bookings", KEYS)[:3] == before[:3]
        batch = shop / "data" / "bookings.csv"
        more = "700001,98,shared room,2,20.0,2025-01-30 10:00:00,2025-01-30 10:00:01\n"
        batch.write_text(batch.read_text() + more)
        assert "the batch of bookings has changed" in running.event("uploading")["text"]
        running.event("ready")
        assert again.fetch("listing_bookings", {"listing": [98]})[0]["nights_30d"] == 2
        assert again.fetch("listing_bookings", KEYS)[-1]["nights_30d"] == 3
    finally:
        assert running.end(signal.SIGINT) == 0


def test_a_project_without_online_sets_is_told_what_to_declare(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "shop").code == 0
    for name in ("listing_bookings", "stay_risk"):
        edit(tmp_path / "shop" / "features" / f"{name}.sql", ", online = true", "")
    none = spawn(tmp_path, "up", "shop", "--listen", "127.0.0.1:0", "--producers", "")
    assert none.code == 1
    assert "error: no set is declared with online = true" in none.err
    nowhere = spawn(tmp_path, "up")
    assert "make a project with 'bighead init'" in nowhere.err
    wrong = spawn(tmp_path / "shop", "up", "featurs")
    assert "error: there is no folder featurs; name a project" in wrong.err
