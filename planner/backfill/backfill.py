"""The backfill: the columns and days that are missing, computed a run at a time.

Order is what makes it resumable. The files of a run come first, each in one step; then the manifest
with those days in it. A run that is killed loses at most what the manifest does not name, and the
next start computes that. A day's own file can always be made again from its column groups.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from bighead.planner.backfill import folder, spine
from bighead.planner.backfill.columns import Marks, Shape, shape_of
from bighead.planner.backfill.counting import counted
from bighead.planner.backfill.days import ONE_DAY, Days
from bighead.planner.backfill.inputs import Inputs, Open
from bighead.planner.backfill.manifest import (
    MANIFEST,
    Group,
    Manifest,
    Partition,
    read_manifest,
)
from bighead.planner.backfill.narrowing import narrowed
from bighead.planner.backfill.plan import Day, Plan, address_of, plan_days, runs_of, spine_of_day
from bighead.planner.backfill.projection import Projections, current
from bighead.planner.backfill.running import Compute, Run
from bighead.zipline.catalog import TrainingSet
from bighead.zipline.errors import BigheadError, UnsupportedError

SORTED_FROM = 1_000_000
"""Rows of a source below which reading its files again takes a part of a second."""

CHECKS = 4
"""So many files are read at once to see whether they are whole."""


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
    rows_per_run: int | None = None
    """Rows of the spine that one run of the engine computes; None: as many as its columns allow."""
    open_source: Open | None = None
    """Opens the data of a source, so that it can be kept sorted; None: nothing is."""
    memory: int | None = None
    """What may be taken; None: there is no telling."""
    sorted_from: int = SORTED_FROM
    """Sources of so many rows are kept sorted."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill is."""

    days_done: int
    days: int
    rows_done: int
    rows: int
    now: str
    """What is being done, in a few words."""
    within: bool = False
    """It tells a step of a run, which began with a report of its own."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a backfill did and found."""

    days: int
    """Days of the range."""
    computed: int
    """Days of which a column was computed, or the spine read."""
    stitched: int
    """Days whose file was written."""
    repaired: int
    """Files that were gone or not what was written, and were made again."""
    rows: int
    """Rows of the range."""
    values: int
    """Values of the columns of the range, columns times rows."""
    values_computed: int
    """Those computed by this call; the others were there."""
    columns_computed: tuple[str, ...]
    """The columns of which some day was computed."""
    runs: int
    swept: int
    """Files of a killed run, removed."""
    no_time: int
    """Spine rows without a time: they are in no partition."""
    stale: int
    """Days in the folder, outside of the range, of which something would be computed or written."""
    unused_bytes: int
    """The size of column groups that no day needs any more; `prune` removes them."""


def backfill(job: Job, compute: Compute, report: Callable[[Progress], None]) -> Summary:
    """Brings the days of a training set in `job.output` up to date.

    Writes `ds=YYYY-MM-DD/part-0.parquet` for every day of the range, one without rows included; the
    column groups that these are made of; and `_manifest.json`. Only what is not there is computed.
    `report` is called from time to time. The same job may be called again after a failure or a
    kill: it goes on, and the bytes are those of an unbroken one.

    Raises BigheadError where another run holds the folder, and where it holds something else.
    """
    _check(job)
    with folder.locked(job.output):
        return _Backfill(job, compute, report).fill()


def planned(job: Job, compute: Compute) -> Plan:
    """What `backfill` would do. Nothing is written; of the data only times of the spine are read.

    Raises what `backfill` does, but looks past another run that holds the folder.
    """
    _check(job)
    return _Backfill(job, compute, lambda _: None).plan()


def prune(root: Path) -> tuple[int, int]:
    """Removes what no day needs: how many column groups and projections, and all bytes.

    They are kept until then, because going back to an earlier definition costs nothing with them.
    Of a group that is needed in part the rest goes, too.
    """
    manifest = read_manifest(root)
    if manifest is None:
        raise BigheadError(f"{root} is no backfill; name the folder of one")
    with folder.locked(root):
        projections = current(manifest.projections, manifest.inputs)
        gone = [p.bytes for a, p in manifest.projections.items() if a not in projections]
        saved = 0
        kept: dict[str, Partition] = {}
        for ds, partition in manifest.partitions.items():
            used = partition.used
            gone += [g.file.size for n, g in partition.groups.items() if n not in used]
            groups = dict(narrowed(root, ds, n, partition) for n in sorted(used))
            saved += sum(partition.groups[n].file.size for n in used)
            saved -= sum(g.file.size for g in groups.values())
            kept[ds] = replace(partition, groups=groups)
        manifest = replace(manifest, partitions=kept, projections=projections)
        manifest.write(root)
        _sweep(root, manifest)
    return len(gone), sum(gone) + saved


def _check(job: Job) -> None:
    if job.rows_per_run is not None and job.rows_per_run < 1:
        raise BigheadError(f"a run takes at least 1 row, not {job.rows_per_run}")
    spine.time_of(job.training_set)
    if re.match(r"\w+:/", str(job.output)):  # a Path makes one slash of two
        raise UnsupportedError(
            f"backfills write to local folders, not to {job.output}; write one and copy it"
        )
    _refuse_foreign(job.output)


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


