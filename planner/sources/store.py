"""An object store: how it is reached, which objects there are, and what changes when one does.

A version is the size, the time of change and the ETag. The time counts in seconds, so that an
object written twice within one is told by its ETag alone; that takes a request for each object, and
many go at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pyarrow import fs

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


def versions(system: Any, place: str, wanted: Callable[[str], bool]) -> dict[str, str]:
    """By bucket and key, sorted, the version of each object at or below a place that is wanted.

    Raises FileNotFoundError where there is none at all, OSError where the store refuses.
    """
    (here,) = system.get_file_info([place])
    if here.type == fs.FileType.NotFound:
        raise FileNotFoundError(place)
    found: list[Any] = [here]
    if here.type == fs.FileType.Directory:
        found = list(system.get_file_info(fs.FileSelector(place, recursive=True)))
    objects = sorted(
        (info for info in found if info.type == fs.FileType.File and wanted(info.path)),
        key=lambda info: str(info.path),
    )

    def version(info: Any) -> str:
        with system.open_input_file(info.path) as file:
            tag = (file.metadata() or {}).get("ETag", b"")
        text = tag.decode() if isinstance(tag, bytes) else str(tag)
        return f"{info.size} bytes, {info.mtime_ns} ns, {text.strip(chr(34))}"

    with ThreadPoolExecutor(REQUESTS) as asks:
        return dict(zip((i.path for i in objects), asks.map(version, objects), strict=True))
