"""An apply written down: new versions and revisions, what they read, and what is current now.

All of it happens in the transaction of the caller. The count of applies is what two writers at once
trip over: each states the count that it was planned at, and only one of them finds it unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, insert, select, update

from bighead.platform.registry.errors import Conflict
from bighead.platform.registry.records import Edge, Entry, Version
from bighead.platform.registry.tables import (
    APPLY,
    COLUMN,
    DEFINITION,
    EDGE,
    EVENT,
    INPUT,
    PROJECT,
    REVISION,
    VERSION,
)
from bighead.zipline.names import versioned

NEW_VERSION = ("add", "change")


@dataclass(frozen=True, slots=True)
class Apply:
    """What an apply says of itself."""

    base: int
    """How many applies there were when it was planned."""
    order: Sequence[str]
    """The names of all live definitions, each after what it uses."""
    files: Mapping[str, str]
    undeclared: Mapping[str, Sequence[str]]
    at: int
    """Microseconds since the epoch."""
    by: str


def record(connection: Connection, project: str, apply: Apply, entries: Iterable[Entry]) -> int:
    """Writes an apply, and gives its number. Raises Conflict where another one came first."""
    project_id, number = _count(connection, project, apply.base)
    row = {
        "project_id": project_id,
        "number": number,
        "applied_at": apply.at,
        "applied_by": apply.by,
        "files": json.dumps(dict(apply.files), sort_keys=True),
        "undeclared": json.dumps({n: list(c) for n, c in apply.undeclared.items()}, sort_keys=True),
    }
    writer = _Writer(connection, project_id, _insert(connection, APPLY, row))
    for position, entry in enumerate(entries):
        writer.write(position, entry)
    for position, name in enumerate(apply.order):
        where = (DEFINITION.c.project_id == project_id, DEFINITION.c.folded == name.casefold())
        connection.execute(update(DEFINITION).where(*where).values(name=name, position=position))
    return number


def _count(connection: Connection, project: str, base: int) -> tuple[int, int]:
    """The project's id and the number of this apply; the project is made by its first one."""
    found = connection.execute(select(PROJECT.c.id).where(PROJECT.c.name == project)).scalar()
    if found is None and base == 0:
        return _insert(connection, PROJECT, {"name": project, "applies": 1}), 1
    counted = connection.execute(
        update(PROJECT)
        .where(PROJECT.c.name == project, PROJECT.c.applies == base)
        .values(applies=base + 1)
    )
    if found is None or counted.rowcount != 1:
        raise Conflict(
            f"the project {project} was applied by somebody else since these changes were found; "
            "see 'bighead plan', and apply again"
        )
    return int(found), base + 1


@dataclass(frozen=True, slots=True)
class _Writer:
    connection: Connection
    project_id: int
    apply_id: int

    def write(self, position: int, entry: Entry) -> None:
        version = entry.version
        definition_id = self._definition(version)
        if entry.action in NEW_VERSION:
            self._version(definition_id, version, entry.edges)
        elif entry.action != "remove":
            self._revision(self._version_id(version.name, version.number), version)
        changed = update(DEFINITION).where(DEFINITION.c.id == definition_id)
        dropped = entry.action == "remove"
        self.connection.execute(changed.values(version=version.number, dropped=dropped))
        event = {
            "apply_id": self.apply_id,
            "position": position,
            "definition_id": definition_id,
            "action": entry.action,
            "version": version.number,
        }
        self.connection.execute(insert(EVENT).values(event))

    def _definition(self, version: Version) -> int:
        folded = version.name.casefold()
        where = (DEFINITION.c.project_id == self.project_id, DEFINITION.c.folded == folded)
        found = self.connection.execute(select(DEFINITION.c.id).where(*where)).scalar()
        if found is not None:
            return int(found)
        row = {
            "project_id": self.project_id,
            "name": version.name,
            "folded": folded,
            "position": 0,
            "version": version.number,
            "dropped": False,
        }
        return _insert(self.connection, DEFINITION, row)

    def _version(self, definition_id: int, version: Version, edges: Sequence[Edge]) -> None:
        row = {
            "definition_id": definition_id,
            "number": version.number,
            "apply_id": self.apply_id,
            "kind": version.kind,
            "address": version.address,
            "plan": version.plan,
        }
        version_id = _insert(self.connection, VERSION, row)
        self._revision(version_id, version)
        columns = [
            {"version_id": version_id, "position": i, "name": c.name, "type": c.type,
             "address": c.address}
            for i, c in enumerate(version.columns)
        ]  # fmt: skip
        if columns:
            self.connection.execute(insert(COLUMN), columns)
        ids: dict[str, int] = {}
        for i, read in enumerate(version.inputs):
            pin = versioned(read.name)
            ids[read.name] = self._version_id(pin[0] if pin else read.name, read.version)
            row = {"version_id": version_id, "position": i, "name": read.name,
                   "input_id": ids[read.name]}  # fmt: skip
            self.connection.execute(insert(INPUT).values(row))
        below = self._below(ids) if any(e.input not in ids for e in edges) else ids
        rows = [
            {"version_id": version_id, "column_name": e.column, "input_id": below[e.input],
             "input_column": e.input_column, "role": e.role}
            for e in edges
        ]  # fmt: skip
        if rows:
            self.connection.execute(insert(EDGE), rows)

    def _revision(self, version_id: int, version: Version) -> None:
        newest = select(func.max(REVISION.c.number)).where(REVISION.c.version_id == version_id)
        number = (self.connection.execute(newest).scalar() or 0) + 1
        row = {
            "version_id": version_id,
            "number": number,
            "apply_id": self.apply_id,
            "sql": version.sql,
            "owner": version.owner,
            "description": version.description,
            "tags": json.dumps(version.tags),
            "words": _words(version),
        }
        self.connection.execute(insert(REVISION).values(row))

    def _version_id(self, name: str, number: int) -> int:
        found = self.connection.execute(
            select(VERSION.c.id)
            .join(DEFINITION, DEFINITION.c.id == VERSION.c.definition_id)
            .where(
                DEFINITION.c.project_id == self.project_id,
                DEFINITION.c.folded == name.casefold(),
                VERSION.c.number == number,
            )
        ).scalar()
        assert found is not None, f"{name}@{number} is read, and was never applied"
        return int(found)

    def _below(self, ids: Mapping[str, int]) -> dict[str, int]:
        """The versions of everything that is read, through others too; the nearest one counts."""
        found = dict(ids)
        front = list(ids.values())
        while front:
            rows = self.connection.execute(
                select(INPUT.c.name, INPUT.c.input_id).where(INPUT.c.version_id.in_(front))
            ).all()
            front = [r.input_id for r in rows if r.name not in found]
            found = {r.name: r.input_id for r in rows} | found
        return found


def _words(version: Version) -> str:
    """All that a search looks at, in one text without case."""
    names = " ".join(c.name for c in version.columns)
    tags = " ".join(version.tags)
    said = f"{version.name} {version.kind} {tags} {version.owner} {version.description} {names}"
    return said.casefold()


def _insert(connection: Connection, table: Table, row: Mapping[str, object]) -> int:
    key = connection.execute(insert(table).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])
