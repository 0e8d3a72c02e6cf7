"""The changes of a project: its files against its registry."""

from __future__ import annotations

from dataclasses import dataclass

from bighead.platform.cli.diff import Change, diff
from bighead.platform.cli.project import Project
from bighead.platform.cli.workspace import Draft, open_draft
from bighead.platform.registry import Registry, State


@dataclass(frozen=True, slots=True)
class Changes:
    """What is applied, what is wanted, and what lies between."""

    state: State
    draft: Draft
    changes: list[Change]

    @property
    def kept(self) -> int:
        """How many definitions stay as they are."""
        changed = {c.name.casefold() for c in self.changes}
        return sum(name.casefold() not in changed for name in self.draft.definitions)


def find_changes(project: Project, registry: Registry) -> Changes:
    """Binds the files, lets them follow their data, and compares; raises what these raise."""
    state = registry.state()
    draft = open_draft(project, registry, evolve=True)
    return Changes(state, draft, diff(state, draft.definitions))
