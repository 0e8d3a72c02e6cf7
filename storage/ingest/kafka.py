"""Topics of Kafka.

Offsets are kept by the store, in the commit that holds the messages before them, and not by the
brokers: a consumer group only deals the partitions out. So a restart goes on exactly behind what
was committed, and a rebalance behind what was handed over. Memory is bounded by what the client may
fetch ahead; while the store is busy nothing is taken and the client stops fetching.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from confluent_kafka import (
    OFFSET_BEGINNING,
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from bighead.storage.database.database import Batch
from bighead.storage.errors import SilentError, StoreError
from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.messages import Messages
from bighead.storage.ingest.positions import put_offset

AT_ONCE = 10_000
"""Messages that are asked of the client in one call."""

_LOOK = 5.0
"""Seconds for a broker to say which offsets there are."""
BOUNDED = {
    "queued.max.messages.kbytes": 32 * 1024,
    "fetch.message.max.bytes": 8 << 20,
    "queued.min.messages": 20_000,
}


@dataclass(slots=True)
class KafkaDoor:
    """A topic that one source reads.

    Raises SilentError where no broker answers within `patience` seconds, StoreError where there is
    no such topic.
    """

    source: str
    topic: str
    servers: str
    """host:port, several with commas."""
    offset: Callable[[str], int]
    """What the store says of a partition: where to go on."""
    group: str = "bighead"
    """Whose members share the partitions."""
    note: Callable[[str], None] = print
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the client, such as security.protocol; they go before what is set here."""
    patience: float = 10.0
    member: str | None = None
    """The name of the only member of its group, which has the partitions again as soon as it comes
    back."""
    next: dict[int, int] = field(default_factory=dict, init=False)
    """By partition, the offset after the last message that was handed over."""
    unread: set[int] = field(default_factory=set, init=False)
    """The partitions whose end has not been reached yet."""
    silent: bool = field(default=False, init=False)
    """It was told that brokers do not answer, and nothing has come since."""
    consumer: Any = field(init=False)

    def __post_init__(self) -> None:
        self.consumer = self._consumer()
        try:
            self._find()
            self.consumer.subscribe(
                [self.topic],
                on_assign=self._assigned,
                on_revoke=self._revoked,
                on_lost=self._revoked,
            )
        except KafkaException as error:
            self.consumer.close()
            raise self._unread(_reason(error.args[0])) from error
        except BaseException:
            self.consumer.close()
            raise

    def _consumer(self) -> Any:
        """The client. Raises StoreError where it knows an option not, or not with this value."""
        options: dict[str, Any] = {
            "bootstrap.servers": self.servers,
            "group.id": self.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "log_level": 0,  # what matters comes by error_cb
            "isolation.level": "read_committed",
            "partition.assignment.strategy": "cooperative-sticky",
            "error_cb": self._error,
            **BOUNDED,
            **({} if self.member is None else {"group.instance.id": self.member}),
            **self.options,
        }
        try:
            return Consumer(options)
        except KafkaException as error:
            raise StoreError(
                f"the client of Kafka cannot read {self.topic} with these options "
                f"({_reason(error.args[0])}); correct --kafka-option"
            ) from error

    def _find(self) -> None:
        """Checks that the topic is there."""
        try:
            found = self.consumer.list_topics(self.topic, timeout=self.patience).topics[self.topic]
        except KafkaException as error:
            raise SilentError(
                f"no answer from Kafka at {self.servers} ({_reason(error.args[0])}); see that it "
                "runs there, and that --kafka names it"
            ) from error
        if found.error is not None:
            raise StoreError(
                f"Kafka at {self.servers} has no topic {self.topic} ({_reason(found.error)}); "
                f"create it, or correct the stream of {self.source}"
            )
        self.unread = set(found.partitions)

    def take(self, most: int) -> list[Arrived]:
        """What the client has fetched. Raises StoreError where the topic cannot be read."""
        try:
            return self._taken(most)
        except KafkaException as error:
            raise self._unread(_reason(error.args[0])) from error

    def _taken(self, most: int) -> list[Arrived]:
        begin = time.monotonic()
        by_partition: dict[int, list[Message]] = {}
        size = 0
        while size < most:
            got = self.consumer.consume(AT_ONCE, 0)
            if got and self.silent:
                self.silent = False
                self.note(f"Kafka at {self.servers} answers again")
            for message in got:
                error = message.error()
                if error is not None:
                    self._check(error, message)
                    continue
                by_partition.setdefault(message.partition(), []).append(message)
                size += len(message)
            if len(got) < AT_ONCE or time.monotonic() - begin > 1:
                break
        return [self._arrived(p, messages) for p, messages in by_partition.items()]

    def _arrived(self, partition: int, messages: list[Message]) -> Arrived:
        values = [message.value() for message in messages]
        # A message without a value is a tombstone, which is JSON's null.
        packed = Messages.of(
            [b"null" if v is None else v for v in values],
            np.fromiter((m.offset() for m in messages), np.int64, len(messages)),
        )
        now = time.time_ns() // 1000
        written = np.fromiter((_written(m, now) for m in messages), np.int64, len(messages))
        after = int(packed.positions[-1]) + 1
        self.next[partition] = after
        name = self.partition(partition)

        def put(batch: Batch) -> None:
            put_offset(batch, self.source, name, after)

        return Arrived(self.source, name, packed, 0, put, written=written)

    def partition(self, number: int) -> str:
        """As the store names a partition."""
        return f"kafka:{self.topic}/{number}"

    def _assigned(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        for at in partitions:
            kept = self.next.get(at.partition)
            if kept is None:
                kept = self.offset(self.partition(at.partition))
            at.offset = self._reachable(consumer, at, kept)
        consumer.incremental_assign(partitions)

    def _reachable(self, consumer: Any, at: TopicPartition, kept: int) -> int:
        """The offset to go on from, said aloud where messages are gone."""
        try:
            first, last = consumer.get_watermark_offsets(
                TopicPartition(at.topic, at.partition), _LOOK
            )
        except KafkaException:  # it went just now; an offset that is not there is told later
            return kept or OFFSET_BEGINNING
        if kept > last:
            raise StoreError(
                f"{self.topic}/{at.partition} ends at offset {last}, and the store has read it up "
                f"to {kept}: the topic was made anew; give it another name, or forget the offsets "
                f"with 'bighead ingest forget'"
            )
        if first > kept > 0:
            self.note(
                f"{self.topic}/{at.partition} begins at offset {first:,} now; messages {kept:,} to "
                f"{first - 1:,} were deleted before they were read"
            )
        return max(kept, first) if kept or first else OFFSET_BEGINNING

    def _revoked(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        consumer.incremental_unassign(partitions)

    def _check(self, error: KafkaError, message: Message) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self.unread.discard(message.partition())
            return
        late = (
            error.code() == KafkaError._MAX_POLL_EXCEEDED
        )  # a long commit; the group is joined anew
        if error.fatal() or not (late or error.retriable()):
            raise self._unread(_reason(error), message.partition())
        self._error(error)

    def _unread(self, reason: str, partition: int | None = None) -> StoreError:
        """The error for a topic that cannot be read on."""
        where = self.topic if partition is None or partition < 0 else f"{self.topic}/{partition}"
        return StoreError(f"Kafka at {self.servers}, {where}: {reason}")

    def _error(self, error: KafkaError) -> None:
        """Say once that something does not answer; the client goes on trying by itself."""
        if not self.silent:
            self.note(f"Kafka at {self.servers}: {_reason(error)}; trying again")
        self.silent = True

    def done(self) -> bool:
        """Whether the end of each partition was reached."""
        return not self.unread

    def close(self) -> None:
        """Leave the group."""
        self.consumer.close()


def _reason(error: KafkaError) -> str:
    return str(error.str()).rstrip(".")


def _written(message: Message, now: int) -> int:
    """When a message was written to its topic, in microseconds; now where the broker does not
    say."""
    kind, milliseconds = message.timestamp()
    return now if kind == TIMESTAMP_NOT_AVAILABLE else milliseconds * 1000
