"""How far each partition of a stream has been read, in the commit that holds what was read.

For streams that count their messages it is the offset that `Store.offset` tells; of a file it is a
record with what tells the file from others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from bighead.storage.database.database import Batch, View
from bighead.storage.database.keys import after, file_key, offset_key
from bighead.storage.errors import StoreError
from bighead.storage.store import Store
from bighead.zipline.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class FileAt:
    """A file that is followed, and what of it has been taken."""

    path: str
    device: int
    inode: int
    position: int
    """Bytes of a file of lines, rows of a Parquet file."""
    head: str = ""
    """Of the first bytes, as many as were there when it was last looked at: their hash."""
    headed: int = 0
    """How many bytes those are."""
    skipping: bool = False
    """The position lies within a line that was too long."""

    @property
    def name(self) -> str:
        """What tells it from files that exist at the same time."""
        return f"{self.device}:{self.inode}"


def put_offset(batch: Batch, source: str, partition: str, offset: int) -> None:
    """Where to go on reading a partition."""
    batch["meta", offset_key(source, partition)] = offset.to_bytes(8, "big")


def put_file(batch: Batch, source: str, at: FileAt) -> None:
    """Where to go on reading a file."""
    batch["meta", file_key(source, at.name)] = json.dumps(asdict(at)).encode()


def drop_file(batch: Batch, source: str, at: FileAt) -> None:
    """A file that is gone."""
    batch["meta", file_key(source, at.name)] = None


def files_at(view: View, source: str) -> Iterator[FileAt]:
    """The files of a source that have been read from."""
    prefix = file_key(source, "")
    for _, value in view.scan("meta", prefix, after(prefix)):
        yield FileAt(**json.loads(value))


def file_at(view: View, source: str, name: str) -> FileAt | None:
    """A file of a source that has been read from, by its `name`."""
    value = view.get("meta", file_key(source, name))
    return None if value is None else FileAt(**json.loads(value))


def offsets_at(view: View, source: str) -> Iterator[tuple[str, int]]:
    """Partitions of a source and the offsets to go on from."""
    prefix = offset_key(source, "")
    for key, value in view.scan("meta", prefix, after(prefix)):
        yield key.removeprefix(prefix).decode(), int.from_bytes(value, "big")


def forget_partition(store: Store, source: str, partition: str) -> None:
    """Begin at the start of a partition, or of a file by its path. Raises StoreError."""
    offsets = [p for p, _ in offsets_at(store.database, source)]
    batch: Batch = {}
    if partition in offsets:
        batch["meta", offset_key(source, partition)] = None
    for at in files_at(store.database, source):
        if at.path == partition:
            drop_file(batch, source, at)
    if not batch:
        paths = [at.path for at in files_at(store.database, source)]
        hint = did_you_mean(partition, [*offsets, *paths]) or "nothing of it was read"
        raise StoreError(f"no '{partition}' of {source} was read; {hint}")
    store.commit(batch)
