"""What was applied by a version of this program that had no registry, taken over into one.

It kept `.bighead/state.json`: the text of each definition and the numbers of its versions. The
definitions that are current go on with their numbers; of older versions only the text was kept,
which is not enough to load them, and they stay in the file under its new name.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from bighead.planner.session import Session
from bighead.platform.cli.console import say
from bighead.platform.cli.snapshot import edges, snapshot
from bighead.platform.registry import Conflict, Entry, Input, Registry
from bighead.zipline.errors import BigheadError

TAKEN = "state.json.imported"


def import_state(path: Path, registry: Registry) -> None:
    """Takes over the file where the registry knows nothing of the project."""
    state = registry.state()
    if state.applies == 0:
        live, files = _read(path)
        entries = _entries(live, Session(), path)
        try:
            registry.apply(entries, state, [e.version.name for e in entries], files)
        except Conflict:
            return  # another process takes it over at this moment
        say(f"note: {path} was taken over into the registry, and is {TAKEN} now")
    try:
        path.replace(path.with_name(TAKEN))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise BigheadError(f"cannot rename {path}: {error.strerror}") from error


def _read(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """The newest version of each definition that was not removed, and the files."""
    try:
        record = json.loads(path.read_bytes())
        live = {
            name: applied["versions"][-1]
            for name, applied in record["definitions"].items()
            if applied["removed_at"] is None
        }
        files = {str(name): str(digest) for name, digest in record["files"].items()}
        for kept in live.values():
            assert isinstance(kept["version"], int), "a version has a number"
            assert isinstance(kept["sql"], str), "a version has a text"
    except (AssertionError, AttributeError, KeyError, LookupError, TypeError, ValueError) as error:
        raise BigheadError(
            f"{path} is damaged ({type(error).__name__}: {error}); restore it from a backup, or "
            "remove it and apply again: versions then count from 1"
        ) from error
    return live, files


def _entries(live: dict[str, dict[str, Any]], session: Session, path: Path) -> list[Entry]:
    entries = []
    numbers: dict[str, int] = {}
    for name, kept in live.items():
        try:
            session.sql(kept["sql"])
        except BigheadError as error:
            raise BigheadError(
                f"{name} in {path} no longer loads: {error}\nremove {path} and apply again: "
                "versions then count from 1"
            ) from error
        definition = session.definitions.get(name)
        drafted = snapshot(definition, kept["sql"])
        inputs = tuple(Input(i.name, numbers[i.name.casefold()]) for i in drafted.inputs)
        version = replace(drafted, number=kept["version"], inputs=inputs)
        numbers[name.casefold()] = version.number
        lineage = edges(definition, {i.name: session.definitions.get(i.name) for i in inputs})
        entries.append(Entry("add", version, lineage))
    return entries
