"""A backfill from the command line: what it reads, its progress, and what it says at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path

from bighead.planner.backfill import backfill as backfills
from bighead.planner.backfill.inputs import inputs_of
from bighead.planner.backfill.manifest import read_manifest
from bighead.planner.lost import gone_from
from bighead.planner.runtime import Runtime
from bighead.planner.sources.dataset import Dataset
from bighead.platform.cli.backfills_known import remember
from bighead.platform.cli.console import say
from bighead.platform.cli.project import find_project
from bighead.platform.cli.settings import Settings
from bighead.zipline.catalog import KINDS, TrainingSet
from bighead.zipline.errors import BigheadError, did_you_mean
from bighead.zipline.ir.address import address
from bighead.zipline.ir.sources import Source
from bighead.zipline.names import versioned

Report = Callable[[backfills.Progress], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """A backfill as it is asked for on the command line."""

    name: str
    output: Path
    start: date | None = None
    end: date | None = None
    restart: bool = False
    rows_per_run: int | None = None


@dataclass(slots=True)
class Opened:
    """The data of sources, opened once: what is marked as read is what is read."""

    runtime: Runtime
    found: dict[str, Dataset] = field(default_factory=dict)
    """By the name of the source."""

    def dataset(self, source: Source) -> Dataset:
        """The data of a source; raises SourceError and SchemaError as the runtime does."""
        if source.name not in self.found:
            self.found[source.name] = self.runtime.dataset(source)
        return self.found[source.name]


def job_of(runtime: Runtime, base: Path, asked: Asked) -> backfills.Job:
    """The job: the training set by its name, and its files as they are now."""
    found = runtime.definitions.get(asked.name)
    if not isinstance(found, TrainingSet):
        sets = [d.name for d in runtime.definitions if isinstance(d, TrainingSet)]
        hint = did_you_mean(asked.name, sets) or "write CREATE TRAINING SET first"
        raise BigheadError(
            f"{found.name} is a {KINDS[type(found)]}, and backfills are of training sets; {hint}"
        )
    opened = Opened(runtime)
    gone = gone_from(found, runtime.definitions, opened.dataset)
    if gone is not None:
        raise gone
    known = None if asked.restart else read_manifest(asked.output)
    pin = versioned(found.name)
    if pin is not None:
        # A version that is also the current one has one address, by whichever name it is asked for.
        found = replace(found, name=pin[0])
    return backfills.Job(
        training_set=found,
        definition=address(found),
        inputs=inputs_of(found, opened.dataset, base, known.inputs if known else None),
        output=asked.output,
        start=asked.start,
        end=asked.end,
        restart=asked.restart,
        rows_per_run=asked.rows_per_run,
        open_source=opened.dataset,
        memory=runtime.memory,
    )


def run_backfill(
    settings: Settings,
    asked: Asked,
    runtime: Runtime,
    memory: str | None = None,
    spill_limit: str | None = None,
) -> tuple[backfills.Summary, float]:
    """Backfills a training set of the project, and how many seconds it took."""
    began = time.monotonic()
    runtime.limit(memory, spill_limit)
    project = find_project(settings.start)
    job = job_of(runtime, project.data if project else Path(), asked)
    try:
        with progress_bar(job.training_set.name) as report:
            within = Within(report)
            if sys.stderr.isatty():  # elsewhere a line a run is enough
                runtime.report = within.step
            summary = backfills.backfill(job, runtime.compute_with, within.run)
    except KeyboardInterrupt:
        say("The days that are finished are kept; run the same command again to go on.")
        raise
    if project is not None:
        remember(project, replace(asked, name=runtime.definitions.get(asked.name).name))
    return summary, time.monotonic() - began


@dataclass(slots=True)
class Within:
    """Shows the steps of the run in progress where the run itself is shown: a run that goes to disk
    takes long, and each of its steps knows how far it is."""

    report: Report
    last: backfills.Progress | None = None

    def run(self, progress: backfills.Progress) -> None:
        """A run begins, or is at one of its steps."""
        self.last = progress
        self.report(progress)

    def step(self, what: str, rows: int, of: int) -> None:
        """A step of it has done so many rows."""
        if self.last is not None:
            share = f" {100 * min(rows, of) // of} %" if of else ""
            now = f"{self.last.now}, {what}{share}"
            self.report(replace(self.last, now=now, within=True))


def summary_record(summary: backfills.Summary, output: Path, seconds: float) -> dict[str, object]:
    """The summary for a script."""
    return asdict(summary) | {
        "columns_computed": list(summary.columns_computed),
        "output": str(output),
        "seconds": round(seconds, 3),
    }


def summary_text(summary: backfills.Summary, output: Path, seconds: float) -> str:
    """The summary for a person."""
    lines = []
    if summary.runs:
        rate = (
            f", {summary.values_computed / seconds:,.0f} values/s"
            if summary.values_computed
            else ""
        )
        lines.append(
            f"{summary.stitched:,} of {_days(summary.days)} written in {_runs(summary.runs)}, "
            f"{seconds:.1f} s{rate}"
        )
        columns = len(summary.columns_computed)
        reused = summary.values - summary.values_computed
        lines.append(
            f"{summary.values_computed:,} values of {columns} column{'' if columns == 1 else 's'} "
            f"computed, {reused:,} were there or are the spine's"
        )
    else:
        lines.append(f"All {_days(summary.days)} were there already, and are intact.")
    if summary.repaired:
        damaged = "1 file was" if summary.repaired == 1 else f"{summary.repaired:,} files were"
        lines.append(f"{damaged} damaged or gone, and made again")
    if summary.no_time:
        one = summary.no_time == 1
        has, are = ("row of the spine has", "is") if one else ("rows of the spine have", "are")
        lines.append(f"{summary.no_time:,} {has} no time and {are} in no day")
    if summary.stale:
        lines.append(
            f"{_days(summary.stale)} outside of this range are older than the definition or the "
            "data; backfill them too"
        )
    if summary.unused_bytes:
        lines.append(
            f"{size(summary.unused_bytes)} of columns are no longer used and kept for a way back; "
            "--prune removes them"
        )
    lines.append(f"{output} holds {summary.rows:,} rows of these {_days(summary.days)}")
    return "\n".join(lines)


def size(count: int) -> str:
    """Bytes for a person.

    >>> size(999), size(12_300), size(4_560_000_000)
    ('999 bytes', '12.3 kB', '4.6 GB')
    """
    if count < 1000:
        return f"{count} byte{'' if count == 1 else 's'}"
    number = float(count)
    for unit in ("kB", "MB", "GB", "TB"):
        number /= 1000
        if number < 999.95 or unit == "TB":
            break
    return f"{number:,.1f} {unit}"


def _days(count: int) -> str:
    return f"{count:,} day{'' if count == 1 else 's'}"


def _runs(count: int) -> str:
    return f"{count:,} run{'' if count == 1 else 's'}"


@contextmanager
def progress_bar(name: str) -> Iterator[Report]:
    """A bar with rows, rate and time left on a terminal; elsewhere a line a run of days."""
    if not sys.stderr.isatty():
        yield _report_lines
        return
    # What draws it takes a tenth of a second to load.
    from bighead.platform.cli.backfill_bar import bar

    with bar(name) as report:
        yield report


def _report_lines(progress: backfills.Progress) -> None:
    if progress.days and not progress.within:
        say(
            f"{progress.days_done:,}/{progress.days:,} days, "
            f"{progress.rows_done:,}/{progress.rows:,} rows: {progress.now}"
        )
