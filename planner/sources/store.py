"""An object store: how it is reached, which objects there are, and what changes when one does.

An object that is read where it lies stands wherever a path of this machine may; what is not given
in `ObjectStore` is taken from the usual environment variables when it is reached, not before.
A version is the size, the time of change and the ETag. The time counts in seconds, so that an
object written twice within one is told by its ETag alone; that takes a request for each object, and
many go at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from bighead.planner.sources.learned import Learned
from bighead.zipline.errors import SourceError

REQUESTS = 16
"""So many objects are asked for at once."""


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """How an object store is reached; what is None is taken from the environment."""

    region: str | None = None
    """Else AWS_REGION, AWS_DEFAULT_REGION, us-east-1."""
    access_key_id: str | None = None
    """Else AWS_ACCESS_KEY_ID."""
    secret_access_key: str | None = None
    """Else AWS_SECRET_ACCESS_KEY."""
    session_token: str | None = None
    """Else AWS_SESSION_TOKEN."""
    endpoint: str | None = None
    """A server that speaks S3, such as http://127.0.0.1:9000; else AWS_ENDPOINT_URL_S3,
    AWS_ENDPOINT_URL."""

    def filled(self, environment: Mapping[str, str]) -> ObjectStore:
        """The same with what the environment says in the places that are None."""

        def first(*names: str) -> str | None:
            return next((environment[n] for n in names if environment.get(n)), None)

        return ObjectStore(
            region=self.region or first("AWS_REGION", "AWS_DEFAULT_REGION") or "us-east-1",
            access_key_id=self.access_key_id or first("AWS_ACCESS_KEY_ID"),
            secret_access_key=self.secret_access_key or first("AWS_SECRET_ACCESS_KEY"),
            session_token=self.session_token or first("AWS_SESSION_TOKEN"),
            endpoint=self.endpoint or first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        )


def system_of(store: ObjectStore) -> Any:
    """A store as pyarrow's file system; what it leaves open is taken from the environment."""
    store = store.filled(os.environ)
    endpoint = store.endpoint or ""
    scheme, _, host = endpoint.rpartition("://")
    more: dict[str, Any] = {}
    if endpoint:
        more = {"endpoint_override": host, "scheme": scheme or "https"}
    return fs.S3FileSystem(
        access_key=store.access_key_id,
        secret_key=store.secret_access_key,
        session_token=store.session_token,
        region=store.region,
        connect_timeout=10,
        **more,
    )


@dataclass(frozen=True, slots=True)
class Remote:
    """An object, as it was when it was found."""

    key: str
    """With its bucket before it."""
    size: int
    changed: int
    """When, in nanoseconds."""
    system: Any = field(compare=False, repr=False)
    learned: Learned = field(default_factory=Learned, compare=False, repr=False)
    """What whoever reads objects was told of them, so that the store is asked once."""

    def __str__(self) -> str:
        return f"s3://{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    def open(self) -> Any:
        """A file of which any range can be read."""
        return self.system.open_input_file(self.key)

    def stream(self) -> Any:
        """Its bytes one after the other, decompressed where its suffix says so."""
        return self.system.open_input_stream(self.key)

    def bytes(self) -> Any:
        """Its bytes one after the other, as they are stored."""
        return self.system.open_input_stream(self.key, compression=None)

    def version(self) -> str:
        """What changes when it does; raises SourceError where it is gone, or closed to us."""
        try:
            with self.open() as file:
                return f"{self.size} bytes, {self.changed} ns, {tag_of(file)}"
        except (OSError, pa.ArrowException) as error:
            raise refused(str(self), error) from error


FilePath = Path | Remote
"""Where a file lies."""


def tag_of(file: Any) -> str:
    """The ETag of an object that is open; empty where its store has none."""
    tag = (file.metadata() or {}).get("ETag", b"")
    text = tag.decode() if isinstance(tag, bytes) else str(tag)
    return text.strip('"')


def objects(system: Any, place: str, learned: Learned | None = None) -> list[Remote]:
    """The objects at or below a bucket and key, sorted; `learned` is of earlier looks at them.

    Raises FileNotFoundError where there is none at all, OSError where the store refuses.
    """
    (here,) = system.get_file_info([place])
    if here.type == fs.FileType.NotFound:
        raise FileNotFoundError(place)
    found: list[Any] = [here]
    if here.type == fs.FileType.Directory:
        found = list(system.get_file_info(fs.FileSelector(place, recursive=True)))
    there = (info for info in found if info.type == fs.FileType.File)
    known = Learned() if learned is None else learned
    made = (Remote(info.path, info.size, info.mtime_ns, system, known) for info in there)
    return sorted(made, key=lambda remote: remote.key)


def versions_of(found: Iterable[Remote]) -> list[str]:
    """What changes when one of the objects does, of each. Raises SourceError."""
    with ThreadPoolExecutor(REQUESTS) as asks:
        return list(asks.map(Remote.version, found))


def refused(path: str, error: Exception) -> SourceError:
    """The error for what a store does not give."""
    text = str(error)
    if isinstance(error, FileNotFoundError):
        return SourceError(f"there is nothing to read at {path}; check the path")
    if "NoSuchBucket" in text or "NO_SUCH_BUCKET" in text:
        return SourceError(
            f"there is no bucket {path.removeprefix('s3://').split('/')[0]} ({path})"
        )
    if any(word in text for word in ("ACCESS_DENIED", "AccessDenied", "403", "INVALID_ACCESS")):
        return SourceError(
            f"no access to {path}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the "
            "session an ObjectStore"
        )
    return SourceError(f"{path} cannot be read ({text.splitlines()[0]})")
