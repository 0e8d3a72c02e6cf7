"""A backfill from the command line: what it reads, its progress, and what it says at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from bighead.planner.backfill import backfill as backfills
from bighead.planner.backfill.inputs import inputs_of
from bighead.platform.cli.console import err, say
from bighead.platform.cli.project import find_project
from bighead.platform.cli.settings import Settings
from bighead.platform.cli.workspace import open_session
from bighead.zipline.catalog import KINDS, TrainingSet
from bighead.zipline.errors import BigheadError, did_you_mean
from bighead.zipline.ir.address import address

Report = Callable[[backfills.Progress], None]


def run_backfill(
    settings: Settings,
    *,
    name: str,
    output: Path,
    start: date | None,
    end: date | None,
    restart: bool,
    rows_per_run: int,
    draft: bool,
    engine: str | None,
) -> tuple[backfills.Summary, float]:
    """Backfills a training set of the project, and how many seconds it took."""
    began = time.monotonic()
    session = open_session(settings, draft, engine)
    found = session.definitions.get(name)
    if not isinstance(found, TrainingSet):
        sets = [d.name for d in session.definitions if isinstance(d, TrainingSet)]
        hint = did_you_mean(name, sets) or "write CREATE TRAINING SET first"
        raise BigheadError(
            f"{found.name} is a {KINDS[type(found)]}, and backfills are of training sets; {hint}"
        )
    project = find_project(settings.start)
    job = backfills.Job(
        training_set=found,
        definition=address(found),
        inputs=inputs_of(found, session.dataset, project.data if project else Path()),
        output=output,
        start=start,
        end=end,
        restart=restart,
        rows_per_run=rows_per_run,
    )
    try:
        with progress_bar(found.name) as report:
            summary = backfills.backfill(job, session.compute, report)
    except KeyboardInterrupt:
        say("The days that are finished are kept; run the same command again to go on.")
        raise
    return summary, time.monotonic() - began


def summary_record(summary: backfills.Summary, output: Path, seconds: float) -> dict[str, object]:
    """The summary for a script."""
    return asdict(summary) | {
        "new_inputs": list(summary.new_inputs),
        "output": str(output),
        "seconds": round(seconds, 3),
    }


def summary_text(summary: backfills.Summary, output: Path, seconds: float) -> str:
    """The summary for a person."""
    lines = []
    if summary.computed:
        rate = f", {summary.rows_computed / seconds:,.0f} rows/s" if summary.rows_computed else ""
        runs = f"{summary.runs} run{'' if summary.runs == 1 else 's'}"
        lines.append(
            f"{summary.computed:,} of {summary.days:,} days computed in {runs}: "
            f"{summary.rows_computed:,} rows in {seconds:.1f} s{rate}"
        )
    else:
        lines.append(f"All {summary.days:,} days were there already, and are intact.")
    if summary.repaired:
        lines.append(f"{summary.repaired:,} of them were damaged or gone, and are computed again")
    if summary.no_time:
        lines.append(f"{summary.no_time:,} rows of the spine have no time and are in no day")
    lines.append(f"{output} holds {summary.rows:,} rows of these {summary.days:,} days")
    return "\n".join(lines)


@contextmanager
def progress_bar(name: str) -> Iterator[Report]:
    """A bar with rows, rate and time left on a terminal; elsewhere a line a run of days."""
    if not sys.stderr.isatty():
        yield _report_lines
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        _Rows(),
        TimeElapsedColumn(),
        _Left(),
        TextColumn("{task.fields[now]}", style="dim"),
        console=err(),
        transient=True,
    )
    task = bar.add_task(name, total=None, now="", rows=0, rows_total=0)
    measured = _Rate()

    def report(progress: backfills.Progress) -> None:
        measured.see(progress)
        bar.update(
            task,
            total=progress.days or None,
            completed=progress.days_done,
            now=progress.now,
            rows=progress.rows_done,
            rows_total=progress.rows,
            rate=measured.rate,
        )

    with bar:
        yield report


def _report_lines(progress: backfills.Progress) -> None:
    if progress.days:
        say(
            f"{progress.days_done:,}/{progress.days:,} days, "
            f"{progress.rows_done:,}/{progress.rows:,} rows: {progress.now}"
        )


class _Rate:
    """Rows a second since the first run began; days that were found do not count."""

    def __init__(self) -> None:
        self.began: float | None = None
        self.rows = 0
        self.rate: float | None = None

    def see(self, progress: backfills.Progress) -> None:
        if not progress.days:
            return
        now = time.monotonic()
        if self.began is None:
            self.began, self.rows = now, progress.rows_done
        elif now > self.began and progress.rows_done > self.rows:
            self.rate = (progress.rows_done - self.rows) / (now - self.began)


class _Rows(ProgressColumn):
    """`12,000/30,000 rows, 4,000/s`."""

    def render(self, task: Task) -> Text:
        """The column of a task."""
        if task.total is None:
            return Text("")
        rate = task.fields.get("rate")
        shown = f", {rate:,.0f}/s" if rate else ""
        return Text(f"{task.fields['rows']:,}/{task.fields['rows_total']:,} rows{shown}", "cyan")


class _Left(ProgressColumn):
    """The time left by the rate of rows so far."""

    def render(self, task: Task) -> Text:
        """The column of a task."""
        rate = task.fields.get("rate")
        if task.total is None or not rate:
            return Text("")
        seconds = int((task.fields["rows_total"] - task.fields["rows"]) / rate)
        minutes, second = divmod(seconds, 60)
        hours, minute = divmod(minutes, 60)
        return Text(f"{hours}:{minute:02}:{second:02} left", "green")
