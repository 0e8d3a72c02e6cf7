"""The backfills of a project: where each training set was last written, for `bighead plan`.

Kept in `.bighead/backfills.json`, apart from the state, because it says nothing about definitions:
if it is lost, nothing is but the list.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from bighead.planner.backfill.folder import write_whole
from bighead.platform.cli.project import Project

KNOWN = "backfills.json"


class Range(Protocol):
    """A training set, a folder, and days."""

    @property
    def name(self) -> str:
        """The training set's."""
        ...

    @property
    def output(self) -> Path:
        """The folder."""
        ...

    @property
    def start(self) -> date | None:
        """The first day; None: the data's."""
        ...

    @property
    def end(self) -> date | None:
        """The day after the last; None: the data's."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """A backfill that was made."""

    name: str
    output: Path
    start: date | None
    end: date | None


def known_backfills(project: Project) -> list[Known]:
    """The backfills of which the folders are still there, by training set and folder."""
    try:
        record = json.loads((project.state / KNOWN).read_bytes())
        found = [
            Known(entry["name"], Path(output), _day(entry["start"]), _day(entry["end"]))
            for output, entry in record["backfills"].items()
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    there = [k for k in found if k.output.is_dir()]
    return sorted(there, key=lambda k: (k.name.casefold(), str(k.output)))


def remember(project: Project, made: Range) -> None:
    """Puts a backfill on the list; a later one into the same folder takes its place."""
    output = made.output.absolute()
    entries = {str(k.output): k for k in known_backfills(project)}
    known = Known(made.name, output, made.start, made.end)
    if entries.get(str(output)) == known:
        return
    entries[str(output)] = known
    record = {
        "backfills": {
            path: {
                "name": k.name,
                "start": str(k.start) if k.start is not None else None,
                "end": str(k.end) if k.end is not None else None,
            }
            for path, k in sorted(entries.items())
        }
    }
    project.state.mkdir(parents=True, exist_ok=True)
    write_whole(project.state / KNOWN, (json.dumps(record, indent=1) + "\n").encode())


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
