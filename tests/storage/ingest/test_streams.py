"""Producers over gRPC: acknowledgements, resuming, limits, and who is let in."""

from __future__ import annotations

import io
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest

from bighead.proto.v1 import ingest_pb2 as pb
from bighead.storage.access.address import Address
from bighead.storage.access.authorizer import AccessError, Scope
from bighead.storage.access.tls import Tls
from bighead.storage.access.token_file import (
    Token,
    TokenFile,
    digest_of,
    new_token,
    write_tokens,
)
from bighead.storage.ingest.ingester import Ingester
from bighead.storage.ingest.listening import NAME, Listener
from bighead.storage.ingest.sources import sources_of
from bighead.storage.ingest.streams import StreamDoor, StreamError
from bighead.storage.store import Store
from tests.storage.fetch.certificates import Authority, authority
from tests.storage.ingest.rows import assert_holds, booked, dead, ingester, lines, memory_store

ROWS = booked(100)
MESSAGES = lines(ROWS)


@dataclass
class Running:
    """An ingester that listens, in threads of this process."""

    store: Store
    listener: Listener
    loop: Ingester
    thread: threading.Thread

    def stop(self) -> None:
        self.loop.stop()
        self.thread.join(10)
        self.listener.stop()


def running(store: Store, **how: Any) -> Running:
    waiting = how.pop("most_waiting", 32 << 20)
    door = StreamDoor(sources_of(store), store.offset, waiting)
    listener = Listener(door, how.pop("address", Address("127.0.0.1:0")), **how)
    listener.start()
    loop = ingester(store, door)
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    return Running(store, listener, loop, thread)


@pytest.fixture
def service() -> Iterator[Running]:
    made = running(memory_store())
    yield made
    made.stop()


@dataclass
class Producer:
    """A client: what it sends, and what it hears."""

    port: int
    name: str = "shop"
    source: str = "events"
    metadata: Sequence[tuple[str, str]] = ()
    tls: grpc.ChannelCredentials | None = None
    requests: queue.SimpleQueue[pb.WriteRequest | None] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        address = f"127.0.0.1:{self.port}"
        self.channel = grpc.insecure_channel(address)
        if self.tls is not None:
            self.channel = grpc.secure_channel(address, self.tls)
        call = self.channel.stream_stream(
            f"/{NAME}/Write",
            request_serializer=pb.WriteRequest.SerializeToString,
            response_deserializer=pb.WriteResponse.FromString,
        )
        self.call: Any = call(iter(self.requests.get, None), metadata=self.metadata, timeout=20)
        self.send(pb.WriteRequest(open=pb.WriteOpen(source=self.source, producer=self.name)))

    def send(self, request: pb.WriteRequest) -> None:
        self.requests.put(request)

    def write(self, first: int, messages: Sequence[bytes], ends: bool = True) -> None:
        made = pb.WriteMessages(offset=first)
        if ends:
            made.data = b"".join(messages)
            total = 0
            for message in messages:
                total += len(message)
                made.ends.append(total)
        else:
            made.data = b"\n".join(messages)
        self.send(pb.WriteRequest(messages=made))

    def opened(self) -> pb.WriteOpened:
        found: pb.WriteOpened = next(self.call).opened
        return found

    def committed(self) -> pb.WriteCommitted:
        found: pb.WriteCommitted = next(self.call).committed
        return found

    def close(self) -> None:
        self.requests.put(None)
        assert list(self.call) == []
        self.channel.close()

    def refused(self) -> tuple[str, str]:
        """The code and the reason with which the stream ends."""
        with pytest.raises(grpc.RpcError) as caught:
            list(self.call)
        self.requests.put(None)
        self.channel.close()
        error: Any = caught.value
        return error.code().name, error.details()


def stream_of(rows: pa.Table) -> bytes:
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, rows.schema) as writer:
        writer.write_table(rows)
    return buffer.getvalue()


