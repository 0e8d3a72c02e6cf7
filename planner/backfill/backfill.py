"""The backfill: the days that are missing, computed a run at a time, each run put away whole.

Order is what makes it resumable. The manifest names the definition before any row is written; the
files of a run come next, each in one step; then the manifest with those days in it. A run that is
killed loses at most the days that the manifest does not name, and the next start computes those.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bighead.planner.backfill import folder, spine
from bighead.planner.backfill.days import ONE_DAY, Days, day_of, runs
from bighead.planner.backfill.manifest import (
    MANIFEST,
    Inputs,
    Manifest,
    Partition,
    changed_inputs,
    intact,
    read_manifest,
)
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import BigheadError, UnsupportedError
from bighead.zipline.ir.nodes import Node
from bighead.zipline.windows import DAY

ROWS_PER_RUN = 500_000
"""Spine rows that one run of the engine computes: enough that reading the events is the lesser
part, little enough that a killed backfill loses seconds."""

Compute = Callable[[Node], pa.Table]
"""Runs a logical plan: optimises it, compiles it, and gives its rows in order."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be computed, from what, to where."""

    training_set: TrainingSet
    definition: str
    """The content address of the training set's plan."""
    inputs: Inputs
    output: Path
    start: date | None = None
    """The first day; None: the day of the earliest row of the spine."""
    end: date | None = None
    """The day after the last; None: that of the latest row."""
    restart: bool = False
    """Remove what is there and compute all days again."""
    rows_per_run: int = ROWS_PER_RUN


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill is."""

    days_done: int
    days: int
    rows_done: int
    rows: int
    now: str
    """What is being done, in a few words."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backfill did and found."""

    days: int
    """Days of the range."""
    computed: int
    """Days computed by this call; the others were there."""
    repaired: int
    """Days that were recorded as done but whose file was gone or changed; computed again."""
    rows: int
    """Rows of the range, those found included."""
    rows_computed: int
    runs: int
    swept: int
    """Temporary files of a killed run, removed."""
    no_time: int
    """Spine rows without a time: they are in no partition."""
    new_inputs: tuple[str, ...]
    """Files that came after some of the days found were computed, as `source: file`."""


def backfill(job: Job, compute: Compute, report: Callable[[Progress], None]) -> Summary:
    """Computes the missing days of a training set into `job.output`.

    Writes `ds=YYYY-MM-DD/part-0.parquet` for every day of the range, one without rows included,
    and `_manifest.json`. `report` is called from time to time. The same job may be called again
    after a failure or a kill: it goes on, and the bytes are those of an unbroken one.

    Raises BigheadError where another run holds the folder, where the folder holds something else,
    and where the definition or a file that was read has changed since (`restart` mends the last).
    """
    if job.rows_per_run < 1:
        raise BigheadError(f"a run takes at least 1 row, not {job.rows_per_run}")
    spine.time_of(job.training_set)
    if re.match(r"\w+:/", str(job.output)):  # a Path makes one slash of two
        raise UnsupportedError(
            f"backfills write to local folders, not to {job.output}; write one and copy it"
        )
    _refuse_foreign(job.output)
    with folder.locked(job.output):
        return _Backfill(job, compute, report).fill()


def _refuse_foreign(root: Path) -> None:
    """Nothing is locked, swept or written in a folder that holds what no backfill wrote."""
    if not root.is_dir() or (root / MANIFEST).exists():
        return
    ours = (folder.LOCK, f".{MANIFEST}.")  # all that a backfill writes before its manifest
    others = sorted(f.name for f in root.iterdir() if not f.name.startswith(ours))
    if others:
        raise BigheadError(
            f"{root} is not empty and no backfill ({others[0]}); choose another folder"
        )


