"""The doors of a store's sources: files that are followed, and topics of Kafka."""

from __future__ import annotations

import hashlib
import secrets
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bighead.storage.database.origins import origin_of
from bighead.storage.ingest.door import Door
from bighead.storage.ingest.doors import PATIENCE
from bighead.storage.ingest.files import FileDoor
from bighead.storage.ingest.positions import file_at, files_at
from bighead.storage.store import Store
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.sources import Source

KAFKA = "kafka://"


@dataclass(frozen=True, slots=True)
class Streams:
    """Where the streams of sources are found."""

    folder: Path
    """Relative paths begin here."""
    kafka: str | None = None
    """host:port of brokers, for streams that name none."""
    kafka_options: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    """Of Kafka, which deals the partitions of a topic out among its members; None: the store has
    one of its own, and is its only member."""
    store: Path = Path()
    """The store's folder."""
    unnamed: str = field(default_factory=lambda: secrets.token_hex(16))
    """In place of a store's origin, before the first commit that gives it one."""
    longest: int = 16 << 20
    """Bytes of a line."""
    note: Callable[[str], None] = print


def own_group(store: Path, origin: str) -> str:
    """The name of a consumer group that only one store has.

    Its origin alone does not tell it from a copy of its folder, and the folder with the name of the
    machine not from a store in another container of that name.

    >>> own_group(Path("here"), "5f") == own_group(Path("here"), "5f")
    True
    >>> own_group(Path("here"), "5f") == own_group(Path("here"), "60")
    False
    """
    place = f"{socket.gethostname()}:{store.resolve()}:{origin}"
    return f"bighead-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def open_door(
    store: Store, source: Source, streams: Streams, patience: float = PATIENCE
) -> Door | None:
    """The door of a source; None: it names no stream. Raises BigheadError where it cannot open.

    patience: seconds for a broker to answer; where none does, it is a SilentError.
    """
    stream = source.option("stream")
    if not isinstance(stream, str):
        return None
    if stream.startswith(KAFKA):
        return _open_topic(store, source, stream.removeprefix(KAFKA), streams, patience)
    scheme, there, _ = stream.partition("://")
    if there and scheme != "file":
        raise BigheadError(
            f"the stream of {source.name} is {stream}, and only kafka:// and files are read from; "
            "leave the option out where producers write to it"
        )
    pattern = str(streams.folder / stream.removeprefix("file://"))
    return FileDoor(
        source.name,
        pattern,
        known=list(files_at(store.database, source.name)),
        note=streams.note,
        longest=streams.longest,
        kept=lambda name: file_at(store.database, source.name, name),
    )


def _open_topic(
    store: Store, source: Source, stream: str, streams: Streams, patience: float
) -> Door:
    try:
        from bighead.storage.ingest.kafka import KafkaDoor  # noqa: PLC0415  (an option)
    except ModuleNotFoundError as error:
        raise BigheadError(
            f'{source.name} is read from Kafka, which needs a client: pip install "bighead[kafka]"'
        ) from error
    servers, slash, topic = stream.rpartition("/")
    if not slash:
        servers = streams.kafka or ""
    if not servers or not topic:
        raise BigheadError(
            f"the stream of {source.name} names the topic {topic or stream} and no broker; write "
            "kafka://host:port/topic, or give --kafka host:port"
        )
    name = source.name
    own = own_group(streams.store, origin_of(store.database) or streams.unnamed)

    def offset(partition: str) -> int:
        return store.offset(name, partition)

    return KafkaDoor(
        name,
        topic,
        servers,
        offset,
        f"{streams.group or own}.{name}",  # two versions of a source read one topic side by side
        streams.note,
        streams.kafka_options,
        patience,
        own if streams.group is None else None,
    )
