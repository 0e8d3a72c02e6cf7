"""What was applied, kept in a file that loads at once.

To open a database takes longer than to read what a project has in it. So the state of a registry
in SQLite is also kept in `.bighead/applied.json`, under what tells of every change to the database:
its size, the time of its last change, and the counter of changes in its header. Whatever does not
agree is read from the database again. Nothing is lost with the file.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path

from bighead.planner.backfill.folder import write_whole
from bighead.platform.registry.records import State, Version

NAME = "applied.json"
FORMAT = 1

_COUNTER, _JOURNAL = slice(24, 28), slice(18, 20)
_ROLLBACK = b"\x01\x01"
"""A database in another mode of journals may hold changes that its file does not."""


def mark_of(database: Path) -> str | None:
    """What changes with every change to a database; None where there is no telling."""
    if any(database.with_name(database.name + end).exists() for end in ("-journal", "-wal")):
        return None
    try:
        stat = database.stat()
        with database.open("rb") as file:
            header = file.read(100)
    except OSError:
        return None
    if not header.startswith(b"SQLite format 3\0") or header[_JOURNAL] != _ROLLBACK:
        return None
    return f"{stat.st_size} bytes, {stat.st_mtime_ns} ns, change {header[_COUNTER].hex()}"


def read_kept(folder: Path, project: str, mark: str) -> State | None:
    """The state that was kept under this mark, as far as definitions need it; None: none was."""
    try:
        record = json.loads((folder / NAME).read_bytes())
        if (record["format"], record["project"], record["mark"]) != (FORMAT, project, mark):
            return None
        live = {
            v["name"]: Version(
                v["name"], v["number"], v["kind"], v["address"], v["sql"], b64decode(v["plan"]), (),
                owner=v["owner"], description=v["description"], tags=tuple(v["tags"]),
            )
            for v in record["live"]
        }  # fmt: skip
        return State(record["applies"], live, files=record["files"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def keep(folder: Path, project: str, mark: str, state: State) -> None:
    """Keeps a state that was read while the database had this mark."""
    record = {
        "format": FORMAT,
        "project": project,
        "mark": mark,
        "applies": state.applies,
        "files": state.files,
        "live": [
            {
                "name": v.name,
                "number": v.number,
                "kind": v.kind,
                "address": v.address,
                "sql": v.sql,
                "plan": b64encode(v.plan).decode(),
                "owner": v.owner,
                "description": v.description,
                "tags": list(v.tags),
            }
            for v in state.live.values()
        ],
    }
    write_whole(folder / NAME, (json.dumps(record, indent=1) + "\n").encode())