def _sweep(root: Path, manifest: Manifest) -> int:
    """Removes what a killed run did not come to record; how many files there were."""
    swept = folder.sweep(root)
    for ds, _ in list(folder.partitions(root)):
        if ds not in manifest.partitions:
            folder.remove_partition(root, ds)
            swept += 1
    for ds, name in list(folder.groups(root)):
        partition = manifest.partitions.get(ds)
        if partition is None or name not in partition.groups:
            folder.remove_group(root, ds, name)
            swept += 1
    return swept + _sweep_projections(root, manifest)


def _sweep_projections(root: Path, manifest: Manifest) -> int:
    """Removes their files that are not recorded; how many there were."""
    swept = 0
    for address, name in list(folder.projected_files(root)):
        projection = manifest.projections.get(address)
        if projection is None or name not in projection.columns:
            folder.remove_projected(root, address, name)
            swept += 1
    return swept


@dataclass(slots=True)
class _Backfill:
    job: Job
    compute: Compute
    report: Callable[[Progress], None]

    def plan(self) -> Plan:
        """What would be done."""
        shape = shape_of(self.job.training_set)
        manifest, _ = self._whole(self._open(self.job.output))
        manifest = self._counted(manifest)
        plan = self._plan(shape, manifest)
        return replace(plan, projections=self._foreseen(shape, manifest, plan))

    def fill(self) -> Summary:
        """Does it."""
        root = self.job.output
        shape = shape_of(self.job.training_set)
        opened = self._open(root)
        if self.job.restart:
            self._clear(root)
        if not (root / MANIFEST).exists():
            opened.write(root)  # from here on the folder is known to be ours
        swept = _sweep(root, opened)
        self.report(Progress(0, 0, 0, 0, "counting rows"))
        manifest, repaired = self._whole(opened)
        manifest = self._counted(manifest)
        plan = self._plan(shape, manifest)
        meanings = {c.name: c.meaning for c in shape.columns}
        job = self.job
        manifest = replace(
            manifest,
            definition=job.definition,
            sql=job.training_set.sql,
            meanings=meanings,
            inputs=job.inputs,
        )
        repaired += sum(
            d.stitch and not d.spine and not d.columns and self._same(shape, manifest, d)
            for d in plan.days
        )
        return self._fill(shape, manifest, plan, swept, repaired)

    def _fill(
        self, shape: Shape, manifest: Manifest, plan: Plan, swept: int, repaired: int
    ) -> Summary:
        root = self.job.output
        todo = runs_of(plan.days, self.job.rows_per_run)
        idle = [d for d in plan.days if d.idle]
        progress = Progress(
            len(idle), len(plan.days), sum(d.rows for d in idle), plan.rows, "nothing to do"
        )
        if not todo:
            manifest.write(root)
        computed: dict[str, int] = {}
        days_computed = 0
        projections = self._projections(manifest)
        for days in todo:
            covered = Days(days[0].day, days[-1].day + ONE_DAY)
            self.report(replace(progress, now=str(covered)))
            tell = partial(self._step, replace(progress, now=str(covered), within=True))
            run = Run(root, shape, self.job.inputs, self.compute, manifest, projections, tell)
            added = run.carry_out(covered, None if days[0].spine else days)
            manifest = manifest.with_partitions(added)
            if projections is not None:
                manifest = replace(manifest, projections=dict(projections.kept))
            manifest.write(root)
            days_computed += run.days_computed
            for name, rows in run.computed.items():
                computed[name] = computed.get(name, 0) + rows
            progress = replace(
                progress,
                days_done=progress.days_done + len(days),
                rows_done=progress.rows_done + sum(d.rows for d in days),
            )
        if todo:
            _sweep_projections(root, manifest)  # that newer ones have taken the place of
        self.report(replace(progress, now="done"))
        here = [manifest.partitions[str(d.day)] for d in plan.days]
        rows = sum(p.rows for p in here)
        projected = current(manifest.projections, manifest.inputs)
        return Summary(
            days=len(plan.days),
            computed=days_computed,
            stitched=sum(len(days) for days in todo),
            repaired=repaired,
            rows=rows,
            values=rows * len(shape.columns),
            values_computed=sum(computed.values()),
            columns_computed=tuple(n for n in shape.names if n in computed),
            runs=len(todo),
            swept=swept,
            no_time=manifest.counts.no_time if manifest.counts is not None else 0,
            stale=self._stale(shape, manifest, plan),
            unused_bytes=sum(p.unused_bytes for p in manifest.partitions.values())
            + sum(p.bytes for a, p in manifest.projections.items() if a not in projected),
        )

    def _step(self, run: Progress, what: str) -> None:
        self.report(replace(run, now=f"{run.now}, {what}"))

    def _projections(self, manifest: Manifest) -> Projections | None:
        job = self.job
        if job.open_source is None:
            return None
        kept = dict(manifest.projections)
        return Projections(
            job.output, job.open_source, job.inputs, job.memory, job.sorted_from, kept
        )

    def _foreseen(self, shape: Shape, manifest: Manifest, plan: Plan) -> dict[str, int]:
        """By source, about how many bytes would be kept sorted that are not yet."""
        projections = self._projections(manifest)
        most: dict[str, int] = {}
        for days in runs_of(plan.days, self.job.rows_per_run) if projections is not None else ():
            assert projections is not None
            names = days[0].columns
            if names:
                covered = Days(days[0].day, days[-1].day + ONE_DAY)
                below = spine.over_stored(shape.training_set, names)
                found = projections.missing(below, shape.sights_of(names), covered)
                most |= {n: max(size, most.get(n, 0)) for n, size in found.items()}
        return most

    def _plan(self, shape: Shape, manifest: Manifest) -> Plan:
        assert manifest.counts is not None
        root = self.job.output
        return plan_days(
            shape,
            self.job.inputs,
            self._range(manifest.counts.days),
            manifest.counts.days,
            manifest,
            lambda ds, partition: not partition.file.intact(folder.partition(root, ds)),
        )

    def _stale(self, shape: Shape, manifest: Manifest, plan: Plan) -> int:
        """How many days outside of the range are not up to date."""
        here = {str(d.day) for d in plan.days}
        others = [date.fromisoformat(ds) for ds in manifest.partitions if ds not in here]
        found = plan_days(shape, self.job.inputs, others, {}, manifest, lambda *_: False)
        return sum(not d.idle for d in found.days)

    def _same(self, shape: Shape, manifest: Manifest, day: Day) -> bool:
        """Whether a day's file would be the one that it was."""
        partition = manifest.partitions[str(day.day)]
        marks = Marks(self.job.inputs)
        held = spine_of_day(shape, marks, day.day, partition)
        assert held is not None
        wanted = (
            (c.name, address_of(c, marks, day.day, partition.rows, held)) for c in shape.columns
        )
        return tuple(wanted) == partition.columns

    def _open(self, root: Path) -> Manifest:
        """The manifest to go on with: the one that is there, if it is of the same set."""
        job = self.job
        ours = Manifest(job.training_set.name, job.definition, job.training_set.sql)
        if job.restart:
            return ours
        manifest = read_manifest(root)
        if manifest is None:
            return ours
        if manifest.training_set != job.training_set.name:
            raise BigheadError(
                f"{root} holds rows of the training set {manifest.training_set}; choose another "
                "folder, or add --restart to remove them and compute all days again"
            )
        return manifest

    def _clear(self, root: Path) -> None:
        """Takes everything away; the manifest last, by which the folder is known to be ours."""
        for ds, _ in list(folder.partitions(root)):
            folder.remove_partition(root, ds)
        for ds, name in list(folder.groups(root)):
            folder.remove_group(root, ds, name)
        for address, name in list(folder.projected_files(root)):
            folder.remove_projected(root, address, name)
        (root / MANIFEST).unlink(missing_ok=True)

    def _whole(self, manifest: Manifest) -> tuple[Manifest, int]:
        """The manifest without the column groups that are damaged or gone, and how many those were.

        Only the days of the range are looked at.
        """
        job = self.job
        asked = [
            (ds, name, group)
            for ds, partition in manifest.partitions.items()
            if (job.start is None or date.fromisoformat(ds) >= job.start)
            and (job.end is None or date.fromisoformat(ds) < job.end)
            for name, group in partition.groups.items()
        ]

        def intact(one: tuple[str, str, Group]) -> bool:
            ds, name, group = one
            return group.file.intact(folder.group(job.output, ds, name))

        with ThreadPoolExecutor(CHECKS) as checks:
            found = list(checks.map(intact, asked))
        broken = {(ds, name) for (ds, name, _), yes in zip(asked, found, strict=True) if not yes}
        if not broken:
            return manifest, 0
        mended = {
            ds: replace(p, groups={n: g for n, g in p.groups.items() if (ds, n) not in broken})
            for ds, p in manifest.partitions.items()
        }
        return replace(manifest, partitions=mended), len(broken)

    def _counted(self, manifest: Manifest) -> Manifest:
        job = self.job
        wanted = Days(job.start, job.end) if job.start and job.end else None
        counts = counted(job.training_set, job.inputs, wanted, self.compute, manifest.counts)
        return manifest if counts is manifest.counts else replace(manifest, counts=counts)

    def _range(self, counts: Mapping[str, int]) -> Days:
        job = self.job
        if not counts and (job.start is None or job.end is None):
            raise BigheadError(
                f"the spine of {job.training_set.name} has no rows, so its days are unknown; "
                "state --start and --end"
            )
        start = job.start if job.start is not None else date.fromisoformat(min(counts))
        end = job.end if job.end is not None else date.fromisoformat(max(counts)) + ONE_DAY
        return Days(start, end)
