"""What would change: the definitions of the files against those applied, by meaning.

Two definitions differ when their addresses do. Another spelling, spaces and comments are no change;
another owner or description is a remark, which makes no new version. A set whose own text stayed
changes when something that it reads did, and the change says what.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bighead.platform.cli.state import Version
from bighead.zipline.ir.address import REMARKS

Action = Literal["add", "change", "remark", "remove"]


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
            "version": self.before.version if self.before is not None else None,
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


def diff(
    applied: Mapping[str, Version], wanted: Mapping[str, Version], last: Mapping[str, int]
) -> list[Change]:
    """The changes from what is applied to what is wanted, both by name.

    Both are in an order in which each definition comes after what it uses. `last` has the greatest
    version number ever given to a name.
    """
    ours = {name.casefold(): name for name in applied}
    changes: list[Change] = []
    moved: set[str] = set()
    for name, after in wanted.items():
        old = ours.pop(name.casefold(), None)
        before = applied[old] if old is not None else None
        change = _change(name, before, after, last.get(name.casefold(), 0) + 1, moved)
        if change is not None:
            changes.append(change)
            if change.action != "remark":
                moved.add(name.casefold())
    for old in reversed(list(ours.values())):
        removed = applied[old]
        changes.append(
            Change("remove", old, removed, None, removed.version, removed=tuple(removed.columns))
        )
    return changes


def _change(
    name: str, before: Version | None, after: Version, number: int, moved: set[str]
) -> Change | None:
    if before is None:
        return Change("add", name, None, after, number, added=tuple(after.columns))
    clauses = tuple(
        c
        for c in dict.fromkeys((*before.clauses, *after.clauses))
        if before.clauses.get(c) != after.clauses.get(c)
    )
    if before.address == after.address and before.kind == after.kind:
        remarks = tuple(c for c in clauses if c.removeprefix("WITH ") in REMARKS)
        if not remarks:
            return None
        return Change("remark", name, before, after, before.version, clauses=remarks)
    return Change(
        "change",
        name,
        before,
        after,
        number,
        clauses=clauses,
        because=tuple(u for u in after.uses if u.casefold() in moved),
        added=tuple(c for c in after.columns if c not in before.columns),
        changed=tuple(
            c for c, mark in after.columns.items() if before.columns.get(c, mark) != mark
        ),
        removed=tuple(c for c in before.columns if c not in after.columns),
    )
