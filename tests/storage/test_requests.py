"""What is asked of the process that writes a store is done between its commits, and answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bighead.planner.session import Session
from bighead.storage.errors import StoreError
from bighead.storage.requests.asking import ask
from bighead.storage.requests.carrying_out import Carrier
from bighead.storage.requests.spool import REQUESTS, answer, answered, leave, take_up, withdraw
from bighead.storage.store import Store
from bighead.storage.upload.building import Asked
from bighead.storage.upload.uploads import adopt, build
from bighead.zipline.catalog import FeatureSet
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.serialize import serialize
from tests.storage.shop import START, asking, assert_equal, bookings
from tests.storage.upload.scenario import SMALL, online_view
from tests.storage.upload.test_failures import of

TIMES = [START + i * 1000 for i in range(60)]
ROWS = bookings(np.random.default_rng(1), TIMES)


@contextmanager
def writer(path: Path) -> Iterator[Store]:
    """A process that writes the store, but for its process."""
    ended = threading.Event()
    with Store.open(path, SMALL) as store:
        carrier = Carrier(store, path)

        def turns() -> None:
            while not ended.wait(0.005):
                carrier.turn()

        thread = threading.Thread(target=turns)
        thread.start()
        try:
            yield store
        finally:
            ended.set()
            thread.join()


def define(serve: str = "yes") -> dict[str, object]:
    session = Session()
    session.sql("""
        CREATE EVENT SOURCE events (listing BIGINT, nights BIGINT, ts TIMESTAMP) EVENT TIME ts;
        CREATE FEATURE SET stays AS
        SELECT listing, SUM(nights) OVER (LAST '7d') AS nights FROM events GROUP BY listing
    """)
    definition = session.definitions.get("stays")
    assert isinstance(definition, FeatureSet)
    held = serialize(definition).hex()
    return {"sets": [{"definition": held, "version": 3, "serve": serve}]}


def test_a_set_is_defined_by_whoever_writes(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with writer(path) as store:
        said = ask(path, "define", define(serve="no"))
        new = {"of": "", "since": None}
        assert said == {
            "sets": [{"name": "stays@3", "sets": {"stays": "stays@3"}, "fresh": {"stays@3": new}}]
        }
        assert list(store.sets) == ["stays@3"]
    assert list((path / REQUESTS).iterdir()) == []
    again = ask(path, "define", define())
    assert again["sets"][0]["fresh"] == {}


def test_a_set_goes_back_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with Store.open(path, SMALL) as store:
        store.define("set", online_view("identity"))
        store.ingest("events", ROWS.slice(30))
        adopt(store, path, build(store, path, "set", Asked(2**62, 0), of(ROWS)))
    asked = asking(np.random.default_rng(2), TIMES, 3, 10)
    with writer(path) as store:
        assert ask(path, "back", {"set": "set", "to": 1}) == {}
        assert store.sets["set"].generation == 1
        assert_equal(store, "set", online_view("identity"), ROWS.slice(30), asked)
        # The same again, as after a writer that ended before it answered, changes nothing.
        assert ask(path, "back", {"set": "set", "to": 1}) == {}
        assert store.sets["set"].generation == 1
        with pytest.raises(StoreError, match="was uploaded meanwhile"):
            ask(path, "back", {"set": "set", "to": 5})


def test_what_cannot_be_done_is_said_and_the_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with writer(path):
        with pytest.raises(StoreError, match="the store keeps no set 'nothing'"):
            ask(path, "back", {"set": "nothing", "to": 1})
        with pytest.raises(StoreError, match="knows no 'dance'"):
            ask(path, "dance", {})
        with pytest.raises(StoreError, match=r"'replay' cannot be carried out \(KeyError"):
            ask(path, "replay", {})
        (path / REQUESTS / "1.asked").write_text("{")
        assert ask(path, "define", define())["sets"][0]["name"] == "stays@3"
    with pytest.raises(BigheadError, match="there is no store in"):
        ask(tmp_path / "nowhere", "define", define())


def test_a_writer_that_takes_nothing_up_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with Store.open(path, SMALL):
        with pytest.raises(StoreError, match="takes up no requests; see that it is an ingester"):
            ask(path, "define", define(), patience=0.05)
        assert take_up(path) == []


def test_who_waits_does_it_once_the_writer_has_ended(tmp_path: Path) -> None:
    path = tmp_path / "store"
    store = Store.open(path, SMALL)
    threading.Timer(0.3, store.close).start()
    assert ask(path, "define", define(), patience=30)["sets"][0]["name"] == "stays@3"


def test_a_request_that_was_not_answered_is_carried_out_by_the_next_writer(tmp_path: Path) -> None:
    request = leave(tmp_path, "define", define())
    assert take_up(tmp_path) == [request]
    assert not withdraw(tmp_path, request)
    assert answered(tmp_path, request) is None
    assert take_up(tmp_path) == [request]
    answer(tmp_path, request, {"done": 1})
    assert take_up(tmp_path) == []
    assert answered(tmp_path, request) == {"done": 1}
    other = leave(tmp_path, "define", define())
    assert withdraw(tmp_path, other)
    assert take_up(tmp_path) == []


def test_what_is_taken_away_meanwhile_or_hidden_does_not_end_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = leave(tmp_path, "define", define())
    (tmp_path / REQUESTS / "0.answer").symlink_to("taken")  # is listed, and is not there
    answer(tmp_path, request, {"done": 1})
    assert answered(tmp_path, request) == {"done": 1}
    hidden = leave(tmp_path, "define", define())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_text", refused)
        assert take_up(tmp_path) == []
    said = answered(tmp_path, hidden)
    assert said is not None
    assert said["error"].endswith("may not read it; ask as the same user")


def refused(*_: object, **__: object) -> str:
    raise PermissionError