def test_batches_are_acknowledged_when_they_are_committed(service: Running) -> None:
    producer = Producer(service.listener.port)
    assert producer.opened() == pb.WriteOpened(next_offset=0, max_bytes=8 << 20)
    producer.write(0, MESSAGES[:40])
    ack = producer.committed()
    assert (ack.next_offset, ack.count, len(ack.rejections)) == (40, 40, 0)
    assert service.store.committed == ack.commit
    producer.write(40, MESSAGES[40:60], ends=False)
    assert producer.committed().next_offset == 60
    rows = pb.WriteRows(offset=60, stream=stream_of(ROWS.slice(60)))
    producer.send(pb.WriteRequest(rows=rows))
    assert producer.committed().next_offset == 100
    producer.close()
    assert_holds(service.store, ROWS)
    assert service.store.offset("events", "stream:shop") == 100


def test_a_producer_resumes_where_the_store_is(service: Running) -> None:
    producer = Producer(service.listener.port)
    producer.opened()
    producer.write(0, MESSAGES[:30])
    producer.committed()
    producer.close()
    again = Producer(service.listener.port)
    assert again.opened().next_offset == 30
    again.write(10, MESSAGES[10:50])
    ack = again.committed()
    assert (ack.next_offset, ack.count) == (50, 20)
    again.write(0, MESSAGES[:50])
    assert again.committed().next_offset == 50
    again.close()
    assert_holds(service.store, ROWS.slice(0, 50))
    assert service.loop.counters["events"].messages == 50


def test_a_restarted_service_knows_its_producers() -> None:
    store = memory_store()
    first = running(store)
    producer = Producer(first.listener.port)
    producer.opened()
    producer.write(0, MESSAGES[:30])
    producer.committed()
    first.stop()
    assert producer.refused() == ("UNAVAILABLE", "the ingester is ending")
    second = running(store)
    again = Producer(second.listener.port)
    assert again.opened().next_offset == 30
    again.close()
    other = Producer(second.listener.port, "other")
    assert other.opened().next_offset == 0
    other.close()
    second.stop()


def test_what_cannot_be_taken_is_said_in_the_acknowledgement(service: Running) -> None:
    producer = Producer(service.listener.port)
    producer.opened()
    producer.write(0, [MESSAGES[0], b"oops", b"", MESSAGES[1], MESSAGES[0][:-1] + b',"ts":null}'])
    ack = producer.committed()
    assert [(r.offset, r.reason) for r in ack.rejections][:2] == [
        (1, "the message is no JSON object"),
        (2, "the message is empty"),
    ]
    assert (ack.next_offset, ack.count) == (5, 5)
    producer.send(pb.WriteRequest(rows=pb.WriteRows(offset=5, stream=stream_of(ROWS.drop("ts")))))
    ack = producer.committed()
    assert [r.offset for r in ack.rejections] == list(range(5, 105))
    assert "has no column 'ts'" in ack.rejections[0].reason
    producer.close()
    assert_holds(service.store, ROWS.slice(0, 2))
    assert {k.letter.facts.partition for k in dead(service.store)} == {"stream:shop"}


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (pb.WriteRequest(), "INVALID_ARGUMENT", "a stream opens once"),
        (
            pb.WriteRequest(messages=pb.WriteMessages(offset=7, data=b"{}\n")),
            "FAILED_PRECONDITION",
            "the next offset of shop is 0, not 7; send what lies between",
        ),
        (
            pb.WriteRequest(messages=pb.WriteMessages(data=b"{}", ends=[1])),
            "INVALID_ARGUMENT",
            "the ends of messages do not fit their 2 bytes",
        ),
        (
            pb.WriteRequest(rows=pb.WriteRows(stream=b"no arrow")),
            "INVALID_ARGUMENT",
            "the rows are no Arrow stream",
        ),
    ],
)
def test_a_request_that_makes_no_sense_ends_the_stream(
    service: Running, request_: pb.WriteRequest, code: str, reason: str
) -> None:
    producer = Producer(service.listener.port)
    producer.opened()
    producer.send(request_)
    found = producer.refused()
    assert found[0] == code
    assert reason in found[1]


def test_a_source_that_nobody_reads(service: Running) -> None:
    code, reason = Producer(service.listener.port, source="event").refused()
    assert code == "NOT_FOUND"
    assert reason == "no set of the store reads 'event'; did you mean 'events'?"
    assert Producer(service.listener.port, name="").refused()[0] == "INVALID_ARGUMENT"


