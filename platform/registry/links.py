"""Column lineage as a graph: the links above a column, or those below it, level by level."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from sqlalchemy import Connection, select

from bighead.platform.registry.reading import Where, in_project
from bighead.platform.registry.records import Link, Place
from bighead.platform.registry.tables import DEFINITION, EDGE, PROJECT, VERSION

Direction = Literal["upstream", "downstream"]
ANY = 0
"""No version is numbered so."""


def links(
    connection: Connection, project: str, starts: Iterable[Place], direction: Direction
) -> list[Link]:
    """All links that lead away from some columns, each once, nearest first.

    Upstream are the columns that they come from, in exactly the versions that were read. Downstream
    are those that come from them, in the current versions of what is not dropped; a start with the
    version ANY is every version. Links of every role are given, and all are followed.
    """
    front = {_folded(p) for p in starts}
    seen = set(front)
    found: dict[Link, None] = {}
    while front:
        far = set()
        for link in _level(connection, project, front, direction):
            found[link] = None
            far.add(_folded(link.origin if direction == "upstream" else link.column))
        if direction == "downstream":
            # What reads an older version reads the column all the same, where both have it.
            far = {replace(p, version=ANY) for p in far}
        front = far - seen
        seen |= far
    return list(found)


def _folded(place: Place) -> Place:
    return replace(place, name=place.name.casefold())


def _level(
    connection: Connection, project: str, front: set[Place], direction: Direction
) -> list[Link]:
    reader, origin = VERSION.alias("reader"), VERSION.alias("origin")
    ours, theirs = DEFINITION.alias("ours"), DEFINITION.alias("theirs")
    near = (ours, reader) if direction == "upstream" else (theirs, origin)
    where: Where = near[0].c.folded.in_({p.name for p in front})
    if direction == "downstream":
        where &= (reader.c.number == ours.c.version) & ours.c.dropped.is_(False)
    rows = connection.execute(
        select(
            ours.c.name.label("reader_name"),
            reader.c.number.label("reader_version"),
            EDGE.c.column_name,
            theirs.c.name.label("origin_name"),
            origin.c.number.label("origin_version"),
            EDGE.c.input_column,
            EDGE.c.role,
        )
        .select_from(EDGE)
        .join(reader, reader.c.id == EDGE.c.version_id)
        .join(ours, ours.c.id == reader.c.definition_id)
        .join(origin, origin.c.id == EDGE.c.input_id)
        .join(theirs, theirs.c.id == origin.c.definition_id)
        .join(PROJECT, PROJECT.c.id == ours.c.project_id)
        .where(in_project(project), where)
        .order_by(EDGE.c.id)
    )
    found = [
        Link(
            Place(r.reader_name, r.reader_version, r.column_name),
            Place(r.origin_name, r.origin_version, r.input_column),
            r.role,
        )
        for r in rows
    ]
    ends = [(k, _folded(k.column if direction == "upstream" else k.origin)) for k in found]
    return [k for k, end in ends if end in front or replace(end, version=ANY) in front]
