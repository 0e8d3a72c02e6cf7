"""What was applied of a project: each definition's versions, in `.bighead/state.json`.

A version is the canonical SQL, its content address and the addresses of its columns. The file is
replaced in one step under a lock, so a reader sees one apply or the next. A definition that was
removed stays in the file: if it comes back, its versions go on counting.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from bighead.planner.backfill.folder import write_whole
from bighead.zipline.errors import BigheadError

STATE = "state.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Version:
    """A definition as it was applied."""

    version: int
    kind: str
    """'event source', 'feature set', ..."""
    address: str
    sql: str
    uses: tuple[str, ...]
    columns: dict[str, str]
    """Each column's address, in order."""
    clauses: dict[str, str]
    """The text of each clause, by its keyword."""
    applied_at: str
    """UTC, ISO 8601, to the second."""


@dataclass(frozen=True, slots=True)
class Applied:
    """All versions of a name, oldest first."""

    versions: tuple[Version, ...]
    removed_at: str | None = None

    @property
    def current(self) -> Version:
        """The newest version."""
        return self.versions[-1]


@dataclass(frozen=True, slots=True)
class State:
    """What is applied."""

    definitions: dict[str, Applied] = field(default_factory=dict)
    """By name, in an order in which each comes after what it uses."""
    files: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of each file that was applied, by its path in the project."""

    @property
    def live(self) -> dict[str, Version]:
        """The current version of each definition that was not removed."""
        return {
            name: applied.current
            for name, applied in self.definitions.items()
            if applied.removed_at is None
        }


def read_state(folder: Path) -> State:
    """The state of a project; an empty one where nothing was applied."""
    path = folder / STATE
    try:
        record = json.loads(path.read_bytes())
        if record["format"] > FORMAT:
            raise BigheadError(f"{path} was written by a newer version of bighead; update bighead")
        return State(
            {n: _applied(a) for n, a in record["definitions"].items()}, dict(record["files"])
        )
    except FileNotFoundError:
        return State()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BigheadError(
            f"{path} is damaged ({type(error).__name__}: {error}); restore it from a backup, or "
            "remove it and apply again: versions then count from 1"
        ) from error


def write_state(folder: Path, state: State) -> None:
    """Replaces the state of a project in one step."""
    record = {
        "format": FORMAT,
        "definitions": {
            name: {
                "removed_at": applied.removed_at,
                "versions": [asdict(v) for v in applied.versions],
            }
            for name, applied in state.definitions.items()
        },
        "files": state.files,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / STATE, (json.dumps(record, indent=1) + "\n").encode())


def _applied(record: dict[str, Any]) -> Applied:
    versions = [Version(**v) for v in record["versions"]]
    return Applied(tuple(replace(v, uses=tuple(v.uses)) for v in versions), record["removed_at"])
