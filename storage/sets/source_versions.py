"""Sources that are declared anew: a store reads a new version beside the old one, by another name.

All that a store knows of a source stands under its name: how far its streams were read, which rows
have come. So rows of another declaration are those of another source: `bookings@2` after
`bookings`. It is read from its stream's start by a door of its own, and the sets over the old one
go on until they are removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bighead.storage.sets.prepare import source_of
from bighead.zipline.ir.nodes import Events, Lookup, Node, Scan, Versions, View
from bighead.zipline.ir.rewrite import transform_plan
from bighead.zipline.ir.sources import Source

_TELLING = ("stream", "format", "op", "snapshot", "cut")
"""The options that say which rows a stream gives; others may change under the same name."""


def base_name(name: str) -> str:
    """The name under which a source was declared.

    >>> base_name("bookings@2"), base_name("bookings")
    ('bookings', 'bookings')
    """
    base, at, number = name.rpartition("@")
    return base if at and number.isdigit() else name


def same_rows(one: Source, other: Source) -> bool:
    """Whether two declarations, of whatever names, give the same rows of a stream."""
    return _bare(one) == _bare(other)


def _bare(source: Source) -> Source:
    held = [(n, v) for n, v in source.options if n in _TELLING]
    held.append(("batch", source.option("batch") is not None))
    return replace(source, name="", options=tuple(held))


def placed(right: View | Lookup, known: Iterable[Source]) -> View | Lookup:
    """A view or look-up over the sources that a store has, or new versions of them."""
    held = {source.name: source for source in known}

    def named(node: Node) -> Node:
        if isinstance(node, Scan):
            found = _version(node.source, held)
            return node if found is node.source else replace(node, source=found)
        if isinstance(node, Events | Versions):
            name = source_of(node.input).name
            return node if name == node.source else replace(node, source=name)
        return node

    made = transform_plan(right, named)
    assert isinstance(made, View | Lookup)
    return made


def _version(source: Source, known: dict[str, Source]) -> Source:
    versions = [s for s in known.values() if base_name(s.name) == base_name(source.name)]
    for version in versions:
        if same_rows(version, source):
            return version
    if not versions:
        return source
    last = max(int(s.name.rpartition("@")[2]) if "@" in s.name else 1 for s in versions)
    return replace(source, name=f"{base_name(source.name)}@{last + 1}")


def current(name: str, names: Iterable[str]) -> str | None:
    """The last version of a source among names; None: there is none.

    >>> current("bookings", ["bookings@2", "bookings@10", "stays"])
    'bookings@10'
    """
    found = [n for n in names if base_name(n) == name]
    return max(found, key=lambda n: (len(n), n), default=None)
