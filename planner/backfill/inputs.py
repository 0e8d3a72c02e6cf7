"""The files behind a plan: for each a mark that changes when the file does, and its rows' times.

What is trusted: a local file is taken to be unchanged while its size, the time of its last change
and, where it is Parquet, its footer are; an object of a store while its size, time and ETag are;
rows in memory are told by a digest of all their values. The times of a file come from the
statistics of Parquet where they are there, else from reading the column, once for each mark. Of
text in a store that would be all of the object; where its source promises a `partition_lag`, the
day in its path tells, anew at each look, since the promise may have changed. For the same reason
the mark of a file whose rows break the promise names it: the file may have been left out where its
rows belong, so that by another promise it is another input. A daily snapshot of an entity stands
for the changes that it shows against the one before, which are worked out once for the files as
they lie.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.planner.backfill.days import EPOCH
from bighead.planner.backfill.reach import ALWAYS, Times, event_time_of
from bighead.planner.sources.arrow import ArrowTable
from bighead.planner.sources.changes import Changes
from bighead.planner.sources.dataset import Dataset, Versioned
from bighead.planner.sources.files import Files
from bighead.planner.sources.kind import Dates
from bighead.planner.sources.lag import DS
from bighead.planner.sources.learned import Learned
from bighead.planner.sources.pick import column_of
from bighead.planner.sources.store import FilePath, Remote
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import BigheadError, SourceError
from bighead.zipline.ir.address import address
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import Project, Scan, walk
from bighead.zipline.ir.sources import CHANGED, EntitySource, EventSource, Source, Table

Open = Callable[[Source], Dataset]
MEMORY = "rows in memory"
AS_THEY_LIE = "snapshots as they lie"
"""Marks all files behind an entity's snapshots; it has no rows."""
PROMISED = " promised"
"""Ends the mark of a file whose times are not its own, but those of a promise."""
BREAKS = " breaks "
"""Goes before the promise that is broken, at the end of a mark."""
_KEPT = 256
"""Bytes, about, for what is kept of an object."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of a source as it was looked at."""

    name: str
    mark: str
    times: Times | None = None
    """Of its rows; None: not known, so that rows of every day may see it."""


Inputs = Mapping[str, tuple[InputFile, ...]]
"""By source: its files, in the order in which they are read."""


def inputs_of(
    training_set: TrainingSet, open_source: Open, base: Path, known: Inputs | None = None
) -> Inputs:
    """By source: its files, named relative to `base` where they lie below it.

    known: what an earlier look found; the times of a file with the same mark are taken from it.
    """
    found: dict[str, tuple[InputFile, ...]] = {}
    base = base.resolve()
    for node in walk(training_set.plan):
        if isinstance(node, Scan) and node.source.name not in found:
            before = (known or {}).get(node.source.name, ())
            earlier = {(f.name, f.mark.partition(BREAKS)[0]): f for f in before}
            files = _files_of(node.source, open_source(node.source), base, earlier)
            found[node.source.name] = tuple(files)
    return found


def _files_of(
    source: Source,
    dataset: Dataset,
    base: Path,
    earlier: Mapping[tuple[str, str], InputFile],
) -> Iterable[InputFile]:
    versions = dataset.versions() if isinstance(dataset, Versioned) else {}
    look = _Look(source, base, earlier, versions)
    if isinstance(dataset, Changes):
        return look.changes(dataset)
    return look.at(dataset, dataset.files, event_time_of(source))


