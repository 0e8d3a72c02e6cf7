"""What objects of a store were found to hold, kept for whoever opens them again.

A source is opened anew by every query, and several times by some, while its objects stay what they
are. Up to some bytes are kept; what was asked for longest ago goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

LEARNED_BYTES = 64 << 20
"""As they lie in their objects; in memory footers take some times as much."""


@dataclass(slots=True, eq=False)
class Learned:
    """By what names one version of an object. Many threads may ask.

    >>> learned = Learned(limit=10)
    >>> learned.keep("a", 1, bytes_=4), learned.keep("b", 2, bytes_=4), learned.get("a")
    (None, None, 1)
    >>> learned.keep("c", 3, bytes_=4), learned.get("b"), learned.get("a")
    (None, None, 1)
    """

    limit: int = LEARNED_BYTES
    _bytes: int = 0
    _kept: OrderedDict[Hashable, tuple[Any, int]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, version: Hashable) -> Any:
        """What is kept of it; None where nothing is."""
        with self._lock:
            found = self._kept.get(version)
            if found is None:
                return None
            self._kept.move_to_end(version)
            return found[0]

    def keep(self, version: Hashable, what: Any, bytes_: int) -> None:
        """Keeps it."""
        with self._lock:
            self._bytes += bytes_ - self._kept.pop(version, (None, 0))[1]
            self._kept[version] = what, bytes_
            while self._bytes > self.limit:
                self._bytes -= self._kept.popitem(last=False)[1][1]