@dataclass(slots=True)
class _Backfill:
    job: Job
    compute: Compute
    report: Callable[[Progress], None]

    def fill(self) -> Summary:
        root = self.job.output
        manifest = self._open(root)
        swept = folder.sweep(root)
        self.report(Progress(0, 0, 0, 0, "counting rows"))
        counts, no_time = self._count()
        days = self._range(counts)
        there = [str(d) for d in days if str(d) in manifest.partitions]
        broken = [ds for ds in there if not intact(root, ds, manifest.partitions[ds])]
        new_inputs = self._new_inputs(manifest) if len(there) > len(broken) else ()
        manifest = replace(manifest.without(broken), inputs=self.job.inputs)
        manifest.write(root)
        for ds, _ in list(folder.partitions(root)):
            if ds not in manifest.partitions:  # written, but killed before it was recorded
                folder.remove_partition(root, ds)

        missing = [d for d in days if str(d) not in manifest.partitions]
        planned = runs(missing, counts, self.job.rows_per_run)
        found = sum(p.rows for ds, p in manifest.partitions.items() if ds in set(there))
        last = self._compute(
            manifest,
            planned,
            Progress(
                days_done=len(days) - len(missing),
                days=len(days),
                rows_done=found,
                rows=found + sum(counts.get(d, 0) for d in missing),
                now="",
            ),
        )
        return Summary(
            days=len(days),
            computed=len(missing),
            repaired=len(broken),
            rows=last.rows_done,
            rows_computed=last.rows_done - found,
            runs=len(planned),
            swept=swept,
            no_time=no_time,
            new_inputs=new_inputs,
        )

    def _compute(self, manifest: Manifest, planned: list[Days], progress: Progress) -> Progress:
        """Computes and records the days run by run; the progress at the end."""
        for run in planned:
            self.report(replace(progress, now=str(run)))
            added = self._run(run)
            manifest = manifest.with_partitions(added)
            manifest.write(self.job.output)
            progress = replace(
                progress,
                days_done=progress.days_done + len(run),
                rows_done=progress.rows_done + sum(p.rows for p in added.values()),
            )
        progress = replace(progress, now="done")
        self.report(progress)
        return progress

    def _new_inputs(self, manifest: Manifest) -> tuple[str, ...]:
        return tuple(
            f"{source}: {file}"
            for source, files in sorted(self.job.inputs.items())
            for file in sorted(files)
            if file not in manifest.inputs.get(source, {})
        )

    def _open(self, root: Path) -> Manifest:
        """The manifest to go on with: the one that is there, if it is of the same making."""
        job = self.job
        ours = Manifest(job.training_set.name, job.definition, job.training_set.sql)
        if job.restart:
            # Rows first: a kill on the way leaves a manifest that still names the old definition.
            for ds, _ in list(folder.partitions(root)):
                folder.remove_partition(root, ds)
            return ours
        manifest = read_manifest(root)
        if manifest is None:
            return ours
        if manifest.definition != job.definition:
            whose = (
                f"another definition of {manifest.training_set}"
                if manifest.training_set == job.training_set.name
                else f"the training set {manifest.training_set}"
            )
            raise BigheadError(
                f"{root} holds rows of {whose}; choose another folder, "
                "or add --restart to remove them and compute all days again"
            )
        changed = changed_inputs(manifest.inputs, job.inputs) if manifest.partitions else []
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            raise BigheadError(
                f"a file that was read for the days in {root} has changed since or is gone: "
                f"{changed[0]}{more}; choose another folder, or add --restart to remove "
                "them and compute all days again"
            )
        return manifest

    def _count(self) -> tuple[dict[date, int], int]:
        """Spine rows by day, and how many have no time."""
        job = self.job
        wanted = Days(job.start, job.end) if job.start and job.end else None
        found = self.compute(spine.times(job.training_set, wanted)).column(spine.TIME)
        numbers, counts = np.unique(_day_numbers(found.drop_null()), return_counts=True)
        by_day = {
            day_of(int(number)): int(count) for number, count in zip(numbers, counts, strict=True)
        }
        return by_day, found.null_count

    def _range(self, counts: Mapping[date, int]) -> Days:
        job = self.job
        if not counts and (job.start is None or job.end is None):
            raise BigheadError(
                f"the spine of {job.training_set.name} has no rows, so its days are unknown; "
                "state --start and --end"
            )
        start = job.start if job.start is not None else min(counts)
        end = job.end if job.end is not None else max(counts) + ONE_DAY
        return Days(start, end)

    def _run(self, days: Days) -> dict[str, Partition]:
        table = self.compute(spine.rows_of(self.job.training_set, days))
        numbers = _day_numbers(table.column(spine.TIME))
        rows = table.drop_columns([spine.TIME]).combine_chunks()
        if len(numbers) and bool(np.any(numbers[1:] < numbers[:-1])):
            order = np.argsort(numbers, kind="stable")  # keeps the spine's order within a day
            rows, numbers = rows.take(order), numbers[order]
        files: dict[Path, bytes] = {}
        done: dict[str, Partition] = {}
        for day in days:
            number = (day - day_of(0)).days
            first, last = np.searchsorted(numbers, [number, number + 1])
            content = _parquet(rows.slice(first, last - first))
            files[folder.partition(self.job.output, str(day))] = content
            done[str(day)] = Partition(
                int(last - first), len(content), hashlib.sha256(content).hexdigest()
            )
        folder.write_all(files)
        return done


def _day_numbers(times: pa.ChunkedArray[Any]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Days since 1970 of timestamps[us] without NULLs; floor division is right before 1970 too."""
    microseconds = times.cast(pa.int64()).to_numpy()
    return np.asarray(microseconds // DAY, dtype=np.int64)


def _parquet(rows: pa.Table) -> bytes:
    """The rows as a file; equal rows give equal bytes, whatever run of days they came from."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")  # `rows` is one chunk: pages end with chunks
    return bytes(sink.getvalue())
