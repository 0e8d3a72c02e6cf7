"""An apply: the changes written to the registry."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import replace

from bighead.platform.cli.changes import Changes
from bighead.platform.cli.snapshot import edges
from bighead.platform.registry import Entry, Input, Registry, State, Version
from bighead.zipline.errors import BigheadError
from bighead.zipline.ir.sources import Table


def apply_changes(registry: Registry, found: Changes) -> None:
    """Writes what follows, in one step; nothing where nothing differs.

    Raises Conflict where somebody else applied since the changes were found.
    """
    entries = _entries(found)
    state, draft = found.state, found.draft
    undeclared = {s.source: sorted(s.drift.added) for s in draft.schemas if s.drift.added}
    if entries or draft.files != state.files or undeclared != state.undeclared:
        order = tuple(draft.definitions)
        registry.apply(entries, state, order, draft.files, who(), undeclared)


def who() -> str:
    """Who runs this program, for the history; '' where the system does not know."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


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


def _entries(found: Changes) -> list[Entry]:
    actions = {c.name.casefold(): c for c in found.changes}
    numbers = {name.casefold(): v.number for name, v in found.state.live.items()}
    entries = []
    for name, wanted in found.draft.definitions.items():
        change = actions.get(name.casefold())
        number = change.next_version if change is not None else numbers[name.casefold()]
        numbers[name.casefold()] = number
        version = replace(wanted, number=number, inputs=_inputs(wanted, numbers))
        if change is None:
            entries += _respelt(version, found.state)
        elif change.action in ("add", "change"):
            definitions = found.draft.session.definitions
            definition = definitions.get(name)
            lineage = edges(definition, {i.name: definitions.get(i.name) for i in version.inputs})
            entries.append(Entry(change.action, version, lineage))
        else:
            entries.append(Entry(change.action, version))
    for change in found.changes:
        if change.action == "remove":
            assert change.before is not None
            entries.append(Entry("remove", change.before))
    return entries


def _inputs(version: Version, numbers: Mapping[str, int]) -> tuple[Input, ...]:
    """What a version reads: the versions that it names, else those that are current with it."""
    return tuple(
        i if i.version else Input(i.name, numbers[i.name.casefold()]) for i in version.inputs
    )


def _respelt(version: Version, state: State) -> list[Entry]:
    """The text that the files have now is kept, as a revision of the same version."""
    before = next(v for n, v in state.live.items() if n.casefold() == version.name.casefold())
    same = (before.name, before.sql) == (version.name, version.sql)
    return [] if same else [Entry("remark", version)]
