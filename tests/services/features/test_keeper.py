"""The thread that keeps a store as it is wanted goes on whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from bighead.planner.session import Session
from bighead.platform.features import calls as calling
from bighead.platform.features import keeper as keeping
from bighead.platform.features.batches import Batches
from bighead.platform.features.calls import Calls
from bighead.platform.features.keeper import Keeper, Uploading
from bighead.platform.features.keeping import Wanted, hold, serve_ready
from bighead.platform.features.screen import State, Told
from bighead.storage.errors import StoreError
from bighead.storage.requests.carrying_out import Carrier
from bighead.storage.retiring import clear, unserved
from bighead.storage.store import Store
from bighead.zipline.catalog import FeatureSet

SQL = """
CREATE EVENT SOURCE stays (id BIGINT, listing BIGINT, nights BIGINT, ts TIMESTAMP)
EVENT TIME ts IDENTITY (id) WITH (batch = 'stays.csv', stream = 'stays.jsonl');
CREATE FEATURE SET nights WITH (online = true) AS
SELECT listing, SUM(nights) AS nights FROM stays GROUP BY listing;
"""
LINES = "id,listing,nights,ts\n1,7,2,2025-01-01 10:00:00\n"


class Heard:
    """A screen that remembers."""

    def __init__(self) -> None:
        self.events: list[Told] = []

    def tell(self, told: Told) -> None:
        self.events.append(told)

    def show(self, state: State) -> None:
        pass

    def count(self, event: str) -> int:
        return sum(told.event == event for told in self.events)

    def texts(self, event: str) -> list[str]:
        return [told.text for told in self.events if told.event == event]


class Looks:
    """Definitions as they are found, one after the other."""

    def __init__(self, *found: Wanted | Exception) -> None:
        self.found = iter(found)

    def look(self) -> Wanted | None:
        one = next(self.found, None)
        if isinstance(one, Exception):
            raise one
        return one


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOK", "LOOK_AT_BATCHES", "AGAIN"):
        monkeypatch.setattr(keeping, name, 0.01)


@pytest.fixture
def wanted(tmp_path: Path) -> Wanted:
    (tmp_path / "stays.csv").write_text(LINES)
    session = Session(folder=tmp_path)
    session.sql(SQL)
    definition = session.definitions.get("nights")
    assert isinstance(definition, FeatureSet)
    return Wanted([(definition, 1)], Batches(session))


@contextmanager
def kept(path: Path, looks: Looks) -> Iterator[tuple[Heard, Callable[[Callable[[], bool]], None]]]:
    """A keeper of a store that this thread writes: what it tells, and how to wait for something."""
    heard, ending = Heard(), Event()
    calls = Calls(ending)
    with Store.open(path) as store:
        keeper = Keeper(store, path, looks, Uploading(), calls, heard)
        keeper.start()
        carrier = Carrier(store, path)

        def until(there: Callable[[], bool]) -> None:
            end = time.monotonic() + 30
            while not there():
                assert time.monotonic() < end, heard.events
                calls.carry_out()
                carrier.turn()
                time.sleep(0.002)

        try:
            yield heard, until
        finally:
            ending.set()
            keeper.join(30)


def test_it_goes_on_after_files_that_went_while_they_were_read(
    tmp_path: Path, wanted: Wanted
) -> None:
    gone = [FileNotFoundError("no file all.sql")] * 3
    with kept(tmp_path / "online", Looks(wanted, *gone, wanted)) as (heard, until):
        until(lambda: heard.count("ready") == 2)
        assert heard.texts("failed") == ["no file all.sql; it is tried again"]


def test_it_tries_again_after_what_nobody_foresaw(
    tmp_path: Path, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([KeyError("nights@1"), StoreError("the disk is full"), OSError("no space")])

    def faulty(*given: Any) -> Any:
        for fault in faults:
            raise fault
        return serve_ready(*given)

    monkeypatch.setattr(keeping, "serve_ready", faulty)
    with kept(tmp_path / "online", Looks(wanted)) as (heard, until):
        until(lambda: heard.count("ready") == 1)
        assert heard.texts("failed") == [
            "this is a bug in bighead (KeyError('nights@1')); it is tried again",
            "the disk is full; it is tried again",
            "no space; it is tried again",
        ]
        assert heard.texts("served") == ["nights@1 is served"]


def test_a_batch_that_always_changes_is_uploaded_once_before_it_is_ready(
    tmp_path: Path, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "lacks", lambda *_: "the batch of stays has changed")
    with kept(tmp_path / "online", Looks(wanted)) as (heard, until):
        until(lambda: heard.count("ready") == 1)
        assert heard.count("uploading") == 1


def test_a_set_that_is_to_be_served_is_not_cleared(tmp_path: Path, wanted: Wanted) -> None:
    path = tmp_path / "online"
    with Store.open(path) as store:
        hold(store, wanted)
        assert unserved(store) == []
        assert Carrier(store, path).carry_out("clear", {"sets": []}) == {"cleared": []}
        with pytest.raises(StoreError, match="nights@1 is kept online; declare its set without"):
            clear(store, "nights@1")
        hold(store, Wanted([], wanted.batches))
        assert Carrier(store, path).carry_out("clear", {"sets": []}) == {"cleared": ["nights@1"]}


def test_what_a_call_gives_in_the_last_moment_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Future[int]):
        """It is done just when one has waited too long."""

        def result(self, timeout: float | None = None) -> int:
            if timeout is None:
                return super().result()
            super().result(30)
            raise TimeoutError

    monkeypatch.setattr(calling, "Future", Late)
    calls = Calls(Event())
    found: list[int] = []
    asking = Thread(target=lambda: found.append(calls.do(lambda: 7)))
    asking.start()
    while asking.is_alive():
        calls.carry_out()
        time.sleep(0.001)
    assert found == [7]


def test_a_set_that_is_offline_only_keeps_no_other_one_offline(tmp_path: Path) -> None:
    (tmp_path / "stays.csv").write_text(LINES)
    session = Session(folder=tmp_path)
    session.sql(SQL)
    session.sql("""
        CREATE FEATURE SET usual WITH (online = true) AS
        SELECT listing, AVG(nights) AS mean FROM nights GROUP BY listing
    """)
    sets = [session.definitions.get(name) for name in ("usual", "nights")]
    assert all(isinstance(one, FeatureSet) for one in sets)
    wanted = Wanted([(one, 1) for one in sets if isinstance(one, FeatureSet)], Batches(session))
    with kept(tmp_path / "online", Looks(wanted, wanted)) as (heard, until):
        until(lambda: heard.count("ready") == 2)
        (told,) = heard.texts("failed")  # once, though it was looked at twice
        assert told.startswith(
            "usual is not online: a set over the rows of another set is not kept online, since a "
            "row that comes late would change rows that lie in tiles already"
        )
        assert "join the other set in a training set, let the events carry its columns, or" in told
        assert heard.texts("ready") == ["ready: nights@1"] * 2
