"""What would change: the definitions of the files against those applied, by meaning.

Two definitions differ when their addresses do. Another spelling, spaces and comments are no change;
another owner or description is a remark, which makes no new version. A set whose own text stayed
changes when something that it reads did, and the change says what.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from bighead.platform.cli.snapshot import clauses
from bighead.platform.registry import Action, State, Version

REMARKS = ("owner", "description", "tags")


@dataclass(frozen=True, slots=True)
class Change:
    """One definition that would not stay as it is."""

    action: Action
    name: str
    before: Version | None
    after: Version | None
    next_version: int
    clauses: tuple[str, ...] = ()
    """Which clauses of its own text changed."""
    because: tuple[str, ...] = ()
    """What it reads and is itself changed."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Columns."""

    @property
    def kind(self) -> str:
        """'feature set', ..."""
        version = self.after or self.before
        assert version is not None
        return version.kind

    @property
    def lines(self) -> list[str]:
        """The lines of the canonical SQL that go (-) and come (+), with their neighbours (' ')."""
        before = self.before.sql.splitlines() if self.before is not None else []
        after = self.after.sql.splitlines() if self.after is not None else []
        diff = list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:]
        return [line for line in diff if not line.startswith("@@")]

    def record(self) -> dict[str, object]:
        """The change for a script."""
        return {
            "action": self.action,
            "kind": self.kind,
            "name": self.name,
            "version": self.before.number if self.before is not None else None,
            "next_version": self.next_version if self.after is not None else None,
            "clauses": list(self.clauses),
            "because": list(self.because),
            "columns": {
                "added": list(self.added),
                "changed": list(self.changed),
                "removed": list(self.removed),
            },
            "sql_before": self.before.sql if self.before is not None else None,
            "sql_after": self.after.sql if self.after is not None else None,
        }


def diff(state: State, wanted: Mapping[str, Version]) -> list[Change]:
    """The changes from what is applied to what is wanted.

    What is wanted is in an order in which each definition comes after what it uses.
    """
    ours = {name.casefold(): version for name, version in state.live.items()}
    dropped = {name.casefold(): version for name, version in state.dropped.items()}
    changes: list[Change] = []
    moved: set[str] = set()
    for name, after in wanted.items():
        folded = name.casefold()
        before = ours.pop(folded, None)
        change = (
            _new(after, dropped.get(folded)) if before is None else _change(before, after, moved)
        )
        if change is not None:
            changes.append(change)
            if change.action != "remark":
                moved.add(folded)
    for removed in reversed(list(ours.values())):
        gone = tuple(c.name for c in removed.columns)
        changes.append(Change("remove", removed.name, removed, None, removed.number, removed=gone))
    return changes


def compare(before: Version, after: Version) -> Change | None:
    """The change from one version to another; None where they mean the same and are said to."""
    ours = {i.name.casefold(): i.version for i in before.inputs}
    moved = {i.name.casefold() for i in after.inputs if ours.get(i.name.casefold()) != i.version}
    return _change(before, after, moved)


def _new(after: Version, last: Version | None) -> Change:
    """A definition that is not live: one of an earlier meaning comes back with its number."""
    added = tuple(c.name for c in after.columns)
    if last is not None and (last.address, last.kind) == (after.address, after.kind):
        return Change("restore", after.name, None, after, last.number, added=added)
    return Change("add", after.name, None, after, last.number + 1 if last else 1, added=added)


def _change(before: Version, after: Version, moved: set[str]) -> Change | None:
    if (before.address, before.kind) == (after.address, after.kind):
        said = tuple(
            f"WITH {name}" for name in REMARKS if getattr(before, name) != getattr(after, name)
        )
        if not said:
            return None
        return Change("remark", after.name, before, after, before.number, clauses=said)
    ours, theirs = (clauses(v.definition, v.sql) for v in (before, after))
    old = {c.name: c.address for c in before.columns}
    new = {c.name: c.address for c in after.columns}
    return Change(
        "change",
        after.name,
        before,
        after,
        after.number or before.number + 1,
        clauses=tuple(c for c in dict.fromkeys((*ours, *theirs)) if ours.get(c) != theirs.get(c)),
        because=tuple(u for u in after.uses if u.casefold() in moved),
        added=tuple(c for c in new if c not in old),
        changed=tuple(c for c, mark in new.items() if old.get(c, mark) != mark),
        removed=tuple(c for c in old if c not in new),
    )