def test_a_request_that_is_too_large_is_refused_and_the_service_goes_on() -> None:
    service = running(memory_store(), largest=10_000)
    producer = Producer(service.listener.port)
    assert producer.opened().max_bytes == 10_000
    producer.write(0, MESSAGES * 20)
    assert producer.refused()[0] == "RESOURCE_EXHAUSTED"
    again = Producer(service.listener.port)
    again.opened()
    again.write(0, MESSAGES[:30])
    assert again.committed().next_offset == 30
    again.close()
    service.stop()


def test_a_producer_that_writes_from_elsewhere_ends_its_older_stream(service: Running) -> None:
    old = Producer(service.listener.port)
    old.opened()
    new = Producer(service.listener.port)
    new.opened()
    assert old.refused() == ("ABORTED", "shop writes from elsewhere")
    new.write(0, MESSAGES[:30])
    assert new.committed().next_offset == 30
    new.close()


def test_a_source_that_goes_while_a_producer_begins_again_is_not_opened() -> None:
    store = memory_store()
    door = StreamDoor(sources_of(store), store.offset)
    asked = pb.WriteOpen(source="events", producer="shop")
    messages = pb.WriteMessages(offset=0, data=MESSAGES[0])
    door.write(door.open(asked), pb.WriteRequest(messages=messages))
    told: list[StreamError] = []

    def again() -> None:
        with pytest.raises(StreamError) as caught:
            door.open(asked)  # waits for what the older stream brought
        told.append(caught.value)

    thread = threading.Thread(target=again)
    thread.start()
    while not door.producers["events", "shop"].over:
        time.sleep(0.001)
    door.change({})
    thread.join(10)
    assert [error.code for error in told] == ["NOT_FOUND"]
    assert door.take(1) == []


def test_a_fast_producer_waits_for_the_store() -> None:
    store = memory_store()
    door = StreamDoor(sources_of(store), store.offset, most_waiting=2000)
    listener = Listener(door, Address("127.0.0.1:0"))
    listener.start()
    producer = Producer(listener.port)
    producer.opened()
    for i in range(100):
        producer.write(i, MESSAGES[i : i + 1])
    loop = ingester(store, door)
    deadline = time.monotonic() + 30
    while door.waiting < 1500 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert 1500 <= door.waiting <= 2000
    while store.offset("events", "stream:shop") < 100 and time.monotonic() < deadline:
        loop.commit(loop.gather())
    assert producer.committed().next_offset >= 1
    assert_holds(store, ROWS)
    listener.stop()
    assert producer.refused()[0] == "UNAVAILABLE"


