"""A definition described: what the session says of it, and what the project does."""

from __future__ import annotations

from bighead.planner.session import Session
from bighead.platform.cli.project import find_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.snapshot import snapshot
from bighead.platform.cli.state import Version, read_state
from bighead.zipline.catalog import KINDS, Definition, FeatureSet, TrainingSet, users_of
from bighead.zipline.ir.address import address
from bighead.zipline.ir.types import sql_name


def described(settings: Settings, session: Session, definition: Definition, draft: bool) -> str:
    """What a person wants to know."""
    version = None if draft else _applied(settings, definition)
    told = session.sql(f"DESCRIBE {definition.name}").text or ""
    if version is not None:
        told += f"\n- version {version.version}, applied {version.applied_at}"
    sql = _sql(definition, version)
    return f"{told}\n\n{sql}" if sql else told


def record(
    settings: Settings, session: Session, definition: Definition, draft: bool
) -> dict[str, object]:
    """What a script wants to know."""
    version = None if draft else _applied(settings, definition)
    told: dict[str, object] = {
        "name": definition.name,
        "kind": KINDS[type(definition)],
        "version": version.version if version is not None else None,
        "applied_at": version.applied_at if version is not None else None,
        "address": address(definition),
        "columns": [{"name": f.name, "type": sql_name(f.type)} for f in definition.schema],
        "options": {k: list(v) if isinstance(v, tuple) else v for k, v in definition.options},
        "uses": list(definition.uses) if isinstance(definition, FeatureSet | TrainingSet) else [],
        "used_by": users_of(definition.name, session.definitions),
    }
    if isinstance(definition, FeatureSet):
        told["keys"] = list(definition.keys)
    if isinstance(definition, TrainingSet):
        told |= {"id": list(definition.id), "labels": list(definition.labels)}
    sql = _sql(definition, version)
    return told | {"sql": sql or None, "clauses": snapshot(definition, sql).clauses}


def _sql(definition: Definition, version: Version | None) -> str:
    if isinstance(definition, FeatureSet | TrainingSet):
        return definition.sql
    return version.sql if version is not None else ""


def _applied(settings: Settings, definition: Definition) -> Version | None:
    project = find_project(settings.start)
    if project is None:
        return None
    live = read_state(project.state).live
    return next((v for n, v in live.items() if n.casefold() == definition.name.casefold()), None)
