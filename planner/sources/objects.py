"""From a path in an object store (an object, a glob, a folder) to objects, with their partitions.

A path means what it means on this machine; see `paths`. Globs are matched here, over the names of
all objects below the part without wildcards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import pyarrow as pa

from bighead.planner.sources.learned import Learned
from bighead.planner.sources.paths import WILDCARD, File, is_bookkeeping, partitions_of
from bighead.planner.sources.store import ObjectStore, objects, refused, system_of
from bighead.zipline.errors import SourceError

SCHEMES = ("s3",)
"""The object stores that can be read."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a path names."""

    fixed: str
    """Bucket and key, up to the first part with a wildcard."""
    wild: tuple[str, ...]
    """The parts from there on."""

    @staticmethod
    def by(path: str, place: str) -> Named:
        """What a path names; raises SourceError where it names no bucket."""
        parts = path.partition("://")[2].split("/")
        if not parts[0] or WILDCARD.search(parts[0]):
            raise SourceError(f"{place}: {path} names no bucket; write s3://bucket/folder/")
        first = next((i for i, p in enumerate(parts) if WILDCARD.search(p)), len(parts))
        return Named("/".join(parts[:first]).rstrip("/"), tuple(p for p in parts[first:] if p))

    def below(self, key: str) -> list[str] | None:
        """The parts of an object's key below what is fixed; None where it is not named."""
        if key == self.fixed:
            return None if self.wild else []
        if not key.startswith(f"{self.fixed}/"):
            return None
        parts = key.removeprefix(f"{self.fixed}/").split("/")
        return parts if not is_bookkeeping(parts) and matches(parts, self.wild) else None


def find_objects(
    path: str, place: str, store: ObjectStore, learned: Learned | None = None
) -> list[File]:
    """The objects that a path names, sorted; `learned` is of earlier looks at them.

    Raises SourceError where it names nothing.
    """
    named = Named.by(path, place)
    try:
        there = objects(system_of(store), named.fixed, learned)
    except (OSError, pa.ArrowException) as error:
        raise refused(path, error) from error
    found = [
        File(remote, partitions_of(parts[:-1]))
        for remote in there
        if (parts := named.below(remote.key)) is not None
    ]
    if not found:
        raise SourceError(f"{place}: there is nothing to read at {path}; check the path")
    return found


def matches(parts: Sequence[str], wild: Sequence[str]) -> bool:
    """Whether a glob names something: a file, or a folder that it lies in.

    >>> matches(["ds=1", "a.csv"], ["ds=*", "*.csv"]), matches(["ds=1", "a.csv"], ["ds=*"])
    (True, True)
    >>> matches(["x", "y", "a.csv"], ["**", "*.csv"]), matches(["a.csv"], ["b*"])
    (True, False)
    """
    if not wild:
        return True
    if wild[0] == "**":
        return any(matches(parts[i:], wild[1:]) for i in range(len(parts)))
    return bool(parts) and fnmatchcase(parts[0], wild[0]) and matches(parts[1:], wild[1:])
