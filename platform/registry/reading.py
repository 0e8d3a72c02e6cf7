"""What a registry holds, as records: the queries."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from bighead.platform.registry.records import Column, Event, Input, Version
from bighead.platform.registry.tables import (
    APPLY,
    COLUMN,
    DEFINITION,
    EVENT,
    INPUT,
    PROJECT,
    REVISION,
    VERSION,
)

Where = ColumnElement[bool]


def in_project(project: str) -> Where:
    """Definitions of a project."""
    return PROJECT.c.name == project


def is_named(name: str) -> Where:
    """Definitions of a name, matched without case."""
    return DEFINITION.c.folded == name.casefold()


def is_current() -> Where:
    """The newest version of each definition."""
    return VERSION.c.number == DEFINITION.c.version


def is_live() -> Where:
    """The newest version of each definition that is not dropped."""
    return is_current() & DEFINITION.c.dropped.is_(False)


def _newest_revision() -> Where:
    other = REVISION.alias()
    newest = select(func.max(other.c.number)).where(other.c.version_id == VERSION.c.id)
    return REVISION.c.number == newest.scalar_subquery()


def _from(query: Select[Any], *where: Where) -> Select[Any]:
    return (
        query.select_from(VERSION)
        .join(DEFINITION, DEFINITION.c.id == VERSION.c.definition_id)
        .join(PROJECT, PROJECT.c.id == DEFINITION.c.project_id)
        .join(REVISION, REVISION.c.version_id == VERSION.c.id)
        .join(APPLY, APPLY.c.id == VERSION.c.apply_id)
        .where(_newest_revision(), *where)
    )


def versions(connection: Connection, *where: Where) -> list[tuple[str, Version]]:
    """Versions, each with its project; by project, position of the definition, and number."""
    ids = _from(select(VERSION.c.id), *where)
    columns: dict[int, list[Column]] = defaultdict(list)
    found = select(COLUMN).where(COLUMN.c.version_id.in_(ids)).order_by(COLUMN.c.position)
    for row in connection.execute(found):
        columns[row.version_id].append(Column(row.name, row.type, row.address))
    inputs: dict[int, list[Input]] = defaultdict(list)
    reads = (
        select(INPUT.c.version_id, INPUT.c.name, VERSION.c.number)
        .join(VERSION, VERSION.c.id == INPUT.c.input_id)
        .where(INPUT.c.version_id.in_(ids))
        .order_by(INPUT.c.position)
    )
    for row in connection.execute(reads):
        inputs[row.version_id].append(Input(row.name, row.number))
    wanted = _from(
        select(
            VERSION,
            DEFINITION.c.name,
            PROJECT.c.name.label("project"),
            REVISION.c.sql,
            REVISION.c.owner,
            REVISION.c.description,
            REVISION.c.tags,
            APPLY.c.applied_at,
            APPLY.c.applied_by,
        ),
        *where,
    ).order_by(PROJECT.c.name, DEFINITION.c.position, DEFINITION.c.id, VERSION.c.number)
    return [
        (
            row.project,
            Version(
                name=row.name,
                number=row.number,
                kind=row.kind,
                address=row.address,
                sql=row.sql,
                plan=bytes(row.plan),
                columns=tuple(columns[row.id]),
                inputs=tuple(inputs[row.id]),
                owner=row.owner,
                description=row.description,
                tags=tuple(json.loads(row.tags)),
                applied_at=row.applied_at,
                applied_by=row.applied_by,
            ),
        )
        for row in connection.execute(wanted)
    ]


def names(connection: Connection, project: str) -> list[str]:
    """The names of all definitions of a project, dropped ones too."""
    return list(connection.execute(_names(project)).scalars())


def dropped(connection: Connection, project: str) -> set[str]:
    """The names of the definitions of a project that are dropped."""
    return set(connection.execute(_names(project).where(DEFINITION.c.dropped)).scalars())


def numbers(connection: Connection, project: str, name: str) -> list[int]:
    """The numbers of a definition's versions, in order."""
    query = (
        _names(project, VERSION.c.number)
        .join(VERSION, VERSION.c.definition_id == DEFINITION.c.id)
        .where(is_named(name))
        .order_by(VERSION.c.number)
    )
    return list(connection.execute(query).scalars())


def _names(project: str, *wanted: Any) -> Select[Any]:
    query = select(*(wanted or (DEFINITION.c.name,))).select_from(DEFINITION)
    return query.join(PROJECT, PROJECT.c.id == DEFINITION.c.project_id).where(in_project(project))


def applies(
    connection: Connection, project: str
) -> tuple[int, dict[str, str], dict[str, list[str]]]:
    """How many applies a project saw, and the files and the undeclared columns of the last one."""
    row = connection.execute(
        select(PROJECT.c.applies, APPLY.c.files, APPLY.c.undeclared)
        .join(APPLY, APPLY.c.project_id == PROJECT.c.id)
        .where(in_project(project), APPLY.c.number == PROJECT.c.applies)
    ).one_or_none()
    if row is None:
        return 0, {}, {}
    return row.applies, json.loads(row.files), json.loads(row.undeclared)


def events(connection: Connection, project: str, name: str) -> list[Event]:
    """What happened to a definition, oldest first."""
    query = (
        select(EVENT.c.action, EVENT.c.version, APPLY.c.applied_at, APPLY.c.applied_by)
        .join(APPLY, APPLY.c.id == EVENT.c.apply_id)
        .join(DEFINITION, DEFINITION.c.id == EVENT.c.definition_id)
        .join(PROJECT, PROJECT.c.id == DEFINITION.c.project_id)
        .where(in_project(project), is_named(name))
        .order_by(APPLY.c.number, EVENT.c.position)
    )
    return [
        Event(r.action, r.version, r.applied_at, r.applied_by) for r in connection.execute(query)
    ]
