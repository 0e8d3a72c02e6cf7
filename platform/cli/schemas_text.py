"""What has changed about the data of sources, as text and for scripts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.text import Text

from bighead.planner.evolution import SchemaChange
from bighead.platform.cli.project import Project
from bighead.platform.registry import State
from bighead.zipline.ir.types import sql_name


def news(
    project: Project, state: State, schemas: Iterable[SchemaChange]
) -> list[dict[str, object]]:
    """The changes for a script; undeclared columns only where they came since the last apply."""
    live = {name.casefold() for name in state.live}
    told: list[dict[str, object]] = []
    for change in schemas:
        drift = change.drift
        before = state.undeclared.get(change.source, ())
        added = {
            name: sql_name(kind) if kind is not None else None
            for name, kind in drift.added.items()
            if change.source.casefold() in live and name not in before
        }
        if added or drift.widened or drift.removed:
            told.append(
                {
                    "source": change.source,
                    "newest": _near(project, drift.newest),
                    "added": added,
                    "widened": {n: sql_name(t) for n, t in drift.widened.items()},
                    "removed": list(drift.removed),
                    "dropped": {n: list(columns) for n, columns in change.dropped.items()},
                }
            )
    return told


def news_text(told: Iterable[dict[str, object]]) -> Text:
    """The changes for a person, in the form that `news` gives."""
    text = Text()
    for change in told:
        text.append("data of ", "cyan")
        text.append(str(change["source"]), "bold cyan")
        text.append(f"  {change['newest']}\n", "dim")
        for name, kind in _items(change["added"]):
            text.append(f"    + {name}{f' {kind}' if kind else ''}", "green")
            text.append(" is new, and no source declares it\n")
        for name, kind in _items(change["widened"]):
            text.append(f"    ~ {name} {kind}", "yellow")
            text.append(" is wider than it is declared\n")
        removed = change["removed"]
        assert isinstance(removed, list)
        for name in removed:
            text.append(f"    - {name}", "red")
            text.append(" is gone\n")
        for name, columns in _items(change["dropped"]):
            text.append(f"      drops {', '.join(columns)} of {name}\n")
        text.append("\n")
    return text


def _items(value: object) -> Iterable[tuple[str, list[str]]]:
    assert isinstance(value, dict)
    return value.items()


def _near(project: Project, file: str) -> str:
    """The file as it is named in the project."""
    path, data = Path(file), project.data.resolve()
    return str(path.resolve().relative_to(data)) if path.resolve().is_relative_to(data) else file
