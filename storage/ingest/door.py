"""A door: where rows of sources come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from bighead.storage.database.database import Batch
from bighead.storage.ingest.decode import Rejected
from bighead.storage.ingest.messages import Integers, Messages
from bighead.storage.writing.letters import Form


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of what was handed over."""

    commit: int
    rejected: Sequence[Rejected]
    """Which lie among the dead letters now, by their number in what was handed over."""


def _unheard(_outcome: Outcome) -> None:
    """Nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came through a door at once, of one partition."""

    source: str
    partition: str
    content: Messages | pa.Table
    """Messages still to be read, or rows in columns."""
    first: int
    """Position of the first row of a table."""
    put: Callable[[Batch], None]
    """Writes into a batch that all this has been taken."""
    told: Callable[[Outcome], None] = field(default=_unheard)
    """Is told once it has been committed."""
    form: Form = "message"
    """Of the messages, where they are set aside."""
    dead: str | None = None
    """Why all of it is set aside unread; None: it is read."""
    written: Integers | None = None
    """When each message was written to its stream, in microseconds; None: when it came."""

    @property
    def size(self) -> int:
        """Bytes."""
        content = self.content
        return content.size if isinstance(content, Messages) else int(content.nbytes)


class Door(Protocol):
    """Hands over what has come, each message once; what was not committed comes again after a
    restart."""

    def take(self, most: int) -> list[Arrived]:
        """What is there now, of about so many bytes; does not wait."""
        ...

    def done(self) -> bool:
        """Whether all that was there when the door opened has been handed over."""
        ...

    def close(self) -> None:
        """Nothing comes any more."""
        ...
