"""The manifest: what a backfilled folder holds, and what it was computed from.

It is written before the first partition and after each run of days, in one step, so that a folder
never holds rows of which it does not know the definition. It carries no clock and no name of a
machine: an unbroken backfill and one that was killed and resumed leave the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bighead.planner.backfill.folder import partition, write_whole
from bighead.zipline.errors import BigheadError

MANIFEST = "_manifest.json"
FORMAT = 1

Inputs = Mapping[str, Mapping[str, str]]
"""By source: each file that it reads, and a mark that changes when the file does."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A finished day: what its file holds."""

    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds."""

    training_set: str
    definition: str
    """The content address of the plan."""
    sql: str
    inputs: Inputs = field(default_factory=dict)
    partitions: Mapping[str, Partition] = field(default_factory=dict)
    """By day, YYYY-MM-DD."""

    def with_partitions(self, added: Mapping[str, Partition]) -> Manifest:
        """The same, with more days finished."""
        return replace(self, partitions={**self.partitions, **added})

    def without(self, days: Iterable[str]) -> Manifest:
        """The same, with some days not finished."""
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
            "inputs": {s: dict(sorted(files.items())) for s, files in sorted(self.inputs.items())},
            "partitions": {
                ds: {"rows": p.rows, "bytes": p.bytes, "sha256": p.sha256}
                for ds, p in sorted(self.partitions.items())
            },
        }
        write_whole(root / MANIFEST, (json.dumps(record, indent=1) + "\n").encode())


def read_manifest(root: Path) -> Manifest | None:
    """The manifest of a folder; None where there is none. BigheadError where it is damaged."""
    path = root / MANIFEST
    try:
        record = json.loads(path.read_bytes())
        if record["format"] > FORMAT:
            raise BigheadError(
                f"{path} was written by a newer version of bighead; update bighead, "
                "or choose another folder"
            )
        return Manifest(
            record["training_set"],
            record["definition"],
            record["sql"],
            record["inputs"],
            {ds: Partition(**p) for ds, p in record["partitions"].items()},
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BigheadError(
            f"{path} is damaged ({type(error).__name__}: {error}); remove the folder, or add "
            "--restart to compute it all again"
        ) from error


def intact(root: Path, ds: str, expected: Partition) -> bool:
    """The day's file is there and holds what the manifest says, to the byte."""
    path = partition(root, ds)
    try:
        if path.stat().st_size != expected.bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == expected.sha256
    except OSError:
        return False


def changed_inputs(before: Inputs, now: Inputs) -> list[str]:
    """Files that were read before and are gone or different now, as `source: file`.

    Files that came since do not count: a source that grows by a file a day is the rule.
    """
    return [
        f"{source}: {file}"
        for source, files in sorted(before.items())
        for file, mark in sorted(files.items())
        if now.get(source, {}).get(file) != mark
    ]
