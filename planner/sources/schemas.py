"""What the files of a source hold now, against what is declared of it.

The newest file, the last in the order in which they are read, says which columns there are; all of
them together say how wide a type has to be. A type that no widening reaches is left to whoever
reads the rows, who names the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pyarrow as pa

from bighead.planner.sources.changes import Changes
from bighead.planner.sources.dataset import Dataset
from bighead.planner.sources.files import Files
from bighead.zipline.ir.types import canonical
from bighead.zipline.records.fits import fits

DIGITS = 38
"""The most that a DECIMAL has."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How the files of a source differ from its declaration."""

    newest: str
    """The file that says which columns there are."""
    added: dict[str, pa.DataType | None] = field(default_factory=dict)
    """Columns that are not declared; None where the files do not tell types."""
    widened: dict[str, pa.DataType] = field(default_factory=dict)
    """Declared columns that need a wider type to hold what the files hold, and that type."""
    removed: tuple[str, ...] = ()
    """Declared columns that are gone."""


def drift_of(declared: pa.Schema, dataset: Dataset) -> Drift | None:
    """How data differs from what is declared; None where it does not say what it holds.

    Raises SourceError where a file cannot be read.
    """
    files = _files_of(dataset)
    if files is None or files.kind.tells == "nothing":
        return None
    types = files.kind.tells == "types"
    schemas = files.ask_each(files.kind.schema)
    newest = schemas[-1]
    by_name = {n.casefold(): n for n in declared.names if n not in files.partitions}
    partitions = {n.casefold() for n in files.partitions}
    known = {*by_name, *partitions}
    added = {f.name: canonical(f.type) if types else None for f in newest}
    widened = {}
    for folded, name in by_name.items() if types else ():
        found = (f.type for s in schemas for f in s if f.name.casefold() == folded)
        wide = widest(declared.field(name).type, found)
        if wide is not None and wide != declared.field(name).type:
            widened[name] = wide
    held = {n.casefold() for n in newest.names}
    return Drift(
        newest=str(files.found[-1].path),
        added={n: t for n, t in added.items() if n.casefold() not in known},
        widened=widened,
        removed=tuple(name for folded, name in by_name.items() if folded not in held),
    )


def lost_by(dataset: Dataset) -> frozenset[str]:
    """The declared columns that data has no more; only the newest file is looked at."""
    files = _files_of(dataset)
    return frozenset() if files is None else files.lost


def widest(declared: pa.DataType, found: Iterable[pa.DataType]) -> pa.DataType | None:
    """The type that holds what is declared and all that was found; None where there is none.

    >>> widest(pa.int32(), [pa.int16(), pa.int64()])
    DataType(int64)
    >>> widest(pa.decimal128(6, 2), [pa.decimal128(5, 3)])
    Decimal128Type(decimal128(7, 3))
    >>> widest(pa.int64(), [pa.string()]) is None
    True
    """
    wide: pa.DataType | None = declared
    for kind in found:
        arrow = canonical(kind)
        if wide is not None:
            wide = None if arrow is None else _both(wide, arrow)
    return wide


def _both(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if fits(other, one):
        return one
    if fits(one, other):
        return other
    if pa.types.is_decimal(one) and pa.types.is_decimal(other):
        scale = max(one.scale, other.scale)
        whole = max(one.precision - one.scale, other.precision - other.scale)
        return pa.decimal128(whole + scale, scale) if whole + scale <= DIGITS else None
    return None


def _files_of(dataset: Dataset) -> Files | None:
    """The files that declared columns lie in; of an entity those of its log, else its snapshots."""
    if isinstance(dataset, Changes):
        if dataset.log is not None:
            return _files_of(dataset.log)
        assert dataset.snapshots is not None, "changes come from somewhere"
        days = [files for _, files in dataset.snapshots.days]
        # The last day has the newest file, and knows what that lacks.
        return replace(days[-1], found=tuple(file for files in days for file in files.found))
    return dataset if isinstance(dataset, Files) else None
