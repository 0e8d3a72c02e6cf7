"""The client that writes: what it returns from is committed, once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bighead.storage.access.address import Address
from bighead.storage.errors import StoreError
from bighead.storage.ingest.listening import Listener
from bighead.storage.ingest.producer import Producer, Rejected
from bighead.storage.ingest.sources import sources_of
from bighead.storage.ingest.streams import StreamDoor, StreamError
from bighead.storage.store import Store
from tests.storage.ingest.rows import assert_holds, booked, dead, ingester, memory_store
from tests.storage.ingest.test_streams import Running, running

ROWS = booked(100)


def objects(first: int, after: int) -> list[dict[str, Any]]:
    """Rows, with times as Python has them."""
    found: list[dict[str, Any]] = ROWS.slice(first, after - first).to_pylist()
    return found


@pytest.fixture
def service() -> Iterator[Running]:
    made = running(memory_store())
    yield made
    made.stop()


def address(service: Running) -> str:
    return f"127.0.0.1:{service.listener.port}"


def test_what_is_written_is_committed(service: Running) -> None:
    with Producer(address(service), "events", "shop") as producer:
        written = producer.write(objects(0, 40))
        assert (written.commit, written.rejected) == (service.store.committed, ())
        assert producer.write(ROWS.slice(40)).commit == service.store.committed
        assert producer.write([]).commit == 0
        assert producer.offset == 100
    assert_holds(service.store, ROWS)
    with Producer(address(service), "events", "shop") as again:
        assert again.offset == 100


def test_rows_that_cannot_be_taken_are_told(service: Running) -> None:
    with Producer(address(service), "events", "shop") as producer:
        producer.write(objects(0, 10))
        bad = [*objects(10, 12), {"ts": "soon"}, *objects(12, 13)]
        (told,) = producer.write(bad).rejected
    assert told == Rejected(2, dead(service.store)[0].letter.facts.reason)
    assert_holds(service.store, ROWS.slice(0, 13))


@pytest.mark.parametrize("columns", [True, False])
def test_more_than_a_request_holds_goes_in_several(
    columns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where messages end counts too; what is left are some numbers.
    monkeypatch.setattr("bighead.storage.ingest.listening.OVERHEAD", 32)
    service = running(memory_store(), largest=2_000)
    with Producer(address(service), "events", "shop") as producer:
        producer.write(ROWS if columns else objects(0, 100))
    assert_holds(service.store, ROWS)
    assert service.loop.counters["events"].messages == 100
    service.stop()


def test_what_follows_rows_that_were_not_all_written_is_taken(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.listener.largest = 200
    with Producer(address(service), "events", "shop") as producer:
        with pytest.raises(StoreError, match="is nothing that JSON has"):
            producer.write([*objects(0, 20), {"ts": object()}])
        assert producer.offset == 0  # none of them was sent
        producer.write(objects(0, 20))

        def interrupted(*_: Any) -> Rejected:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("bighead.storage.ingest.producer.Rejected", interrupted)
            with pytest.raises(KeyboardInterrupt):
                producer.write([{"ts": "soon"}, *objects(20, 40)])
        taken = producer.offset
        assert taken > 20
        assert producer.write(objects(taken - 1, 60)).commit == service.store.committed
        assert producer.offset == 61
    assert_holds(service.store, ROWS.slice(0, 60))


def test_a_store_that_is_an_older_copy_is_told(service: Running) -> None:
    with Producer(address(service), "events", "shop") as producer:
        producer.write(objects(0, 20))
        door = service.listener.door
        door.offset = lambda *_: 10
        old = door.producers["events", "shop"]
        door.producers.clear()
        old.replies.put(StreamError("UNAVAILABLE", "the ingester is ending"))
        with pytest.raises(StoreError, match="had taken 20 rows of shop, and knows of 10 now"):
            producer.write(objects(20, 40))
        assert producer.offset == 10


def test_a_service_that_starts_anew_gets_each_row_once() -> None:
    store = memory_store()
    first = running(store, largest=2_000)
    port = first.listener.port
    with Producer(address(first), "events", "shop") as producer:
        producer.write(objects(0, 20))
        done = threading.Thread(target=producer.write, args=(objects(20, 100),))
        done.start()
        first.stop()
        door = StreamDoor(sources_of(store), store.offset)
        second = Listener(door, Address(f"127.0.0.1:{port}"))
        second.start()
        loop = ingester(store, second.door)
        thread = threading.Thread(target=loop.run, daemon=True)
        thread.start()
        done.join(30)
        assert not done.is_alive()
    assert_holds(store, ROWS)
    assert store.offset("events", "stream:shop") == 100
    loop.stop()
    thread.join(10)
    second.stop()


def test_a_service_that_is_not_there_is_told_in_time() -> None:
    began = time.monotonic()
    nowhere = Producer("127.0.0.1:1", "events", "shop", patience=0.5)
    with pytest.raises(StoreError, match="127.0.0.1:1 takes no rows of events: "):
        nowhere.write(objects(0, 1))
    assert time.monotonic() - began < 5


def test_rows_that_make_no_sense_are_refused(service: Running) -> None:
    wrong = Producer(address(service), "event", "shop")
    with pytest.raises(StoreError, match="did you mean 'events'"):
        wrong.write(objects(0, 1))
    producer = Producer(address(service), "events", "shop")
    with pytest.raises(StoreError, match="is nothing that JSON has"):
        producer.write([{"ts": object()}])
    producer.close()


def test_sources_that_come_and_go_while_producers_write() -> None:
    store: Store = memory_store()
    service = running(store)
    sources = sources_of(store)
    with Producer(address(service), "events", "shop", patience=1.0) as producer:
        producer.write(objects(0, 20))
        service.listener.door.change({})
        with pytest.raises(StoreError, match="no set of the store reads 'events'"):
            producer.write(objects(20, 40))
        service.listener.door.change(sources)
        service.loop.change(sources, service.loop.doors)
        producer.write(objects(20, 60))
    assert_holds(store, ROWS.slice(0, 60))
    assert service.loop.counters["events"].messages == 60
    service.stop()
