"""The history of a definition: its versions, and what else happened to it."""

from __future__ import annotations

from dataclasses import dataclass

from bighead.platform.cli.listing import entry
from bighead.platform.cli.opening import open_registry
from bighead.platform.cli.project import need_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.times import shown
from bighead.platform.registry import Event, Version
from bighead.zipline.names import versioned

SHOWN_ADDRESS = 12
"""Digits of an address that tell versions apart for a person."""
WORDS = {"remark": "said anew", "remove": "dropped", "restore": "came back"}


@dataclass(frozen=True, slots=True)
class History:
    """All versions of a definition and its events, oldest first."""

    versions: tuple[Version, ...]
    events: tuple[Event, ...]

    @property
    def dropped(self) -> bool:
        """No file has it any more."""
        return bool(self.events) and self.events[-1].action == "remove"

    @property
    def headline(self) -> str:
        """What it is, in a line."""
        last = self.versions[-1]
        state = "dropped" if self.dropped else f"version {last.number}"
        said = f": {last.description}" if last.description else ""
        return f"{last.kind} {last.name} ({state}){said}"

    def rows(self) -> list[tuple[str, ...]]:
        """A line a version, for a table."""
        first = {v.address: v.number for v in reversed(self.versions)}
        return [
            (
                str(v.number),
                shown(v.applied_at or 0),
                v.applied_by,
                str(len(v.columns)),
                v.owner,
                ", ".join(map(str, v.inputs)),
                v.address[:SHOWN_ADDRESS]
                + (f" = v{first[v.address]}" if first[v.address] != v.number else ""),
            )
            for v in self.versions
        ]  # fmt: skip

    def remarks(self) -> list[str]:
        """What happened besides new versions."""
        return [
            f"{shown(e.at)}  v{e.version} {WORDS[e.action]}" + (f" by {e.by}" if e.by else "")
            for e in self.events
            if e.action in WORDS
        ]

    def record(self) -> dict[str, object]:
        """The history for a script."""
        last = self.versions[-1]
        return {
            "name": last.name,
            "dropped": self.dropped,
            "versions": [
                entry(v).record()
                | {
                    "applied_by": v.applied_by,
                    "inputs": {i.name: i.version for i in v.inputs},
                    "sql": v.sql,
                }
                for v in self.versions
            ],
            "events": [
                {"action": e.action, "version": e.version, "at": shown(e.at), "by": e.by}
                for e in self.events
            ],
        }


def history(settings: Settings, name: str) -> History:
    """The history of a definition of the project, dropped or not; of `name@2` that version's."""
    registry = open_registry(need_project(settings.start), settings)
    base, number = versioned(name) or (name, None)
    if number is None:
        return History(registry.versions(name), registry.history(name))
    version = registry.version(base, number)
    events = tuple(e for e in registry.history(base) if e.version == number)
    return History((version,), events)
