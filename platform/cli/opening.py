"""Which registry a project has, and how it is opened."""

from __future__ import annotations

from bighead.platform.cli.project import Project
from bighead.platform.cli.settings import Settings
from bighead.platform.registry import Registry

FILE = "registry.db"
STATE = "state.json"
"""What an earlier version kept instead of a registry."""


def open_registry(project: Project, settings: Settings) -> Registry:
    """The registry of a project: --registry, BIGHEAD_REGISTRY, `registry` in bighead.toml, or a
    file in `.bighead`. What an earlier version of this program kept in a file is taken over."""
    if settings.registry:
        registry = Registry(settings.registry, project.name)
    elif project.registry:
        registry = Registry(project.registry, project.name, project.folder)
    else:
        registry = Registry(str(project.state / FILE), project.name)
    if (project.state / STATE).is_file():
        # It reads SQL, which nothing else does that opens a registry.
        from bighead.platform.cli.importing import import_state

        import_state(project.state / STATE, registry)
    return registry
