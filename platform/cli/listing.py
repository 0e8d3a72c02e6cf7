"""The definitions of a project as a list."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bighead.platform.cli.console import say
from bighead.platform.cli.project import need_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.state import Version, read_state
from bighead.platform.cli.workspace import open_draft, unapplied


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
    uses: tuple[str, ...]
    address: str
    applied_at: str | None

    def record(self) -> dict[str, object]:
        """The entry for a script."""
        return asdict(self) | {"uses": list(self.uses)}


def listing(settings: Settings, draft: bool) -> list[Entry]:
    """The definitions applied, or with `draft` those of the files."""
    project = need_project(settings.start)
    if draft:
        found = open_draft(project).definitions
    else:
        state = read_state(project.state)
        found = state.live
        hint = unapplied(project, state)
        if hint:
            say(hint)
    return [_entry(name, version) for name, version in found.items()]


def _entry(name: str, version: Version) -> Entry:
    return Entry(
        name=name,
        kind=version.kind,
        columns=len(version.columns),
        version=version.version or None,
        owner=version.clauses.get("WITH owner", ""),
        description=version.clauses.get("WITH description", ""),
        uses=version.uses,
        address=version.address,
        applied_at=version.applied_at or None,
    )