def test_tokens_say_who_may_write_what(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    writer, reader = new_token(), new_token()
    may = {writer: "ingest:events", reader: "fetch:*"}
    tokens = [Token(s, digest_of(t), (Scope.parse(s),)) for t, s in may.items()]
    write_tokens(file, tokens)
    service = running(memory_store(), authorizer=TokenFile(file))
    port = service.listener.port
    assert Producer(port).refused()[0] == "UNAUTHENTICATED"
    wrong = [("authorization", "Bearer bh_wrong")]
    assert Producer(port, metadata=wrong).refused()[0] == "UNAUTHENTICATED"
    code, reason = Producer(port, metadata=[("authorization", f"Bearer {reader}")]).refused()
    assert (code, "may not ingest events" in reason) == ("PERMISSION_DENIED", True)
    allowed = Producer(port, metadata=[("authorization", f"Bearer {writer}")])
    assert allowed.opened().next_offset == 0
    allowed.close()
    service.stop()


def test_an_address_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    door = StreamDoor(["events"], lambda _source, _partition: 0)
    tls = Tls(tmp_path / "a.pem", tmp_path / "b.pem")
    with pytest.raises(AccessError, match="cannot read"):
        Listener(door, Address("127.0.0.1:0", tls)).start()
    first = Listener(door, Address("127.0.0.1:0"))
    address = f"127.0.0.1:{first.start()}"
    with pytest.raises(AccessError, match=f"cannot listen on {address}"):
        Listener(door, Address(address)).start()
    first.stop()


def test_only_producers_with_a_certificate_of_the_authority_write(tmp_path: Path) -> None:
    ours, theirs = authority(tmp_path), authority(tmp_path, "theirs")
    certificate, key = ours.sign("service")
    made = running(memory_store(), address=Address("127.0.0.1:0", Tls(certificate, key, ours.file)))
    roots = ours.file.read_bytes()

    def shown(by: Authority, days: int = 1) -> grpc.ChannelCredentials:
        mine, secret = by.sign(f"producer{days}", days)
        return grpc.ssl_channel_credentials(roots, secret.read_bytes(), mine.read_bytes())

    try:
        producer = Producer(made.listener.port, tls=shown(ours))
        assert producer.opened().next_offset == 0
        producer.write(0, MESSAGES)
        assert producer.committed().next_offset == 100
        producer.close()
        for refused in (shown(theirs), shown(ours, -1), grpc.ssl_channel_credentials(roots)):
            assert Producer(made.listener.port, tls=refused).refused()[0] == "UNAVAILABLE"
        assert Producer(made.listener.port).refused()[0] == "UNAVAILABLE"
    finally:
        made.stop()
    assert_holds(made.store, ROWS)


def test_a_producer_whose_source_goes_is_told_why_and_what_to_do() -> None:
    store = memory_store()
    door = StreamDoor(sources_of(store), store.offset)
    asked = pb.WriteOpen(source="events", producer="shop")
    gone = door.open(asked)
    door.change({})
    error = gone.replies.get_nowait()
    assert isinstance(error, StreamError)
    assert error.code == "NOT_FOUND"
    assert str(error) == (
        "no set of the store reads 'events' any more, and what is not acknowledged is not kept; "
        "stop writing, or declare a set over it with online = true, open again and send its rows "
        "from its offset on"
    )
    door.change(sources_of(store))
    replaced = door.open(asked)
    door.change({"events@2": sources_of(store)["events"]})
    error = replaced.replies.get_nowait()
    assert isinstance(error, StreamError)
    assert error.code == "FAILED_PRECONDITION"
    assert "events was declared anew" in str(error)
    assert "send the rows of events@2 from its offset on" in str(error)
    assert door.open(asked).source == "events@2"


def test_what_a_commit_that_failed_had_is_sent_again() -> None:
    store = memory_store()
    door = StreamDoor(sources_of(store), store.offset)
    asked = pb.WriteOpen(source="events", producer="shop")
    first = door.open(asked)
    door.write(first, pb.WriteRequest(messages=pb.WriteMessages(offset=0, data=MESSAGES[0])))
    door.take(1)  # and it is lost
    door.write(first, pb.WriteRequest(messages=pb.WriteMessages(offset=1, data=MESSAGES[1])))
    door.interrupt("the store cannot be written now; open again")
    error = first.replies.get_nowait()
    assert isinstance(error, StreamError)
    assert error.code == "UNAVAILABLE"
    assert door.take(1) == []
    assert door.open(asked).next == 0


def test_who_begins_again_while_the_store_cannot_be_written_need_not_wait() -> None:
    store = memory_store()
    door = StreamDoor(sources_of(store), store.offset)
    asked = pb.WriteOpen(source="events", producer="shop")
    first = door.open(asked)
    door.write(first, pb.WriteRequest(messages=pb.WriteMessages(offset=0, data=MESSAGES[0])))
    door.take(1)  # and it is lost
    opened = queue.SimpleQueue[Any]()
    for _ in range(2):
        threading.Thread(target=lambda: opened.put(door.open(asked)), daemon=True).start()
    while not first.over:
        time.sleep(0.001)
    door.interrupt("the store cannot be written now; open again")
    producers = [opened.get(timeout=10) for _ in range(2)]
    assert [producer.next for producer in producers] == [0, 0]
    held = door.producers["events", "shop"]
    (other,) = (producer for producer in producers if producer is not held)
    assert (held.over, other.over) == (False, True), "one of them writes"
