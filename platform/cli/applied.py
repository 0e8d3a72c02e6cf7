"""What was applied in a project, ready to run; no SQL is read for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from bighead.planner.runtime import Runtime
from bighead.planner.sources.store import ObjectStore
from bighead.platform.cli.aggregates import project_aggregates
from bighead.platform.cli.console import say
from bighead.platform.cli.opening import Registered
from bighead.platform.cli.project import Project, find_project
from bighead.platform.cli.settings import Settings
from bighead.platform.registry.records import State
from bighead.zipline.catalog import Versions
from bighead.zipline.errors import BigheadError

Ran = TypeVar("Ran", bound=Runtime)


def open_runtime(settings: Settings, engine: str | None = None) -> Runtime:
    """A runtime over what was applied in the project around the current folder, if there is one."""
    project = find_project(settings.start)
    if project is None:
        return Runtime(engine or "datafusion", folder=settings.start)
    return open_applied(Runtime, project, Registered(project, settings), engine)


def open_applied(
    kind: type[Ran], project: Project, registry: Registered, engine: str | None = None
) -> Ran:
    """One with what was applied; a remark where the files have changed since."""
    runtime = empty(kind, project, registry, engine)
    state = registry.state()
    for name, version in state.live.items():
        try:
            runtime.define(version.definition)
        except BigheadError as error:
            raise BigheadError(
                f"the applied {version.kind} {name} no longer loads: {error}\n"
                "mend the files and run 'bighead apply', or go on with --draft"
            ) from error
    hint = unapplied(project, registry.projects, state)
    if hint:
        say(hint)
    return runtime


def empty(kind: type[Ran], project: Project, registry: Versions, engine: str | None = None) -> Ran:
    """One without definitions, over the data of a project, that knows its aggregates."""
    store = ObjectStore(region=project.s3_region, endpoint=project.s3_endpoint)
    runtime = kind(engine or project.engine, folder=project.data, store=store, versions=registry)
    runtime.register_aggregate(*project_aggregates(project))
    return runtime


def hashes(project: Project) -> dict[str, str]:
    """What tells whether a file with definitions changed."""
    return {
        project.shown(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in project.sql_files()
    }


def unapplied(project: Project, projects: Callable[[], list[str]], state: State) -> str:
    """A remark where the files are not what was applied, else ''; `projects`: all there are."""
    if not project.features.is_dir() or hashes(project) == state.files:
        return ""
    if state.applies == 0:
        others = projects()
        known = f"; the registry holds {', '.join(others)}" if others else ""
        return (
            f"note: nothing is applied yet in the project {project.name}{known}; "
            "run 'bighead apply', or add --draft"
        )
    return (
        "note: files have changed since the last apply, and this reads what was applied; "
        "see 'bighead plan', or add --draft"
    )
