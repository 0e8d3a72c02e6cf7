"""The manifest: what a backfilled folder holds, and what it was computed from.

It is written after each run of days, in one step, and names only what is whole on the disk. It
carries no clock and no name of a machine: an unbroken backfill and one that was killed and resumed
leave the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bighead.kernels.checks import crc32
from bighead.planner.backfill.folder import Piece, Range, Whole, content_of, write_whole
from bighead.planner.backfill.inputs import InputFile, Inputs
from bighead.zipline.errors import BigheadError

MANIFEST = "_manifest.json"
FORMAT = 2


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as it was written: enough to see that it is whole."""

    size: int
    crc32: int

    @staticmethod
    def of(*pieces: Piece) -> Stored:
        """What a file of this content is, given in pieces."""
        return Stored(0, 0).then(*pieces)

    def then(self, *pieces: Piece) -> Stored:
        """What a file is that goes on with these pieces."""
        check = self.crc32
        for piece in pieces:
            check = crc32(piece.content if isinstance(piece, Range) else piece, check)
        return Stored(self.size + sum(map(len, pieces)), check)

    def holds(self, content: Whole) -> bool:
        """Whether this is the content that was written."""
        return len(content) == self.size and crc32(content) == self.crc32

    def intact(self, path: Path) -> bool:
        """Whether the file is there, and is what was written."""
        try:
            return path.stat().st_size == self.size and self.holds(content_of(path))
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class Group:
    """A column group: columns that were computed together for a day, in one file."""

    file: Stored
    columns: Mapping[str, str]
    """The address of each column, and its name in the file."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A day."""

    rows: int
    spine: Mapping[str, str]
    """What each stored column of the spine was read from, and the address of what it holds."""
    columns: tuple[tuple[str, str], ...]
    """The columns of the day's file, in order, and the address of each."""
    file: Stored
    """The day's file, with all columns."""
    groups: Mapping[str, Group] = field(default_factory=dict)

    def group_of(self, address: str) -> str | None:
        """The name of the group that holds an address."""
        return next((name for name, g in self.groups.items() if address in g.columns), None)

    @property
    def needed(self) -> frozenset[str]:
        """The addresses that the day's file or the spine is made of."""
        return frozenset({a for _, a in self.columns} | set(self.spine.values()))

    @property
    def used(self) -> frozenset[str]:
        """The groups of which a column is needed."""
        needed = self.needed
        return frozenset(n for n, g in self.groups.items() if needed & set(g.columns))

    @property
    def unused_bytes(self) -> int:
        """The size of the other groups."""
        used = self.used
        return sum(g.file.size for name, g in self.groups.items() if name not in used)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows the spine has a day, as they were counted."""

    seen: str
    """The address of what was counted."""
    days: Mapping[str, int]
    no_time: int


@dataclass(frozen=True, slots=True)
class Projection:
    """A source kept in the order of a key and of time."""

    source: str
    meaning: str
    """The address of what it is sorted by."""
    marks: str
    """The address of the files that it was made from."""
    rows: int | None = None
    """How many it has; None: it is not known."""
    columns: Mapping[str, Stored] = field(default_factory=dict)
    """By the name of their file."""

    @property
    def bytes(self) -> int:
        """The size of its files."""
        return sum(stored.size for stored in self.columns.values())


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds."""

    training_set: str
    definition: str
    """The content address of the plan."""
    sql: str
    meanings: Mapping[str, str] = field(default_factory=dict)
    """What each column meant when it was last computed."""
    inputs: Inputs = field(default_factory=dict)
    counts: Counts | None = None
    partitions: Mapping[str, Partition] = field(default_factory=dict)
    """By day, YYYY-MM-DD."""
    projections: Mapping[str, Projection] = field(default_factory=dict)
    """By address."""

    def with_partitions(self, added: Mapping[str, Partition]) -> Manifest:
        """The same, with more days finished."""
        return replace(self, partitions={**self.partitions, **added})

    def without(self, days: Iterable[str]) -> Manifest:
        """The same, with some days not there."""
        gone = set(days)
        kept = {ds: p for ds, p in self.partitions.items() if ds not in gone}
        return replace(self, partitions=kept)

    def write(self, root: Path) -> None:
        """Puts it into the folder in one step."""
        record = {
            "format": FORMAT,
            "training_set": self.training_set,
            "definition": self.definition,
            "sql": self.sql,
            "meanings": dict(self.meanings),
            "inputs": {
                source: {f.name: [f.mark, list(f.times) if f.times else None] for f in files}
                for source, files in sorted(self.inputs.items())
            },
            "counts": None
            if self.counts is None
            else {
                "seen": self.counts.seen,
                "days": dict(sorted(self.counts.days.items())),
                "no_time": self.counts.no_time,
            },
            "projections": {
                address: {
                    "source": p.source,
                    "meaning": p.meaning,
                    "marks": p.marks,
                    "rows": p.rows,
                    "columns": {n: [s.size, s.crc32] for n, s in sorted(p.columns.items())},
                }
                for address, p in sorted(self.projections.items())
            },
            "partitions": {ds: _written(p) for ds, p in sorted(self.partitions.items())},
        }
        write_whole(root / MANIFEST, _spelled(record).encode())


