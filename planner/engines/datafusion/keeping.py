"""How much memory the kernel keeps from one step for the next, where queries run side by side.

What it keeps belongs to the process, so it is the least that a running query allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

from bighead.kernels.temporal import keep_memory

IDLE = 256 << 20
"""Bytes that the kernel keeps for the next query where none that runs says otherwise."""

_lock = Lock()
_allowed: dict[Keeping, int] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Keeping:
    """What one query allows, until it ends."""

    def allow(self, most: int) -> None:
        """So many bytes may wait to be used again, from now on."""
        with _lock:
            _allowed[self] = most
            keep_memory(min(_allowed.values()))

    def end(self) -> None:
        """Leaves the others what they allow."""
        with _lock:
            _allowed.pop(self, None)
            keep_memory(min(_allowed.values(), default=IDLE))
