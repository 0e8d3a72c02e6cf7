"""The data of an entity that changes: a log, daily snapshots, or both, as one dataset of changes.

The rows are those of the declared columns; what was said of deletes in one way or another (a column
of operations, an envelope, an absence) becomes the added columns of `EntitySource.scanned`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from bighead.planner.sources.dataset import Dataset, Size, Span
from bighead.planner.sources.debezium import DebeziumLines
from bighead.planner.sources.files import Files
from bighead.planner.sources.mirror import Mirror
from bighead.planner.sources.opener import KINDS, Place, is_path, open_source
from bighead.planner.sources.pick import pick
from bighead.planner.sources.snapshots import Conflicts, Snapshots, open_snapshots
from bighead.zipline.errors import SourceError
from bighead.zipline.ir.sources import EntitySource
from bighead.zipline.records.operations import scanned_rows

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Changes:
    """Upserts and deletes, those of the log before those that snapshots show."""

    source: EntitySource
    log: Dataset | None
    """Its rows have the added columns already where they are envelopes."""
    snapshots: Snapshots | None
    note: Note
    """Is told what snapshots and log disagree about."""
    mirror: Mirror
    """Where objects lie that are read as files."""

    @property
    def schema(self) -> pa.Schema:
        """The declared columns and the added ones."""
        return self.source.scanned

    @property
    def files(self) -> tuple[str, ...]:
        """Those of the log, then the snapshots day by day."""
        parts = (self.log, self.snapshots)
        paths = (path for part in parts if part is not None for path in part.files)
        return tuple(map(self.mirror.named, paths))

    def versions(self) -> dict[str, str]:
        """By the name of an object that is among the files, what changes when it does."""
        found = {name: self.mirror.version(name) for name in self.files}
        return {name: version for name, version in found.items() if version is not None}

    def size(self) -> Size:
        """That of the log; of snapshots only their changes are rows, and not counted before."""
        if self.log is None or self.snapshots is not None:
            return Size(None, None)
        return self.log.size()

    def scan(
        self, columns: Sequence[str], predicate: Any = None, span: Span | None = None
    ) -> pa.Table:
        """The columns of the changes for which the predicate is true."""
        with self.mirror.told():
            return self._scanned(columns, predicate, span)

    def _scanned(self, columns: Sequence[str], predicate: Any, span: Span | None) -> pa.Table:
        log = self._logged()
        parts = [] if log is None else [log]
        if self.snapshots is not None:
            conflicts = Conflicts(self.source.name)
            parts += self.snapshots.changes(log, conflicts)
            for sentence in conflicts.sentences():
                self.note(sentence)
        return pick(pa.concat_tables(parts), columns, predicate, span)

    def shown(self) -> list[pa.Table]:
        """Of each snapshot the changes that it shows, without a note of what the log tells."""
        if self.snapshots is None:
            return []
        with self.mirror.told():
            return list(self.snapshots.changes(self._logged(), Conflicts(self.source.name)))

    def _logged(self) -> pa.Table | None:
        if self.log is None:
            return None
        return scanned_rows(self.source, self.log.scan(self.log.schema.names))


def open_changes(source: EntitySource, data: object, place: Place, note: Note) -> Dataset:
    """The changes of an entity, from its data or its option `batch`, and from its `snapshot`.

    data: what was registered under its name, or None. Raises SourceError, SchemaError.
    """
    folder = source.option("snapshot")
    with place.mirror.told():
        log = None if data is None else _open_log(source, data, place)
        snapshots = open_snapshots(source, folder, place) if isinstance(folder, str) else None
    if log is None and snapshots is None:
        raise SourceError(
            f"{source.name} has no data; state WITH (batch = 'folder/*.parquet') or "
            f"WITH (snapshot = 'folder/'), or register('{source.name}', data, ...)"
        )
    return Changes(source, log, snapshots, note, place.mirror)


def _open_log(source: EntitySource, data: object, place: Place) -> Dataset:
    if not is_path(data):
        return data  # type: ignore[return-value]
    kinds = dict(KINDS)
    if source.debezium:
        kinds |= dict.fromkeys((".json", ".jsonl", ".ndjson"), DebeziumLines(source))
    paths = [data] if isinstance(data, str | os.PathLike) else data
    here = [place.mirror.local(os.fspath(p), source.name) for p in paths]  # type: ignore[attr-defined]
    log = open_source(
        here, source.name, place, source.schema, kinds=kinds, everywhere=source.stated
    )
    if isinstance(log, Files) and isinstance(log.kind, DebeziumLines):
        return replace(log, schema=source.scanned)
    return log
