"""Logs as JSON lines on standard error: an event, when, and what belongs to it."""

from __future__ import annotations

import json
import sys
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO


@dataclass(slots=True)
class Log:
    """Writes one line an event, in one piece."""

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    always: dict[str, Any] = field(default_factory=dict)
    """Stands in every line."""

    def write(self, event: str, level: str = "info", **facts: Any) -> None:
        """One event."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "level": level, "event": event, **self.always, **facts}
        self.stream.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
        self.stream.flush()

    def bug(self, event: str, error: BaseException, **facts: Any) -> None:
        """An error of ours, with where it was raised."""
        trace = "".join(traceback.format_exception(error))
        self.write(event, "error", error=f"{type(error).__name__}: {error}", trace=trace, **facts)
