"""The bar of a backfill on a terminal: days, rows, their rate, and the time left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

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
from bighead.platform.cli.backfilling import Report
from bighead.platform.cli.console import err


@contextmanager
def bar(name: str) -> Iterator[Report]:
    """The bar, shown on standard error until it is left."""
    shown = Progress(
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
    task = shown.add_task(name, total=None, now="", rows=0, rows_total=0)
    measured = _Rate()

    def report(progress: backfills.Progress) -> None:
        measured.see(progress)
        shown.update(
            task,
            total=progress.days or None,
            completed=progress.days_done,
            now=progress.now,
            rows=progress.rows_done,
            rows_total=progress.rows,
            rate=measured.rate,
        )

    with shown:
        yield report


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
