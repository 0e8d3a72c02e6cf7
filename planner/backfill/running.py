"""One run of days: the spine read where it has to be, columns computed, files put away.

What a run computes it computes for all its days at once, over the stored rows of the spine one day
after the other, and then divides by day again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bighead.planner.backfill import folder, spine
from bighead.planner.backfill.beginning import Beginning, beginning_of
from bighead.planner.backfill.columns import Marks, Shape, digest
from bighead.planner.backfill.days import EPOCH, ONE_DAY, Days
from bighead.planner.backfill.inputs import Inputs
from bighead.planner.backfill.manifest import Group as Recorded
from bighead.planner.backfill.manifest import Manifest, Partition, Stored
from bighead.planner.backfill.plan import Day, address_of, spine_of_day
from bighead.planner.backfill.projection import Projections
from bighead.planner.backfill.stitch import Group, Part, encode, stitch
from bighead.planner.backfill.workers import workers
from bighead.planner.sources.arrow import hold
from bighead.planner.sources.dataset import Dataset
from bighead.zipline.ir.nodes import Node
from bighead.zipline.windows import DAY

WORKERS = len(os.sched_getaffinity(0))
"""So many days are read, encoded and put together at once: what more threads allocate costs more
than they gain."""

Compute = Callable[[Node, Mapping[str, Dataset]], pa.Table]
"""Runs a logical plan, with data for some of its sources by name, and gives its rows in order."""


@dataclass(slots=True)
class _Day:
    """A day on its way: what is recorded of it, and what is to be written."""

    day: date
    rows: int
    spine: dict[str, str] = field(default_factory=dict)
    """By column, the address of what is stored."""
    recorded: dict[str, Recorded] = field(default_factory=dict)
    made: dict[str, Group] = field(default_factory=dict)
    """New groups, by name."""
    computed: tuple[pa.Table, Mapping[str, str]] | None = None
    """What is to become one: values, and by address the name of each column."""

    def add(self, content: bytes, columns: Mapping[str, str]) -> None:
        """A new group, with the address of each column and its name in it."""
        name = digest(*columns)
        self.made[name] = Group(content)
        self.recorded[name] = Recorded(Stored.of(content), dict(columns))

    def find(self, address: str) -> tuple[str, str] | None:
        """The group that holds an address, and the column's name in it."""
        for name, group in self.recorded.items():
            if address in group.columns:
                return name, group.columns[address]
        return None

    def held(self, address: str) -> tuple[str, str]:
        """The same of an address that is there."""
        found = self.find(address)
        assert found is not None, f"nothing holds {address}"
        return found


