"""Objects of a store as files of this machine: copied when they are asked for, and once each.

The changes of an entity are read whole, and their formats (envelopes, daily folders) are those of
files; so objects become files, and one path of code reads both. What changed in the store since is
copied again, by its size, its time of change and its ETag; what went goes. The copies end with the
session.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from bighead.planner.sources.objects import Named, find_objects
from bighead.planner.sources.store import ObjectStore, Remote, refused, versions_of
from bighead.zipline.errors import DataError, SchemaError, SourceError

PIECE_BYTES = 8 << 20


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
        found = [file.path for file in find_objects(path, name, self.store)]
        remotes = [remote for remote in found if isinstance(remote, Remote)]
        named = Named.by(path, name)
        here = {remote.key for remote in remotes}
        for key in [k for k in self.known if k not in here and named.below(k) is not None]:
            (self.root / key).unlink(missing_ok=True)
            del self.known[key]
        try:
            for remote, version in zip(remotes, versions_of(remotes), strict=True):
                if self.known.get(remote.key) != version:
                    self._fetch(remote)
                    self.known[remote.key] = version
        except (OSError, pa.ArrowException) as error:
            raise refused(path, error) from error
        return str(self.root / path.removeprefix("s3://"))

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

    def _fetch(self, remote: Remote) -> None:
        target = self.root / remote.key
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.part")
        with remote.bytes() as source, partial.open("wb") as sink:
            while piece := source.read(PIECE_BYTES):
                sink.write(piece)
        partial.replace(target)
