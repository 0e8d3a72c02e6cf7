"""The logs that were written lately, so that the writer need not read back what it has just said.

For most keys of a batch the log is the one block that is read, and the next batch has many of the
same keys. There is one writer, and each commit is noted here, so what is held is what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bighead.kernels import tiles
from bighead.storage.database.database import Batch, View

_LEVEL = slice(-9, -8)
"""Where the level of a block stands in its key."""
_LOG = bytes([tiles.LOG])
_UNKNOWN = b"unknown"


@dataclass(slots=True)
class Logs:
    """Logs by the names of their blocks; None: there is none."""

    most: int
    """Bytes that are held; when there are more, all are let go."""
    held: dict[bytes, bytes | None] = field(default_factory=dict)
    size: int = 0

    def get_many(self, view: View, names: list[bytes]) -> list[bytes | None]:
        """Blocks, from memory where they are logs that it has."""
        found = [self.held.get(name, _UNKNOWN) for name in names]
        missing = [name for name, data in zip(names, found, strict=True) if data is _UNKNOWN]
        if not missing:
            return found
        read = dict(zip(missing, view.get_many("blocks", missing), strict=True))
        self._hold([(n, data) for n, data in read.items() if n[_LEVEL] == _LOG])
        return [
            read[name] if data is _UNKNOWN else data
            for name, data in zip(names, found, strict=True)
        ]

    def note(self, batch: Batch) -> None:
        """What has been committed."""
        self._hold(
            [(n, d) for (table, n), d in batch.items() if n[_LEVEL] == _LOG and table == "blocks"]
        )
        if self.size > self.most:
            self.clear()

    def clear(self) -> None:
        """Let all go: blocks were put into the store, or deleted, by other ways than commits."""
        self.held, self.size = {}, 0

    def _hold(self, logs: list[tuple[bytes, bytes | None]]) -> None:
        held = self.held
        before = sum(len(held.get(name) or b"") for name, _ in logs)
        self.size += sum(len(data or name) for name, data in logs) - before
        held.update(logs)
