"""The changes of a project: its files against its state."""

from __future__ import annotations

from dataclasses import dataclass

from bighead.platform.cli.diff import Change, diff
from bighead.platform.cli.project import Project
from bighead.platform.cli.state import State, read_state
from bighead.platform.cli.workspace import Draft, open_draft


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


def find_changes(project: Project) -> Changes:
    """Binds the files and compares; raises what binding raises."""
    state = read_state(project.state)
    draft = open_draft(project)
    last = {name.casefold(): applied.current.version for name, applied in state.definitions.items()}
    return Changes(state, draft, diff(state.live, draft.definitions, last))
