"""What the options before a command say; made once, in `main`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How this process was asked to behave."""

    start: Path
    """Where the search for a project begins."""
    registry: str | None = None
    """The URL of the registry; None: the project's."""
    debug: bool = False
