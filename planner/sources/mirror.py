"""Objects of a store as files of this machine: copied when they are asked for, and once each.

The changes of an entity are read whole, and their formats (envelopes, daily folders) are those of
files; so objects become files, and one path of code reads both. What changed in the store since is
copied again, by its size, its time of change and its ETag; what went goes. The copies end with the
session.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from bighead.planner.sources.store import ObjectStore, objects, refused, system_of, versions_of
from bighead.zipline.errors import DataError, SchemaError, SourceError

PIECE_BYTES = 8 << 20
_WILDCARD = re.compile(r"[*?\[]")


@dataclass(slots=True)
class Mirror:
    """The copies of a session."""

    store: ObjectStore
    known: dict[str, str] = field(default_factory=dict)
    """By bucket and key, the version of what was copied."""
    _folder: TemporaryDirectory[str] | None = None

    @property
    def root(self) -> Path:
        """Where the copies lie: a folder for each bucket, and below it the keys."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="bighead-objects-")
        return Path(self._folder.name)

    def local(self, path: str, name: str) -> str:
        """The path, as one of this machine; what lies in a store is copied there.

        name: the source's, for messages. Raises SourceError where nothing can be read.
        """
        if not path.startswith("s3://"):
            return path
        rest = path.removeprefix("s3://")
        parts = rest.split("/")
        if not parts[0]:
            raise SourceError(f"{name}: {path} names no bucket; write s3://bucket/folder/")
        first = next((i for i, p in enumerate(parts) if _WILDCARD.search(p)), len(parts))
        fixed = "/".join(parts[:first]).rstrip("/")
        try:
            self._copy(fixed, rest)
        except (OSError, pa.ArrowException) as error:
            raise refused(path, error) from error
        return str(self.root / rest)

    def version(self, name: str) -> str | None:
        """The version of an object that was copied, by its whole name; None for any other."""
        return self.known.get(name.removeprefix("s3://"))

    def named(self, text: str) -> str:
        """A text about copies as one about the objects."""
        return text.replace(f"{self.root}/", "s3://") if self._folder is not None else text

    @contextmanager
    def told(self) -> Iterator[None]:
        """Errors that name a copy name the object instead."""
        try:
            yield
        except (SourceError, SchemaError, DataError) as error:
            text = self.named(str(error))
            if text == str(error):
                raise
            raise type(error)(text) from error

    def _copy(self, fixed: str, pattern: str) -> None:
        """What lies at or below `fixed` and may match the pattern, if it is not here already."""
        system = system_of(self.store)
        found = [o for o in objects(system, fixed) if _matches(o.key, fixed, pattern)]
        wanted = dict(zip((o.key for o in found), versions_of(found), strict=True))
        for path in [p for p in self.known if p == fixed or p.startswith(f"{fixed}/")]:
            if path not in wanted and _matches(path, fixed, pattern):
                (self.root / path).unlink(missing_ok=True)
                del self.known[path]
        for path, mark in wanted.items():
            if self.known.get(path) != mark:
                self._fetch(system, path)
                self.known[path] = mark

    def _fetch(self, system: Any, path: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.part")
        with system.open_input_stream(path, compression=None) as source, partial.open("wb") as sink:
            while piece := source.read(PIECE_BYTES):
                sink.write(piece)
        partial.replace(target)


def _matches(path: str, fixed: str, pattern: str) -> bool:
    """Whether an object may be one that is asked for; whoever reads the copies looks again."""
    below = path.removeprefix(fixed).strip("/").split("/")
    if any(part.startswith(("_", ".")) for part in below):
        return False
    wild = pattern.removeprefix(fixed).strip("/")
    if not wild or "**" in wild:
        return True
    return all(fnmatchcase(a, b) for a, b in zip(below, wild.split("/"), strict=False))
