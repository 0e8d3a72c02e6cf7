"""One compressed file of lines: it has lines once it is whole and has not changed for a while.

Its end shows whether it is whole; and since more may be put behind what is whole, it is left alone
until nothing is. Positions count the bytes of what it holds, so that it is read on where it was,
also where more was put behind it later. It is looked through to its end before its first line is
taken, a piece at a time, for others wait meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from typing import Literal as OneOf

import numpy as np
import pyarrow as pa

from bighead.storage.ingest.door import Arrived
from bighead.storage.ingest.followed_rows import FollowedRows
from bighead.storage.ingest.messages import Messages, lines_of

_CODECS: dict[str, OneOf["gzip", "bz2", "zstd", "lz4"]] = {
    ".gz": "gzip",
    ".bz2": "bz2",
    ".zst": "zstd",
    ".lz4": "lz4",
}
COMPRESSIONS = tuple(_CODECS)
AHEAD = 8 << 20
"""Bytes that are looked through at once."""
_CHUNK = 1 << 20


@dataclass(slots=True)
class FollowedPacked(FollowedRows):
    """A compressed file of lines and what of it has been handed over."""

    longest: int = 16 << 20
    """Bytes of a line; more are set aside in pieces."""
    stream: Any = field(default=None, init=False)
    opening: Iterator[int] | None = field(default=None, init=False)
    """Is looking through it, before there is a stream."""
    held: bytes = field(default=b"", init=False)
    """What has been read beyond the position."""

    def close(self) -> None:
        """Let go of the file."""
        if self.stream is not None:
            self.stream.close()
            self.stream = None
        self.opening = None
        self.held = b""

    def _same(self, size: int) -> bool:
        """Whether it holds what has been read of it; there may be more behind it."""
        headed = self.at.headed
        return size >= headed and self._foot(headed) == (self.at.head, headed)

    def take(self, most: int) -> Arrived | None:
        """Its next lines, of about so many bytes; None: there are none now."""
        if self.at.skipping or self.over == self.shape or not self.settled:
            return None
        try:
            if self.stream is None and not self._open():
                return None
            data = self._read(most)
        except (FileNotFoundError, PermissionError):
            self.close()  # it is opened anew, where it was left
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

    def _open(self) -> bool:
        """Go on with opening it; whether it is open."""
        if self.opening is None:
            self._agree()
            self.opening = self._opened()
        passed = 0
        while self.stream is None and passed < AHEAD:
            passed += next(self.opening, 0)
        if self.stream is None:
            return False
        self.opening = None
        return True

    def _opened(self) -> Iterator[int]:
        """Go to its end, which says whether it is whole, and then to where it was left."""
        with _unpacked(self.at.path) as whole:
            while chunk := whole.read(_CHUNK):
                yield len(chunk)
        stream = _unpacked(self.at.path)
        left = self.at.position
        while left and (chunk := stream.read(min(left, _CHUNK))):
            left -= len(chunk)
            yield len(chunk)
        self.stream = stream

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


def _unpacked(path: str) -> Any:
    """What a compressed file holds; reading it raises OSError where it is damaged or cut short."""
    return pa.input_stream(path, compression=_CODECS[Path(path).suffix.lower()])
