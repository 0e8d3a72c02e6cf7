"""Sessions over a project: the definitions that were applied, or those of the files as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bighead.planner.catalog import Definitions
from bighead.planner.evolution import SchemaChange
from bighead.planner.session import Session
from bighead.platform.cli.applied import empty, hashes, open_applied
from bighead.platform.cli.opening import Registered, open_registry
from bighead.platform.cli.project import Project, find_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.snapshot import snapshot
from bighead.platform.registry import Registry, Version
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
    if draft:
        registry = open_registry(project, settings)
        return open_draft(project, registry, engine, evolve=True).session
    return open_applied(Session, project, Registered(project, settings), engine)


def open_draft(
    project: Project, registry: Registry, engine: str | None = None, *, evolve: bool = False
) -> Draft:
    """A session with the definitions of the files; raises SqlError naming the file and place.

    evolve: follow what the data has become; raises SchemaError where something needed is gone.
    """
    session = empty(Session, project, registry, engine)
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
