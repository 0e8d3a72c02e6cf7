"""From a path in an object store (an object, a glob, a folder) to objects, with their partitions.

A path means what it means on this machine; see `paths`. Globs are matched here, over the names of
all objects below the part without wildcards.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import pyarrow as pa

from bighead.planner.sources.paths import WILDCARD, File, is_bookkeeping, partitions_of
from bighead.planner.sources.store import ObjectStore, Remote, objects, refused, system_of
from bighead.zipline.errors import SourceError

SCHEMES = ("s3",)
"""The object stores that can be read."""


def find_objects(path: str, place: str, store: ObjectStore) -> list[File]:
    """The objects that a path names, sorted. Raises SourceError where it names nothing."""
    parts = path.partition("://")[2].split("/")
    if not parts[0] or WILDCARD.search(parts[0]):
        raise SourceError(f"{place}: {path} names no bucket; write s3://bucket/folder/")
    first = next((i for i, p in enumerate(parts) if WILDCARD.search(p)), len(parts))
    fixed = "/".join(parts[:first]).rstrip("/")
    wild = [p for p in parts[first:] if p]
    try:
        there = objects(system_of(store), fixed)
    except (OSError, pa.ArrowException) as error:
        raise refused(path, error) from error
    found = [file for remote in there if (file := _asked(remote, fixed, wild)) is not None]
    if not found:
        raise SourceError(f"{place}: there is nothing to read at {path}; check the path")
    return found


def _asked(remote: Remote, fixed: str, wild: Sequence[str]) -> File | None:
    """The object with its partitions; None where it is not asked for."""
    if remote.key == fixed:
        return None if wild else File(remote)
    below = remote.key.removeprefix(f"{fixed}/").split("/")
    if is_bookkeeping(below) or not matches(below, wild):
        return None
    return File(remote, partitions_of(below[:-1]))


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
