"""The files of a project as what is wanted online: applied whenever they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bighead.platform.cli.applied import hashes
from bighead.platform.cli.applying import apply_changes
from bighead.platform.cli.changes import find_changes
from bighead.platform.cli.diff import Change
from bighead.platform.cli.opening import Registered
from bighead.platform.cli.project import Project
from bighead.platform.cli.serving import chosen
from bighead.platform.cli.settings import Settings
from bighead.platform.features.batches import Batches
from bighead.platform.features.keeping import Wanted
from bighead.platform.registry import Conflict
from bighead.zipline.catalog import FeatureSet, TrainingSet
from bighead.zipline.errors import BigheadError

TRIES = 5
"""So often it is looked again where others applied meanwhile."""


@dataclass(slots=True)
class Files:
    """The definitions of a project."""

    project: Project
    settings: Settings
    hear: Callable[[list[Change]], None]
    """Is told what was applied."""
    _seen: dict[str, str] | None = field(default=None, init=False)

    def look(self) -> Wanted | None:
        """What is wanted now; None: no file has changed since the last look.

        Raises BigheadError, once for each change, where the files cannot be applied.
        """
        found = hashes(self.project)
        if found == self._seen:
            return None
        try:
            wanted = self._applied()
        except BigheadError:
            self._seen = found
            raise
        self._seen = found
        return wanted

    def _applied(self) -> Wanted:
        for left in reversed(range(TRIES)):
            registered = Registered(self.project, self.settings)
            changes = find_changes(self.project, registered.registry)
            try:
                apply_changes(registered.registry, changes)
            except Conflict:
                if not left:
                    raise
                continue
            registered.state()  # is kept where it is read, for other commands
            break
        self.hear(changes.changes)
        sets = []
        for version in chosen(self.settings, (), draft=False):
            assert isinstance(version.definition, FeatureSet | TrainingSet)
            sets.append((version.definition, version.number))
        return Wanted(sets, Batches(changes.draft.session))
