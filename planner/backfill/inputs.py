"""The files behind a plan: for each a mark that changes when the file does, and its rows' times.

What is trusted: a local file is taken to be unchanged while its size, the time of its last change
and, where it is Parquet, its footer are; an object of a store while its size, time and ETag are;
rows in memory are told by a digest of all their values. The times of a file come from the
statistics of Parquet where they are there, else from reading the column, once for each mark. Of
text in a store that would be all of the object; where its source promises a `partition_lag`, the
day in its path tells.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from bighead.planner.backfill.reach import Times, event_time_of
from bighead.planner.sources.arrow import ArrowTable
from bighead.planner.sources.dataset import Dataset, Versioned
from bighead.planner.sources.files import Files
from bighead.planner.sources.kind import Dates
from bighead.planner.sources.learned import Learned
from bighead.planner.sources.pick import column_of
from bighead.planner.sources.store import FilePath, Remote
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import BigheadError, SourceError
from bighead.zipline.ir.address import address
from bighead.zipline.ir.expr import Column, Expr, columns_of
from bighead.zipline.ir.nodes import Project, Scan, walk
from bighead.zipline.ir.sources import EventSource, Source, Table

Open = Callable[[Source], Dataset]
MEMORY = "rows in memory"
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
            earlier = {(f.name, f.mark): f for f in (known or {}).get(node.source.name, ())}
            files = _files_of(node.source, open_source(node.source), base, earlier)
            found[node.source.name] = tuple(files)
    return found


def _files_of(
    source: Source,
    dataset: Dataset,
    base: Path,
    earlier: Mapping[tuple[str, str], InputFile],
) -> Iterable[InputFile]:
    time = event_time_of(source)
    told = "" if time is None else _spelled(time, source)
    if isinstance(dataset, ArrowTable):
        mark = f"{_digest(dataset)} {told}"
        yield earlier.get((MEMORY, mark)) or InputFile(MEMORY, mark, _read(dataset, source, time))
        return
    versions = dataset.versions() if isinstance(dataset, Versioned) else {}
    looked: list[InputFile] = []
    new: list[int] = []
    folders: dict[str, str] = {}
    below = f"{base}/" if base.parent != base else "/"
    for number, name in enumerate(dataset.files):
        shown, version = name, versions.get(name)
        if version is None:
            path = _resolved(name, folders)
            shown = path.removeprefix(below)
            version = _mark(path)
        mark = f"{version} {told}".strip()
        same = earlier.get((shown, mark)) or _learned(dataset, number).get((shown, mark))
        looked.append(same or InputFile(shown, mark))
        if same is None:
            new.append(number)
    if isinstance(dataset, Files) and time is not None:
        these = replace(dataset, found=tuple(dataset.found[number] for number in new))
        for number, times in zip(new, _times(these, source, time), strict=True):
            file = looked[number] = replace(looked[number], times=times)
            _learned(dataset, number).keep((file.name, file.mark), file, _KEPT)
    yield from looked


def _learned(dataset: Dataset, number: int) -> Learned:
    """What is known of an object, whichever set it is looked at for; of a local file, nothing."""
    path = dataset.found[number].path if isinstance(dataset, Files) else None
    return path.learned if isinstance(path, Remote) else Learned()


def _spelled(time: Expr, source: Source) -> str:
    """A mark of what the times of a file are made of."""
    skips = isinstance(source, EventSource) and source.skip_null_times
    read = pa.schema([source.schema.field(c) for c in columns_of(time)])
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


def _digest(dataset: ArrowTable) -> str:
    """Of all values; the same rows in other chunks are the same."""
    state = hashlib.sha256(str(dataset.schema).encode())
    sink = pa.BufferOutputStream()
    whole = dataset.table.combine_chunks()
    if whole.num_rows:  # slices keep what lies around them; a copy does not
        whole = pa.concat_tables([whole, whole.slice(0, 0)]).combine_chunks()
    with pa.ipc.new_stream(sink, whole.schema.remove_metadata()) as stream:
        stream.write_table(whole.replace_schema_metadata(None))
    state.update(sink.getvalue())
    return state.hexdigest()[:32]


def _times(dataset: Files, source: Source, time: Expr) -> list[Times | None]:
    """Of each file, from what it tells of itself, else by reading the column."""
    kind = dataset.kind
    objects = [file for file in dataset.found if isinstance(file.path, Remote)]
    promised = {file.path: dataset.promised(file, time) for file in objects}

    def told(path: FilePath) -> tuple[Times | None, bool]:
        """The times, and whether reading could tell more."""
        if not (isinstance(time, Column) and isinstance(kind, Dates)):
            promise = promised.get(path)
            return promise, promise is None
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
    if times.null_count and not skips:
        return None  # an error on whichever day it is seen
    found = cast("Any", pc.min_max(times.cast(pa.int64())))
    least, greatest = found["min"].as_py(), found["max"].as_py()
    return (1, 0) if least is None else (least, greatest)
