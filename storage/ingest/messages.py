"""Messages of one partition of a stream, packed in one buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Messages:
    """Bytes of one message after the other, and where each stands in its stream."""

    data: bytes | memoryview | npt.NDArray[np.uint8]
    starts: Integers
    """Of each message in `data`."""
    ends: Integers
    positions: Integers
    """Of each message in its partition: an offset of Kafka, a byte of a file."""

    @classmethod
    def of(cls, values: Sequence[bytes], positions: Sequence[int] | Integers) -> Self:
        """Separate messages, copied into one buffer."""
        ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)), dtype=np.int64)
        starts = np.zeros(len(values), np.int64)
        starts[1:] = ends[:-1]
        return cls(b"".join(values), starts, ends, np.asarray(positions, np.int64))

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def size(self) -> int:
        """The bytes of all messages."""
        return int((self.ends - self.starts).sum())

    def value(self, number: int) -> bytes:
        """One message."""
        return bytes(self.data[int(self.starts[number]) : int(self.ends[number])])

    @classmethod
    def joined(cls, parts: Sequence[Messages]) -> Messages:
        """All messages of several packets, in one buffer."""
        if len(parts) == 1:
            return parts[0]
        held = [p for p in parts if len(p)]
        firsts = [int(p.starts[0]) for p in held]
        buffers: list[Any] = [
            p.data[f : int(p.ends[-1])] for p, f in zip(held, firsts, strict=True)
        ]
        offsets = np.cumsum([0, *map(len, buffers)])
        moved = [(p, o - f) for p, o, f in zip(held, offsets, firsts, strict=False)]
        none = [np.zeros(0, np.int64)]
        return cls(
            b"".join(buffers),
            np.concatenate([p.starts + by for p, by in moved] or none),
            np.concatenate([p.ends + by for p, by in moved] or none),
            np.concatenate([p.positions for p in held] or none),
        )

    def slice(self, first: int, last: int | None = None) -> Messages:
        """Those from one number on and before another."""
        part = np.s_[first:last]
        return Messages(self.data, self.starts[part], self.ends[part], self.positions[part])


def lines_of(data: bytes, position: int) -> Messages:
    """The lines of a buffer that ends with the last of them; blank lines are no messages.

    position: of the first byte in its file. A line's position is that of its first byte.
    """
    found = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(found == ord("\n")).astype(np.int64)
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        ends = np.append(ends, len(data))
    starts = np.zeros(len(ends), np.int64)
    starts[1:] = ends[:-1] + 1
    messages = Messages(data, starts, ends, starts + position)
    if not np.any(found[starts] <= ord(" ")):  # what is blank begins with white space, or its end
        return messages
    blank = np.array([not data[s:e].strip() for s, e in zip(starts, ends, strict=True)], np.bool_)
    return Messages(data, starts[~blank], ends[~blank], starts[~blank] + position)