@dataclass(frozen=True, slots=True)
class _Look:
    """How the data of one source is looked at."""

    source: Source
    base: Path
    earlier: Mapping[tuple[str, str], InputFile]
    """By name and mark: what an earlier look found."""
    versions: Mapping[str, str]
    """By name: what changes when an object of a store does."""

    def at(self, dataset: Dataset, names: Sequence[str], time: Expr | None) -> list[InputFile]:
        """Files with the times of their rows, or the rows in memory; `names` are the files'."""
        told = "" if time is None else _spelled(time, self.source)
        if isinstance(dataset, ArrowTable):
            mark = f"{_digest(dataset.table, dataset.schema)} {told}"
            same = self.earlier.get((MEMORY, mark))
            return [same or InputFile(MEMORY, mark, _read(dataset, self.source, time))]
        promises = _promises(dataset, time)
        looked: list[InputFile] = []
        new: list[int] = []
        for number, (name, version) in enumerate(self.marked(names)):
            key = name, f"{version} {told}".strip()
            promise = promises.get(number)
            if promise is not None and _dear(dataset, number, time):
                looked.append(InputFile(name, key[1] + PROMISED, promise))
                continue
            same = self.earlier.get(key) or _learned(dataset, number).get(key)
            times = None if same is None else same.times
            looked.append(InputFile(*key, times))
            if same is None or (times is None and promise is not None):
                new.append(number)
        if isinstance(dataset, Files) and time is not None:
            these = replace(dataset, found=tuple(dataset.found[number] for number in new))
            for number, times in zip(new, _times(these, self.source, time), strict=True):
                file = looked[number] = replace(looked[number], times=times)
                _learned(dataset, number).keep((file.name, file.mark), file, _KEPT)
        for number, (first, last) in promises.items():
            file = looked[number]
            low, high = file.times or ALWAYS
            if low <= high and (low < first or high > last):
                looked[number] = replace(file, mark=f"{file.mark}{BREAKS}{first} to {last}")
        return looked

    def marked(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """What files are called, and what changes when one does."""
        folders: dict[str, str] = {}
        below = f"{self.base}/" if self.base.parent != self.base else "/"
        for name in names:
            version = self.versions.get(name)
            if version is not None:
                yield name, version
            else:
                path = _resolved(name, folders)
                yield path.removeprefix(below), _mark(path)

    def changes(self, dataset: Changes) -> list[InputFile]:
        """The files of an entity's log, and its snapshots."""
        names, log = dataset.files, dataset.log
        found: list[InputFile] = []
        if log is not None:
            time = dataset.source.changed_at
            if CHANGED in log.schema.names:
                time = dataset.source.changed
            found = self.at(log, names[: len(log.files)], time)
        if dataset.snapshots is not None:
            found += self.snapshots(dataset, names[-len(dataset.snapshots.files) :], found)
        return found

    def snapshots(
        self, dataset: Changes, names: Sequence[str], log: Sequence[InputFile]
    ) -> list[InputFile]:
        """Of each day the changes it shows, which depend on all files and the log."""
        assert dataset.snapshots is not None
        files = list(self.marked(names))
        rows = address(Scan(dataset.source, tuple(dataset.schema.names)))
        parts = [(f.name, f.mark) for f in log] + files + [("rows", rows)]
        state = hashlib.sha256("\0".join(part for pair in parts for part in pair).encode())
        whole = InputFile(AS_THEY_LIE, state.hexdigest()[:32], (1, 0))
        days = [f"{DS}={EPOCH + timedelta(day)}" for day, _ in dataset.snapshots.days]
        if (whole.name, whole.mark) in self.earlier:
            by_name = {file.name: file for file in self.earlier.values()}
            return [whole, *(by_name[day] for day in days)]
        try:
            shown = dataset.shown()
        except BigheadError:  # whoever reads the rows will say what is wrong with them
            return [InputFile(name, mark) for name, mark in files]
        time = dataset.source.changed
        return [
            whole,
            *(
                InputFile(
                    day,
                    _digest(rows, rows.schema),
                    None if time is None else _bounds(column_of(rows, time)),
                )
                for day, rows in zip(days, shown, strict=True)
            ),
        ]


def _learned(dataset: Dataset, number: int) -> Learned:
    """What is known of an object, whichever set it is looked at for; of a local file, nothing."""
    path = dataset.found[number].path if isinstance(dataset, Files) else None
    return path.learned if isinstance(path, Remote) else Learned()


def _promises(dataset: Dataset, time: Expr | None) -> dict[int, Times]:
    """By the number of a file, the times that `partition_lag` promises of it."""
    if time is None or not isinstance(dataset, Files) or dataset.lag is None:
        return {}
    promised = enumerate(dataset.promised(file, time) for file in dataset.found)
    return {number: times for number, times in promised if times is not None}


def _dear(dataset: Dataset, number: int, time: Expr | None) -> bool:
    """Whether the times of a file cost as much as all of it to look at."""
    if not isinstance(dataset, Files) or not isinstance(dataset.found[number].path, Remote):
        return False
    return not (isinstance(time, Column) and isinstance(dataset.kind, Dates))


def _spelled(time: Expr, source: Source) -> str:
    """A mark of what the times of a file are made of."""
    skips = isinstance(source, EventSource) and source.skip_null_times
    schema = source.scanned if isinstance(source, EntitySource) else source.schema
    read = pa.schema([schema.field(c) for c in columns_of(time)])
    plan = Project(Scan(Table("times", read), tuple(read.names)), (("time", time),))
    return ("skip " if skips else "") + address(plan)[:8]


def _resolved(name: str, folders: dict[str, str]) -> str:
    """The path of a file without links; `folders` are known ones, since files share theirs."""
    folder, file = os.path.split(name)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    path = os.path.join(folders[folder], file)  # noqa: PTH118  (Path takes ten times as long)
    return os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114


def _mark(path: str) -> str:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (Path takes ten times as long)
        stat = os.fstat(file.fileno())
        mark = f"{stat.st_size} bytes, {stat.st_mtime_ns} ns"
        if stat.st_size < 12 or file.read(4) != b"PAR1":
            return mark
        file.seek(-8, 2)
        size = int.from_bytes(file.read(4), "little")
        if size + 12 > stat.st_size:
            return mark
        file.seek(-8 - size, 2)
        return f"{mark}, footer {hashlib.sha256(file.read(size)).hexdigest()[:16]}"


def _digest(table: pa.Table, schema: pa.Schema) -> str:
    """Of all values, and the types that they have for a plan; chunks do not matter."""
    state = hashlib.sha256(str(schema).encode())
    sink = pa.BufferOutputStream()
    whole = table.combine_chunks()
    if whole.num_rows:  # slices keep what lies around them; a copy does not
        whole = pa.concat_tables([whole, whole.slice(0, 0)]).combine_chunks()
    with pa.ipc.new_stream(sink, whole.schema.remove_metadata()) as stream:
        stream.write_table(whole.replace_schema_metadata(None))
    state.update(sink.getvalue())
    return state.hexdigest()[:32]


def _times(dataset: Files, source: Source, time: Expr) -> list[Times | None]:
    """Of each file, from what it tells of itself, else by reading the column."""
    kind = dataset.kind

    def told(path: FilePath) -> tuple[Times | None, bool]:
        """The times, and whether reading could tell more."""
        if not (isinstance(time, Column) and isinstance(kind, Dates)):
            return None, True
        try:
            found = kind.bounds(path, time.name)
        except SourceError:
            return None, False  # damaged, as whoever reads its rows will say
        return found, found is None

    return [
        _read(replace(dataset, found=(file,)), source, time) if more else times
        for file, (times, more) in zip(dataset.found, dataset.ask_each(told), strict=True)
    ]


def _read(dataset: Dataset, source: Source, time: Expr | None) -> Times | None:
    if time is None:
        return None
    try:
        times = column_of(dataset.scan(columns_of(time)), time)
    except BigheadError:
        return None  # whoever reads the rows will say what is wrong with them
    skips = isinstance(source, EventSource) and source.skip_null_times
    return _bounds(times, skips=skips)


def _bounds(times: pa.ChunkedArray[Any], *, skips: bool = False) -> Times | None:
    if times.null_count and not skips:
        return None  # an error on whichever day it is seen
    found = cast("Any", pc.min_max(times.cast(pa.int64())))
    least, greatest = found["min"].as_py(), found["max"].as_py()
    return (1, 0) if least is None else (least, greatest)
