"""The lineage that a user asks for: from `name`, `name@3` or `name.column` to links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bighead.platform.registry import Link, Place, Registry, Version
from bighead.zipline.errors import CatalogError, did_you_mean
from bighead.zipline.names import versioned

Direction = Literal["upstream", "downstream"]


@dataclass(frozen=True, slots=True)
class Traced:
    """Columns, and the links that lead away from them."""

    version: Version
    columns: tuple[Place, ...]
    links: tuple[Link, ...]
    direction: Direction

    def near(self, link: Link) -> Place:
        """The end of a link that is nearer to where one started."""
        return link.column if self.direction == "upstream" else link.origin

    def far(self, link: Link) -> Place:
        """The other end."""
        return link.origin if self.direction == "upstream" else link.column


def trace(registry: Registry, name: str, direction: Direction, every: bool) -> Traced:
    """The lineage of a definition or of one of its columns; `every`: of all roles.

    Upstream, a column that is made of no value, as a count of rows is, is told by its other roles.
    """
    version, column, pinned = _resolve(registry, name)
    names = [column] if column is not None else [c.name for c in version.columns]
    columns = tuple(Place(version.name, version.number, n) for n in names)
    starts = columns
    if direction == "downstream" and not pinned:
        numbers = [v.number for v in registry.versions(version.name)]
        starts = tuple(Place(version.name, number, n) for number in numbers for n in names)
    links = registry.links(starts, direction)
    told = {k.column for k in links if k.role == "value" or direction == "downstream"}
    kept = [k for k in links if every or k.role == "value" or k.column not in told]
    return Traced(version, columns, _reached(starts, kept, direction), direction)


def _reached(
    starts: tuple[Place, ...], links: list[Link], direction: Direction
) -> tuple[Link, ...]:
    """The links that are still connected with the start; the nearest come first."""
    reached = {_end(p, direction) for p in starts}
    kept = []
    for link in links:
        near, far = link.column, link.origin
        if direction == "downstream":
            near, far = far, near
        if _end(near, direction) in reached:
            reached.add(_end(far, direction))
            kept.append(link)
    return tuple(kept)


def _end(place: Place, direction: Direction) -> tuple[str, int, str]:
    """Downstream the version that was read does not matter: a column is a column."""
    return place.name, place.version if direction == "upstream" else 0, place.column


def _resolve(registry: Registry, name: str) -> tuple[Version, str | None, bool]:
    """The version, the column if one is named, and whether the version was named."""
    try:
        pin = versioned(name)
        return registry.version(*(pin or (name, None))), None, pin is not None
    except CatalogError:
        base, dot, column = name.rpartition(".")
        if not dot or not base:
            raise
    pin = versioned(base)
    version = registry.version(*(pin or (base, None)))
    names = [c.name for c in version.columns]
    found = [n for n in names if n == column] or [
        n for n in names if n.casefold() == column.casefold()
    ]
    if not found:
        hint = did_you_mean(column, names)
        raise CatalogError(
            f"no column '{column}' in {version.name}@{version.number}"
            + (f"; {hint}" if hint else "")
        )
    return version, found[0], pin is not None