def read_manifest(root: Path) -> Manifest | None:
    """The manifest of a folder; None where there is none.

    Raises BigheadError where it is damaged, or of another version.
    """
    path = root / MANIFEST
    try:
        record = json.loads(path.read_bytes())
        if record["format"] != FORMAT:
            writer = "a newer" if record["format"] > FORMAT else "an older"
            raise BigheadError(
                f"{path} was written by {writer} version of bighead; use that one, choose another "
                "folder, or add --restart to compute it all again"
            )
        counts = record["counts"]
        return Manifest(
            record["training_set"],
            record["definition"],
            record["sql"],
            record["meanings"],
            {source: _files(files) for source, files in record["inputs"].items()},
            None if counts is None else Counts(counts["seen"], counts["days"], counts["no_time"]),
            {ds: _read(p) for ds, p in record["partitions"].items()},
            {
                address: Projection(
                    p["source"],
                    p["meaning"],
                    p["marks"],
                    p.get("rows"),
                    {name: Stored(*stored) for name, stored in p["columns"].items()},
                )
                for address, p in record.get("projections", {}).items()
            },
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BigheadError(
            f"{path} is damaged ({type(error).__name__}: {error}); remove the folder, or add "
            "--restart to compute it all again"
        ) from error


def _spelled(record: dict[str, Any]) -> str:
    """JSON with a line for each day; Python's encoder is ten times as fast without indentation."""
    partitions = record.pop("partitions")
    lines = [f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in record.items()]
    days = [f"  {json.dumps(ds)}: {json.dumps(value)}" for ds, value in partitions.items()]
    return "{\n" + "".join(lines) + ' "partitions": {\n' + ",\n".join(days) + "\n }\n}\n"


def _written(partition: Partition) -> dict[str, Any]:
    return {
        "rows": partition.rows,
        "file": [partition.file.size, partition.file.crc32],
        "spine": dict(partition.spine),
        "columns": dict(partition.columns),
        "groups": {
            name: {"file": [g.file.size, g.file.crc32], "columns": dict(g.columns)}
            for name, g in sorted(partition.groups.items())
        },
    }


def _read(record: dict[str, Any]) -> Partition:
    return Partition(
        record["rows"],
        record["spine"],
        tuple(record["columns"].items()),
        Stored(*record["file"]),
        {n: Group(Stored(*g["file"]), g["columns"]) for n, g in record["groups"].items()},
    )


def _files(record: dict[str, Any]) -> tuple[InputFile, ...]:
    return tuple(
        InputFile(name, mark, None if times is None else (times[0], times[1]))
        for name, (mark, times) in record.items()
    )
