"""Which registry a project has, and how it is opened: late, since a database takes long to load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bighead.platform.cli.applied_kept import keep, mark_of, read_kept
from bighead.platform.cli.project import Project
from bighead.platform.cli.settings import Settings
from bighead.platform.registry.records import State
from bighead.zipline.catalog import Definition

if TYPE_CHECKING:
    from bighead.platform.registry import Registry

FILE = "registry.db"
STATE = "state.json"
"""What an earlier version kept instead of a registry."""


def open_registry(project: Project, settings: Settings) -> Registry:
    """The registry of a project: --registry, BIGHEAD_REGISTRY, `registry` in bighead.toml, or a
    file in `.bighead`. What an earlier version of this program kept in a file is taken over."""
    # Whatever is asked of it loads the database.
    from bighead.platform.registry import Registry

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


@dataclass(slots=True)
class Registered:
    """What the registry of a project knows; it is opened where that is not kept beside it."""

    project: Project
    settings: Settings
    _registry: Registry | None = None

    @property
    def registry(self) -> Registry:
        """The registry itself."""
        if self._registry is None:
            self._registry = open_registry(self.project, self.settings)
        return self._registry

    def state(self) -> State:
        """What is applied: definitions, files, and how many applies there were."""
        folder = self.project.state
        mark = mark_of(folder / FILE) if self._is_plain() else None
        known = read_kept(folder, self.project.name, mark) if mark is not None else None
        if known is None:
            known = self.registry.state()
            if mark is not None:
                keep(folder, self.project.name, mark, known)
        return known

    def find(self, name: str, number: int) -> Definition:
        """What `name@number` means."""
        return self.registry.find(name, number)

    def projects(self) -> list[str]:
        """The names of the projects in it."""
        return self.registry.projects()

    def _is_plain(self) -> bool:
        """Whether it is a file in the project's own folder, and nothing waits to be taken over."""
        named = self.settings.registry or self.project.registry
        return not named and not (self.project.state / STATE).is_file()
