"""A definition described: what the session says of it, and what the project does."""

from __future__ import annotations

from bighead.planner.session import Session
from bighead.platform.cli.opening import open_registry
from bighead.platform.cli.project import find_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.snapshot import clauses
from bighead.platform.cli.times import shown
from bighead.platform.registry import Version
from bighead.zipline.catalog import (
    KINDS,
    Definition,
    FeatureSet,
    TrainingSet,
    users_of,
)
from bighead.zipline.ir.address import address
from bighead.zipline.ir.types import sql_name
from bighead.zipline.names import versioned


def described(settings: Settings, session: Session, definition: Definition, draft: bool) -> str:
    """What a person wants to know."""
    version = _applied(settings, definition, draft)
    told = session.sql(f"DESCRIBE {definition.name}").text or ""
    if version is not None:
        by = f" by {version.applied_by}" if version.applied_by else ""
        told += f"\n- version {version.number}, applied {shown(version.applied_at or 0)}{by}"
        told += _read(version)
    sql = _sql(definition, version)
    return f"{told}\n\n{sql}" if sql else told


def record(
    settings: Settings, session: Session, definition: Definition, draft: bool
) -> dict[str, object]:
    """What a script wants to know."""
    version = _applied(settings, definition, draft)
    told: dict[str, object] = {
        "name": version.name if version is not None else definition.name,
        "kind": KINDS[type(definition)],
        "version": version.number if version is not None else None,
        "applied_at": shown(version.applied_at or 0) if version is not None else None,
        "applied_by": version.applied_by if version is not None else None,
        "address": version.address if version is not None else address(definition),
        "columns": [{"name": f.name, "type": sql_name(f.type)} for f in definition.schema],
        "options": {k: list(v) if isinstance(v, tuple) else v for k, v in definition.options},
        "uses": list(definition.uses) if isinstance(definition, FeatureSet | TrainingSet) else [],
        "inputs": {i.name: i.version for i in version.inputs} if version is not None else {},
        "used_by": users_of(definition.name, session.definitions),
    }
    if isinstance(definition, FeatureSet):
        told["keys"] = list(definition.keys)
    if isinstance(definition, TrainingSet):
        told |= {"id": list(definition.id), "labels": list(definition.labels)}
    sql = _sql(definition, version)
    return told | {"sql": sql or None, "clauses": clauses(definition, sql)}


def _read(version: Version) -> str:
    """What it read when it was applied."""
    return (
        f"\n- as it was applied it reads {', '.join(map(str, version.inputs))}"
        if version.inputs
        else ""
    )


def _sql(definition: Definition, version: Version | None) -> str:
    if isinstance(definition, FeatureSet | TrainingSet):
        return definition.sql
    return version.sql if version is not None else ""


def _applied(settings: Settings, definition: Definition, draft: bool) -> Version | None:
    """The version that a definition is, where the registry has it."""
    project = find_project(settings.start)
    pin = versioned(definition.name)
    if project is None or (draft and pin is None):
        return None
    name, number = pin if pin is not None else (definition.name, None)
    return open_registry(project, settings).version(name, number)
