"""Which registry a project has, and how it is opened."""

from __future__ import annotations

from bighead.platform.cli.importing import import_state
from bighead.platform.cli.project import Project
from bighead.platform.cli.settings import Settings
from bighead.platform.registry import Registry

FILE = "registry.db"


def open_registry(project: Project, settings: Settings) -> Registry:
    """The registry of a project: --registry, BIGHEAD_REGISTRY, `registry` in bighead.toml, or a
    file in `.bighead`. What an earlier version of this program kept in a file is taken over."""
    if settings.registry:
        registry = Registry(settings.registry, project.name)
    elif project.registry:
        registry = Registry(project.registry, project.name, project.folder)
    else:
        registry = Registry(str(project.state / FILE), project.name)
    import_state(project, registry)
    return registry
