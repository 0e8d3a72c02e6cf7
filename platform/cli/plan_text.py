"""A plan of changes as text, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from bighead.platform.cli.diff import Change
from bighead.platform.registry import Version

SIGNS = {
    "add": ("+", "green"),
    "restore": ("+", "green"),
    "change": ("~", "yellow"),
    "remark": ("~", "cyan"),
    "remove": ("-", "red"),
}
SHOWN_COLUMNS = 8


def plan_text(changes: Sequence[Change], kept: int) -> Text:
    """All changes with their reasons, and a last line that counts."""
    text = Text()
    for change in changes:
        _append(text, change)
    text.append(counted(changes, kept))
    return text


def counted(changes: Sequence[Change], kept: int) -> str:
    """How many definitions are added, changed, removed and kept."""
    number = {a: sum(c.action == a for c in changes) for a in SIGNS}
    remarks = f", {number['remark']} in remarks only" if number["remark"] else ""
    return (
        f"{number['add'] + number['restore']} to add, {number['change']} to change{remarks}, "
        f"{number['remove']} to remove, {kept} unchanged"
    )


def diff_text(change: Change, before: Version, after: Version) -> Text:
    """One change, between two versions."""
    text = Text()
    text.append(f"{before.kind} ")
    kind = "" if after.kind == before.kind else f"{after.kind} "
    ends = f"{before.name}@{before.number} -> {kind}{after.name}@{after.number}"
    text.append(f"{ends}\n", "bold")
    if change.action == "remark":
        text.append("    means the same; changed: " + ", ".join(change.clauses) + "\n")
    else:
        for reason in _reasons(change):
            text.append(f"    {reason}\n")
    _append_lines(text, change)
    text.right_crop(1)
    return text


def _append(text: Text, change: Change) -> None:
    sign, style = SIGNS[change.action]
    text.append(f"{sign} {change.kind} ", style)
    text.append(change.name, f"bold {style}")
    text.append(f"  {_numbers(change)}\n", "dim")
    for reason in _reasons(change):
        text.append(f"    {reason}\n")
    if change.action in ("change", "remark"):
        _append_lines(text, change)
    text.append("\n")


def _append_lines(text: Text, change: Change) -> None:
    for line in change.lines:
        colour = {"-": "red", "+": "green"}.get(line[:1], "dim")
        text.append(f"    {line[:1]} {line[1:]}\n", colour)


def _numbers(change: Change) -> str:
    if change.action == "add":
        return f"v{change.next_version}" if change.next_version > 1 else "new"
    if change.action == "restore":
        return f"v{change.next_version} again"
    if change.action == "remove":
        return "no file defines it"
    if change.action == "remark":
        return f"v{change.next_version} stays"
    assert change.before is not None
    return f"v{change.before.number} -> v{change.next_version}"


def _reasons(change: Change) -> list[str]:
    columns = "columns" if "set" not in change.kind or "training" in change.kind else "features"
    if change.action in ("add", "restore"):
        return [f"{len(change.added)} {columns}: {_listed(change.added)}"]
    if change.action == "remove":
        return []
    reasons = []
    if change.clauses:
        reasons.append(f"changed: {', '.join(change.clauses)}")
    if change.because:
        verb = "reads" if len(change.because) == 1 else "reads the changed"
        tail = ", which changes" if len(change.because) == 1 else ""
        reasons.append(f"{verb} {', '.join(change.because)}{tail}")
    if change.action == "remark":
        return reasons
    assert change.after is not None
    for sign, names in (("+", change.added), ("~", change.changed), ("-", change.removed)):
        if names and len(names) == len(change.after.columns) and sign == "~":
            reasons.append(f"{columns} ~ all {len(names)}")
        elif names:
            reasons.append(f"{columns} {sign} {_listed(names)}")
    if not (change.clauses or change.because or change.added or change.changed or change.removed):
        reasons.append(f"the order of its {columns}")
    return reasons


def _listed(names: Sequence[str]) -> str:
    more = len(names) - SHOWN_COLUMNS
    return ", ".join(names[:SHOWN_COLUMNS]) + (f" and {more} more" if more > 0 else "")
