"""An apply: the state with the changes in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from bighead.platform.cli.changes import Changes
from bighead.platform.cli.project import Project
from bighead.platform.cli.state import Applied, State, Version, write_state
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.sources import Table


def apply_changes(project: Project, found: Changes) -> None:
    """Writes the state that follows, in one step; nothing where nothing differs."""
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    actions = {c.name.casefold(): c for c in found.changes}
    before = {name.casefold(): applied for name, applied in found.state.definitions.items()}
    after: dict[str, Applied] = {}
    for name, wanted in found.draft.definitions.items():
        history = before.pop(name.casefold(), None)
        change = actions.get(name.casefold())
        if change is not None and change.action in ("add", "change"):
            version = replace(wanted, version=change.next_version, applied_at=now)
            after[name] = Applied((*(history.versions if history else ()), version))
        else:
            assert history is not None, f"{name} is unchanged but was never applied"
            after[name] = Applied((*history.versions[:-1], _respelt(history.current, wanted)))
    for name, gone in found.state.definitions.items():
        if name.casefold() in before:
            after[name] = gone if gone.removed_at is not None else replace(gone, removed_at=now)
    state = State(after, found.draft.files)
    if state != found.state:
        write_state(project.state, state)


def data_remarks(found: Changes) -> list[str]:
    """Which sources cannot be read as they are; that is no reason not to define them."""
    remarks = []
    session = found.draft.session
    for definition in session.definitions:
        if isinstance(definition, Table) and definition.option("batch") is not None:
            try:
                session.dataset(definition)
            except BigheadError as error:
                remarks.append(str(error).splitlines()[0])
    return remarks


def _respelt(current: Version, wanted: Version) -> Version:
    """The same version with the text that the files have now."""
    return replace(wanted, version=current.version, applied_at=current.applied_at)
