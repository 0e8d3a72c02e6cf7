"""Profiles and drift as tables for a terminal and as records for scripts."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from rich import box
from rich.table import Table
from rich.text import Text

from bighead.platform.cli.console import print_table
from bighead.zipline.spelling import plain
from bighead.zipline.statistics import Bar, ColumnDrift, ColumnProfile
from bighead.zipline.statistics.measure import Kind

BLOCKS = " ▁▂▃▄▅▆▇█"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def print_profiles(profiles: list[ColumnProfile]) -> None:
    """A line for each column."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in ("column", "type"):
        table.add_column(name, no_wrap=True)
    for name in ("nulls", "distinct", "mean", "deviation", "least", "5 %", "50 %", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("greatest", justify="right", no_wrap=True)
    table.add_column("histogram", no_wrap=True)
    for p in profiles:
        at = dict(p.quantiles)
        middle = [spelled(at.get(q), p.kind) for q in (0.05, 0.5, 0.95)]
        table.add_row(
            Text(p.name),
            p.type,
            f"{p.null_rate:.1%}",
            f"{p.distinct:,}",
            spelled(p.mean, p.kind),
            spelled(p.deviation, "length") if p.kind != "time" else "",
            spelled(p.least, p.kind),
            *middle,
            spelled(p.greatest, p.kind),
            Text(sparkline(p.histogram)),
        )
    print_table(table, sys.stdout)


def print_drifts(drifts: list[ColumnDrift]) -> None:
    """A line for each column, those that drifted first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("column", no_wrap=True)
    for name in ("PSI", "JS", "nulls before", "nulls after"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for d in sorted(drifts, key=lambda d: not d.drifted):
        said = Text("; ".join(d.reasons), "bold red") if d.drifted else Text("steady", "green")
        numbers = ["" if v is None else f"{v:.3f}" for v in (d.psi, d.js)]
        nulls = [f"{d.nulls_before:.1%}", f"{d.nulls_after:.1%}"]
        table.add_row(Text(d.name), *numbers, *nulls, said)
    print_table(table, sys.stdout)


def sparkline(bars: tuple[Bar, ...]) -> str:
    """A histogram in a line of text; a bar that holds something is seen.

    >>> sparkline((Bar(None, 0, 1, 8), Bar(None, 1, 2, 0), Bar(None, 2, 3, 1)))
    '█ ▁'
    """
    most = max((bar.count for bar in bars), default=0)
    return "".join(BLOCKS[-(-bar.count * 8 // most)] if most else " " for bar in bars)


def spelled(value: float | None, kind: Kind) -> str:
    """A quantity in few characters; a time as a day and minute.

    >>> spelled(1234567.891, "number"), spelled(0.0, "time"), spelled(None, "number")
    ('1.235e+06', '1970-01-01 00:00', '')
    """
    if value is None:
        return ""
    if kind == "time":
        try:
            return f"{EPOCH + timedelta(microseconds=value):%Y-%m-%d %H:%M}"
        except OverflowError:
            return f"{value:.4g}"
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e6 else f"{value:.4g}"


def profile_record(profile: ColumnProfile) -> object:
    """A profile for a script; what JSON has no number for is a text."""
    record = asdict(profile) | {"null_rate": profile.null_rate}
    record["quantiles"] = {str(p): value for p, value in profile.quantiles}
    return plain(record)


def drift_record(drift: ColumnDrift) -> object:
    """A column's drift for a script."""
    return plain(asdict(drift) | {"drifted": drift.drifted})
