"""One compressed file of lines: it has lines once it is whole and has not changed for a while.

Its end shows whether it is whole; and since more may be put behind what is whole, it is left alone
until nothing is. Positions count the bytes of what it holds, so that it is read on where it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.followed_rows import FollowedRows
from bighead.storage.ingest.messages import Messages, lines_of

COMPRESSIONS = (".gz", ".bz2", ".zst", ".lz4")
_CHUNK = 1 << 20


@dataclass(slots=True)
class FollowedPacked(FollowedRows):
    """A compressed file of lines and what of it has been handed over."""

    longest: int = 16 << 20
    """Bytes of a line; more are set aside in pieces."""
    stream: Any = field(default=None, init=False)
    held: bytes = field(default=b"", init=False)
    """What has been read beyond the position."""

    def close(self) -> None:
        """Let go of the file."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None
        self.held = b""

    def take(self, most: int) -> Arrived | None:
        """Its next lines, of about so many bytes; None: there are none now."""
        if self.at.skipping or self.over == self.shape or not self.settled:
            return None
        try:
            if self.stream is None:
                for _ in chunks(self.at.path):
                    pass  # to its end, which says whether it is whole
                self._begin()
            data = self._read(most)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            text = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ")
            self.close()
            return self.set_aside(f"the file is damaged or cut short ({text})")
        if not data:
            self.close()
            self.over = self.shape
            return None
        return self._lines(data)

    def _begin(self) -> None:
        """Open it where it was left."""
        self.stream = pa.input_stream(self.at.path, compression="detect")
        left = self.at.position
        while left:
            left -= len(self.stream.read(min(left, _CHUNK)))

    def _read(self, most: int) -> bytes:
        """The next bytes, up to the end of a line, or as many as a line may have."""
        data, more = self.held, b"more"
        while True:
            end = data.rfind(b"\n", 0, most) + 1 or data.find(b"\n", most) + 1
            if len(data) >= most and end:
                break
            if len(data) >= self.longest or not more:
                end = len(data) if not more and len(data) < most else end or len(data)
                break
            more = self.stream.read(_CHUNK)
            data += more
        self.held = data[end:]
        return data[:end]

    def _lines(self, data: bytes) -> Arrived:
        position = self.at.position
        dead = None
        messages = lines_of(data, position)
        if not data.endswith(b"\n") and len(data) >= self.longest:
            dead = f"the line is longer than {self.longest:,} bytes; this is a piece of it"
            messages = Messages.of([data], np.array([position], np.int64))
        self._move(position + len(data))
        return self._arrived(messages, 0, dead, "message")


def chunks(path: str) -> Any:
    """What a compressed file holds. Raises OSError where it is damaged or cut short."""
    with pa.input_stream(path, compression="detect") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk
