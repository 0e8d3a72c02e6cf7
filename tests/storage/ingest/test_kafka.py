"""Topics of a real broker: each message once, through restarts, rebalances and deletions."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition

from bighead.storage.errors import StoreError
from bighead.storage.ingest.ingester import Ingester
from bighead.storage.ingest.kafka import KafkaDoor
from bighead.storage.store import Store
from tests.storage.ingest.broker import Broker, running_broker
from tests.storage.ingest.rows import assert_holds, booked, dead, ingester, lines, memory_store

pytestmark = pytest.mark.xdist_group("kafka")  # one broker, in one worker

ROWS = booked(300)
MESSAGES = lines(ROWS)
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with running_broker(tmp_path_factory.mktemp("kafka") / "broker") as running:
        yield running


@pytest.fixture
def topic() -> str:
    return f"bookings-{next(NUMBERS)}"


def door(
    store: Store, broker: Broker, topic: str, group: str = "", notes: list[str] | None = None
) -> KafkaDoor:
    """A door of a topic, of a group of its own."""
    note = (lambda _: None) if notes is None else notes.append
    quick = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "300"}
    return KafkaDoor(
        "events",
        topic,
        broker.servers,
        lambda partition: store.offset("events", partition),
        group or f"{topic}-{next(NUMBERS)}",
        note,
        quick,
    )


def take(store: Store, broker: Broker, topic: str, notes: list[str] | None = None) -> Ingester:
    """One run over what the topic holds now."""
    opened = door(store, broker, topic, notes=notes)
    loop = ingester(store, opened)
    try:
        loop.run(once=True)
    finally:
        opened.close()
    return loop


def test_messages_of_all_partitions_are_taken_once(broker: Broker, topic: str) -> None:
    store = memory_store()
    broker.create(topic, 3)
    poison = [b"oops", b'{"id": "x"}', None]
    broker.send(topic, [*MESSAGES[:100], *poison, *MESSAGES[100:200]], 3)
    counted = take(store, broker, topic).counters["events"]
    assert (counted.messages, counted.rows, counted.rejected) == (203, 200, 3)
    assert_holds(store, ROWS.slice(0, 200))
    letters = {k.letter.raw: k.letter.facts for k in dead(store)}
    assert set(letters) == {b"oops", b'{"id": "x"}', b"null"}
    assert letters[b"oops"].partition == f"kafka:{topic}/1"
    assert letters[b"oops"].position == 33
    written = letters[b"oops"].written
    assert written is not None
    assert abs(written - time.time_ns() // 1000) < 600_000_000
    broker.send(topic, MESSAGES[200:], 3)
    assert take(store, broker, topic).counters["events"].messages == 100
    assert take(store, broker, topic).counters["events"].messages == 0
    assert_holds(store, ROWS)


def test_offsets_are_those_of_the_store_and_not_of_the_group(broker: Broker, topic: str) -> None:
    broker.create(topic)
    broker.send(topic, MESSAGES)
    one, two = memory_store(), memory_store()
    opened = door(one, broker, topic, "shared")
    ingester(one, opened).run(once=True)
    opened.close()
    again = door(two, broker, topic, "shared")
    ingester(two, again).run(once=True)
    again.close()
    assert_holds(one, ROWS)
    assert_holds(two, ROWS)
    assert one.offset("events", f"kafka:{topic}/0") == 300


def test_what_was_gathered_and_not_committed_comes_again(
    broker: Broker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bighead.storage.ingest.kafka.AT_ONCE", 50)  # else all may come at once
    store = memory_store()
    broker.create(topic, 2)
    broker.send(topic, MESSAGES, 2)
    opened = door(store, broker, topic)
    loop = ingester(store, opened, most=5000)
    while not (gathered := loop.gather()):
        pass
    loop.commit(gathered)
    while not loop.gather():
        pass
    opened.close()
    taken = loop.counters["events"].messages
    assert 0 < taken < 300
    assert take(store, broker, topic).counters["events"].messages == 300 - taken
    assert_holds(store, ROWS)


def test_aborted_transactions_are_not_taken(broker: Broker, topic: str) -> None:
    store = memory_store()
    broker.create(topic)
    producer = Producer({"bootstrap.servers": broker.servers, "transactional.id": topic})
    producer.init_transactions(30)
    for first, keep in ((0, True), (100, False), (100, True)):
        producer.begin_transaction()
        for message in MESSAGES[first : first + 100]:
            producer.produce(topic, message)
        (producer.commit_transaction if keep else producer.abort_transaction)(30)
    counted = take(store, broker, topic).counters["events"]
    assert (counted.messages, counted.copies) == (200, 0)
    assert_holds(store, ROWS.slice(0, 200))


def test_partitions_move_between_ingesters_without_loss_or_double(
    broker: Broker, topic: str
) -> None:
    broker.create(topic, 4)
    broker.send(topic, MESSAGES[:150], 4)
    stores = [memory_store(), memory_store()]
    doors = [door(stores[0], broker, topic, topic)]
    loops = [ingester(stores[0], doors[0])]
    _turn(loops, 150)
    doors.append(door(stores[1], broker, topic, topic))
    loops.append(ingester(stores[1], doors[1]))
    deadline = time.monotonic() + 30
    while len(doors[1].next) < 2 and time.monotonic() < deadline:  # the second has its share
        _turn(loops, 0)
    broker.send(topic, MESSAGES[150:], 4)
    deadline = time.monotonic() + 30
    while _ends(stores, topic) < 300 and time.monotonic() < deadline:
        _turn(loops, 0)
    for opened in doors:
        opened.close()
    assert _ends(stores, topic) == 300
    # The second began its partitions at their start: its store had nothing of them.
    moved = set(doors[1].next)
    for p in range(4):
        end = (stores[1] if p in moved else stores[0]).offset("events", f"kafka:{topic}/{p}")
        assert end == (76 if p < 2 else 74)
    assert sum(len(dead(s)) for s in stores) == 0
    assert all(loop.counters["events"].copies == 0 for loop in loops)


def _turn(loops: list[Ingester], messages: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        for loop in loops:
            loop.commit(loop.gather())
        count = sum(loop.counters["events"].messages for loop in loops)
        if count >= messages or time.monotonic() > deadline:
            return


def _ends(stores: list[Store], topic: str) -> int:
    """How far all partitions were read by whoever read them furthest."""
    return sum(max(s.offset("events", f"kafka:{topic}/{p}") for s in stores) for p in range(4))


def test_a_new_partition_is_found(broker: Broker, topic: str) -> None:
    store = memory_store()
    broker.create(topic)
    broker.send(topic, MESSAGES[:100])
    take(store, broker, topic)
    broker.widen(topic, 2)
    broker.send(topic, MESSAGES[100:], 2)
    assert take(store, broker, topic).counters["events"].messages == 200
    assert_holds(store, ROWS)


def test_messages_that_were_deleted_before_they_were_read_are_told_of(
    broker: Broker, topic: str
) -> None:
    store, notes = memory_store(), list[str]()
    broker.create(topic)
    broker.send(topic, MESSAGES[:100])
    take(store, broker, topic)
    broker.send(topic, MESSAGES[100:])
    at = TopicPartition(topic, 0, 150)
    admin = broker.admin()
    admin.delete_records([at])[at].result(30)
    take(store, broker, topic, notes)
    (note,) = notes
    assert note.endswith("now; messages 100 to 149 were deleted before they were read")
    assert store.offset("events", f"kafka:{topic}/0") == 300


def test_a_topic_that_was_made_anew_is_an_error(broker: Broker, topic: str) -> None:
    store = memory_store()
    broker.create(topic)
    broker.send(topic, MESSAGES[:100])
    take(store, broker, topic)
    admin = broker.admin()
    admin.delete_topics([topic])[topic].result(30)
    time.sleep(1)
    broker.create(topic)
    with pytest.raises(StoreError, match="the topic was made anew"):
        take(store, broker, topic)


@pytest.mark.soak
def test_the_broker_ends_and_comes_again(broker: Broker, topic: str, tmp_path: Path) -> None:
    store = memory_store()
    broker.create(topic)
    broker.send(topic, MESSAGES[:100])
    opened = door(store, broker, topic)
    loop = ingester(store, opened)
    _turn([loop], 100)
    broker.kill()
    for _ in range(20):
        loop.commit(loop.gather())
    broker.start()
    broker.send(topic, MESSAGES[100:])
    _turn([loop], 300)
    opened.close()
    assert loop.counters["events"].messages == 300
    assert_holds(store, ROWS)


def test_a_topic_that_is_not_there(broker: Broker) -> None:
    with pytest.raises(StoreError, match="has no topic nothing .*; create it, or correct"):
        door(memory_store(), broker, "nothing")


def test_a_broker_that_is_not_there() -> None:
    with pytest.raises(StoreError, match="no answer from Kafka at 127.0.0.1:1 "):
        KafkaDoor("events", "t", "127.0.0.1:1", lambda _: 0, note=lambda _: None, patience=1.0)


def test_an_option_that_the_client_does_not_know() -> None:
    options = {"compression": "much"}
    with pytest.raises(StoreError, match=r"cannot read t .*compression.*; correct --kafka-option"):
        KafkaDoor("events", "t", "127.0.0.1:1", lambda _: 0, options=options)
