"""Sessions over a project: the definitions that were applied, or those of the files as they are."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from bighead.planner.catalog import Definitions
from bighead.planner.evolution import SchemaChange
from bighead.planner.session import Session
from bighead.planner.sources.store import ObjectStore
from bighead.platform.cli.aggregates import project_aggregates
from bighead.platform.cli.console import say
from bighead.platform.cli.opening import open_registry
from bighead.platform.cli.project import Project, find_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.snapshot import snapshot
from bighead.platform.registry import Registry, State, Version
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError, SqlError
from bighead.zipline.sql import bind, parse
from bighead.zipline.sql.commands import CreateSource
from bighead.zipline.sql.tree import CreateSource as CreateSourceTree
from bighead.zipline.sql.without import redeclared


@dataclass(frozen=True, slots=True)
class Draft:
    """The definitions of the files, bound and checked."""

    session: Session
    definitions: dict[str, Version]
    """By name, each after what it uses; not numbered yet."""
    files: dict[str, str]
    """The SHA-256 of each file, by its path in the project."""
    schemas: tuple[SchemaChange, ...] = ()
    """Where the data of sources is not what the files declare; the definitions follow the data."""


def open_session(settings: Settings, draft: bool = False, engine: str | None = None) -> Session:
    """A session over the project around the current folder, or an empty one outside of projects."""
    project = find_project(settings.start)
    if project is None:
        if draft:
            raise BigheadError("--draft reads the files of a project, and there is none here")
        return Session(engine or "datafusion", folder=settings.start)
    registry = open_registry(project, settings)
    if draft:
        return open_draft(project, registry, engine, evolve=True).session
    return open_applied(project, registry, engine)


def open_applied(project: Project, registry: Registry, engine: str | None = None) -> Session:
    """A session with what was applied; a remark where the files have changed since."""
    session = _session(project, registry, engine)
    state = registry.state()
    for name, version in state.live.items():
        try:
            session.define(version.definition)
        except BigheadError as error:
            raise BigheadError(
                f"the applied {version.kind} {name} no longer loads: {error}\n"
                "mend the files and run 'bighead apply', or go on with --draft"
            ) from error
    hint = unapplied(project, registry, state)
    if hint:
        say(hint)
    return session


def open_draft(
    project: Project, registry: Registry, engine: str | None = None, *, evolve: bool = False
) -> Draft:
    """A session with the definitions of the files; raises SqlError naming the file and place.

    evolve: follow what the data has become; raises SchemaError where something needed is gone.
    """
    session = _session(project, registry, engine)
    files = project.sql_files()
    try:
        names = session.load(*files)
    except SqlError as error:
        raise _shortened(error, project, files) from error
    sources = dict(text for file in files for text in _sources(file))
    declared = {name: session.definitions.get(name) for name in names}
    schemas = session.evolve() if evolve else ()
    found: dict[str, Version] = {}
    for name in names:
        definition = session.definitions.get(name)
        if isinstance(definition, FeatureSet | TrainingSet):
            sql = definition.sql
        else:
            sql = sources[name.casefold()]
            if definition != declared[name]:
                sql = redeclared(sql, definition.schema)
        found[definition.name] = snapshot(definition, sql)
    return Draft(session, found, hashes(project), schemas)


def hashes(project: Project) -> dict[str, str]:
    """What tells whether a file with definitions changed."""
    return {
        project.shown(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in project.sql_files()
    }


def unapplied(project: Project, registry: Registry, state: State) -> str:
    """A remark where the files are not what was applied, else ''."""
    if not project.features.is_dir() or hashes(project) == state.files:
        return ""
    if state.applies == 0:
        others = registry.projects()
        known = f"; the registry holds {', '.join(others)}" if others else ""
        return (
            f"note: nothing is applied yet in the project {project.name}{known}; "
            "run 'bighead apply', or add --draft"
        )
    return (
        "note: files have changed since the last apply, and this reads what was applied; "
        "see 'bighead plan', or add --draft"
    )


def _session(project: Project, registry: Registry, engine: str | None) -> Session:
    store = ObjectStore(region=project.s3_region, endpoint=project.s3_endpoint)
    session = Session(engine or project.engine, folder=project.data, store=store, versions=registry)
    session.register_aggregate(*project_aggregates(project))
    return session


def _sources(file: Path) -> list[tuple[str, str]]:
    """The canonical statements of the sources that a file defines, by name without case."""
    found = []
    for statement in parse(file.read_text(encoding="utf-8")):
        if isinstance(statement.tree, CreateSourceTree):
            command = bind(statement, Definitions())
            assert isinstance(command, CreateSource)
            found.append((command.source.name.casefold(), command.sql))
    return found


def _shortened(error: SqlError, project: Project, files: list[Path]) -> SqlError:
    """The error with its file named as it is in the project."""
    reason = error.reason
    for file in files:
        reason = re.sub(rf"^{re.escape(str(file))}: ", f"{project.shown(file)}: ", reason)
    return SqlError(
        reason,
        text=error.text,
        line=error.line,
        column=error.column,
        length=error.length,
        suggestion=error.suggestion,
    )