@dataclass(slots=True)
class Run:
    """One run."""

    root: Path
    shape: Shape
    inputs: Inputs
    compute: Compute
    manifest: Manifest
    projections: Projections | None = None
    """Sources that are kept sorted; None: they are read from their files."""
    tell: Callable[[str], None] = lambda _: None
    """Hears of each step, in a few words."""
    marks: Marks = field(init=False)
    computed: dict[str, int] = field(default_factory=dict)
    """By column, how many values were computed."""
    days_computed: int = 0

    def __post_init__(self) -> None:
        self.marks = Marks(self.inputs)

    def carry_out(self, days: Days, planned: Sequence[Day] | None) -> dict[str, Partition]:
        """Computes and writes what is missing of some days; what is to be recorded of them.

        planned: what is known of the days; None: their spine is to be read.
        """
        if planned is None:
            found = self._read_spine(days)
            wanted = {d.day: self._addresses(d) for d in found}
        else:
            found = [self._recorded(d) for d in days]
            wanted = {d.day: dict(d.addresses) for d in planned}

        def missing(day: _Day) -> tuple[str, ...]:
            return tuple(n for n, a in wanted[day.day].items() if day.find(a) is None)

        sees = {
            d.day: {self.marks.seen(c, d.day): d.spine[c.name] for c in self.shape.spine}
            for d in found
        }
        with folder.writing() as files, workers(WORKERS) as threads:
            # What stays is copied while the rest is computed.
            begun = [threads.submit(self._begun, d, wanted[d.day], files) for d in found]
            for names, same in groupby(found, missing):
                if names:
                    for copy in begun:
                        if copy.done():
                            copy.result()  # raises what it failed of: no need to compute then
                    self._compute(list(same), names, wanted)

            def finish(day: _Day, begun: Future[Beginning | None]) -> tuple[str, Partition]:
                whole = begun.result()
                made = self._finished(day, wanted[day.day], sees[day.day], files, whole)
                return str(day.day), made

            added: dict[str, Partition] = {}
            for ds, partition in threads.map(finish, found, begun):
                added[ds] = partition
                self.tell(f"{len(added):,} of {len(found):,} days written")
        self.days_computed += sum(bool(d.made) or planned is None for d in found)
        return added

    def _begun(
        self, day: _Day, wanted: Mapping[str, str], files: folder.Writing
    ) -> Beginning | None:
        """The beginning of a day's file, written, where it is that of the one that is there."""
        ds = str(day.day)
        before = self.manifest.partitions.get(ds)
        path = folder.partition(self.root, ds)
        found = beginning_of(path, before, wanted) if before is not None else None
        if found is None:
            return None
        begun, copied = found
        files.put(path, [copied])
        return begun

    def _finished(
        self,
        day: _Day,
        wanted: Mapping[str, str],
        sees: Mapping[str, str],
        files: folder.Writing,
        begun: Beginning | None,
    ) -> Partition:
        """The files of a day, written; what is to be recorded of it."""
        ds = str(day.day)
        if day.computed is not None:
            rows, names = day.computed
            day.add(encode(rows), names)
        for name, group in day.made.items():
            files.put(folder.group(self.root, ds, name), group.content)
        loaded: dict[str, Group] = {}
        left = tuple(wanted.items())[0 if begun is None else begun.columns :]
        parts = {n: Part(*self._group(day, a, loaded)) for n, a in left}
        pieces = stitch(self.shape.training_set.schema, parts, begun)
        write = files.put if begun is None else files.add
        write(folder.partition(self.root, ds), pieces)
        stored = Stored.of() if begun is None else begun.stored
        return Partition(day.rows, sees, tuple(wanted.items()), stored.then(*pieces), day.recorded)

    def _recorded(self, day: date) -> _Day:
        partition = self.manifest.partitions[str(day)]
        held = spine_of_day(self.shape, self.marks, day, partition)
        assert held is not None, f"the spine of {day} is not there"
        return _Day(day, partition.rows, held, dict(partition.groups))

    def _read_spine(self, days: Days) -> list[_Day]:
        """The rows of the days; a group of them is new only where they are not what is stored."""
        names = [c.name for c in self.shape.spine]
        plan = spine.rows_of(self.shape.training_set, names, days)
        self.tell("reading the spine")
        table = self.compute(plan, {})
        numbers = day_numbers(table.column(spine.TIME))
        rows = table.select(names).combine_chunks()
        if len(numbers) and bool(np.any(numbers[1:] < numbers[:-1])):
            order = np.argsort(numbers, kind="stable")  # keeps the spine's order within a day
            rows, numbers = rows.take(order), numbers[order]
        found = []
        for day in days:
            number = (day - EPOCH).days
            first, last = np.searchsorted(numbers, [number, number + 1])
            found.append(self._spine_of(day, rows.slice(first, last - first)))
        return found

    def _spine_of(self, day: date, rows: pa.Table) -> _Day:
        before = self.manifest.partitions.get(str(day))
        made = _Day(day, rows.num_rows, recorded=dict(before.groups) if before else {})
        content = encode(rows, read_again=True)
        group = Group(content)
        for column in rows.schema:
            made.spine[column.name] = _address(rows.num_rows, column, group)
        if any(made.find(address) is None for address in made.spine.values()):
            made.add(content, {address: name for name, address in made.spine.items()})
        return made

    def _addresses(self, day: _Day) -> dict[str, str]:
        return {
            c.name: address_of(c, self.marks, day.day, day.rows, day.spine)
            for c in self.shape.columns
        }

    def _compute(
        self, days: list[_Day], names: tuple[str, ...], wanted: Mapping[date, Mapping[str, str]]
    ) -> None:
        """Some columns for all these days."""
        plan = spine.over_stored(self.shape.training_set, names)
        reads = spine.reads_of(plan)
        with workers(WORKERS) as threads:
            read = threads.map(lambda day: self._stored(day, reads), days)
            stored = pa.concat_tables(read).combine_chunks()
        given: dict[str, Dataset] = {spine.STORED: hold(stored, spine.STORED)}
        columns = "1 column" if len(names) == 1 else f"{len(names):,} columns"
        self.tell(f"computing {columns} of {len(stored):,} rows")
        if self.projections is not None:
            covered = Days(days[0].day, days[-1].day + ONE_DAY)
            given |= self.projections.datasets(plan, self.shape.sights_of(names), covered)
        table = self.compute(plan, given)
        assert table.num_rows == stored.num_rows, "a value for each stored row"
        table = table.combine_chunks()
        at = 0
        for day in days:
            addresses = {wanted[day.day][name]: name for name in names}
            day.computed = table.slice(at, day.rows), addresses
            at += day.rows
        for name in names:
            self.computed[name] = self.computed.get(name, 0) + table.num_rows

    def _stored(self, day: _Day, names: tuple[str, ...]) -> pa.Table:
        """Columns of the stored spine of a day."""
        schema = spine.spine_of(self.shape.training_set.plan).schema
        held: dict[str, dict[str, str]] = {}
        for name in names:
            group, own = day.held(day.spine[name])
            held.setdefault(group, {})[name] = own
        columns = {}
        for group, owns in held.items():
            # A day's columns are too short to be worth threads.
            source = pa.BufferReader(pa.py_buffer(self._content(day, group)))
            file = pq.ParquetFile(source, pre_buffer=False)  # it lies in memory
            found = file.read(list(owns.values()), use_threads=False)
            for name, own in owns.items():
                columns[name] = found.column(own).cast(schema.field(name).type)
        fields = [schema.field(n) for n in names]
        return pa.table([columns[n] for n in names], schema=pa.schema(fields))

    def _group(self, day: _Day, address: str, loaded: dict[str, Group]) -> tuple[Group, str]:
        """The group that holds an address, and the column's name in it; `loaded` keeps others."""
        name, column = day.held(address)
        group = day.made.get(name) or loaded.get(name)
        if group is None:
            path = folder.group(self.root, str(day.day), name)
            group = loaded[name] = Group(folder.content_of(path), path)
        return group, column

    def _content(self, day: _Day, name: str) -> folder.Whole:
        made = day.made.get(name)
        if made is not None:
            return made.content
        return folder.content_of(folder.group(self.root, str(day.day), name))


def _address(rows: int, column: pa.Field[pa.DataType], group: Group) -> str:
    """The address of a stored column: of its values, and of nothing else."""
    state = hashlib.sha256()
    for piece in group.bytes_of(column.name):
        state.update(piece)
    return digest("stored", str(column.type), str(rows), state.hexdigest())


def day_numbers(times: pa.ChunkedArray[Any]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Days since 1970 of timestamps[us] without NULLs; floor division is right before 1970 too."""
    whole: Any = times.combine_chunks()
    microseconds = whole.view(pa.int64()).to_numpy(zero_copy_only=True)
    return np.asarray(microseconds // DAY, dtype=np.int64)
