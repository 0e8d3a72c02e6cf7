"""The definitions of a project as a list."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bighead.platform.cli.applied import unapplied
from bighead.platform.cli.console import say
from bighead.platform.cli.opening import open_registry
from bighead.platform.cli.project import need_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.times import shown
from bighead.platform.cli.workspace import open_draft
from bighead.platform.registry import Version


@dataclass(frozen=True, slots=True)
class Entry:
    """A definition in a list."""

    name: str
    kind: str
    columns: int
    version: int | None
    """None: not applied."""
    owner: str
    description: str
    tags: tuple[str, ...]
    uses: tuple[str, ...]
    address: str
    applied_at: str | None

    def record(self) -> dict[str, object]:
        """The entry for a script."""
        return asdict(self) | {"uses": list(self.uses), "tags": list(self.tags)}


def listing(settings: Settings, draft: bool) -> list[Entry]:
    """The definitions applied, or with `draft` those of the files."""
    project = need_project(settings.start)
    registry = open_registry(project, settings)
    if draft:
        found = open_draft(project, registry).definitions
    else:
        state = registry.state()
        found = state.live
        hint = unapplied(project, registry.projects, state)
        if hint:
            say(hint)
    return [entry(version) for version in found.values()]


def entry(version: Version) -> Entry:
    """The entry of a version."""
    return Entry(
        name=version.name,
        kind=version.kind,
        columns=len(version.columns),
        version=version.number or None,
        owner=version.owner,
        description=version.description,
        tags=version.tags,
        uses=version.uses,
        address=version.address,
        applied_at=shown(version.applied_at) if version.applied_at is not None else None,
    )
