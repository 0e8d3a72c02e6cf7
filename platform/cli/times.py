"""Times of the registry, as people and scripts read them."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def shown(microseconds: int) -> str:
    """ISO 8601 in UTC, to the second.

    >>> shown(1_767_225_600_000_000)
    '2026-01-01T00:00:00Z'
    """
    moment = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def now() -> int:
    """Microseconds."""
    return time.time_ns() // 1000
