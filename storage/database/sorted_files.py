"""Files for a RocksDB table that are written in order of their keys, apart from any database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rocksdict import Cache, SstFileWriter

from bighead.storage.database.rocks import BUFFER, options_of
from bighead.storage.errors import StoreError

SIZE = 64 << 20
"""Bytes of keys and values, after which another file is begun."""


@dataclass(slots=True)
class SortedFiles:
    """Keys and values on their way into files; each key is greater than the one before.

    name: of the files, before their numbers.
    """

    folder: Path
    name: str
    size: int = SIZE
    paths: list[Path] = field(default_factory=list)
    keys: int = 0
    _writer: Any = None
    _held: int = 0

    def put(self, key: bytes, value: bytes) -> None:
        """The next key. Raises StoreError where it cannot be written."""
        try:
            if self._writer is None:
                self._begin()
            self._writer[key] = value
        except Exception as error:  # rocksdict raises plain exceptions
            raise _unwritten(error) from error
        self.keys += 1
        self._held += len(key) + len(value)
        if self._held >= self.size:
            self.finish()

    def finish(self) -> list[Path]:
        """The files, all written."""
        if self._writer is not None:
            try:
                self._writer.finish()
            except Exception as error:
                raise _unwritten(error) from error
            self._writer, self._held = None, 0
        return self.paths

    def _begin(self) -> None:
        path = self.folder / f"{self.name}-{len(self.paths):05}.sst"
        self._writer = SstFileWriter(options_of(Cache(8 << 20), BUFFER))
        self._writer.open(str(path))
        self.paths.append(path)


def _unwritten(error: Exception) -> StoreError:
    return StoreError(f"a file of an upload cannot be written: {error}; see that the disk has room")
