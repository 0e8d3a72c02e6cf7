"""Columns that data has and no source declares: those seen at the last apply, so that a plan tells
of new ones only.

Kept in `.bighead/columns.json`, apart from the state, because it says nothing about definitions: if
it is lost, each column is told of once more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from bighead.planner.backfill.folder import write_whole
from bighead.planner.evolution import SchemaChange
from bighead.platform.cli.project import Project

KNOWN = "columns.json"


def known_columns(project: Project) -> dict[str, frozenset[str]]:
    """By source, the columns that it does not declare."""
    try:
        record = json.loads((project.state / KNOWN).read_bytes())
        return {source: frozenset(names) for source, names in record["undeclared"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def remember_columns(project: Project, schemas: Iterable[SchemaChange]) -> None:
    """Puts down the columns that are there now."""
    record = {"undeclared": {s.source: sorted(s.drift.added) for s in schemas if s.drift.added}}
    if not record["undeclared"] and not (project.state / KNOWN).exists():
        return
    project.state.mkdir(parents=True, exist_ok=True)
    write_whole(project.state / KNOWN, (json.dumps(record, indent=1) + "\n").encode())
