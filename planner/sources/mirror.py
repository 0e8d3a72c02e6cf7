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

from bighead.planner.sources.store import ObjectStore, system_of, versions
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
        except FileNotFoundError:
            raise SourceError(f"there is nothing to read at {path}; check the path") from None
        except (OSError, pa.ArrowException) as error:
            raise _refused(path, error) from error
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
        wanted = versions(system, fixed, lambda path: _matches(path, fixed, pattern))
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


def _refused(path: str, error: Exception) -> SourceError:
    text = str(error)
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
